//! What all subcommands have in common.

use std::process::{Command, Output};

use serde_json::Value;

fn portcullis(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().args(arguments).output().unwrap()
}

fn printed(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn the_version_is_told_with_the_number_first() {
    let output = portcullis(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    let version = concat!("portcullis ", env!("CARGO_PKG_VERSION"));
    assert!(printed(&output).starts_with(version));
}

#[test]
fn every_shell_is_given_completions_for_every_subcommand() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = portcullis(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        for subcommand in ["serve", "feed-key", "openapi", "completions"] {
            assert!(printed(&output).contains(subcommand), "{shell}");
        }
    }
    assert_eq!(portcullis(&["completions", "csh"]).status.code(), Some(2));
}

#[test]
fn bash_completes_a_subcommand() {
    let script = r#"
        eval "$("$1" completions bash)"
        COMP_WORDS=(portcullis ser) COMP_CWORD=1
        _portcullis portcullis ser portcullis
        echo "${COMPREPLY[@]}"
    "#;
    let completed = Command::new("bash")
        .args(["-c", script, "bash", env!("CARGO_BIN_EXE_portcullis")])
        .output()
        .unwrap();
    assert_eq!(printed(&completed).trim(), "serve");
}

#[test]
fn json_is_one_document_of_results_and_one_line_of_failures() {
    let output = portcullis(&["feed-key", "--output", "json"]);
    let key: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(key["signing_key"].as_str().unwrap().len(), 43);
    assert_eq!(key["public_key"].as_str().unwrap().len(), 43);

    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let serve = [
        "--output", "json", "serve", "--listen", "nowhere", "--log", "off",
    ];
    let output = portcullis(&[&serve[..], &["--data", data]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(printed(&output), "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    let failure: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(failure["error"]["code"], "failed");
    assert_eq!(failure["error"]["exit"], 1);
    let message = failure["error"]["message"].as_str().unwrap();
    assert!(message.contains("`nowhere`"), "{message}");
}
