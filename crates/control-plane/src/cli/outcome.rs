//! What plans and applications are told as: lines for people, with colour on a terminal only.

mod colour;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::configuration::RecentCaller;
use crate::app::configuration::difference::FieldChange;
use crate::app::configuration::plan::{Basis, PlanAction, PlanSummary, RecordChange, RecordKind};
use colour::Colours;

/// How many entries of a list are shown at most.
const MOST_ENTRIES: usize = 20;

/// What the control plane tells of a plan, or of its application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Record by record.
    pub changes: Vec<RecordChange>,
    /// How many.
    pub summary: PlanSummary,
    /// What was understood in another way than it was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// The revision at which gateways know it, once it is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Who has applied it, where that was waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
}

/// Something that was understood in another way than it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Where.
    pub pointer: String,
    /// What became of it.
    pub detail: String,
}

/// Which gateways have applied a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// How many are there.
    pub gateways: usize,
    /// How many of these have it.
    pub applied: usize,
    /// How many milliseconds after the change that was so.
    pub after_ms: u64,
    /// Those of them that have not.
    #[serde(default)]
    pub waiting_for: Vec<Value>,
    /// How many are lost.
    #[serde(default)]
    pub lost: usize,
    /// How many do not say who they are.
    #[serde(default)]
    pub unidentified: usize,
}

/// An outcome as it is shown.
#[derive(Serialize)]
pub struct Shown<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    #[serde(skip)]
    with_changes: bool,
    #[serde(skip)]
    colours: Colours,
}

impl Outcome {
    /// What the plan found.
    #[must_use]
    pub fn basis(&self) -> Basis {
        let found = |change: &RecordChange| (change.object.clone(), change.fingerprint.clone());
        self.changes.iter().map(found).collect()
    }

    /// Whether gateways are there that have not applied it yet.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.applied
            .as_ref()
            .is_some_and(|it| it.applied < it.gateways)
    }
}

impl<'a> Shown<'a> {
    /// A plan.
    #[must_use]
    pub fn plan(outcome: &'a Outcome) -> Self {
        Self {
            outcome,
            with_changes: true,
            colours: Colours::of_the_terminal(),
        }
    }

    /// An application, with its changes if they were not shown as a plan before.
    #[must_use]
    pub fn application(outcome: &'a Outcome, with_changes: bool) -> Self {
        Self {
            with_changes,
            ..Self::plan(outcome)
        }
    }

