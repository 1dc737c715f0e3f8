//! The key under which secrets are stored: where it comes from, and when it is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Process, command_with_tokens, fail, start};
use crate::starting::says_one_sentence;

const VARIABLE: &str = "PORTCULLIS_SECRET_KEY";
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn quiet(data: &Path) -> Command {
    let mut command = command_with_tokens(data);
    command.env("PORTCULLIS_LOG", "off");
    command
}

fn with_key(data: &Path, key: &str) -> Command {
    let mut command = quiet(data);
    command.env(VARIABLE, key);
    command
}

fn stop(process: Process) {
    let (status, _, _) = process.stopped();
    assert!(status.success());
}

#[test]
fn the_first_start_makes_a_key_that_only_its_owner_reads_and_the_next_uses_it() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("secret.key");
    let (_, printed, log) = start(command_with_tokens(data.path()), 0).stopped();
    let key = fs::read_to_string(&file).unwrap();
    assert_eq!(key.trim_end().len(), 64);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    for told in [&log, &printed] {
        assert!(!told.contains(key.trim_end()), "{told}");
    }

    stop(start(quiet(data.path()), 0));
    assert_eq!(fs::read_to_string(&file).unwrap(), key);
    let left: Vec<_> = fs::read_dir(data.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".new"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_key_of_the_environment_leaves_no_file() {
    let data = TempDir::new().unwrap();
    stop(start(with_key(data.path(), KEY), 0));
    assert!(!data.path().join("secret.key").exists());
    stop(start(with_key(data.path(), &KEY.to_uppercase()), 0));
}

#[test]
fn a_key_that_does_not_fit_the_database_is_refused_and_changes_nothing() {
    let data = TempDir::new().unwrap();
    stop(start(with_key(data.path(), KEY), 0));

    let other = KEY.replace('0', "1");
    let said = ["secret key is not the one", "portcullis.db"];
    says_one_sentence(&fail(with_key(data.path(), &other)), &said);
    // Without any key a new one would be made: it would not fit either, and stand in the way of the right one.
    says_one_sentence(&fail(quiet(data.path())), &said);
    assert!(!data.path().join("secret.key").exists());
    stop(start(with_key(data.path(), KEY), 0));
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("secret.key");
    stop(start(quiet(data.path()), 0));
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let failure = fail(quiet(data.path()));
        says_one_sentence(&failure, &["secret.key", "read by others", "chmod 600"]);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    stop(start(quiet(data.path()), 0));
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    let data = TempDir::new().unwrap();
    for key in [
        "canary",
        &KEY[1..],
        &format!("{KEY}0"),
        &KEY.replace('0', "g"),
    ] {
        let failure = fail(with_key(data.path(), key));
        says_one_sentence(&failure, &[VARIABLE, "64 hexadecimal digits"]);
        assert!(!failure.stderr.contains(key), "{}", failure.stderr);
    }
    let file = data.path().join("secret.key");
    for text in ["", "canary", &format!("{KEY}\n{KEY}\n")] {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let failure = fail(quiet(data.path()));
        says_one_sentence(&failure, &["secret.key", "64 hexadecimal digits"]);
        assert!(!failure.stderr.contains("canary"), "{}", failure.stderr);
    }
}
