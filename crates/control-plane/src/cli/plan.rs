//! `portcullis plan`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::documents::{Documents, DocumentsError};
use super::outcome::{Outcome, Shown};
use super::remote::{self, Remote};
use super::{Exit, Failure, Output};
use crate::app::configuration::ConfigurationDraft;
use crate::app::configuration::prune::Pruned;
use crate::client::{Client, ClientError, Question};
use crate::secret_key::ChosenSecretKey;

/// The header with the key for secrets in documents.
const SECRETS_KEY_HEADER: &str = "portcullis-secrets-key";

/// Show what applying files of configuration would change, field by field, and what takes rights away.
///
/// Nothing is changed. What no file speaks of stays as it is, unless `--prune` says otherwise. The exit code is 3 when
/// there are changes.
#[derive(clap::Args)]
pub struct Plan {
    #[command(flatten)]
    remote: Remote,
    /// Files of YAML or JSON, folders of them, or `-` for the standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
    /// Keep the plan in a file, for `apply --plan`. It may hold secrets, and is readable by its owner only.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// What is wanted of files.
#[derive(clap::Args)]
pub struct Wanted {
    /// Remove everything of a kind that no file speaks of: `access_profiles` of clients whose files list profiles.
    #[arg(long, value_delimiter = ',', value_parser = pruned,
        value_name = "policies,collections,clients,access_profiles")]
    prune: Vec<Pruned>,
    #[command(flatten)]
    secrets: Secrets,
}

/// By which key secrets are kept in files.
#[derive(clap::Args)]
pub struct Secrets {
    /// The file with the key under which secrets are sealed in files of configuration: 64 hexadecimal digits, readable
    /// by its owner only. The control plane uses it for this request and does not keep it.
    #[arg(long, value_name = "FILE")]
    secrets_key: Option<PathBuf>,
}

impl Plan {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.remote.connect()?;
        let (documents, draft) = self.wanted.read(&self.files)?;
        let planned = planned(&client, &self.wanted.secrets, &documents, &draft)?;
        if let Some(path) = &self.save {
            let basis = Some(planned.basis());
            keep(path, &ConfigurationDraft { basis, ..draft })?;
        }
        let is_empty = planned.changes.is_empty();
        output.write(&Shown::plan(&planned))?;
        Ok(if is_empty { Exit::Done } else { Exit::Differs })
    }
}

impl Wanted {
    /// What files say, and what is sent of it.
    pub(super) fn read(
        &self,
        files: &[PathBuf],
    ) -> Result<(Documents, ConfigurationDraft), Failure> {
        let mut documents = Documents::read(files).map_err(unusable)?;
        let draft = ConfigurationDraft {
            configuration: std::mem::take(&mut documents.configuration),
            prune: self.prune.clone(),
            basis: None,
        };
        Ok((documents, draft))
    }

    pub(super) const fn secrets(&self) -> &Secrets {
        &self.secrets
    }
}

impl Secrets {
    /// A question with the key, if there is one.
    pub(super) fn within<'a>(&self, question: Question<'a>) -> Result<Question<'a>, Failure> {
        let Some(path) = &self.secrets_key else {
            return Ok(question);
        };
        let key = ChosenSecretKey::from_file(path)?;
        Ok(question.with_header(SECRETS_KEY_HEADER, key.reveal()))
    }
}

/// The plan that the control plane makes of files.
pub(super) fn planned(
    client: &Client,
    secrets: &Secrets,
    documents: &Documents,
    draft: &ConfigurationDraft,
) -> Result<Outcome, Failure> {
    let question = secrets.within(client.ask("/configuration/plan"))?;
    question
        .send(draft)
        .map_err(|error| in_files(documents, error))
}

/// A refusal in the words of the files, where it is about their fields.
pub(super) fn in_files(documents: &Documents, error: ClientError) -> Failure {
    if let ClientError::Refused(problem) = &error
        && let Some(mistakes) = documents.mistakes(problem)
    {
        return unusable(mistakes);
    }
    remote::failure(error)
}

/// What is wrong with files: a single mistake in one sentence, several one by one.
fn unusable(error: DocumentsError) -> Failure {
    match error {
        DocumentsError::Invalid(mistakes) if mistakes.len() > 1 => {
            let count = mistakes.len();
            let sentence = anyhow::anyhow!("the configuration has {count} mistakes");
            Failure::of(Exit::Failed, sentence).with_details(mistakes)
        }
        error => Failure::of(Exit::Failed, error),
    }
}

fn keep(path: &Path, draft: &ConfigurationDraft) -> Result<(), Failure> {
    let text = serde_json::to_vec(draft)?;
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(&text))
        .with_context(|| format!("cannot write the plan to `{}`", path.display()))?;
    Ok(())
}

fn pruned(text: &str) -> Result<Pruned, String> {
    serde_json::from_value(text.into()).map_err(|_| {
        "`policies`, `collections`, `clients` or `access_profiles` is expected".to_owned()
    })
}
