//! A population in a database of the control plane, written as the control plane itself writes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use portcullis_feed::{Digest, Revision};
use portcullis_store::{Author, Location, NewLife, SecretKey, Store};

use crate::chance::{Chance, Kind};
use crate::population::catalogue::{self, COLLECTIONS, POLICIES};
use crate::population::{Population, START_MS};

/// How many profiles are written at once: long enough for commits not to count, short enough for a log file that is not
/// much larger than the database.
const AT_ONCE: usize = 20_000;

/// Where the control plane looks for the key of its secrets, beside the database.
const SECRET_KEY_FILE: &str = "secret.key";

/// Makes a folder that the control plane can serve: the database, and the key of its secrets. Tells the newest
/// revision, and after each batch how many profiles are there.
///
/// # Errors
/// When the folder is not empty, or cannot be written.
pub async fn fill(
    folder: &Path,
    population: &Population,
    progress: impl Fn(usize),
) -> Result<Revision> {
    write_secret_key(folder, secret_key(population))?;
    let store = open_again(folder, population).await?;
    let mut revision = write_catalogue(&store, population.seed).await?;
    let mut first = 0;
    while first < population.profiles {
        let end = (first + AT_ONCE).min(population.profiles);
        revision = write_profiles(&store, population, first..end).await?;
        first = end;
        progress(end);
    }
    store.close().await;
    Ok(revision)
}

/// Opens what was made for a population.
///
/// # Errors
/// When it cannot be opened.
pub async fn open_again(folder: &Path, population: &Population) -> Result<Store> {
    let secret_key = SecretKey::new(&secret_key(population), || {
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).ok().map(|()| nonce)
    });
    open(folder, secret_key).await
}

fn secret_key(population: &Population) -> [u8; 32] {
    Chance::of(population.seed, Kind::Order, 1).bytes()
}

async fn open(folder: &Path, secret_key: SecretKey) -> Result<Store> {
    let new_life = || {
        let mut epoch = [0; 16];
        getrandom::fill(&mut epoch).ok()?;
        Some(NewLife {
            epoch: format!("{:032x}", u128::from_be_bytes(epoch)),
            begun_at_ms: START_MS,
        })
    };
    let location = Location::Folder(folder.to_owned());
    Ok(Store::open(&location, new_life, secret_key).await?)
}

fn write_secret_key(folder: &Path, key: [u8; 32]) -> Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(SECRET_KEY_FILE);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot make `{}`", path.display()))?;
    writeln!(file, "{}", Digest(key))?;
    Ok(())
}

async fn write_catalogue(store: &Store, seed: u64) -> Result<Revision> {
    let mut edit = store.edit(&Author::system("fill"), START_MS).await?;
    for number in 0..COLLECTIONS {
        edit.put_collection(&catalogue::collection(seed, number))
            .await?;
    }
    for number in 0..POLICIES {
        edit.put_policy(&catalogue::policy(seed, number)).await?;
    }
    Ok(edit.commit().await?)
}

async fn write_profiles(
    store: &Store,
    population: &Population,
    numbers: std::ops::Range<usize>,
) -> Result<Revision> {
    let mut edit = store.edit(&Author::system("fill"), START_MS).await?;
    for number in numbers {
        let client = population.client_of(number);
        let is_first_of_client = number
            .checked_sub(1)
            .is_none_or(|before| population.client_of(before) != client);
        if is_first_of_client {
            edit.put_client(&population.client(client)).await?;
        }
        let profile = population.profile(number);
        edit.put_profile(&profile).await?;
        for key in population.keys(number, &profile) {
            edit.insert_key(&key).await?;
        }
    }
    Ok(edit.commit().await?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use portcullis_feed::{ChangedObject, Profile, ProfileId};

    use super::*;
    use crate::pages;

    #[tokio::test]
    async fn the_database_tells_gateways_what_the_pages_tell() {
        let population = Population {
            seed: 3,
            profiles: 300,
        };
        let folder = tempfile::tempdir().unwrap();
        let head = fill(folder.path(), &population, |_| {}).await.unwrap();

        let mut chance = Chance::of(population.seed, Kind::Order, 1);
        let secret_key = SecretKey::new(&chance.bytes(), || Some([0; 24]));
        let store = open(folder.path(), secret_key).await.unwrap();
        let mut snapshot = store.read().await.unwrap();
        assert_eq!(snapshot.head().await.unwrap(), head);
        let from_nothing = snapshot.standing(None, 0).await.unwrap().unwrap();
        let changes = snapshot.changes(&from_nothing, 10_000, 0).await.unwrap();
        let told: HashMap<ProfileId, Profile> = changes
            .into_iter()
            .filter_map(|change| match change.object {
                ChangedObject::Profile(mut profile) => {
                    sort_keys(&mut profile);
                    Some((profile.id, *profile))
                }
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), population.profiles);
        for number in 0..population.profiles {
            let mut profile = pages::profile(&population, number);
            sort_keys(&mut profile);
            assert_eq!(told.get(&profile.id), Some(&profile), "{number}");
        }
    }

    /// The order of keys means nothing.
    fn sort_keys(profile: &mut Profile) {
        if let portcullis_feed::AccessMethod::ApiKey { keys } = &mut profile.access {
            keys.sort_by(|a, b| a.id.cmp(&b.id));
        }
    }
}
