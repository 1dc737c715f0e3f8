//! Files that are there whole, or as they were before.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::Failure;

/// Who may read a file, as far as the process lets anybody (`umask`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner.
    Owner,
    /// Other programs of the machine, too.
    Everybody,
}

/// Puts a new file in the place of an old one, if there is one, as soon as all is written.
pub(super) fn replace(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let draft = draft_of(path);
    let unwritable = || format!("cannot write `{}`", path.display());
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everybody => 0o644,
    };
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(mode);
    let file = options.open(&draft).with_context(unwritable)?;
    let mut file = BufWriter::new(file);
    let written = write(&mut file).and_then(|()| {
        let file = file.into_inner().map_err(io::IntoInnerError::into_error);
        file.and_then(|file: File| file.sync_all())
            .and_then(|()| fs::rename(&draft, path))
            .with_context(unwritable)?;
        Ok(())
    });
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Lets those who watch a file know that it is another one. Limitador takes no notice of a file that was put in the place of
/// another, only of one that is written to: its first byte is, with what stands there.
pub(super) fn announce(path: &Path) -> Result<(), Failure> {
    let unwritable = || format!("cannot write `{}`", path.display());
    let rewritten = || -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut first = [0];
        file.read_exact(&mut first)?;
        file.rewind()?;
        file.write_all(&first)
    };
    rewritten().with_context(unwritable)?;
    Ok(())
}

/// Beside the file, since only there it can take its place at once, and hidden: servers that read all files of a folder do
/// not read it.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}
