//! Changes reach requests that were permitted a moment before, on every worker, while Envoy runs.

use anyhow::{Result, ensure};
use portcullis_tests::{Member, Play, outcome, until_answered};
use serde_json::json;

const WORKERS: usize = 4;

/// Lets every worker cache the member's record, makes a change, and waits until every worker answers by it.
fn after_change(
    play: &Play,
    member: &Member,
    code: &str,
    change: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let mut callers = play.envoy.callers_on_every_worker()?;
    for caller in &mut callers {
        until_answered(caller, member.key(), "permitted")?;
    }
    change()?;
    for caller in &mut callers {
        until_answered(caller, member.key(), code)?;
    }
    for caller in &mut callers {
        let answer = caller.get("/orders/1").key(member.key()).send()?;
        ensure!(outcome(&answer) == code, "once refused, always refused");
    }
    Ok(())
}

#[test]
fn a_refreshed_key_is_refused_on_every_worker_and_the_new_one_works() {
    let play = Play::begin(WORKERS).unwrap();
    let member = play.member("Acme").unwrap();
    let mut new_key = String::new();
    after_change(&play, &member, "credential_revoked", || {
        new_key = play.operator().refresh_key(&member.profile.id)?;
        Ok(())
    })
    .unwrap();
    for caller in &mut play.envoy.callers_on_every_worker().unwrap() {
        until_answered(caller, &new_key, "permitted").unwrap();
    }
}

#[test]
fn a_disabled_client_is_refused_on_every_worker_and_let_in_again_when_enabled() {
    let play = Play::begin(WORKERS).unwrap();
    let member = play.member("Acme").unwrap();
    let operator = play.operator();
    after_change(&play, &member, "client_disabled", || {
        operator.enable_client(&member.client, false)
    })
    .unwrap();
    operator.enable_client(&member.client, true).unwrap();
    for caller in &mut play.envoy.callers_on_every_worker().unwrap() {
        until_answered(caller, member.key(), "permitted").unwrap();
    }
}

#[test]
fn a_disabled_profile_is_refused_on_every_worker() {
    let play = Play::begin(WORKERS).unwrap();
    let member = play.member("Acme").unwrap();
    after_change(&play, &member, "profile_disabled", || {
        let off = json!({"enabled": false});
        play.operator().change_profile(&member.profile.id, &off)
    })
    .unwrap();
}

#[test]
fn a_new_address_rule_is_obeyed_on_every_worker() {
    let play = Play::begin(WORKERS).unwrap();
    let member = play.member("Acme").unwrap();
    after_change(&play, &member, "address_not_allowed", || {
        let rules = json!({"addresses": {"allow": ["203.0.113.0/24"]}});
        play.operator().change_profile(&member.profile.id, &rules)
    })
    .unwrap();
}

#[test]
fn a_deleted_client_is_unknown_on_every_worker() {
    let play = Play::begin(WORKERS).unwrap();
    let member = play.member("Acme").unwrap();
    after_change(&play, &member, "credential_invalid", || {
        let path = format!("/clients/{}", member.client);
        let reply = play.operator().call("DELETE", &path, &json!(null))?;
        ensure!(reply.status < 300, "{reply:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_withdrawn_collection_and_a_disabled_endpoint_are_closed_on_every_worker() {
    let play = Play::begin(WORKERS).unwrap();
    let member = play.member("Acme").unwrap();
    let operator = play.operator();
    let off = json!({"endpoints": [{"method": "GET", "path": "/orders/{id}", "enabled": false}]});
    after_change(&play, &member, "endpoint_disabled", || {
        operator.change("collections", &play.orders, &off)
    })
    .unwrap();
    let on = json!({"endpoints": [{"method": "GET", "path": "/orders/{id}"}]});
    operator.change("collections", &play.orders, &on).unwrap();
    let other = json!([{"method": "GET", "path": "/other"}]);
    let other = operator.create_collection("other", &other).unwrap();
    after_change(&play, &member, "collection_not_granted", || {
        let granted = json!({"collections": [other]});
        operator.change_profile(&member.profile.id, &granted)
    })
    .unwrap();
}
