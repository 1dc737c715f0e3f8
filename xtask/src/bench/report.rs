//! The form in which every benchmark reports: rows with an aim where there is one.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::Value;

/// What a benchmark found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How it was measured.
    pub method: String,
    /// On what.
    pub machine: Value,
    /// What was measured.
    pub rows: Vec<Row>,
}

/// One measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it is.
    pub measure: String,
    /// How much.
    pub value: f64,
    /// The lowest of the values of which `value` is the median: what is left where nothing disturbs.
    pub lowest: Option<f64>,
    /// Of what.
    pub unit: &'static str,
    /// What it should be, such as `≤ 2.5`.
    pub aim: Option<String>,
    /// Whether it is.
    pub holds: Option<bool>,
}

impl Row {
    /// The median of some values, without an aim.
    pub fn median_of(measure: impl Into<String>, values: &[f64], unit: &'static str) -> Self {
        let lowest = values.iter().copied().min_by(f64::total_cmp);
        Self {
            lowest: lowest.map(rounded),
            ..Self::measured(measure, median(values), unit)
        }
    }

    /// One value, without an aim.
    pub fn measured(measure: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            measure: measure.into(),
            value: rounded(value),
            lowest: None,
            unit,
            aim: None,
            holds: None,
        }
    }

    /// A measure that should be at most `limit`.
    pub fn at_most(measure: impl Into<String>, value: f64, unit: &'static str, limit: f64) -> Self {
        let row = Self::measured(measure, value, unit);
        Self {
            holds: Some(value <= limit),
            ..row.aiming_at(limit)
        }
    }

    /// A measure that should be at least `limit`.
    pub fn at_least(
        measure: impl Into<String>,
        value: f64,
        unit: &'static str,
        limit: f64,
    ) -> Self {
        Self {
            aim: Some(format!("≥ {limit}")),
            holds: Some(value >= limit),
            ..Self::measured(measure, value, unit)
        }
    }

    /// The same measure, which should be at most `limit`.
    pub fn aiming_at(self, limit: f64) -> Self {
        Self {
            aim: Some(format!("≤ {limit}")),
            holds: Some(self.value <= limit),
            ..self
        }
    }
}

impl Report {
    /// Prints a table, and writes everything as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn publish(&self, path: &Path) -> Result<()> {
        println!("{}\n", self.method);
        println!(
            "| {:<66} | {:>8} | {:>8} | {:<7} | {:<6} | holds |",
            "measure", "value", "lowest", "unit", "aim"
        );
        println!(
            "|{:-<68}|{:->10}|{:->10}|{:-<9}|{:-<8}|-------|",
            "", ":", ":", "", ""
        );
        for row in &self.rows {
            let holds = row
                .holds
                .map_or("", |holds| if holds { "yes" } else { "NO" });
            let aim = row.aim.as_deref().unwrap_or_default();
            let lowest = row
                .lowest
                .map(|lowest| format!("{lowest:.2}"))
                .unwrap_or_default();
            println!(
                "| {:<66} | {:>8.2} | {lowest:>8} | {:<7} | {aim:<6} | {holds:<5} |",
                row.measure, row.value, row.unit
            );
        }
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(self)?)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        println!("\nwritten to {}", path.display());
        Ok(())
    }
}

/// What each round compares: what disturbs the machine disturbs both sides alike.
pub fn paired(ours: &[f64], theirs: &[f64], compare: fn(f64, f64) -> f64) -> Vec<f64> {
    let pairs = ours.iter().zip(theirs);
    pairs
        .map(|(ours, theirs)| compare(*ours, *theirs))
        .collect()
}

/// The middle one of some values, or the mean of the two in the middle. 0 when there are none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.get(middle.wrapping_sub(1))) {
        (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => {
            f64::midpoint(*lower, *upper)
        }
        (Some(middle), _) => *middle,
        (None, _) => 0.0,
    }
}

/// The smallest value that at least so many of a hundred do not exceed. 0 when there are none.
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list that fits in memory"
    )]
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    let place = rank.saturating_sub(1);
    sorted.get(place).or(sorted.last()).copied().unwrap_or(0.0)
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 50.0), 100.0);
        assert_eq!(percentile(&values, 99.0), 198.0);
        assert_eq!(percentile(&values, 100.0), 200.0);
        assert_eq!(percentile(&[7.0], 99.0), 7.0);
        assert_eq!(percentile(&[], 99.0), 0.0);
    }

    #[test]
    fn an_aim_that_is_missed_says_so() {
        assert_eq!(Row::at_most("cost", 2.6, "µs", 2.5).holds, Some(false));
        assert_eq!(Row::at_most("cost", 2.5, "µs", 2.5).holds, Some(true));
    }
}
