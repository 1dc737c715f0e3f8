//! `portcullis backup`.

use std::path::PathBuf;

use super::records::Records;
use super::{Exit, Failure, Output};
use crate::upkeep::backup::back_up;

/// Copy the records into a new file, as they are at one moment. The control plane may run meanwhile.
///
/// The file is readable by its owner only. Secrets stand in it as they do in the database: sealed under a key that is not
/// in it, whose public id is told.
#[derive(clap::Args)]
pub struct Backup {
    /// The file to write. It must not be there.
    file: PathBuf,
    #[command(flatten)]
    records: Records,
}

impl Backup {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let Self { file, records } = self;
        let written = records.work(async |place| back_up(&place, &file).await)?;
        output.write(&written)?;
        Ok(Exit::Done)
    }
}
