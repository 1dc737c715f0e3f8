//! `portcullis feed-key`.

use super::{Exit, Failure, Output};
use crate::app::World;
use crate::app::feed_key::NewFeedKey;

/// Print a new key for signing what gateways are told, as two lines for environments: the secret half for the control
/// plane, and the public half for gateways.
#[derive(clap::Args)]
pub struct FeedKey;

impl FeedKey {
    pub(super) fn run(self, output: Output) -> Result<Exit, Failure> {
        output.write(&NewFeedKey::draw(&World::of_the_system().entropy)?)?;
        Ok(Exit::Done)
    }
}
