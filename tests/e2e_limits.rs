//! Rate limits in a real Envoy: exact over its workers, told to callers, and changed while it runs.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

use std::thread;
use std::time::{Duration, Instant};

use portcullis_tests::{Member, Play, outcome, text, until};
use serde_json::{Value, json};

/// A policy with a rate limit.
fn policy(play: &Play, name: &str, limit: &Value) -> String {
    let draft = json!({"name": name, "rate_limit": limit});
    let made = play.operator().call("POST", "/policies", &draft).unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    text(&made.body, "id").unwrap().to_owned()
}

fn limited(play: &Play, limit: &Value) -> Member {
    let policy = policy(play, "limited", limit);
    play.member_with("Acme", &json!({"policy_id": policy}))
        .unwrap()
}

/// Calls by several connections, which Envoy spreads over its workers, as fast as they can for a while. How many calls
/// were permitted, how many were made, and how long it took.
fn flood(play: &Play, member: &Member, connections: usize, time: Duration) -> (u32, u32, Duration) {
    let begun = Instant::now();
    let counts = thread::scope(|scope| {
        let callers: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(move || {
                    let mut caller = play.caller().unwrap();
                    let (mut permitted, mut made) = (0, 0);
                    while begun.elapsed() < time {
                        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
                        permitted += u32::from(answer.status == 200);
                        assert!([200, 429].contains(&answer.status), "{answer:?}");
                        made += 1;
                    }
                    (permitted, made)
                })
            })
            .collect();
        let counts = callers.into_iter().map(|caller| caller.join().unwrap());
        counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    (counts.0, counts.1, begun.elapsed())
}

#[test]
fn as_much_passes_as_a_limit_allows_and_never_more_whatever_the_number_of_workers() {
    for workers in [1, 4] {
        let play = Play::begin(workers).unwrap();
        for (requests, burst) in [(5, 5), (60, 20), (200, 50)] {
            let limit = json!({"requests": requests, "per": "second", "burst": burst});
            let member = limited(&play, &limit);
            let (permitted, made, time) = flood(&play, &member, 8, Duration::from_secs(3));
            let allowed = f64::from(burst) + f64::from(requests) * time.as_secs_f64();
            let permitted = f64::from(permitted);
            assert!(
                permitted <= allowed,
                "{permitted} of {allowed}, {workers} workers"
            );
            // What was used up when the profile was awaited is gone; a busy machine that calls less proves nothing.
            let used_up = 3.0 + f64::from(requests) * 0.2;
            let least = f64::from(made).min(0.98 * allowed - used_up);
            assert!(
                permitted >= least,
                "{permitted} of {allowed} and {made}, {workers} workers"
            );
        }
    }
}

#[test]
fn callers_are_told_their_limit_with_every_answer_and_when_to_come_again() {
    let play = Play::begin(1).unwrap();
    let limit = json!({"requests": 2, "per": "hour", "burst": 4});
    let member = limited(&play, &limit);
    let mut caller = play.caller().unwrap();
    let policy = "\"rate\";q=2;w=3600";
    let mut remaining = Vec::new();
    let refused = loop {
        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
        assert_eq!(
            answer.header("ratelimit-policy"),
            Some(policy),
            "{answer:?}"
        );
        let standing = answer.header("ratelimit").unwrap().to_owned();
        if answer.status != 200 {
            break (answer, standing);
        }
        remaining.push(standing);
    };
    let (answer, standing) = refused;
    assert_eq!(outcome(&answer), "rate_limit_exceeded");
    assert_eq!(answer.status, 429);
    let retry_s: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1_700..=1_800).contains(&retry_s), "{retry_s}");
    assert!(standing.starts_with("\"rate\";r=0;t=7"), "{standing}");
    let last = remaining.last().unwrap();
    assert!(last.starts_with("\"rate\";r=0;t=7"), "{remaining:?}");

    let free = play.member("Free").unwrap();
    let answer = caller.get("/orders/1").key(free.key()).send().unwrap();
    assert_eq!(answer.header("ratelimit"), None);
}

#[test]
fn callers_are_told_their_limit_by_refusals_alone_where_the_filter_is_told_so() {
    let play = Play::begin_set(&json!({"tell_limits": false})).unwrap();
    let member = limited(&play, &json!({"requests": 2, "per": "hour", "burst": 4}));
    let mut caller = play.caller().unwrap();
    let refused = loop {
        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
        if answer.status != 200 {
            break answer;
        }
        for field in ["ratelimit", "ratelimit-policy", "retry-after"] {
            assert_eq!(answer.header(field), None, "{answer:?}");
        }
    };
    assert_eq!(outcome(&refused), "rate_limit_exceeded");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    let standing = refused.header("ratelimit").unwrap();
    assert!(standing.starts_with("\"rate\";r=0;t="), "{standing}");
    let policy = refused.header("ratelimit-policy");
    assert_eq!(policy, Some("\"rate\";q=2;w=3600"));
}

#[test]
fn a_limit_of_a_client_is_shared_by_its_profiles_and_a_limit_that_is_changed_begins_anew() {
    let play = Play::begin(2).unwrap();
    let operator = play.operator();
    let limit = json!({"requests": 1, "per": "day", "burst": 6, "scope": "client"});
    let policy = policy(&play, "shared", &limit);
    let further = json!({"policy_id": policy});
    let one = play.member_with("Acme", &further).unwrap();
    let profile = operator
        .create_profile_with(&one.client, "Second", &[&play.orders], &further)
        .unwrap();
    let other = Member {
        client: one.client.clone(),
        profile,
    };
    let mut caller = play.caller().unwrap();
    until(&mut caller, "the second profile is known", |caller| {
        let answer = caller.get("/orders/1").key(other.key()).send()?;
        Ok(outcome(&answer) != "credential_invalid")
    })
    .unwrap();
    let mut exhausted = [&one, &other].into_iter().cycle();
    until(&mut caller, "both have used it up", |caller| {
        let answer = caller.get("/orders/1").key(exhausted.next().unwrap().key());
        Ok(outcome(&answer.send()?) == "rate_limit_exceeded")
    })
    .unwrap();
    for member in [&one, &other] {
        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
        assert_eq!(outcome(&answer), "rate_limit_exceeded");
    }

    let change = json!({"rate_limit": {"requests": 100, "per": "second"}});
    let path = format!("/policies/{policy}?wait=applied");
    let changed = operator.call("PATCH", &path, &change).unwrap();
    assert_eq!(changed.status, 200, "{changed:?}");
    for member in [&one, &other] {
        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
        assert_eq!(outcome(&answer), "permitted");
    }
}
