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

/// What a worker has taken may pass unused while its callers are kept waiting for longer.
const STALL: Duration = Duration::from_millis(20);

/// What came of many calls.
#[derive(Default)]
struct Flood {
    permitted: u32,
    made: u32,
    /// For how long callers were kept waiting by a busy machine, all of them together.
    stalled: Duration,
}

/// Calls by several connections, which Envoy spreads over its workers, as fast as they can for a while. What came of
/// them, and how long it took until the last answer.
fn flood(play: &Play, member: &Member, connections: usize, time: Duration) -> (Flood, Duration) {
    let callers: Vec<_> = (0..connections).map(|_| play.caller().unwrap()).collect();
    let begun = Instant::now();
    let flood = thread::scope(|scope| {
        let calling: Vec<_> = callers
            .into_iter()
            .map(|mut caller| {
                scope.spawn(move || {
                    let (mut flood, mut answered) = (Flood::default(), begun);
                    while begun.elapsed() < time {
                        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
                        flood.permitted += u32::from(answer.status == 200);
                        assert!([200, 429].contains(&answer.status), "{answer:?}");
                        flood.made += 1;
                        let waited = answered.elapsed();
                        answered += waited;
                        if waited > STALL {
                            flood.stalled += waited;
                        }
                    }
                    flood
                })
            })
            .collect();
        let floods = calling.into_iter().map(|caller| caller.join().unwrap());
        floods.fold(Flood::default(), |sum, one| Flood {
            permitted: sum.permitted + one.permitted,
            made: sum.made + one.made,
            stalled: sum.stalled + one.stalled,
        })
    });
    (flood, begun.elapsed())
}

#[test]
fn as_much_passes_as_a_limit_allows_and_never_more_whatever_the_number_of_workers() {
    let calling = Duration::from_secs(3);
    for workers in [1, 4] {
        let play = Play::begin(workers).unwrap();
        for (requests, burst) in [(5, 5), (60, 20), (200, 50)] {
            let limit = json!({"requests": requests, "per": "second", "burst": burst});
            let member = limited(&play, &limit);
            let (flood, took) = flood(&play, &member, 8, calling);
            let in_time = |time: Duration| f64::from(requests) * time.as_secs_f64();
            let allowed = |time| f64::from(burst) + in_time(time);
            let (permitted, made) = (f64::from(flood.permitted), f64::from(flood.made));
            let most = allowed(took);
            assert!(
                permitted <= most,
                "{permitted} of {most}, {workers} workers"
            );
            // What was used up when the profile was awaited is gone, and what passed while callers were kept waiting; a
            // busy machine that calls less proves nothing.
            let gone = 3.0 + f64::from(requests) * 0.2 + in_time(flood.stalled);
            let least = made.min(0.98 * allowed(calling) - gone);
            assert!(
                permitted >= least,
                "{permitted} of {least} and {made}, {workers} workers"
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
