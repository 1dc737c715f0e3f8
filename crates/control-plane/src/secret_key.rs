//! The key under which the database keeps its secrets: from the environment, or from a file beside the database, which
//! the first start makes. While it is replaced by another, both are given.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use portcullis_feed::Digest;
use portcullis_store::SecretKey;

use crate::app::{Entropy, NoEntropy};

const FILE: &str = "secret.key";
/// How many keys there are at most.
const MOST_KEYS: usize = 4;
/// What a file may have at most, so that a mistaken path is not read to its end: the keys with their line breaks.
const LONGEST_FILE_BYTES: u64 = 300;

/// The keys that the environment or a file gives, each once. Its `Debug` form does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct ChosenSecretKey(Vec<[u8; 32]>);

/// A text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret key is 64 hexadecimal digits, and while it is replaced there are two, each once, with a comma or a line \
     break between them"
)]
pub struct InvalidSecretKey;

/// There is no key that can be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// The file cannot be read.
    #[error("cannot read the secret key in `{}`", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("cannot write a secret key to `{}`", path.display())]
    Unwritable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may read the file.
    #[error(
        "the secret key in `{}` can be read by others: `chmod 600` it, or replace it if they may have",
        path.display()
    )]
    ReadableByOthers {
        /// Which one.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error("the file `{}` holds no secret key", path.display())]
    Malformed {
        /// Which one.
        path: PathBuf,
        /// What it should hold.
        source: InvalidSecretKey,
    },
    /// A key cannot be made.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// A key, and the file that was made for it.
pub struct SettledKey {
    /// The key.
    pub key: SecretKey,
    new_file: Option<PathBuf>,
}

impl SettledKey {
    /// The key of the environment; else that of the file `secret.key` in the data folder; else a new one, which is
    /// written there, readable by its owner only.
    ///
    /// # Errors
    /// When the file cannot be used, or others can read it.
    pub fn settle(
        folder: &Path,
        chosen: Option<ChosenSecretKey>,
        entropy: &Entropy,
    ) -> Result<Self, SecretKeyError> {
        let (chosen, new_file) = match chosen {
            Some(chosen) => (chosen, None),
            None => from_file(&folder.join(FILE), entropy)?,
        };
        Ok(Self {
            key: chosen.key(entropy),
            new_file,
        })
    }

    /// Takes a new file back, because nothing was sealed with its key: the right file may then take its place.
    pub fn withdraw(&self) {
        if let Some(path) = &self.new_file {
            let _ = fs::remove_file(path);
        }
    }
}

impl ChosenSecretKey {
    /// The key of a file, which only its owner may read.
    ///
    /// # Errors
    /// When the file cannot be used, or others can read it.
    pub fn from_file(path: &Path) -> Result<Self, SecretKeyError> {
        read(path)?.ok_or_else(|| SecretKeyError::Unreadable {
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    /// The keys in their written form: for the one request that has to carry them.
    #[must_use]
    pub fn reveal(&self) -> String {
        let keys: Vec<_> = self.0.iter().map(|key| Digest(*key).to_string()).collect();
        keys.join(",")
    }
}

impl TryFrom<&str> for ChosenSecretKey {
    type Error = InvalidSecretKey;

    fn try_from(text: &str) -> Result<Self, InvalidSecretKey> {
        let mut keys = Vec::new();
        for key in text.split([',', '\n']) {
            let Digest(key) = key
                .trim()
                .to_ascii_lowercase()
                .parse()
                .map_err(|_| InvalidSecretKey)?;
            if keys.contains(&key) || keys.len() >= MOST_KEYS {
                return Err(InvalidSecretKey);
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }
}

impl ChosenSecretKey {
    /// The keys of the file `secret.key` in a folder, if there is one.
    ///
    /// # Errors
    /// When the file cannot be used, or others can read it.
    pub fn in_folder(folder: &Path) -> Result<Option<Self>, SecretKeyError> {
        read(&folder.join(FILE))
    }

    /// A new key, before these.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn preceded(&self, entropy: &Entropy) -> Result<Self, NoEntropy> {
        let new = entropy.bytes()?;
        Ok(Self(
            [new].into_iter().chain(self.0.iter().copied()).collect(),
        ))
    }

    /// The first of them alone.
    #[must_use]
    pub fn first(&self) -> Self {
        Self(self.0.iter().copied().take(1).collect())
    }

    /// Whether it is one alone.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.0.len() == 1
    }

    /// In the form that seals and opens.
    #[must_use]
    pub fn key(&self, entropy: &Entropy) -> SecretKey {
        let nonces = entropy.clone();
        let mut keys = self.0.iter();
        // There is one: no text without any is read.
        let first = keys.next().copied().unwrap_or_default();
        let first = SecretKey::new(&first, move || nonces.bytes().ok());
        keys.fold(first, SecretKey::and)
    }

    /// Writes them to the file `secret.key` in a folder, in the place of what it holds: whole or not at all.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn replace_in(&self, folder: &Path) -> Result<(), SecretKeyError> {
        let path = folder.join(FILE);
        let replaced = draft(&path, self).and_then(|draft| {
            fs::rename(&draft, &path)?;
            File::open(folder)?.sync_all()
        });
        replaced.map_err(|source| SecretKeyError::Unwritable { path, source })
    }
}

impl fmt::Display for ChosenSecretKey {
    /// As the file has them: a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &self.0 {
            writeln!(f, "{}", Digest(*key))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ChosenSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChosenSecretKey")
    }
}

/// The key of a file, and the file if it is a new one.
fn from_file(
    path: &Path,
    entropy: &Entropy,
) -> Result<(ChosenSecretKey, Option<PathBuf>), SecretKeyError> {
    let unwritable = |source| SecretKeyError::Unwritable {
        path: path.to_owned(),
        source,
    };
    if let Some(key) = read(path)? {
        return Ok((key, None));
    }
    let key = ChosenSecretKey(vec![entropy.bytes()?]);
    if write(path, &key).map_err(unwritable)? {
        return Ok((key, Some(path.to_owned())));
    }
    // Another process was faster. That it may not serve the same folder is for the database to say.
    match read(path)? {
        Some(key) => Ok((key, None)),
        None => Err(unwritable(io::ErrorKind::NotFound.into())),
    }
}

fn read(path: &Path) -> Result<Option<ChosenSecretKey>, SecretKeyError> {
    let unreadable = |source| SecretKeyError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        opened => opened.map_err(unreadable)?,
    };
    // Of the open file, not of the path: that may lead elsewhere meanwhile.
    if file.metadata().map_err(unreadable)?.mode() & 0o077 != 0 {
        return Err(SecretKeyError::ReadableByOthers {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let text = String::from_utf8_lossy(&bytes);
    ChosenSecretKey::try_from(text.trim_end())
        .map(Some)
        .map_err(|source| SecretKeyError::Malformed {
            path: path.to_owned(),
            source,
        })
}

/// Writes a new file, whole or not at all; tells whether it did, because another one was there first.
fn write(path: &Path, key: &ChosenSecretKey) -> io::Result<bool> {
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let draft = draft(path, key)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    }
}

/// Writes a file that is not yet called what it will be.
fn draft(path: &Path, key: &ChosenSecretKey) -> io::Result<PathBuf> {
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    write!(file, "{key}")?;
    file.sync_all()?;
    Ok(draft)
}
