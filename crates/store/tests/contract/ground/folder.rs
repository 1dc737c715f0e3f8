//! SQLite: a folder for each store.

use std::fs;
use std::path::Path;

use portcullis_store::Location;
use tempfile::TempDir;

/// How many lives the model lives through, and how many steps each has.
pub const LIVES: u64 = 16;
pub const STEPS: u64 = 150;

/// Files of a database that is not open, or whatever a copy of it left.
const FILES: [&str; 3] = ["portcullis.db", "portcullis.db-wal", "portcullis.db-shm"];

/// Where a store is.
pub struct Ground(TempDir);

impl Ground {
    pub async fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn location(&self) -> Location {
        Location::Folder(self.path().to_owned())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A copy as it is now, though the store may be open: nobody writes meanwhile.
    pub async fn copied(&self) -> Self {
        let copy = Self::new().await;
        copy.put_back(self).await;
        copy
    }

    /// Puts a copy in its place. The store is not open.
    pub async fn put_back(&self, copy: &Self) {
        for file in FILES {
            let _ = fs::remove_file(self.path().join(file));
            if copy.path().join(file).exists() {
                fs::copy(copy.path().join(file), self.path().join(file)).unwrap();
            }
        }
    }
}
