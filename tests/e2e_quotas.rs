//! Quotas in a real Envoy: alone it lets no more pass than a quota has, what is used elsewhere counts too, and callers are
//! told when to come again.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

use std::time::{Duration, SystemTime};

use portcullis_tests::{Member, Play, outcome, text};
use serde_json::{Value, json};
use xtask::stage::{Caller, within};

/// Counts are handed over every five seconds, fetched and sent as often, and judged as often.
const JUDGED: Duration = Duration::from_secs(60);

/// A client with a quota of so many requests a month, which ends while a test runs once in a blue moon, and its policy.
fn limited(play: &Play, requests: u64) -> (Member, String) {
    let draft = json!({"name": "limited", "quota": {"requests": requests, "per": "month"}});
    let made = play.operator().call("POST", "/policies", &draft).unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    let policy = text(&made.body, "id").unwrap().to_owned();
    let further = json!({"policy_id": policy});
    (play.member_with("Acme", &further).unwrap(), policy)
}

/// Says, as another gateway, what passed there.
fn tell_elsewhere(play: &Play, member: &Member, requests: u64) {
    let minutes = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 60;
    let batch = json!({
        "instance": "00000000000000ff", "name": "elsewhere", "number": 1,
        "rows": [{"m": minutes, "p": member.profile.id, "n": requests, "ok": requests}],
    });
    let token = &play.control_plane.tokens().gateway;
    let mut gateway = Caller::connect(play.control_plane.address()).unwrap();
    let said = gateway
        .request("POST", "/feed/v1/usage")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .send_with_body(batch.to_string().as_bytes())
        .unwrap();
    assert_eq!(said.status, 204, "{said:?}");
}

#[test]
fn an_envoy_alone_stops_where_a_quota_ends_though_nobody_tells_it() {
    let mut play = Play::begin(2).unwrap();
    let (member, _) = limited(&play, 300);
    play.control_plane.kill();
    let mut callers: Vec<Caller> = (0..4).map(|_| play.caller().unwrap()).collect();
    let mut permitted = 0;
    let refused = (0..1_000).find_map(|number: usize| {
        let caller = &mut callers[number % 4];
        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
        permitted += u32::from(answer.status == 200);
        (answer.status != 200).then_some(answer)
    });
    let refused = refused.unwrap();
    // What one worker has taken in advance the other cannot use, and the first request of all waited for the profile.
    assert!((280..300).contains(&permitted), "{permitted}");
    assert_eq!(outcome(&refused), "quota_exceeded");
    assert_eq!(refused.status, 429);
    let policy = "\"quota\";q=300;w=2592000";
    assert_eq!(refused.header("ratelimit-policy"), Some(policy));
    let retry_s: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31 * 86_400).contains(&retry_s), "{retry_s}");
    let standing = format!("\"quota\";r=0;t={retry_s}");
    assert_eq!(refused.header("ratelimit"), Some(standing.as_str()));
}

#[test]
fn what_is_used_elsewhere_is_refused_here_and_a_larger_quota_opens_at_once() {
    let play = Play::begin(1).unwrap();
    // More than this test calls: what this Envoy counts for itself refuses nothing here.
    let (member, policy) = limited(&play, 100_000);
    tell_elsewhere(&play, &member, 100_000);
    let mut caller = play.caller().unwrap();
    within(JUDGED, "it is refused here", || {
        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
        (outcome(&answer) == "quota_exceeded").then_some(())
    })
    .unwrap();
    let operator = play.operator();
    let path = format!("/access-profiles/{}/quota", member.profile.id);
    let state = operator.call("GET", &path, &Value::Null).unwrap();
    assert_eq!(state.body["used_up"], true, "{state:?}");
    assert!(state.body["used"].as_u64() >= Some(100_000), "{state:?}");

    let larger = json!({"quota": {"requests": 200_000, "per": "month"}});
    let path = format!("/policies/{policy}?wait=applied");
    let changed = operator.call("PATCH", &path, &larger).unwrap();
    assert_eq!(changed.status, 200, "{changed:?}");
    let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
}
