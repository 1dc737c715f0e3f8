//! Where the records are, for subcommands that work on all of them: as `serve` is told.

use std::path::PathBuf;

use anyhow::Context as _;
use portcullis_store::PostgresUrl;

use super::{Failure, serve};
use crate::upkeep::{Place, UpkeepError};

/// Where the records are.
#[derive(clap::Args)]
pub struct Records {
    /// The folder of the database, as `serve` is told.
    #[arg(long, env = "PORTCULLIS_DATA", default_value = "./data")]
    data: PathBuf,
    /// The PostgreSQL database, as `serve` is told.
    #[arg(long, env = "PORTCULLIS_DATABASE_URL", hide_env_values = true)]
    database: Option<PostgresUrl>,
}

impl Records {
    /// Works on them.
    pub(super) fn work<T>(
        self,
        work: impl AsyncFnOnce(Place) -> Result<T, UpkeepError>,
    ) -> Result<T, Failure> {
        let place = Place {
            data: self.data,
            database: self.database,
            secret_key: serve::chosen_secret_key("PORTCULLIS_SECRET_KEY")?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        Ok(runtime.block_on(work(place))?)
    }
}
