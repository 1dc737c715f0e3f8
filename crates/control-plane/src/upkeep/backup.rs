//! Copies of the records: made beside a control plane that runs, and put in place while none does.

use std::fmt;
use std::path::{Path, PathBuf};

use portcullis_store::Backup;
use serde::Serialize;

use super::{Place, UpkeepError};
use crate::app::World;
use crate::app::time::Moment;

/// A backup that was written.
#[derive(Debug, Serialize)]
pub struct Written {
    /// Where.
    pub file: PathBuf,
    /// The newest revision in it.
    pub revision: u64,
    /// How long it is.
    pub bytes: u64,
    /// The public id of the key without which it cannot be used.
    pub secret_key: String,
}

/// A backup that was restored.
#[derive(Debug, Serialize)]
pub struct PutBack {
    /// From where.
    pub file: PathBuf,
    /// The newest revision in it.
    pub revision: u64,
    /// Where the database is that was there before.
    pub set_aside: Option<PathBuf>,
}

/// Copies the records as they are at one moment into a new file.
///
/// # Errors
/// When there are none, the file is there already, or it cannot be written.
pub async fn back_up(place: &Place, file: &Path) -> Result<Written, UpkeepError> {
    if place.database.is_some() {
        return Err(UpkeepError::Postgres);
    }
    let backup = Backup::write(&place.data, file).await?;
    Ok(Written {
        file: file.to_owned(),
        revision: backup.revision,
        bytes: backup.bytes,
        secret_key: backup.secret_key,
    })
}

/// Puts a backup in the place of the records. Records that are there are set aside by force only.
///
/// # Errors
/// When the file is no backup, its secret key is missing, a control plane runs, or there are records and no force: then
/// nothing is changed.
pub async fn restore(
    place: &Place,
    file: &Path,
    by_force: bool,
    world: &World,
) -> Result<PutBack, UpkeepError> {
    if place.database.is_some() {
        return Err(UpkeepError::Postgres);
    }
    let Some(keys) = place.keys()? else {
        let backup = Backup::read(file).await?;
        return Err(UpkeepError::NoSecretKey {
            id: backup.secret_key,
            folder: place.data.clone(),
        });
    };
    let keys = keys.key(&world.entropy);
    let now = Moment::from_ms(world.clock.now_ms()).to_string();
    let label = now.replace([':', '.'], "-");
    let force = by_force.then_some(label.as_str());
    let restored = Backup::restore(file, &place.data, &keys, force).await?;
    Ok(PutBack {
        file: file.to_owned(),
        revision: restored.backup.revision,
        set_aside: restored.set_aside,
    })
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, revision, bytes) = (self.file.display(), self.revision, self.bytes);
        writeln!(f, "wrote `{file}`: revision {revision}, {bytes} bytes")?;
        write!(
            f,
            "it needs the secret key {}, which is not in it: keep that elsewhere",
            self.secret_key
        )
    }
}

impl fmt::Display for PutBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, revision) = (self.file.display(), self.revision);
        write!(f, "restored `{file}`: revision {revision}")?;
        if let Some(aside) = &self.set_aside {
            let aside = aside.display();
            write!(f, "\nthe database that was there before is `{aside}` now")?;
        }
        Ok(())
    }
}
