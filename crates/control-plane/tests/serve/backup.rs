//! `backup` beside a control plane that runs, `restore` while none does, and `rotate-secret-key`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{
    Failure, GATEWAY_TOKEN, OPERATOR_TOKEN, Process, command_with_tokens, fail, start, status,
};
use crate::starting::says_one_sentence;

const OTHER_KEY: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// A subcommand on a folder, without anything from the environment of the tests.
fn task(words: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .env_clear()
        .args(words)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it, and reads the JSON that it prints.
fn done(mut command: Command) -> Value {
    command.args(["--output", "json"]);
    let Failure {
        code,
        stdout,
        stderr,
    } = fail(command);
    assert_eq!(code, Some(0), "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn creates_client(process: &Process, name: &str) -> u16 {
    let body = format!(r#"{{"name": "{name}"}}"#);
    status(&process.posts_text(OPERATOR_TOKEN, "/api/v1/clients", &body))
}

fn clients(process: &Process) -> usize {
    let answer = process.answer(OPERATOR_TOKEN, "/api/v1/clients");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    body["items"].as_array().unwrap().len()
}

/// Where a gateway is that has seen everything, as the path of its next question.
fn place(process: &Process) -> String {
    let answer = process.answer(GATEWAY_TOKEN, "/feed/v1/changes");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let page: Value = serde_json::from_str(body).unwrap();
    let epoch = page["epoch"].as_str().unwrap();
    format!("/feed/v1/changes?epoch={epoch}&after={}", page["revision"])
}

fn creates_collection(process: &Process, name: &str) {
    let body = format!(
        r#"{{"name": "{name}", "version": "v1", "endpoints": [{{"method": "GET", "path": "/{name}"}}]}}"#
    );
    let answer = process.posts_text(OPERATOR_TOKEN, "/api/v1/collections", &body);
    assert_eq!(status(&answer), 201, "{answer}");
}

#[test]
fn a_backup_is_made_while_it_runs_and_gateways_notice_that_it_was_restored() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("portcullis.backup");
    let process = start(command_with_tokens(data.path()), 0);
    creates_collection(&process, "orders");
    assert_eq!(creates_client(&process, "acme"), 201);
    let before = place(&process);

    let backup = ["backup", file.to_str().unwrap()];
    let written = done(task(&backup, data.path()));
    assert_eq!(written["revision"], 1);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(written["secret_key"].as_str().unwrap().len(), 8);
    let again = fail(task(&backup, data.path()));
    says_one_sentence(&again, &["portcullis.backup", "not overwritten"]);

    creates_collection(&process, "lost");
    assert_eq!(creates_client(&process, "lost"), 201);
    let beyond = place(&process);
    let restore = ["restore", file.to_str().unwrap()];
    let forced = ["restore", file.to_str().unwrap(), "--force"];
    let refused = fail(task(&forced, data.path()));
    says_one_sentence(&refused, &["in use by another process"]);
    process.stopped();
    let refused = fail(task(&restore, data.path()));
    says_one_sentence(&refused, &["there is a database", "--force"]);

    let restored = done(task(&forced, data.path()));
    let aside = restored["set_aside"].as_str().unwrap();
    assert!(Path::new(aside).exists(), "{restored}");
    let process = start(command_with_tokens(data.path()), 0);
    assert_eq!(clients(&process), 1);
    assert_eq!(process.status(GATEWAY_TOKEN, &before), 200);
    assert_eq!(process.status(GATEWAY_TOKEN, &beyond), 410);
    // Though there are as many revisions again.
    creates_collection(&process, "stock");
    assert_eq!(process.status(GATEWAY_TOKEN, &beyond), 410);
}

#[test]
fn a_backup_is_restored_elsewhere_with_its_secret_key_only() {
    let data = TempDir::new().unwrap();
    let process = start(command_with_tokens(data.path()), 0);
    assert_eq!(creates_client(&process, "acme"), 201);
    process.stopped();
    let elsewhere = TempDir::new().unwrap();
    let file = elsewhere.path().join("backup");
    let written = done(task(&["backup", file.to_str().unwrap()], data.path()));
    let id = written["secret_key"].as_str().unwrap();

    let new = elsewhere.path().join("new");
    let restore = || task(&["restore", file.to_str().unwrap()], &new);
    says_one_sentence(
        &fail(restore()),
        &[id, "PORTCULLIS_SECRET_KEY", "secret.key"],
    );
    let mut other = restore();
    other.env("PORTCULLIS_SECRET_KEY", OTHER_KEY);
    says_one_sentence(&fail(other), &["secret key is not the one", "backup"]);
    assert!(!new.exists());

    fs::create_dir(&new).unwrap();
    fs::copy(data.path().join("secret.key"), new.join("secret.key")).unwrap();
    let restored = done(restore());
    assert_eq!(restored["set_aside"], Value::Null);
    let process = start(command_with_tokens(&new), 0);
    assert_eq!(clients(&process), 1);
}

#[test]
fn what_is_no_backup_is_refused_and_nothing_is_backed_up_where_nothing_is() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("text");
    fs::write(&file, "no database at all. ".repeat(500)).unwrap();
    let mut restore = task(&["restore", file.to_str().unwrap()], data.path());
    restore.env("PORTCULLIS_SECRET_KEY", OTHER_KEY);
    says_one_sentence(&fail(restore), &["text", "no backup"]);
    let new = data.path().join("new");
    let backup = task(&["backup", new.to_str().unwrap()], data.path());
    says_one_sentence(&fail(backup), &["no database"]);
    for words in [["backup", "x"], ["restore", "x"]] {
        let mut command = task(&words, data.path());
        command.env(
            "PORTCULLIS_DATABASE_URL",
            "postgres://nobody@127.0.0.1:1/none",
        );
        says_one_sentence(&fail(command), &["pg_dump", "pg_restore"]);
    }
    assert!(!data.path().join("portcullis.db").exists());
}

#[test]
fn a_rotated_key_stands_alone_in_its_file_and_opens_what_the_old_one_sealed() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("secret.key");
    let rotate = || task(&["rotate-secret-key"], data.path());
    let process = start(command_with_tokens(data.path()), 0);
    let (old, signed) = (fs::read_to_string(&file).unwrap(), place(&process));
    says_one_sentence(&fail(rotate()), &["in use by another process"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), old);
    let (_, _, log) = process.stopped();

    let rotated = done(rotate());
    assert_eq!(rotated["secrets"], 1, "the feed key");
    let new = fs::read_to_string(&file).unwrap();
    assert_ne!(new, old);
    assert_eq!(new.trim_end().len(), 64);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let process = start(command_with_tokens(data.path()), 0);
    assert_eq!(process.status(GATEWAY_TOKEN, &signed), 200);
    let (_, _, again) = process.stopped();
    let public = |log: &str| log.split("public_key=").nth(1).unwrap()[..43].to_owned();
    assert_eq!(public(&again), public(&log));
    fs::write(&file, old).unwrap();
    let refused = {
        let mut command = command_with_tokens(data.path());
        command.env("PORTCULLIS_LOG", "off");
        fail(command)
    };
    says_one_sentence(&refused, &["secret key is not the one"]);
}

