//! Where the records of these tests stand: in a folder, or in a database of their own on a PostgreSQL server.
//!
//! `cargo xtask test` runs all of these tests on both.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_store::Location;
use tempfile::TempDir;

/// Names the kind: SQLite, unless it is `postgres`.
const DATABASE: &str = "PORTCULLIS_TEST_DATABASE";
/// Names the server: a URL without a database, for who may make some.
const SERVER: &str = "PORTCULLIS_TEST_POSTGRES";
/// Names the directory of the server's programs.
const PROGRAMS: &str = "PORTCULLIS_TEST_POSTGRES_PROGRAMS";

static NEXT: AtomicU64 = AtomicU64::new(1);

pub enum Ground {
    Folder(TempDir),
    /// The URL of a database.
    Postgres(String),
}

impl Ground {
    /// New and empty.
    pub fn new() -> Self {
        match std::env::var(DATABASE).as_deref() {
            Err(_) | Ok("sqlite") => Self::Folder(tempfile::tempdir().unwrap()),
            Ok("postgres") => {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let name = format!("router_{}_{number}", std::process::id());
                let server = std::env::var(SERVER).unwrap();
                let maintenance = format!("--maintenance-db={server}/postgres");
                run("createdb", &[&maintenance, &name]);
                Self::Postgres(format!("{server}/{name}"))
            }
            Ok(other) => panic!("`{DATABASE}` is `{other}`: say `sqlite` or `postgres`"),
        }
    }

    pub fn location(&self) -> Location {
        match self {
            Self::Folder(folder) => Location::Folder(folder.path().to_owned()),
            Self::Postgres(url) => Location::Postgres(url.parse().unwrap()),
        }
    }

    /// Whether the database is a server with a clock of its own. To make one takes longer, too.
    pub const fn has_a_clock(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Every byte that is kept: files as they are, a database as its server writes it out, in both spellings of bytes.
    pub fn kept(&self) -> Vec<u8> {
        match self {
            Self::Folder(folder) => {
                let files = std::fs::read_dir(folder.path()).unwrap();
                files
                    .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
                    .collect()
            }
            Self::Postgres(url) => {
                let dump = run("pg_dump", &["--data-only", url]);
                let text = String::from_utf8(dump).unwrap();
                let mut kept = text.clone().into_bytes();
                // Bytes are written as `\\x` with hexadecimal digits.
                for digits in text.split("\\x").skip(1) {
                    kept.extend(bytes_of(digits));
                }
                kept
            }
        }
    }
}

/// The bytes that a text begins with in hexadecimal digits.
fn bytes_of(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs
        .map_while(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let program = PathBuf::from(std::env::var_os(PROGRAMS).unwrap()).join(program);
    let done = Command::new(&program).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{}: {told}", program.display());
    done.stdout
}
