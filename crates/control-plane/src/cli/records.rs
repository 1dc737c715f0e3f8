//! Where the records are, for subcommands that work on all of them: as `serve` is told.

use std::convert::Infallible;
use std::path::PathBuf;

use anyhow::Context as _;

use super::Failure;
use crate::secret_key::ChosenSecretKey;
use crate::settings::{DATA, DATABASE_URL, InvalidSetting, SECRET_KEY, Sources};
use crate::upkeep::{Place, UpkeepError};

/// Where the records are. What no flag says is taken from the environment and the file of `serve`.
#[derive(clap::Args)]
pub struct Records {
    /// The file of settings, as `serve` is told.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_CONFIG")]
    config: Option<PathBuf>,
    /// The folder of the database, as `serve` is told [env: PORTCULLIS_DATA] [default: ./data].
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// The PostgreSQL database, as `serve` is told [env: PORTCULLIS_DATABASE_URL].
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl Records {
    /// Works on them.
    pub(super) fn work<T>(
        self,
        work: impl AsyncFnOnce(Place) -> Result<T, UpkeepError>,
    ) -> Result<T, Failure> {
        let place = self.place()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        Ok(runtime.block_on(work(place))?)
    }

    fn place(self) -> Result<Place, InvalidSetting> {
        let flags = [(DATA.key, self.data), (DATABASE_URL.key, self.database)];
        let flags = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        // An empty variable counts as none.
        let file = self.config.filter(|path| !path.as_os_str().is_empty());
        let sources = Sources::of_process(flags.collect(), file.as_deref())?;
        let data = sources.value(&DATA, |text| Ok::<_, Infallible>(text.into()))?;
        Ok(Place {
            data: data.unwrap_or_default(),
            database: sources.value(&DATABASE_URL, str::parse)?,
            secret_key: sources.value(&SECRET_KEY, |text| ChosenSecretKey::try_from(text))?,
        })
    }
}
