//! Rate limits written for the servers that count them over all gateways, once or for as long as the process runs.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::desk::{Desk, desk, printed, said};
use crate::process::{OPERATOR_TOKEN, PATIENCE, start};

const POLICIES: &str = "policies:
- {name: gold, rate_limit: {requests: 100, per: minute, burst: 20}}
- {name: silver, rate_limit: {requests: 5, per: second, scope: client}}
- {name: monthly, quota: {requests: 1000, per: month}}
";
const EXPORT: [&str; 3] = ["export", "--limits", "ratelimit"];

/// `portcullis export --limits … --follow`, killed when it is dropped.
struct Follower {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Follower {
    fn begin(desk: &Desk) -> Self {
        let mut command = desk.command(&EXPORT);
        command.args(["--file", "limits.yaml", "--follow", "--every", "1"]);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said }
    }

    /// The next line that it says.
    fn says(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line
    }

    fn stops(mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
        self.ends()
    }

    fn ends(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it still runs");
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn apply(desk: &Desk, policies: &str) {
    desk.writes("policies.yaml", policies);
    printed(&desk.runs(&["apply", "policies.yaml"]), 0);
}

#[test]
fn limits_are_written_for_each_server_and_quotas_are_not() {
    let desk = desk();
    let none = printed(&desk.runs(&EXPORT), 0);
    assert!(
        none.ends_with("domain: portcullis\ndescriptors: []\n"),
        "{none}"
    );

    apply(&desk, POLICIES);
    let written = printed(&desk.runs(&EXPORT), 0);
    for part in [
        "# \"gold\", of which 20 may come at once",
        "requests_per_unit: 100",
        "unit: minute",
        "# \"silver\"\n",
        "unit: second",
    ] {
        assert!(written.contains(part), "{written}");
    }
    assert!(!written.contains("monthly"), "{written}");
    printed(
        &desk.runs(&[&EXPORT[..], &["--file", "limits.yaml"]].concat()),
        0,
    );
    assert_eq!(desk.reads("limits.yaml"), written);
    let file = fs::metadata(desk.folder.path().join("limits.yaml")).unwrap();
    assert_eq!(
        file.permissions().mode() & 0o444,
        0o444,
        "a server reads it"
    );

    let limitador = printed(&desk.runs(&["export", "--limits", "limitador"]), 0);
    for part in [
        "max_value: 100",
        "seconds: 60",
        "max_value: 5",
        "seconds: 1\n",
    ] {
        assert!(limitador.contains(part), "{limitador}");
    }
}

#[test]
fn a_file_that_is_followed_changes_when_a_limit_does_and_survives_the_control_plane() {
    let desk = desk();
    apply(&desk, POLICIES);
    let mut follower = Follower::begin(&desk);
    let wrote = "wrote `limits.yaml`: policies with a rate limit: 2\n";
    assert_eq!(follower.says(), wrote);
    let before = desk.reads("limits.yaml");
    assert_eq!(before, printed(&desk.runs(&EXPORT), 0));

    apply(&desk, &POLICIES.replace("requests: 5,", "requests: 7,"));
    assert_eq!(follower.says(), wrote);
    let after = desk.reads("limits.yaml");
    assert_eq!(after, before.replace("_unit: 5\n", "_unit: 7\n"));

    let Desk { process, folder } = desk;
    let address = process.address.clone();
    drop(process);
    let trouble = follower.says();
    assert!(
        trouble.contains("`limits.yaml` stays as it is until the control plane answers again"),
        "{trouble}"
    );
    let mut again = crate::process::command_with_tokens(&folder.path().join("data"));
    again.env("PORTCULLIS_LISTEN", &address);
    let desk = Desk {
        process: start(again, 0),
        folder,
    };
    assert_eq!(desk.process.status(OPERATOR_TOKEN, "/api/v1/policies"), 200);
    apply(&desk, POLICIES);
    assert_eq!(follower.says(), wrote);
    assert_eq!(desk.reads("limits.yaml"), before);
    assert_eq!(follower.stops("INT"), Some(0));
}

#[test]
fn what_is_followed_in_vain_ends_with_the_reason() {
    let desk = desk();
    let follow = [&EXPORT[..], &["--file", "limits.yaml", "--follow"]].concat();
    let mut stranger = desk.command(&follow);
    let refused = stranger.env("PORTCULLIS_TOKEN", "nobody").output().unwrap();
    said(&refused, 6);
    let mut away = desk.command(&follow);
    let away = away.env("PORTCULLIS_SERVER", "http://127.0.0.1:1").output();
    assert!(said(&away.unwrap(), 6).contains("cannot reach the control plane"));
    let nowhere = [&EXPORT[..], &["--file", "absent/limits.yaml", "--follow"]].concat();
    let nowhere = said(&desk.runs(&nowhere), 1);
    assert!(
        nowhere.contains("cannot write `absent/limits.yaml`"),
        "{nowhere}"
    );
    for wrong in [
        &["export", "--follow"][..],
        &["export", "--limits", "ratelimit", "--follow"],
        &["export", "--limits", "redis"],
        &["export", "--limits", "ratelimit", "--every", "9"],
        &["export", "--limits", "ratelimit", "--secrets-key", "x"],
    ] {
        said(&desk.runs(wrong), 2);
    }
}
