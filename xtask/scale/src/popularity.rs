//! Which of the profiles call how often: a few most of the time, most of them hardly ever.

use crate::chance::{Chance, Kind};
use crate::population::Population;

/// How often each profile calls, by Zipf's law: the second most popular one half as often as the first, the third one a
/// third as often. Only those are among them whose key opens something.
#[derive(Debug)]
pub struct Popularity {
    /// By rank.
    profiles: Vec<u32>,
    /// Up to where the share of each rank reaches, when all together are the last value.
    reaches: Vec<f64>,
    chance: Chance,
}

impl Popularity {
    /// That of a population. `exponent` is 1 for Zipf's law and 0 where all call alike; `caller` tells apart who draw at
    /// the same time.
    #[must_use]
    pub fn of(population: &Population, exponent: f64, caller: u64) -> Self {
        let mut chance = Chance::of(population.seed, Kind::Order, 0);
        let mut profiles: Vec<u32> = (0..population.profiles)
            .filter(|&number| population.is_callable(number))
            .filter_map(|number| u32::try_from(number).ok())
            .collect();
        // Who came first is not the most popular for that.
        for place in (1..profiles.len()).rev() {
            profiles.swap(place, chance.below(place + 1));
        }
        let mut sum = 0.0;
        let reaches = (1..=u32::try_from(profiles.len()).unwrap_or(u32::MAX))
            .map(|rank| {
                sum += f64::from(rank).powf(-exponent);
                sum
            })
            .collect();
        Self {
            profiles,
            reaches,
            chance: Chance::of(population.seed, Kind::Caller, caller),
        }
    }

    /// Who calls next. None where nobody can.
    pub fn draw(&mut self) -> Option<usize> {
        let at = self.chance.fraction() * self.reaches.last()?;
        let rank = self.reaches.partition_point(|reach| *reach <= at);
        let profile = self.profiles.get(rank).or(self.profiles.last())?;
        usize::try_from(*profile).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const POPULATION: Population = Population {
        seed: 1,
        profiles: 1_000,
    };

    fn drawn(exponent: f64, caller: u64) -> HashMap<usize, usize> {
        let mut popularity = Popularity::of(&POPULATION, exponent, caller);
        let mut counts = HashMap::new();
        for _ in 0..100_000 {
            *counts.entry(popularity.draw().unwrap()).or_default() += 1;
        }
        counts
    }

    fn shares(exponent: f64) -> Vec<usize> {
        let mut counts: Vec<usize> = drawn(exponent, 0).into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts
    }

    #[test]
    fn the_first_calls_twice_as_often_as_the_second() {
        let shares = shares(1.0);
        let ratio = f64::from(u32::try_from(shares[0]).unwrap())
            / f64::from(u32::try_from(shares[1]).unwrap());
        assert!((1.8..2.2).contains(&ratio), "{shares:?}");
        // The sum of 1/k up to 950 is 7.4.
        assert!((12_500..14_500).contains(&shares[0]), "{}", shares[0]);
    }

    #[test]
    fn without_an_exponent_all_call_alike() {
        let shares = shares(0.0);
        assert!(
            shares[0] < 200 && shares.len() > 900,
            "{} of {}",
            shares[0],
            shares.len()
        );
    }

    #[test]
    fn only_profiles_whose_key_opens_something_call() {
        assert!(
            drawn(0.0, 0)
                .keys()
                .all(|&number| POPULATION.is_callable(number))
        );
    }

    #[test]
    fn callers_draw_apart_but_from_the_same_popularity() {
        let most = |caller| {
            drawn(1.0, caller)
                .into_iter()
                .max_by_key(|(_, count)| *count)
                .unwrap()
        };
        assert_eq!(most(0).0, most(1).0);
        assert_ne!(drawn(1.0, 0), drawn(1.0, 1));
    }
}
