//! The first start, the next one, and the ones that fail.

use std::net::TcpListener;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{
    Failure, GATEWAY_TOKEN, OPERATOR_TOKEN, command, command_with_tokens, fail, start,
};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The token in a line such as `operator token: pto_…  (shown only now)`.
fn announced_token<'a>(line: &'a str, kind: &str) -> &'a str {
    line.strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix(" token: "))
        .and_then(|rest| rest.strip_suffix("  (shown only now)"))
        .unwrap_or_else(|| panic!("{line}"))
}

#[test]
fn the_first_start_prints_its_tokens_once_and_never_logs_them() {
    let data = folder();
    let first = start(command(data.path()), 2);
    let [operator, gateway] = &first.announced[..] else {
        panic!("{:?}", first.announced);
    };
    let operator = announced_token(operator, "operator").to_owned();
    let gateway = announced_token(gateway, "gateway").to_owned();
    assert!(
        operator.starts_with("pto_") && operator.len() == 68,
        "{operator}"
    );
    assert!(
        gateway.starts_with("ptg_") && gateway.len() == 68,
        "{gateway}"
    );
    assert_eq!(first.status(&operator, "/api/v1/clients"), 200);
    assert_eq!(first.status(&gateway, "/feed/v1/changes"), 200);
    assert_eq!(first.status(&gateway, "/api/v1/clients"), 401);
    let (_, _, log) = first.stopped();
    assert!(log.contains("/api/v1/clients"), "{log}");
    assert!(!log.contains(&operator) && !log.contains(&gateway), "{log}");
    let stored = std::fs::read(data.path().join("portcullis.db")).unwrap();
    let stored = String::from_utf8_lossy(&stored);
    assert!(!stored.contains(&operator) && !stored.contains(&gateway));

    let second = start(command(data.path()), 0);
    assert_eq!(second.status(&operator, "/api/v1/clients"), 200);
    assert_eq!(second.status(&gateway, "/feed/v1/changes"), 200);
    let (_, printed, _) = second.stopped();
    only_invites(&printed);
}

/// Nothing was printed but the link by which the first operator comes.
fn only_invites(printed: &str) {
    let link = printed.strip_prefix("set up the first operator: http://127.0.0.1:");
    let (_, link) = link
        .unwrap()
        .split_once("/console/link?token=ptl_")
        .unwrap();
    assert!(
        link.ends_with("Z)\n") && link.lines().count() == 1,
        "{printed}"
    );
}

#[test]
fn tokens_of_the_environment_are_accepted_instead_and_not_printed() {
    let data = folder();
    let first = start(command_with_tokens(data.path()), 0);
    assert_eq!(first.status(OPERATOR_TOKEN, "/api/v1/clients"), 200);
    assert_eq!(first.status(GATEWAY_TOKEN, "/feed/v1/changes"), 200);
    let (_, printed, log) = first.stopped();
    only_invites(&printed);
    assert!(
        !log.contains(OPERATOR_TOKEN) && !log.contains(GATEWAY_TOKEN),
        "{log}"
    );

    let mut command = command_with_tokens(data.path());
    let other = "another-operator-of-these-tests-and-nobody-else";
    command.env("PORTCULLIS_OPERATOR_TOKEN", other);
    let second = start(command, 0);
    assert_eq!(second.status(other, "/api/v1/clients"), 200);
    assert_eq!(second.status(OPERATOR_TOKEN, "/api/v1/clients"), 401);
}

#[test]
fn a_token_that_left_the_environment_is_replaced_by_a_new_one() {
    let data = folder();
    drop(start(command_with_tokens(data.path()), 0));
    let next = start(command(data.path()), 2);
    let operator = announced_token(&next.announced[0], "operator");
    assert_eq!(next.status(operator, "/api/v1/clients"), 200);
    assert_eq!(next.status(OPERATOR_TOKEN, "/api/v1/clients"), 401);
}

