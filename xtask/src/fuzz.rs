//! `cargo xtask fuzz`: tries the targets of `fuzz/` with inputs that libFuzzer makes up, on the toolchain that is there.

mod build;
mod figures;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{process, workspace};
use figures::Figures;

/// What there is to try.
pub const TARGETS: [&str; 5] = ["request", "token", "path", "address", "page"];

/// Where the targets are built, in the build directory.
const BUILD: &str = "fuzz/build";
/// The longest input, in bytes: what can be said at all can be said in less.
const LONGEST_INPUT: usize = 4096;
/// After how many seconds one input counts as endless.
const LONGEST_RUN_S: u32 = 10;

/// Tries one target, or all, each for so many seconds, beginning with what was found before. What is found on the way
/// stays below `fuzz/` in the build directory, and in the repository only what is put into `fuzz/seeds`.
///
/// # Errors
/// When the targets cannot be built, or one of them finds something: where its input is.
pub fn fuzz(only: Option<&str>, seconds: u32) -> Result<()> {
    let targets: Vec<&str> = TARGETS
        .into_iter()
        .filter(|target| only.is_none_or(|only| only == *target))
        .collect();
    if targets.is_empty() {
        bail!("there is no such target: there are {}", TARGETS.join(", "));
    }
    let programs = build::targets()?;
    // Each keeps one processor busy.
    let at_once = thread::available_parallelism()?.get();
    for some in targets.chunks(at_once) {
        thread::scope(|threads| {
            let started: Vec<_> = some
                .iter()
                .map(|target| (target, threads.spawn(|| run(&programs, target, seconds))))
                .collect();
            for (target, running) in started {
                let figures = running.join().map_err(|_| anyhow!("{target} fell"))??;
                println!("{target}: {figures}");
            }
            anyhow::Ok(())
        })?;
    }
    Ok(())
}

/// Runs the tests of what the targets share, as they are built for fuzzing.
///
/// # Errors
/// When they cannot be built, or one fails.
pub fn test() -> Result<()> {
    process::announce(
        "testing what the fuzz targets share",
        &mut build::cargo(&["test", "--lib"])?,
    )
}

/// Lints the targets, as they are built for fuzzing: so macros and build scripts are built once for both.
///
/// # Errors
/// When they cannot be checked, or something is found.
pub fn lints() -> Result<()> {
    let lints = ["clippy", "--all-targets"];
    process::run(build::cargo(&lints)?.args(["--", "--deny", "warnings"]))
}

/// Cargo in the workspace of the targets, with a build directory below that of the product.
///
/// # Errors
/// When cargo cannot say where that is.
pub fn cargo() -> Result<Command> {
    let mut cargo = workspace::cargo();
    cargo.current_dir(workspace::root().join("fuzz")).env(
        "CARGO_TARGET_DIR",
        workspace::target_directory()?.join(BUILD),
    );
    Ok(cargo)
}

fn run(programs: &Path, target: &str, seconds: u32) -> Result<Figures> {
    let ours = workspace::root().join("fuzz");
    let found = workspace::target_directory()?.join("fuzz");
    let corpus = made(found.join("corpus").join(target))?;
    let findings = made(found.join("findings").join(target))?;
    let seeds = ours.join("seeds").join(target);
    if !seeds.is_dir() {
        bail!("`{}` is missing", seeds.display());
    }
    let log = found.join(format!("{target}.log"));
    eprintln!("==> fuzzing {target} for {seconds} s");
    let status = Command::new(programs.join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST_INPUT}"))
        .arg(format!("-timeout={LONGEST_RUN_S}"))
        .arg(format!(
            "-dict={}",
            ours.join("dictionaries")
                .join(target)
                .with_extension("txt")
                .display()
        ))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .arg("-print_final_stats=1")
        .args([&corpus, &seeds])
        .current_dir(&found)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log)?)
        .status()
        .with_context(|| format!("cannot start `{target}`"))?;
    let printed = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    if !status.success() {
        bail!(
            "{target} found something ({status}): {}\nthe input is in `{}`, the whole log in `{}`",
            figures::finding(&printed),
            findings.display(),
            log.display()
        );
    }
    Figures::read(&printed, Duration::from_secs(seconds.into()))
        .with_context(|| format!("`{}` says nothing of what was done", log.display()))
}

fn made(directory: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make `{}`", directory.display()))?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_a_dictionary_and_a_program() {
        let fuzz = workspace::root().join("fuzz");
        let names = |folder: &str, ending: &str| {
            let mut names: Vec<String> = std::fs::read_dir(fuzz.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .map(|name| name.strip_suffix(ending).unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        let mut targets = TARGETS.map(str::to_owned);
        targets.sort();
        assert_eq!(names("seeds", ""), targets);
        assert_eq!(names("dictionaries", ".txt"), targets);
        assert_eq!(names("src/bin", ".rs"), targets);
    }
}
