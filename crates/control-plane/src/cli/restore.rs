//! `portcullis restore`.

use std::path::PathBuf;

use super::records::Records;
use super::{Exit, Failure, Output};
use crate::app::World;
use crate::upkeep::backup::restore;

/// Put a backup in the place of the records. No control plane may use the folder meanwhile.
///
/// Before anything is touched, the file is checked, and so is that its secret key is there: in PORTCULLIS_SECRET_KEY, or
/// as the file `secret.key` in the data folder. Gateways notice by themselves that they know of another history.
#[derive(clap::Args)]
pub struct Restore {
    /// The file that `backup` has written.
    file: PathBuf,
    /// Where there are records already, set them aside: they stay beside those that are restored.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    records: Records,
}

impl Restore {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let Self {
            file,
            force,
            records,
        } = self;
        let world = World::of_the_system();
        let restored = records.work(async |place| restore(&place, &file, force, &world).await)?;
        output.write(&restored)?;
        Ok(Exit::Done)
    }
}