#[test]
fn every_flag_is_an_environment_variable_too() {
    let data = folder();
    let mut command = command_with_tokens(data.path());
    command.env("PORTCULLIS_KEY_ENVIRONMENT", "Not_One");
    let Failure { code, stderr, .. } = fail(command);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("`Not_One`"), "{stderr}");

    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .env_clear()
        .envs([
            ("PORTCULLIS_LISTEN", "127.0.0.1:0"),
            ("PORTCULLIS_LOG", "off"),
        ])
        .env("PORTCULLIS_DATA", data.path().join("elsewhere"))
        .arg("serve")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let process = start(command, 2);
    assert!(data.path().join("elsewhere/portcullis.db").exists());
    let (_, _, log) = process.stopped();
    assert_eq!(log, "");
}

#[test]
fn who_cannot_start_says_why_in_one_sentence_and_exits_with_1() {
    let listen = |address: &str| {
        let address = address.to_owned();
        move |command: &mut Command| {
            command.args(["--listen", &address]);
        }
    };
    let token = |variable: &'static str, value: &'static str| {
        move |command: &mut Command| {
            command.env(variable, value);
        }
    };
    type Mistake<'a> = (Box<dyn Fn(&mut Command)>, Vec<&'a str>);
    let mistakes: [Mistake; 6] = [
        (
            Box::new(listen("http://nowhere")),
            vec!["`http://nowhere`", "127.0.0.1:8080"],
        ),
        (
            Box::new(listen("127.0.0.1:99999")),
            vec!["`127.0.0.1:99999`"],
        ),
        (
            Box::new(token("PORTCULLIS_OPERATOR_TOKEN", "short")),
            vec!["PORTCULLIS_OPERATOR_TOKEN", "32"],
        ),
        (
            Box::new(token(
                "PORTCULLIS_GATEWAY_TOKEN",
                "a token of more than 32 characters, but blanks",
            )),
            vec!["PORTCULLIS_GATEWAY_TOKEN"],
        ),
        (
            Box::new(token("PORTCULLIS_GATEWAY_TOKEN", OPERATOR_TOKEN)),
            vec!["different"],
        ),
        (Box::new(token("PORTCULLIS_LOG", "a=b=c")), vec!["`a=b=c`"]),
    ];
    for (mistake, said) in mistakes {
        let data = folder();
        let mut command = command_with_tokens(data.path());
        command.env("PORTCULLIS_LOG", "off");
        mistake(&mut command);
        says_one_sentence(&fail(command), &said);
    }
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_given_away() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder();
    let attempt = || {
        let mut command = command(data.path());
        command
            .env("PORTCULLIS_LOG", "off")
            .args(["--listen", &address]);
        command
    };
    says_one_sentence(&fail(attempt()), &[&address, "in use"]);

    drop(taken);
    let process = start(command(data.path()), 2);
    assert!(process.announced[0].starts_with("operator token: pto_"));
}

#[test]
fn a_data_folder_that_cannot_be_used_is_named() {
    let data = folder();
    let file = data.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below_a_file = file.join("data");
    let broken = data.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(
        broken.join("portcullis.db"),
        "no database at all. ".repeat(200),
    )
    .unwrap();
    let used = data.path().join("used");
    let _process = start(command_with_tokens(&used), 0);
    for (folder, said) in [
        (&below_a_file, "cannot write"),
        (&broken, "not a database"),
        (&used, "in use"),
    ] {
        let mut command = command_with_tokens(folder);
        command.env("PORTCULLIS_LOG", "off");
        says_one_sentence(&fail(command), &[&folder.display().to_string(), said]);
    }
}

#[track_caller]
pub fn says_one_sentence(failure: &Failure, said: &[&str]) {
    let Failure {
        code,
        stdout,
        stderr,
    } = failure;
    assert_eq!(*code, Some(1), "{stderr}");
    assert_eq!(stdout, "");
    assert!(stderr.starts_with("portcullis: "), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        !stderr.contains("panicked") && !stderr.contains(" { "),
        "{stderr}"
    );
    for part in said {
        assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
    }
}
