//! An explanation as it is printed: a table of the checks, and the decision.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::app::explanation::{Explanation, Outcome, Verdict};

/// An explanation of a request.
pub(in crate::cli) struct Told<'e> {
    pub(in crate::cli) request: &'e str,
    pub(in crate::cli) explanation: &'e Explanation,
}

/// What became of a check, as one character.
pub(in crate::cli) struct Mark(pub(in crate::cli) Outcome);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.explanation.serialize(serializer)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Outcome::Passed => "✓",
            Outcome::Failed => "✗",
            Outcome::Skipped => "–",
        })
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            request,
            explanation,
        } = self;
        writeln!(f, "{request}\n")?;
        let names = explanation.checks.iter().map(|check| check.name.len());
        let width = names.max().unwrap_or(0);
        for check in &explanation.checks {
            let mark = Mark(check.outcome);
            writeln!(f, "  {mark} {:width$}  {}", check.name, check.detail)?;
        }
        writeln!(f, "\n{}", decision(explanation))?;
        for (what, record) in [
            ("client", &explanation.client),
            ("access profile", &explanation.access_profile),
            ("collection", &explanation.collection),
        ] {
            if let Some(record) = record {
                writeln!(f, "  {what:14}  {} ({})", record.name, record.id)?;
            }
        }
        if let Some(service) = &explanation.service {
            for header in &service.added {
                writeln!(f, "  service sees    {}: {}", header.name, header.value)?;
            }
            if !service.removed.is_empty() {
                writeln!(f, "  and not         {}", service.removed.join(", "))?;
            }
        }
        write!(
            f,
            "decided up to revision {}, for {}",
            explanation.revision, explanation.at
        )
    }
}

fn decision(explanation: &Explanation) -> String {
    match (explanation.decision, &explanation.observed) {
        (Verdict::Permitted, None) => "permitted".into(),
        (Verdict::Permitted, Some(reason)) => {
            format!("permitted, though only because refusals are just noted here: {reason}")
        }
        (Verdict::Refused, _) => {
            let reason = explanation.reason.as_deref().unwrap_or_default();
            let status = explanation.status.unwrap_or_default();
            format!("refused: {reason}, status {status}")
        }
    }
}
