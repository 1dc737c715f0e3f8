//! `portcullis health`, as health checks of containers use it.

use std::process::{Command, Output};

use crate::process::{command_with_tokens, start};

fn health(url: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().args(["health", url]).output().unwrap()
}

#[test]
fn it_ends_with_0_when_the_control_plane_can_work_and_says_why_it_does_not() {
    let data = tempfile::tempdir().unwrap();
    let process = start(command_with_tokens(data.path()), 0);
    for (path, said) in [("/readyz", "ready\n"), ("/healthz", "live\n")] {
        let output = health(&format!("http://{}{path}", process.address));
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), said);
    }
    let elsewhere = health(&format!("http://{}/nowhere", process.address));
    assert_eq!(elsewhere.status.code(), Some(1));
    let told = String::from_utf8(elsewhere.stderr).unwrap();
    assert!(told.contains("answers 404"), "{told}");
}

#[test]
fn nobody_there_is_another_end_than_somebody_who_cannot_work() {
    let output = health("http://127.0.0.1:1/readyz");
    assert_eq!(output.status.code(), Some(6));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("does not answer"), "{told}");
    assert_eq!(health("no URL").status.code(), Some(2));
    assert_eq!(health("https://127.0.0.1:1/readyz").status.code(), Some(6));
}
