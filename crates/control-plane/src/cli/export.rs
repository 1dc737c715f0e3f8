//! `portcullis export`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::plan::Secrets;
use super::remote::{self, Remote};
use super::{Exit, Failure, Output};

mod rewriting;

/// Write all records as configuration: clients with their access profiles and keys, collections and policies.
///
/// Keys are written as their digests. Secrets of tokens are left out, or with `--secrets-key` sealed under that key.
#[derive(clap::Args)]
pub struct Export {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    secrets: Secrets,
    /// Write to a file instead of the standard output. It is replaced when all is there, and readable by its owner only.
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.remote.connect()?;
        let question = self.secrets.within(client.ask("/configuration"))?;
        let answer = BufReader::new(question.read().map_err(remote::failure)?);
        match &self.file {
            Some(path) => to_file(path, answer, output)?,
            None => write(answer, &mut BufWriter::new(io::stdout().lock()), output)?,
        }
        Ok(Exit::Done)
    }
}

/// Writes a file whole or not at all.
fn to_file(path: &Path, answer: impl Read, output: Output) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = PathBuf::from(name);
    let unwritable = || format!("cannot write `{}`", path.display());
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let file = options.open(&draft).with_context(unwritable)?;
    let mut file = BufWriter::new(file);
    let written = write(answer, &mut file, output).and_then(|()| {
        let file = file.into_inner().map_err(io::IntoInnerError::into_error);
        file.and_then(|file: File| file.sync_all())
            .and_then(|()| fs::rename(&draft, path))
            .with_context(unwritable)?;
        Ok(())
    });
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

fn write(mut answer: impl Read, to: &mut impl Write, output: Output) -> Result<(), Failure> {
    match output {
        Output::Text => rewriting::yaml(answer, to)?,
        Output::Json => {
            io::copy(&mut answer, to).context("the export broke off")?;
        }
    }
    to.flush().context("cannot write the export")?;
    Ok(())
}
