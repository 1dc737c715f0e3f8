//! `portcullis rotate-secret-key`.

use super::records::Records;
use super::{Exit, Failure, Output};
use crate::app::World;
use crate::upkeep::rotation::rotate;

/// Seal all secrets under another key.
///
/// With a key in the file `secret.key` and the records in the folder, a new key is made; the control plane has to be
/// stopped for that. In all other cases give every control plane both keys first, the new one before the old one:
/// PORTCULLIS_SECRET_KEY=NEW,OLD, or a line each in `secret.key`. They accept both from then on, and this command, given
/// the same, has them seal under the new one. Then take the old one away.
#[derive(clap::Args)]
pub struct RotateSecretKey {
    #[command(flatten)]
    records: Records,
}

impl RotateSecretKey {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        let world = World::of_the_system();
        let work = async |place| rotate(&place, &world).await;
        output.write(&self.records.work(work)?)?;
        Ok(Exit::Done)
    }
}
