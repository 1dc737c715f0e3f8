//! The REST interface as its own description makes it out: Schemathesis makes requests up from the served document, good
//! ones and bad ones, and holds each answer against what the document says.

use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::stage::{ControlPlane, Parts, Tokens};
use xtask::test::SCHEMATHESIS;

/// What the dice of this run are: the same in each.
const SEED: &str = "20270115";
/// How many requests are made up for each operation and kind.
const EXAMPLES: &str = "6";

#[test]
fn every_made_up_request_is_answered_as_the_description_says() {
    let parts = Parts::from_environment().unwrap();
    let program = PathBuf::from(std::env::var_os(SCHEMATHESIS).unwrap());
    let tokens = Tokens::for_tests();
    let authorization = format!("Authorization: Bearer {}", tokens.operator);
    let control_plane = ControlPlane::start(&parts.control_plane, tokens).unwrap();
    let address = control_plane.address();
    let judging = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis.toml");
    // Where it writes down what it finds.
    let folder = tempfile::tempdir().unwrap();

    let run = Command::new(program)
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(judging)
        .arg("run")
        .arg(format!("http://{address}/api/v1/openapi.json"))
        .args(["--header", &authorization])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--mode", "all", "--checks", "all"])
        .args(["--max-examples", EXAMPLES, "--seed", SEED])
        .args(["--no-shrink", "--workers", "1", "--request-timeout", "20"])
        .output()
        .unwrap();

    let printed = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{printed}");
    assert!(printed.contains(" passed"), "{printed}");
}
