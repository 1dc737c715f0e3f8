//! `portcullis apply`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::documents::Documents;
use super::outcome::{Outcome, Shown};
use super::plan::{self, Wanted};
use super::remote::Remote;
use super::{Exit, Failure, Output};
use crate::app::configuration::ConfigurationDraft;
use crate::client::Client;

/// How long a control plane holds one answer back at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Make the records what files of configuration say: all of it in one transaction, or nothing.
///
/// The files are planned first, and the plan is shown. It is refused when somebody else changed the same between the
/// plan and its application: with `--plan`, since `portcullis plan --save`.
#[derive(clap::Args)]
pub struct Apply {
    #[command(flatten)]
    remote: Remote,
    /// Files of YAML or JSON, folders of them, or `-` for the standard input.
    #[arg(required_unless_present = "plan")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
    /// Apply a plan that `portcullis plan --save` kept, instead of files.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "prune"])]
    plan: Option<PathBuf>,
    /// Wait until every gateway that is there has applied the change.
    #[arg(long)]
    wait: bool,
    /// For how many seconds to wait at most.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", requires = "wait",
        value_parser = clap::value_parser!(u64).range(0..=86_400))]
    timeout: u64,
}

impl Apply {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.remote.connect()?;
        let (documents, draft) = match &self.plan {
            Some(path) => (Documents::default(), kept(path)?),
            None => self.planned(&client, output)?,
        };
        let applied = self.applied(&client, &documents, &draft)?;
        output.write(&Shown::application(&applied, self.plan.is_some()))?;
        let is_everywhere = applied
            .applied
            .as_ref()
            .is_none_or(|it| it.applied == it.gateways);
        Ok(if is_everywhere {
            Exit::Done
        } else {
            Exit::Unapplied
        })
    }

    /// The files with what their plan found. The plan is shown, unless a program reads.
    fn planned(
        &self,
        client: &Client,
        output: Output,
    ) -> Result<(Documents, ConfigurationDraft), Failure> {
        let (documents, mut draft) = self.wanted.read(&self.files)?;
        let planned = plan::planned(client, self.wanted.secrets(), &documents, &draft)?;
        if output == Output::Text {
            output.write(&Shown::plan(&planned))?;
        }
        draft.basis = Some(planned.basis());
        Ok((documents, draft))
    }

    fn applied(
        &self,
        client: &Client,
        documents: &Documents,
        draft: &ConfigurationDraft,
    ) -> Result<Outcome, Failure> {
        let deadline = Instant::now() + Duration::from_secs(self.timeout);
        let ask = |draft: &ConfigurationDraft, path: &str| -> Result<Outcome, Failure> {
            let question = self.wanted.secrets().within(client.ask(path))?;
            let sent = question.send(draft);
            sent.map_err(|error| plan::in_files(documents, error))
        };
        const PATH: &str = "/configuration/apply";
        if !self.wait {
            return ask(draft, PATH);
        }
        let waiting = || {
            let left = deadline.saturating_duration_since(Instant::now());
            format!(
                "{PATH}?wait=applied&timeout={}",
                left.min(LONGEST_WAIT).as_secs()
            )
        };
        let mut applied = ask(draft, &waiting())?;
        // A configuration that says nothing changes nothing, and can be waited for like any other.
        while applied.is_waited_for() && Instant::now() < deadline {
            applied.applied = ask(&ConfigurationDraft::default(), &waiting())?.applied;
        }
        Ok(applied)
    }
}

fn kept(path: &PathBuf) -> Result<ConfigurationDraft, Failure> {
    let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let draft = serde_json::from_slice(&text);
    Ok(draft.with_context(|| format!("`{}` holds no plan", path.display()))?)
}
