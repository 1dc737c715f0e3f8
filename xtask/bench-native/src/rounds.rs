//! Measures in turns: what disturbs the machine for a while disturbs them all alike.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long one measure runs in one round.
const TURN: Duration = Duration::from_millis(4);
/// After how many repetitions the clock is looked at, where one takes nanoseconds.
const MOST_REPEATED: u32 = 1_000;

/// Something to be repeated, and what it is called.
pub struct Measure {
    name: String,
    /// Does it so many times.
    repeat: Box<dyn FnMut(u32)>,
}

impl Measure {
    /// What `act` does with its number, which counts its repetitions.
    pub fn new(name: impl Into<String>, mut act: impl FnMut(usize) + 'static) -> Self {
        let mut number: usize = 0;
        let repeat = move |times| {
            for _ in 0..times {
                act(number);
                number = number.wrapping_add(1);
            }
        };
        Self {
            name: name.into(),
            repeat: Box::new(repeat),
        }
    }

    /// The nanoseconds that one repetition takes.
    fn turn(&mut self, at_once: u32) -> f64 {
        let begin = Instant::now();
        let mut times: u32 = 0;
        loop {
            (self.repeat)(at_once);
            times = times.saturating_add(at_once);
            let passed = begin.elapsed();
            if passed >= TURN {
                return passed.as_secs_f64() * 1e9 / f64::from(times);
            }
        }
    }
}

/// The nanoseconds of each measure in each round, after one round to warm up. The numbers put them in order.
pub fn run(mut measures: Vec<Measure>, rounds: usize) -> BTreeMap<usize, (String, Vec<f64>)> {
    let mut measured = BTreeMap::new();
    let mut steps = vec![];
    for (number, measure) in measures.iter_mut().enumerate() {
        let one_ns = measure.turn(1);
        steps.push(if one_ns > 5_000.0 { 1 } else { MOST_REPEATED });
        measured.insert(number, (measure.name.clone(), vec![]));
    }
    for _ in 0..rounds {
        let turns = measures.iter_mut().zip(&steps).zip(measured.values_mut());
        for ((measure, step), (_, values)) in turns {
            values.push(measure.turn(*step));
        }
    }
    measured
}
