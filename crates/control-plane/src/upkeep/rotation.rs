//! Another key for secrets.

use std::fmt;

use portcullis_store::{Location, Rotated, Store};
use serde::Serialize;

use super::{Place, UpkeepError};
use crate::app::World;
use crate::secret_key::ChosenSecretKey;

/// A key that was replaced.
#[derive(Debug, Serialize)]
pub struct Replaced {
    /// The public id of the key that sealed the secrets.
    pub from: String,
    /// The public id of the key that seals them now.
    pub to: String,
    /// How many secrets were sealed again.
    pub secrets: u64,
    /// Whether the key is a new one, which stands in the file `secret.key` alone now.
    pub made: bool,
}

/// Seals all secrets under the first of the keys that are given. Where one process alone uses the records, and its key
/// stands in a file, a new one is made.
///
/// # Errors
/// When the records are out of reach or in use, or there is no key to go on with: then nothing is changed.
pub async fn rotate(place: &Place, world: &World) -> Result<Replaced, UpkeepError> {
    let keys = place.keys()?;
    let is_file_of_one_process = place.database.is_none() && place.secret_key.is_none();
    let (keys, made) = match keys {
        None if is_file_of_one_process => {
            let path = place.data.clone();
            return Err(portcullis_store::StoreError::NoDatabase { path }.into());
        }
        None => return Err(UpkeepError::OneSecretKey),
        Some(keys) if !keys.is_one() => (keys, false),
        Some(keys) if is_file_of_one_process => (keys.preceded(&world.entropy)?, true),
        Some(_) => return Err(UpkeepError::OneSecretKey),
    };
    let location = match &place.database {
        Some(url) => Location::Postgres(url.clone()),
        None => Location::Folder(place.data.clone()),
    };
    let lives = world.clone();
    let store = Store::open(
        &location,
        move || lives.new_life(),
        keys.key(&world.entropy),
    )
    .await?;
    let rotated = replace(place, &store, &keys, is_file_of_one_process, world).await;
    store.close().await;
    let Rotated { from, to, secrets } = rotated?;
    Ok(Replaced {
        from,
        to,
        secrets,
        made,
    })
}

/// At every moment the file holds a key that fits the database.
async fn replace(
    place: &Place,
    store: &Store,
    keys: &ChosenSecretKey,
    replaces_file: bool,
    world: &World,
) -> Result<Rotated, UpkeepError> {
    if replaces_file {
        keys.replace_in(&place.data)?;
    }
    let rotated = store.rotate_secret_key(world.clock.now_ms()).await?;
    if replaces_file {
        keys.first().replace_in(&place.data)?;
    }
    Ok(rotated)
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from, to, secrets, ..
        } = self;
        if from == to {
            return write!(f, "all secrets are sealed under the key {to} already");
        }
        writeln!(
            f,
            "sealed {secrets} secrets under the key {to} instead of {from}"
        )?;
        match self.made {
            true => write!(
                f,
                "`secret.key` holds the new key alone: backups need the old one"
            ),
            false => write!(f, "take the old key away everywhere: backups need it still"),
        }
    }
}
