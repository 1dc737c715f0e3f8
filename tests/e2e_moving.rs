//! From SQLite to PostgreSQL by `export` and `apply`: nothing is lost, and callers do not notice.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use portcullis_tests::create_orders;
use serde_json::{Value, json};
use xtask::stage::{ControlPlane, NewProfile, Operator, Parts, Postgres, Tokens};

const SECRET: &str = "canary-secret-of-thirty-two-byte";

/// Runs `portcullis` against a control plane, and tells what it printed.
fn portcullis(parts: &Parts, at: &ControlPlane, folder: &Path, words: &[&str]) -> Result<String> {
    let output = Command::new(&parts.control_plane)
        .args(words)
        .current_dir(folder)
        .env("PORTCULLIS_SERVER", format!("http://{}", at.address()))
        .env("PORTCULLIS_TOKEN", &at.tokens().operator)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`portcullis {}`: {}: {said}",
            words.join(" "),
            output.status
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A profile with keys of every kind, one that has tokens, and what they refer to.
fn write_records(operator: &Operator) -> Result<NewProfile> {
    let orders = create_orders(operator)?;
    let client = operator.create_client("Acme")?;
    let live = operator.create_profile(&client, "live", &[&orders])?;
    operator.refresh_key_with(&live.id, &json!({"overlap_s": 3600}))?;
    let revoked = operator.issue_key(&live.id, &json!({"key": "a-key-from-elsewhere"}))?;
    let path = format!("/access-profiles/{}/keys/{}", live.id, revoked.id);
    operator.call("DELETE", &path, &Value::Null)?;
    let jwt = json!({"access_method": "jwt",
        "jwt": {"algorithm": "HS256", "secret": {"value": SECRET}}});
    operator.create_profile_with(&client, "signed", &[&orders], &jwt)?;
    Ok(live)
}

#[test]
fn records_keys_and_secrets_move_from_sqlite_to_postgresql() {
    let parts = Parts::from_environment().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("move.key");
    fs::write(&key, "3".repeat(64)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let run =
        |at: &ControlPlane, words: &[&str]| portcullis(&parts, at, folder.path(), words).unwrap();
    let old = ControlPlane::start(&parts.control_plane, Tokens::for_tests()).unwrap();
    let live = write_records(&old.operator()).unwrap();
    let postgres = Postgres::start_from_environment().unwrap();
    let url = postgres.create("moved").unwrap();
    let environment = [("PORTCULLIS_DATABASE_URL", url.as_str())];
    let new = ControlPlane::start_with(&parts.control_plane, Tokens::for_tests(), &environment);
    let new = new.unwrap();

    run(
        &old,
        &["export", "--secrets-key", "move.key", "--file", "all.yaml"],
    );
    run(&new, &["apply", "--secrets-key", "move.key", "all.yaml"]);

    let exported = run(&old, &["export"]);
    assert_eq!(run(&new, &["export"]), exported);
    assert!(!exported.contains(SECRET) && exported.contains("withheld: true"));
    // Nothing is left to do on either side, secrets included: `plan` ends with 3 otherwise.
    for at in [&old, &new] {
        run(at, &["plan", "--secrets-key", "move.key", "all.yaml"]);
    }
    // Those that were revoked are still somebody's.
    let again = json!({"key": "a-key-from-elsewhere"});
    let path = format!("/access-profiles/{}/keys", live.id);
    let refused = new.operator().call("POST", &path, &again).unwrap();
    assert_eq!(refused.status, 409);
}
