//! A control plane that is a process of its own, and a folder from which the command line speaks to it.

use std::fs;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::process::{OPERATOR_TOKEN, Process, command_with_tokens, start};

/// A control plane and a folder to work in.
pub struct Desk {
    pub process: Process,
    pub folder: TempDir,
}

pub fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let process = start(command_with_tokens(&folder.path().join("data")), 0);
    Desk { process, folder }
}

impl Desk {
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env(
                "PORTCULLIS_SERVER",
                format!("http://{}", self.process.address),
            )
            .env("PORTCULLIS_TOKEN", OPERATOR_TOKEN)
            .stdin(Stdio::null());
        command
    }

    pub fn runs(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn writes(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub fn reads(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

/// What it printed, once it ended as expected.
#[track_caller]
pub fn printed(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}{text}");
    text
}

/// What it said of its failure.
#[track_caller]
pub fn said(output: &Output, code: i32) -> String {
    printed(output, code);
    String::from_utf8(output.stderr.clone()).unwrap()
}
