//! Keys that follow one another: how long each works, and what its callers are told.

use jiff::{SignedDuration, Timestamp};
use portcullis_tests::{Play, get_at, outcome, seconds_from_now, until, until_answered};
use serde_json::json;

#[test]
fn while_keys_overlap_both_work_and_only_callers_on_the_old_one_are_told() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let operator = play.operator();
    let before = seconds_from_now(0);
    let new = operator
        .refresh_key_with(&member.profile.id, &json!({"overlap_s": 3_600}))
        .unwrap();
    let mut caller = play.caller().unwrap();
    until_answered(&mut caller, &new.api_key, "permitted").unwrap();
    // The two keys are two records: the old one may become known as such a moment after the new one.
    until(&mut caller, "callers on the old key are told", |caller| {
        let answer = caller.get("/orders/1").key(member.key()).send()?;
        Ok(answer.header("deprecation").is_some())
    })
    .unwrap();

    let old = caller.get("/orders/1").key(member.key()).send().unwrap();
    assert_eq!(outcome(&old), "permitted");
    // RFC 9745 section 2.1: a date as a structured field.
    let since = old
        .header("deprecation")
        .and_then(|it| it.strip_prefix('@'))
        .unwrap();
    let since: i64 = since.parse().unwrap();
    assert!((before..=seconds_from_now(0)).contains(&since), "{since}");
    // RFC 8594 section 3: an HTTP-date.
    let until = old.header("sunset").unwrap();
    let until = jiff::fmt::rfc2822::parse(until)
        .unwrap()
        .timestamp()
        .as_second();
    assert!((before + 3_600..=since + 3_601).contains(&until), "{until}");

    let answer = caller.get("/orders/1").key(&new.api_key).send().unwrap();
    assert_eq!(outcome(&answer), "permitted");
    assert_eq!(
        (answer.header("deprecation"), answer.header("sunset")),
        (None, None)
    );
}

#[test]
fn the_old_key_ends_with_the_overlap_and_the_new_one_does_not() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let operator = play.operator();
    let new = operator
        .refresh_key_with(&member.profile.id, &json!({"overlap_s": 2}))
        .unwrap();
    let mut caller = play.caller().unwrap();
    until_answered(&mut caller, member.key(), "credential_expired").unwrap();
    until_answered(&mut caller, &new.api_key, "permitted").unwrap();
}

#[test]
fn without_an_overlap_the_old_key_is_revoked_at_once_on_every_worker() {
    let play = Play::begin(3).unwrap();
    let member = play.member("Acme").unwrap();
    let mut callers = play.envoy.callers_on_every_worker().unwrap();
    for caller in &mut callers {
        until_answered(caller, member.key(), "permitted").unwrap();
    }
    let new = play.operator().refresh_key(&member.profile.id).unwrap();
    for caller in &mut callers {
        until_answered(caller, member.key(), "credential_revoked").unwrap();
        until_answered(caller, &new, "permitted").unwrap();
    }
}

#[test]
fn one_key_of_several_expires_or_is_revoked_and_the_others_stay() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let profile = member.profile.id.as_str();
    let operator = play.operator();
    let expires_at = (Timestamp::now() + SignedDuration::from_secs(5)).to_string();
    let short = operator
        .issue_key(profile, &json!({"expires_at": expires_at}))
        .unwrap();
    let other = operator.issue_key(profile, &json!({})).unwrap();
    let mut caller = play.caller().unwrap();
    until_answered(&mut caller, &other.api_key, "permitted").unwrap();
    until_answered(&mut caller, &short.api_key, "credential_expired").unwrap();

    let id = other.api_key.split('_').nth(2).unwrap();
    let path = format!("/access-profiles/{profile}/keys/{id}");
    assert_eq!(
        operator.call("DELETE", &path, &json!(null)).unwrap().status,
        200
    );
    until_answered(&mut caller, &other.api_key, "credential_revoked").unwrap();
    until_answered(&mut caller, member.key(), "permitted").unwrap();
}

#[test]
fn a_key_from_elsewhere_works_however_it_is_presented_until_it_is_refreshed() {
    use base64::Engine as _;
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let foreign = "7d1f3a5b9c8e60427d1f3a5b9c8e60427d1f3a5b9c8e60427d1f3a5b9c8e6042";
    let operator = play.operator();
    let imported = operator
        .issue_key(&member.profile.id, &json!({"key": foreign}))
        .unwrap();
    assert_eq!(imported.api_key, "", "it is not shown again");
    let mut caller = play.caller().unwrap();
    until_answered(&mut caller, foreign, "permitted").unwrap();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("api-token:{foreign}"));
    for value in [format!("Bearer {foreign}"), format!("Basic {basic}")] {
        let answer = caller
            .get("/orders/1")
            .header("authorization", &value)
            .send()
            .unwrap();
        assert_eq!(outcome(&answer), "permitted", "{value}");
    }
    let shouted = foreign.to_uppercase();
    let answer = get_at(&mut caller, "shouted.test", "/orders/1")
        .key(&shouted)
        .send()
        .unwrap();
    assert_eq!(outcome(&answer), "credential_invalid");

    operator.refresh_key(&member.profile.id).unwrap();
    until_answered(&mut caller, foreign, "credential_revoked").unwrap();
}
