//! What became of cases, as it is printed.

use std::fmt;

use anyhow::ensure;
use serde::Serialize;

use super::cases::{Case, CaseFile, Expectation};
use crate::app::explanation::{
    Explanation, Explanations, Outcome, Reference, Unexercised, Verdict,
};
use crate::cli::explain::Mark;

/// What became of all cases.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// How many are met.
    met: usize,
    /// How many are not.
    unmet: usize,
    files: Vec<FileReport>,
    unexercised_profiles: Unexercised,
    unexercised_collections: Unexercised,
    /// Whether nothing may be left out.
    requires_coverage: bool,
    revision: u64,
}

#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    cases: Vec<CaseReport>,
}

#[derive(Debug, Serialize)]
struct CaseReport {
    name: String,
    is_met: bool,
    /// What is not as expected, in sentences.
    differences: Vec<String>,
    expected: Expectation,
    explanation: Explanation,
}

impl Report {
    /// Holds what was decided against what was expected.
    pub(super) fn of(
        files: &[CaseFile],
        told: Explanations,
        requires_coverage: bool,
    ) -> anyhow::Result<Self> {
        let asked: usize = files.iter().map(|file| file.cases.len()).sum();
        ensure!(
            told.explanations.len() == asked,
            "the control plane explained another number of requests than it was asked about"
        );
        let mut explanations = told.explanations.into_iter();
        let files = files.iter().map(|file| FileReport {
            file: file.path.display().to_string(),
            cases: file
                .cases
                .iter()
                .zip(explanations.by_ref())
                .map(|(case, explanation)| CaseReport::of(case, explanation))
                .collect(),
        });
        let files: Vec<_> = files.collect();
        let cases = files.iter().flat_map(|file| &file.cases);
        let met = cases.filter(|case| case.is_met).count();
        Ok(Self {
            met,
            unmet: asked.saturating_sub(met),
            files,
            unexercised_profiles: told.unexercised_profiles,
            unexercised_collections: told.unexercised_collections,
            requires_coverage,
            revision: told.revision,
        })
    }

    /// Whether everything is as it has to be.
    pub(super) fn is_met(&self) -> bool {
        let left_out = [&self.unexercised_profiles, &self.unexercised_collections];
        let is_covered = left_out.iter().all(|it| it.count == 0);
        self.unmet == 0 && (is_covered || !self.requires_coverage)
    }
}

impl CaseReport {
    fn of(case: &Case, explanation: Explanation) -> Self {
        let differences = differences(&case.expect, &explanation);
        Self {
            name: case.name.clone(),
            is_met: differences.is_empty(),
            differences,
            expected: case.expect.clone(),
            explanation,
        }
    }
}

/// What was decided in another way than expected.
fn differences(expected: &Expectation, told: &Explanation) -> Vec<String> {
    let mut differences = Vec::new();
    let reason = told.reason.as_deref().or(told.observed.as_deref());
    if expected.decision != told.decision {
        let decided = match (told.decision, reason) {
            (Verdict::Permitted, _) => "it is permitted".to_owned(),
            (Verdict::Refused, reason) => format!("it is refused: {}", reason.unwrap_or_default()),
        };
        differences.push(decided);
    } else {
        match (&expected.reason, reason) {
            (Some(expected), found) if Some(expected.as_str()) != found => {
                let found = found.unwrap_or("none");
                differences.push(format!("the reason is not {expected} but {found}"));
            }
            (None, Some(found)) if told.decision == Verdict::Permitted => {
                differences.push(format!(
                    "it passes only because refusals are just noted: {found}"
                ));
            }
            (Some(_) | None, _) => {}
        }
    }
    for (what, expected, found) in [
        (
            "access profile",
            &expected.access_profile,
            &told.access_profile,
        ),
        ("collection", &expected.collection, &told.collection),
    ] {
        let is_it = |found: &Reference, name: &str| found.id == name || found.name == name;
        if let Some(name) = expected
            && !found.as_ref().is_some_and(|found| is_it(found, name))
        {
            let found = found.as_ref().map_or("none", |found| &found.name);
            differences.push(format!("the {what} is not `{name}` but {found}"));
        }
    }
    differences
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{}", file.file)?;
            for case in &file.cases {
                write!(f, "{case}")?;
            }
            writeln!(f)?;
        }
        let all = self.met.saturating_add(self.unmet);
        write!(
            f,
            "{} of {all} cases are met, up to revision {}",
            self.met, self.revision
        )?;
        for (what, left_out) in [
            ("access profiles", &self.unexercised_profiles),
            ("collections", &self.unexercised_collections),
        ] {
            if left_out.count > 0 {
                write!(f, "\nno case comes to {} {what}:", left_out.count)?;
            }
            for record in &left_out.first {
                write!(f, "\n  {} ({})", record.name, record.id)?;
            }
            let named = u64::try_from(left_out.first.len()).unwrap_or(u64::MAX);
            let more = left_out.count.saturating_sub(named);
            if more > 0 {
                write!(f, "\n  and {more} more")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_met {
            return writeln!(f, "  {} {}", Mark(Outcome::Passed), self.name);
        }
        let differences = self.differences.join(", and ");
        writeln!(
            f,
            "  {} {}: {differences}",
            Mark(Outcome::Failed),
            self.name
        )?;
        let checks = self.explanation.checks.iter();
        let mut failed = checks.filter(|check| check.outcome == Outcome::Failed);
        failed.try_for_each(|check| writeln!(f, "      {}: {}", check.name, check.detail))
    }
}
