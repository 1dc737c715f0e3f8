//! Envoy takes a new listener configuration while it runs: the VM stays, its root contexts come and go.

use portcullis_tests::{ListenerFile, Play, outcome, until};
use serde_json::json;
use xtask::stage::Caller;

#[test]
fn a_listener_update_changes_the_settings_and_loses_neither_records_nor_later_changes() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut file = None;
    let envoy = play
        .another_envoy(|bootstrap| {
            let (bootstrap, listener) = ListenerFile::take_from(bootstrap, folder.path())?;
            file = Some(listener);
            Ok(bootstrap)
        })
        .unwrap();
    let mut file = file.unwrap();
    let connect = || Caller::connect(envoy.gateway()?);
    let answered = |header: &str, expected: &str| {
        until(
            &mut play.caller()?,
            &format!("{header}: {expected}"),
            |_| {
                let mut caller = connect()?;
                let answer = caller
                    .get("/orders/1")
                    .header(header, member.key())
                    .send()?;
                Ok(outcome(&answer) == expected)
            },
        )
    };
    answered("api-token", "permitted").unwrap();
    let mut early = connect().unwrap();
    early.get("/orders/1").key(member.key()).send().unwrap();

    for round in 0..4 {
        let header = format!("x-key-{round}");
        file.set(&json!({"credential_header": header})).unwrap();
        answered(&header, "permitted").unwrap();
        answered("api-token", "credential_missing").unwrap();
        // The connection of before is still served by the configuration of before, until Envoy closes it.
        let answer = early.get("/orders/1").key(member.key()).send().unwrap();
        assert!(
            ["permitted", "credential_missing"].contains(&outcome(&answer).as_str()),
            "round {round}: {} {}",
            answer.status,
            answer.text()
        );
        let operator = play.operator();
        operator.enable_client(&member.client, false).unwrap();
        answered(&header, "client_disabled").unwrap();
        operator.enable_client(&member.client, true).unwrap();
        answered(&header, "permitted").unwrap();
    }
}
