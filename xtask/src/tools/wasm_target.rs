//! A compiler for `wasm32-wasip1`: rustup's, else Debian's, which builds the standard library itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::apt;
use crate::{process, workspace};

/// What Envoy runs: WebAssembly with WASI preview 1.
pub const TARGET: &str = "wasm32-wasip1";

/// Chooses the toolchain instead of trying rustup first: `rustup` or `debian`.
const CHOICE: &str = "PORTCULLIS_WASM_TOOLCHAIN";

const DEBIAN_COMPILER: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_WASI_LIBRARIES: &str = "/usr/lib/wasm32-wasi";

/// A compiler for `wasm32-wasip1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WasmToolchain {
    /// The toolchain in use, with the target added by rustup.
    Rustup,
    /// Debian's compiler, and its linker for WebAssembly.
    Debian {
        /// Such as `/usr/bin/wasm-ld-19`.
        linker: PathBuf,
    },
}

/// Finds a compiler for `wasm32-wasip1`, or installs one.
///
/// # Errors
/// When neither rustup nor apt can bring one.
pub fn wasm_toolchain() -> Result<WasmToolchain> {
    match std::env::var(CHOICE).as_deref() {
        Ok("rustup") if add_rustup_target() => Ok(WasmToolchain::Rustup),
        Ok("rustup") => bail!("rustup cannot add the target `{TARGET}`"),
        Ok("debian") => debian(),
        Ok(other) => bail!("`{CHOICE}` is `rustup` or `debian`, not `{other}`"),
        Err(_) if add_rustup_target() => Ok(WasmToolchain::Rustup),
        Err(_) => debian(),
    }
}

impl fmt::Display for WasmToolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rustup => write!(f, "rustup's target {TARGET}"),
            Self::Debian { linker } => write!(f, "{DEBIAN_COMPILER} with {}", linker.display()),
        }
    }
}

impl WasmToolchain {
    /// A cargo command that builds for the target into a directory of this toolchain's own below `target`,
    /// and where that puts the modules of a profile.
    #[must_use]
    pub fn build(&self, target: &Path, profile: &str) -> (Command, PathBuf) {
        let (mut command, directory) = match self {
            Self::Rustup => (workspace::cargo(), target.to_owned()),
            Self::Debian { linker } => (debian_cargo(linker), target.join("debian")),
        };
        let modules = directory.join(TARGET).join(profile);
        command.arg("build");
        if matches!(self, Self::Debian { .. }) {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
            .args(["--target", TARGET, "--profile", profile, "--target-dir"])
            .arg(directory);
        (command, modules)
    }
}

/// Debian's cargo and compiler, shielded from the toolchain that runs this task.
fn debian_cargo(linker: &Path) -> Command {
    let mut command = Command::new(DEBIAN_CARGO);
    command
        .current_dir(workspace::root())
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("CARGO")
        .env_remove("RUSTDOC")
        .env("RUSTC", DEBIAN_COMPILER)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_WASIP1_LINKER", linker)
        .env(
            "RUSTFLAGS",
            format!("-L native={DEBIAN_WASI_LIBRARIES} -C link-self-contained=no"),
        );
    command
}

fn add_rustup_target() -> bool {
    let installed = process::probe(
        Command::new("rustup")
            .args(["target", "list", "--installed"])
            .current_dir(workspace::root()),
    );
    let Some(installed) = installed else {
        return false;
    };
    installed.lines().any(|target| target == TARGET)
        || process::announce(
            "adding the Wasm target",
            Command::new("rustup")
                .args(["target", "add", TARGET])
                .current_dir(workspace::root()),
        )
        .is_ok()
}

fn debian() -> Result<WasmToolchain> {
    if let Some(found) = installed_debian() {
        return Ok(found);
    }
    let linker = apt::newest_numbered("lld-")?.context("no package `lld-NN` is to be had")?;
    apt::install(
        "Debian's compiler for WebAssembly",
        &[
            "rustc-web",
            "cargo-web",
            "rust-web-src",
            "wasi-libc",
            &linker,
        ],
    )?;
    installed_debian().context("Debian's packages brought no complete compiler for WebAssembly")
}

fn installed_debian() -> Option<WasmToolchain> {
    let source = process::probe(Command::new(DEBIAN_COMPILER).args(["--print", "sysroot"])).map(
        |sysroot| Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml"),
    )?;
    let is_complete = source.is_file()
        && Path::new(DEBIAN_CARGO).is_file()
        && Path::new(DEBIAN_WASI_LIBRARIES).is_dir();
    if !is_complete {
        return None;
    }
    linkers()
        .into_iter()
        .max()
        .map(|(_, linker)| WasmToolchain::Debian { linker })
}

/// The installed linkers, by the number of their LLVM.
fn linkers() -> Vec<(u32, PathBuf)> {
    let programs = std::fs::read_dir("/usr/bin")
        .into_iter()
        .flatten()
        .flatten();
    programs
        .filter_map(|program| {
            let name = program.file_name();
            let number = name.to_str()?.strip_prefix("wasm-ld-")?.parse().ok()?;
            Some((number, program.path()))
        })
        .collect()
}
