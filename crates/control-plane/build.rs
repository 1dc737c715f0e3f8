//! Tells the program which commit it is built from: `PORTCULLIS_COMMIT`, or what Git says. Development builds do not ask
//! Git, since they would have to be built again after each commit.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=PORTCULLIS_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let chosen = std::env::var("PORTCULLIS_COMMIT").ok();
    let commit = chosen
        .filter(|commit| !commit.is_empty())
        .or_else(|| is_release.then(of_git).flatten())
        .unwrap_or_default();
    let number = env!("CARGO_PKG_VERSION");
    let version = match commit.as_str() {
        "" => number.to_owned(),
        commit => format!("{number} ({commit})"),
    };
    println!("cargo::rustc-env=PORTCULLIS_COMMIT={commit}");
    println!("cargo::rustc-env=PORTCULLIS_VERSION={version}");
}

fn of_git() -> Option<String> {
    // Grows with every commit, and whenever another one is checked out.
    let log = git(&[
        "rev-parse",
        "--path-format=absolute",
        "--git-path",
        "logs/HEAD",
    ])?;
    println!("cargo::rerun-if-changed={log}");
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let printed = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(printed.stdout).ok()?;
    let text = text.trim();
    (printed.status.success() && !text.is_empty()).then(|| text.to_owned())
}