    fn change(&self, change: &RecordChange, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, paint) = match change.action {
            PlanAction::Create => ('+', self.colours.added),
            PlanAction::Change => ('~', self.colours.changed),
            PlanAction::Remove => ('-', self.colours.removed),
        };
        let name = match (&change.client, change.kind) {
            (Some(client), RecordKind::AccessProfile) => format!("{client} / {}", change.name),
            _ => change.name.clone(),
        };
        let id = change
            .id
            .as_ref()
            .map(|id| format!(" ({id})"))
            .unwrap_or_default();
        let end = self.colours.end;
        writeln!(f, "{paint}{sign} {} {name}{end}{id}", change.kind.word())?;
        for field in &change.fields {
            self.field(field, f)?;
        }
        for sentence in &change.takes_away {
            writeln!(f, "    {}! {sentence}{end}", self.colours.warning)?;
        }
        match &change.recent_callers {
            Some(callers) => self.callers(callers, f),
            None => Ok(()),
        }
    }

    /// Who would be refused, or may be.
    fn callers(&self, callers: &[RecentCaller], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if callers.is_empty() {
            return writeln!(f, "      nobody called by this in the last 7 days");
        }
        let (warning, end) = (self.colours.warning, self.colours.end);
        for caller in callers.iter().take(MOST_ENTRIES) {
            let unnamed = || caller.access_profile.clone();
            let name = caller.name.clone().or_else(unnamed);
            let name = name.unwrap_or_else(|| "callers without a credential".to_owned());
            let client = caller.client.as_ref().map(|client| format!("{client} / "));
            let requests = match caller.requests {
                1 => "1 request".to_owned(),
                more => format!("{more} requests"),
            };
            let last = caller.last_used_at.as_ref();
            let last = last.map(|at| format!(", last called at {at}"));
            writeln!(
                f,
                "      {warning}{}{name}: {requests} in the last 7 days{}{end}",
                client.unwrap_or_default(),
                last.unwrap_or_default()
            )?;
        }
        match callers.len().saturating_sub(MOST_ENTRIES) {
            0 => Ok(()),
            more => writeln!(f, "      {warning}{more} more{end}"),
        }
    }

    fn field(&self, change: &FieldChange, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = change.field.trim_start_matches('/').replace('/', ".");
        let (Value::Array(before), Value::Array(after)) = (&change.before, &change.after) else {
            let (before, after) = (shown(&change.before), shown(&change.after));
            return writeln!(f, "    {name}: {before} → {after}");
        };
        writeln!(f, "    {name}:")?;
        let gone = before.iter().filter(|entry| !after.contains(entry));
        let new = after.iter().filter(|entry| !before.contains(entry));
        let end = self.colours.end;
        self.entries(gone.collect(), '-', self.colours.removed, f)?;
        self.entries(new.clone().collect(), '+', self.colours.added, f)?;
        if new.count() == 0 && before.len() == after.len() {
            writeln!(f, "      {}in another order{end}", self.colours.changed)?;
        }
        Ok(())
    }

    fn entries(
        &self,
        entries: Vec<&Value>,
        sign: char,
        paint: &str,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        for entry in entries.iter().take(MOST_ENTRIES) {
            writeln!(
                f,
                "      {paint}{sign} {}{}",
                shown(entry),
                self.colours.end
            )?;
        }
        match entries.len().saturating_sub(MOST_ENTRIES) {
            0 => Ok(()),
            more => writeln!(f, "      {paint}{sign} {more} more{}", self.colours.end),
        }
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlanSummary {
            created,
            changed,
            removed,
            unchanged,
            taking_away,
        } = self.outcome.summary;
        let is_applied = self.outcome.revision.is_some();
        if self.outcome.changes.is_empty() {
            return writeln!(
                f,
                "Nothing to change: {unchanged} records are as the files say."
            );
        }
        let to = if is_applied { "" } else { "to " };
        let [create, change, remove] = if is_applied {
            ["created", "changed", "removed"]
        } else {
            ["create", "change", "remove"]
        };
        write!(
            f,
            "{created} {to}{create}, {changed} {to}{change}, {removed} {to}{remove}, {unchanged} unchanged."
        )?;
        if taking_away > 0 {
            let (warning, end) = (self.colours.warning, self.colours.end);
            write!(f, " {warning}{taking_away} take rights away (!).{end}")?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.with_changes {
            for change in &self.outcome.changes {
                self.change(change, f)?;
            }
            for notice in &self.outcome.notices {
                writeln!(f, "note: {}: {}", notice.pointer, notice.detail)?;
            }
            if !self.outcome.changes.is_empty() {
                writeln!(f)?;
            }
        }
        self.summary(f)?;
        if let Some(revision) = self.outcome.revision {
            writeln!(f, "Applied as revision {revision}.")?;
        }
        let Some(applied) = &self.outcome.applied else {
            return Ok(());
        };
        let (has, all) = (applied.applied, applied.gateways);
        writeln!(
            f,
            "{has} of {all} gateways have it, after {} ms.",
            applied.after_ms
        )?;
        if applied.lost > 0 {
            writeln!(
                f,
                "Lost gateways, of which nobody knows what they have: {}.",
                applied.lost
            )?;
        }
        Ok(())
    }
}

/// A value in one line: a text as it is, unless that could be misread.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "(none)".into(),
        Value::String(text) if !text.is_empty() && !text.contains(char::is_control) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests;
