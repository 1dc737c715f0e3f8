//! Databases with made-up records. Making a large one takes minutes, so it is kept, by the digest of all that it depends
//! on; what is used is a copy.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use ring::digest::{Context, SHA256};
use serde_json::json;
use tempfile::TempDir;

use super::scale::{Records, Scale};
use crate::stage::{ControlPlane, Tokens};
use crate::{process, workspace};

/// What the records and their form in the database depend on.
const SOURCES: [&str; 5] = [
    "crates/feed/src",
    "crates/store/migrations",
    "crates/store/src",
    "xtask/scale/src/database.rs",
    "xtask/scale/src/population",
];
const FURTHER_SOURCES: [&str; 2] = ["xtask/scale/src/chance.rs", "xtask/scale/src/population.rs"];

/// A database that nobody uses.
pub struct Populated {
    folder: PathBuf,
    /// Whose records it holds.
    pub records: Records,
}

/// A copy of a database, which goes its own way: none continues what another has told.
pub struct Copy {
    folder: TempDir,
}

/// A control plane on a copy of its own.
pub struct Serving {
    /// It.
    pub control_plane: ControlPlane,
    _copy: Copy,
}

impl Populated {
    /// Finds it, or makes it.
    pub fn of(scale: &Scale, records: Records) -> Result<Self> {
        let Records(profiles) = records;
        let kept = workspace::target_directory()?.join("bench");
        let folder = kept.join(format!("population-{profiles}-{}", key()?));
        if !folder.exists() {
            eprintln!("==> writing {profiles} profiles to `{}`", folder.display());
            fs::create_dir_all(&kept)?;
            remove_outdated(&kept, &format!("population-{profiles}-"))?;
            // Whole or not at all: what is interrupted goes with its guard.
            let draft = TempDir::with_prefix_in("population-", &kept)?;
            let inside = draft.path().join("data");
            scale.perform(&json!({"fill": {"folder": inside, "records": records.json()}}))?;
            fs::rename(inside, &folder)?;
        }
        Ok(Self { folder, records })
    }

    /// A copy for one control plane.
    pub fn copy(&self) -> Result<Copy> {
        let kept = self.folder.parent().context("a folder without a parent")?;
        let copy = Copy {
            folder: TempDir::with_prefix_in("serving-", kept)?,
        };
        process::run(
            Command::new("cp")
                .args(["--recursive", "--reflink=auto"])
                .arg(&self.folder)
                .arg(copy.data()),
        )?;
        Ok(copy)
    }

    /// Starts a control plane on a copy.
    pub fn serve(&self, binary: &Path) -> Result<Serving> {
        self.serve_after(binary, |_| Ok(()))
    }

    /// Starts a control plane on a copy in whose folder something was done before.
    pub fn serve_after(
        &self,
        binary: &Path,
        prepare: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Serving> {
        let copy = self.copy()?;
        prepare(&copy.data())?;
        Serving::start(binary, copy, ([127, 0, 0, 1], 0).into())
    }
}

impl Copy {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Serving {
    fn start(binary: &Path, copy: Copy, listen: SocketAddr) -> Result<Self> {
        let control_plane =
            ControlPlane::start_on(binary, Tokens::for_tests(), &copy.data(), listen)?;
        Ok(Self {
            control_plane,
            _copy: copy,
        })
    }

    /// Has the control plane run only where nobody else wants to: on a machine of its own it would take nothing from
    /// Envoy.
    pub fn give_way(&self) -> Result<()> {
        let pid = self.control_plane.pid()?.to_string();
        process::run(Command::new("chrt").args(["--idle", "--all-tasks", "--pid", "0", &pid]))
    }

    /// Puts a control plane on another copy in the place of this one.
    pub fn replace(&mut self, binary: &Path, copy: Copy) -> Result<()> {
        let address = self.control_plane.address();
        self.control_plane.stop();
        let other = Self::start(binary, copy, address)?;
        // The first copy goes when nobody uses it any more.
        drop(std::mem::replace(self, other));
        Ok(())
    }
}

/// Nobody asks any more for what was made from other sources.
fn remove_outdated(kept: &Path, begin: &str) -> Result<()> {
    for entry in fs::read_dir(kept)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(begin) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The digest of all sources, in their order of names.
fn key() -> Result<String> {
    let mut context = Context::new(&SHA256);
    for source in SOURCES.iter().chain(&FURTHER_SOURCES) {
        add(&mut context, &workspace::root().join(source))?;
    }
    let digest = context.finish();
    Ok(digest
        .as_ref()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn add(context: &mut Context, path: &Path) -> Result<()> {
    if !path.is_dir() {
        let text = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        context.update(&text);
        return Ok(());
    }
    let mut inside: Vec<PathBuf> = fs::read_dir(path)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    inside.sort();
    inside.iter().try_for_each(|path| add(context, path))
}
