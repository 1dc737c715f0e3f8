//! `portcullis export`.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use super::plan::Secrets;
use super::remote::{self, Remote};
use super::{Exit, Failure, Output};

mod file;
mod following;
mod limits;
mod rewriting;

use file::Readers;
use following::Following;
use limits::{LimitServer, Limits};

/// Write all records as configuration: clients with their access profiles and keys, collections and policies.
///
/// Keys are written as their digests. Secrets of tokens are left out, or with `--secrets-key` sealed under that key. With
/// `--limits` only the rate limits of policies are written, as a server reads them that counts over all gateways.
#[derive(clap::Args)]
pub struct Export {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    secrets: Secrets,
    /// Write to a file instead of the standard output. It is replaced when all is there, and readable by its owner only,
    /// but for limits, which another program has to read.
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write the rate limits of all policies, and nothing else, for the server that counts them over all gateways.
    #[arg(
        long,
        value_enum,
        value_name = "SERVER",
        conflicts_with = "secrets_key"
    )]
    limits: Option<LimitServer>,
    /// Go on until stopped, and write the file anew whenever a limit has changed.
    #[arg(long, requires = "limits", requires = "file")]
    follow: bool,
    /// How often to look for changes, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, requires = "follow",
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    every: u64,
}

impl Export {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let client = self.remote.connect()?;
        if let (Some(server), true, Some(file)) = (self.limits, self.follow, self.file.clone()) {
            let every = Duration::from_secs(self.every);
            return Following::new(client, server, file, every, output).run();
        }
        if let Some(server) = self.limits {
            let limits = Limits::ask(&client).map_err(remote::failure)?;
            let text = limits.written_for(server, output)?;
            self.write(Readers::Everybody, |to| {
                to.write_all(text.as_bytes())?;
                Ok(())
            })?;
            if let Some(path) = &self.file {
                file::announce(path)?;
            }
            return Ok(Exit::Done);
        }
        let question = self.secrets.within(client.ask("/configuration"))?;
        let answer = BufReader::new(question.read().map_err(remote::failure)?);
        self.write(Readers::Owner, |to| copy(answer, to, output))?;
        Ok(Exit::Done)
    }

    fn write(
        &self,
        readers: Readers,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some(path) = &self.file else {
            let mut out = BufWriter::new(io::stdout().lock());
            write(&mut out)?;
            out.flush().context("cannot write the export")?;
            return Ok(());
        };
        file::replace(path, readers, |file| write(file))
    }
}

fn copy(mut answer: impl Read, mut to: &mut dyn Write, output: Output) -> Result<(), Failure> {
    match output {
        Output::Text => rewriting::yaml(answer, &mut to)?,
        Output::Json => {
            io::copy(&mut answer, to).context("the export broke off")?;
        }
    }
    to.flush().context("cannot write the export")?;
    Ok(())
}