#[test]
fn keys_of_the_environment_are_rotated_when_both_are_given() {
    let data = TempDir::new().unwrap();
    let key = OTHER_KEY.replace('f', "0");
    let served = |keys: &str| {
        let mut command = command_with_tokens(data.path());
        command.env("PORTCULLIS_SECRET_KEY", keys);
        command
    };
    let rotate = |keys: &str| {
        let mut command = task(&["rotate-secret-key"], data.path());
        command.env("PORTCULLIS_SECRET_KEY", keys);
        command
    };
    start(served(&key), 0).stopped();
    says_one_sentence(&fail(rotate(&key)), &["PORTCULLIS_SECRET_KEY=NEW,OLD"]);

    let both = format!("{OTHER_KEY},{key}");
    // Before the rotation and after it.
    start(served(&both), 0).stopped();
    start(served(&key), 0).stopped();
    assert_eq!(done(rotate(&both))["secrets"], 1);
    let again = done(rotate(&both));
    assert_eq!(
        (&again["secrets"], &again["from"]),
        (&Value::from(0), &again["to"])
    );
    start(served(&both), 0).stopped();
    start(served(OTHER_KEY), 0).stopped();
    let mut late = served(&key);
    late.env("PORTCULLIS_LOG", "off");
    says_one_sentence(&fail(late), &["secret key is not the one"]);
    assert!(!data.path().join("secret.key").exists());
}
