//! What is done to the records as a whole, by who runs the control plane: copies of them, and another key for their
//! secrets.

pub mod backup;
pub mod rotation;

use std::path::PathBuf;

use portcullis_store::{PostgresUrl, StoreError};

use crate::app::NoEntropy;
use crate::secret_key::{ChosenSecretKey, SecretKeyError};

/// Where the records are, and the keys of their secrets that the environment gives: as a control plane is started.
pub struct Place {
    /// The folder of its files, and of its database, unless that is elsewhere.
    pub data: PathBuf,
    /// The PostgreSQL database that holds the records.
    pub database: Option<PostgresUrl>,
    /// The keys for secrets that the environment gives.
    pub secret_key: Option<ChosenSecretKey>,
}

/// It was not done.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The database has tools of its own for that.
    #[error(
        "the records are in PostgreSQL: `pg_dump --format=custom` makes a backup of them, and `pg_restore` restores it"
    )]
    Postgres,
    /// Nobody could read the secrets.
    #[error(
        "the backup needs the secret key {id}: give it in PORTCULLIS_SECRET_KEY, or as the file `secret.key` in `{}`",
        folder.display()
    )]
    NoSecretKey {
        /// The public id of the key.
        id: String,
        /// Where it might stand.
        folder: PathBuf,
    },
    /// There is nothing to replace the key by.
    #[error(
        "there is one secret key only: give every control plane both first, the new one before the old one, as \
         PORTCULLIS_SECRET_KEY=NEW,OLD or a line each in `secret.key`"
    )]
    OneSecretKey,
    /// There is no key for secrets that can be used.
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),
    /// The records cannot be reached, or do not fit.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

impl Place {
    /// The keys for secrets: those of the environment, else those of the file. Nothing is made where there are none.
    fn keys(&self) -> Result<Option<ChosenSecretKey>, SecretKeyError> {
        match &self.secret_key {
            Some(chosen) => Ok(Some(chosen.clone())),
            None => ChosenSecretKey::in_folder(&self.data),
        }
    }
}
