//! Settings from a file, the environment and flags, as the process takes them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::process::{GATEWAY_TOKEN, OPERATOR_TOKEN, command, fail, start};
use crate::starting::says_one_sentence;

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// `portcullis serve` with a file of settings and nothing else.
fn with_file(path: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .env_clear()
        .args(["serve", "--config"])
        .arg(path)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    command
}

#[test]
fn a_file_is_enough_to_start() {
    let folder = TempDir::new().unwrap();
    let token = file(
        folder.path(),
        "gateway-token",
        &format!("{GATEWAY_TOKEN}\n"),
    );
    let settings = format!(
        "# All that it needs.\nlisten = '127.0.0.1:0'\ndata = '{}'\nlog = 'debug'\nlog_format = 'json'\n\
         keep_removals_days = 30\nkey_set_networks = ['10.0.0.0/8', 'fd00::/8']\n\
         operator_token = '{OPERATOR_TOKEN}'\ngateway_token_file = '{}'\n",
        folder.path().join("data").display(),
        token.display(),
    );
    let settings = file(folder.path(), "portcullis.toml", &settings);
    let process = start(with_file(&settings), 0);
    assert_eq!(process.status(OPERATOR_TOKEN, "/api/v1/clients"), 200);
    assert_eq!(process.status(GATEWAY_TOKEN, "/feed/v1/changes"), 200);
    let (_, printed, log) = process.stopped();
    assert!(!printed.contains(OPERATOR_TOKEN) && !printed.contains("operator token"));
    assert!(log.starts_with('{'), "{log}");
    assert!(folder.path().join("data/portcullis.db").exists());
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = TempDir::new().unwrap();
    let settings = file(
        folder.path(),
        "portcullis.toml",
        "key_environment = 'Of_The_File'\nlisten = '127.0.0.1:0'\n",
    );
    let fails_over = |command: Command, culprit: &str| {
        says_one_sentence(&fail(command), &[culprit]);
    };
    let command = || {
        let mut command = with_file(&settings);
        command.args(["--log", "off", "--data"]).arg(folder.path());
        command
    };
    fails_over(command(), "`Of_The_File`");
    let mut over_file = command();
    over_file.env("PORTCULLIS_KEY_ENVIRONMENT", "Of_The_Environment");
    fails_over(over_file, "`Of_The_Environment`");
    let mut over_both = command();
    over_both.env("PORTCULLIS_KEY_ENVIRONMENT", "Of_The_Environment");
    over_both.args(["--key-environment", "Of_The_Flag"]);
    fails_over(over_both, "`Of_The_Flag`");
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_key_and_its_secrets_are_not_shown() {
    let folder = TempDir::new().unwrap();
    let canary = "canary-0123456789abcdef";
    for (text, said) in [
        ("lisetn = 'x'".to_owned(), "unknown key `lisetn`"),
        (
            format!("operator_token = '{canary}'"),
            "`operator_token` in",
        ),
        (format!("secret_key = '{canary}'"), "`secret_key` in"),
        (
            format!("feed_signing_key = '{canary}'"),
            "`feed_signing_key` in",
        ),
        (format!("operator_token = {canary}"), "not TOML: line 1"),
        (
            "gateway_token_file = '/nowhere/at-all'".to_owned(),
            "`/nowhere/at-all`",
        ),
        ("log_format = 'xml'".to_owned(), "`log_format` in"),
        ("max_connections = 0".to_owned(), "from 1 to 1000000"),
        (
            "tls_key = '/x'".to_owned(),
            "`tls_key` needs `tls_certificate`",
        ),
    ] {
        let settings = file(folder.path(), "portcullis.toml", &text);
        let mut command = with_file(&settings);
        command.arg("--data").arg(folder.path());
        let failure = fail(command);
        says_one_sentence(&failure, &[said]);
        assert!(!failure.stderr.contains(canary), "{}", failure.stderr);
    }
    let nowhere = fail(with_file(Path::new("/nowhere/portcullis.toml")));
    says_one_sentence(&nowhere, &["`/nowhere/portcullis.toml`"]);
}

#[test]
fn no_secret_can_be_given_as_a_flag() {
    for flag in ["--operator-token", "--secret-key", "--feed-signing-key"] {
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path());
        command.args([flag, "canary"]);
        assert_eq!(fail(command).code, Some(2), "{flag}");
    }
}
