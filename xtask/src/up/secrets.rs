//! The tokens of the demo and the notes about its sample: files of the data directory that only their owner may read.

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use portcullis_feed::Digest;

use crate::workspace;

/// The tokens of the demo, and where its secrets are.
pub struct Secrets {
    /// What operators prove themselves with.
    pub operator: String,
    /// What the gateway proves itself with.
    pub gateway: String,
    /// What the control plane signs with what it tells the gateway.
    pub feed_seed: [u8; 32],
    /// Where the operator's token stands.
    pub operator_file: PathBuf,
    /// Where the notes about the sample stand.
    pub sample_file: PathBuf,
}

impl Secrets {
    /// The tokens in a directory; what is missing is made.
    pub fn in_directory(directory: &Path) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot make `{}`", directory.display()))?;
        let operator_file = directory.join("operator-token");
        Ok(Self {
            operator: kept(&operator_file)?,
            gateway: kept(&directory.join("gateway-token"))?,
            feed_seed: kept(&directory.join("feed-signing-key"))?
                .parse::<Digest>()
                .context("`feed-signing-key` is not 64 hexadecimal digits")?
                .0,
            operator_file,
            sample_file: directory.join("sample.json"),
        })
    }
}

/// Writes a file that only its owner may read.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let partial = path.with_extension("partial");
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// A path as seen from the root of the checkout, where the tasks are run.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(workspace::root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The token in a file, which is made with 256 random bits when it is not there.
fn kept(path: &Path) -> Result<String> {
    if let Ok(text) = std::fs::read_to_string(path) {
        return Ok(text.trim().to_owned());
    }
    let token = random()?;
    write(path, &token)?;
    Ok(token)
}

/// 256 random bits as text.
pub fn random() -> Result<String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("the system has no random bytes")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn tokens_are_kept_where_only_their_owner_reads_them() {
        let directory = tempfile::tempdir().unwrap();
        let first = Secrets::in_directory(directory.path()).unwrap();
        let second = Secrets::in_directory(directory.path()).unwrap();

        assert_eq!(
            (&first.operator, &first.gateway),
            (&second.operator, &second.gateway)
        );
        assert_ne!(first.operator, first.gateway);
        assert_eq!(first.operator.len(), 64);
        let mode = std::fs::metadata(&first.operator_file)
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
