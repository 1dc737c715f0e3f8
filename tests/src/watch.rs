//! Traffic that goes on whatever happens: the same keys are asked with again and again on every worker, and in the end
//! each answer is judged by what was right at its time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use xtask::stage::{Caller, Envoy};

use crate::Ward;

/// Between two requests: this is traffic, not load.
const PACE: Duration = Duration::from_micros(500);
/// How many wrong answers are shown.
const SHOWN: usize = 5;

/// Traffic in the background. It ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    listener: String,
    book: Arc<Book>,
    lines: usize,
    begun: Instant,
    thread: Option<JoinHandle<()>>,
}

/// What became of all requests, when none was answered wrongly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many the filter decided on.
    pub decided: usize,
    /// How many met a VM that was being made anew, which Envoy answers with 503.
    pub without_vm: usize,
    /// How many met no Envoy, or one that hung up.
    pub unanswered: usize,
}

#[derive(Debug, Default)]
struct Book {
    ends: AtomicBool,
    wards: Mutex<Vec<Ward>>,
}

impl Watch {
    /// Begins traffic on every worker of an Envoy, with no key yet.
    ///
    /// # Errors
    /// When it does not reach every worker.
    pub fn begin(envoy: &Envoy) -> Result<Self> {
        Self::begin_at(envoy, "gateway")
    }

    /// The same at another listener.
    ///
    /// # Errors
    /// When it does not reach every worker.
    pub fn begin_at(envoy: &Envoy, listener: &str) -> Result<Self> {
        let mut callers = envoy.callers_on_every_worker_of(listener)?;
        let book = Arc::new(Book::default());
        Ok(Self {
            listener: listener.into(),
            lines: callers.len(),
            begun: Instant::now(),
            thread: Some(std::thread::spawn({
                let book = Arc::clone(&book);
                move || {
                    while !book.ends.load(Ordering::Relaxed) {
                        book.go_round(&mut callers);
                    }
                }
            })),
            book,
        })
    }

    /// Asks with a key from now on, whose outcome has arrived on every worker.
    #[must_use]
    pub fn follow(&self, key: &str, outcome: &str) -> Ward {
        self.follow_in("api-token", key, outcome)
    }

    /// The same with the key in a header of this name.
    #[must_use]
    pub fn follow_in(&self, header: &str, key: &str, outcome: &str) -> Ward {
        let ward = Ward::new(&self.listener, header, key, outcome, self.lines);
        self.book.add(ward.clone());
        ward
    }

    /// Ends the traffic, and judges every answer.
    ///
    /// # Errors
    /// When one was wrong at its time: with what it was, and when.
    pub fn end(mut self) -> Result<Verdict> {
        self.stop();
        let mut verdict = Verdict::default();
        let mut wrong = vec![];
        for ward in self.book.wards() {
            wrong.extend(ward.judge(self.begun, &mut verdict));
        }
        ensure!(verdict.decided > 0, "nothing was asked");
        if !wrong.is_empty() {
            let count = wrong.len();
            wrong.truncate(SHOWN);
            bail!("{count} wrong answers:\n{}", wrong.join("\n"));
        }
        Ok(verdict)
    }

    fn stop(&mut self) {
        self.book.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Verdict {
    /// The filter decided on every request.
    ///
    /// # Errors
    /// When it did not.
    pub fn undisturbed(self) -> Result<()> {
        let all_decided = self.without_vm == 0 && self.unanswered == 0;
        ensure!(all_decided, "requests were disturbed: {self:?}");
        Ok(())
    }
}

impl Book {
    fn wards(&self) -> Vec<Ward> {
        let wards = self.wards.lock();
        wards.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, ward: Ward) {
        let wards = self.wards.lock();
        wards.unwrap_or_else(PoisonError::into_inner).push(ward);
    }

    fn go_round(&self, callers: &mut [Caller]) {
        let wards = self.wards();
        for (line, caller) in callers.iter_mut().enumerate() {
            for ward in &wards {
                ward.ask(line, caller);
                std::thread::sleep(PACE);
            }
        }
        if wards.is_empty() {
            std::thread::sleep(PACE);
        }
    }
}
