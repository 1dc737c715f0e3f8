//! Rate limits over several real Envoys, by the shipped bootstrap and a server that speaks the protocol of the rate limit
//! service: what it is asked, what callers are told, and what becomes of them while it is away.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

use std::time::{Duration, Instant};

use anyhow::Result;
use portcullis_tests::{
    KnownLimits, Member, Play, RateLimitServer, get_at, outcome, text, until, until_answered,
};
use serde_json::{Value, json};
use xtask::stage::{Answer, Bootstrap, Caller, Envoy, Parts, within};

const RATE_LIMIT_FILTER: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/2";
/// Counts are handed over every five seconds, and fetched and sent as often.
const TOLD: Duration = Duration::from_secs(60);
/// The units of the protocol.
const HOUR: i32 = 3;
const DAY: i32 = 4;

/// Two gateways of a fleet, and the server that counts for them.
struct Fleet {
    gateways: [Envoy; 2],
    server: RateLimitServer,
    play: Play,
}

impl Fleet {
    fn begin(change: impl Fn(&mut Value)) -> Result<Self> {
        let play = Play::begin(1)?;
        let server = RateLimitServer::start(KnownLimits::Asked)?;
        let gateway = || {
            play.another_envoy(|_| {
                shipped(&play, &server)?.at(RATE_LIMIT_FILTER, |filter| {
                    change(&mut filter["typed_config"]);
                })
            })
        };
        let gateways = [gateway()?, gateway()?];
        Ok(Self {
            gateways,
            server,
            play,
        })
    }

    /// One connection to each gateway.
    fn callers(&self) -> Result<Vec<Caller>> {
        let gateways = self.gateways.iter();
        gateways
            .map(|gateway| Caller::connect(gateway.gateway()?))
            .collect()
    }

    /// A client with a limit, which both gateways know. Nothing has been counted yet.
    fn limited(&self, limit: &Value) -> Result<(Member, String)> {
        let draft = json!({"name": "limited", "rate_limit": limit});
        let made = self.play.operator().call("POST", "/policies", &draft)?;
        let policy = text(&made.body, "id")?.to_owned();
        let member = self.play.stranger("Acme", &json!({"policy_id": policy}))?;
        for mut caller in self.callers()? {
            until(&mut caller, "the gateway knows the profile", |caller| {
                let answer = caller.get("/nowhere").key(member.key()).send()?;
                Ok(outcome(&answer) == "endpoint_not_found")
            })?;
        }
        self.server.forget();
        Ok((member, policy))
    }
}

/// The bootstrap as it ships, but for TLS: certificates are tried elsewhere.
fn shipped(play: &Play, server: &RateLimitServer) -> Result<Bootstrap> {
    let without = |members: &'static [&str]| {
        move |of: &mut Value| {
            for member in members {
                of.as_object_mut().unwrap().remove(*member);
            }
        }
    };
    Bootstrap::shipped("fleet-limits.yaml")?
        .on_free_ports()
        .module("portcullis.wasm", &Parts::from_environment()?.filter())?
        .cluster("portcullis_control_plane", play.control_plane.address())?
        .cluster("service", play.service.address())?
        .cluster("rate_limit", server.address())?
        .at(
            "/static_resources/listeners/0/filter_chains/0",
            without(&["transport_socket"]),
        )?
        .at(
            "/static_resources/clusters/0",
            without(&["transport_socket", "health_checks"]),
        )
}

/// Has Envoy wait for the server on a machine that may be busy.
fn waiting(filter: &mut Value) {
    filter["timeout"] = json!("10s");
}

fn call(caller: &mut Caller, member: &Member) -> Answer {
    caller.get("/orders/1").key(member.key()).send().unwrap()
}

#[test]
fn gateways_of_a_fleet_share_one_limit_and_nobody_can_forge_whose_it_is() {
    let fleet = Fleet::begin(waiting).unwrap();
    let limit = json!({"requests": 6, "per": "day"});
    let (member, policy) = fleet.limited(&limit).unwrap();
    let (other, _) = fleet.limited(&limit).unwrap();
    let free = fleet.play.member("Free").unwrap();
    let mut callers = fleet.callers().unwrap();

    for number in 0..6_usize {
        let forged = callers[number % 2].get("/orders/1").key(member.key());
        let answer = forged
            .header("x-portcullis-limit", "KgA=")
            .header("X-Portcullis-Limit", "forged")
            .send()
            .unwrap();
        assert_eq!(outcome(&answer), "permitted");
        let left = 5 - number;
        let standing = format!("\"rate\";r={left};t=42");
        // Each Envoy alone has counted half of them.
        assert_eq!(answer.header("ratelimit"), Some(standing.as_str()));
        assert_eq!(
            answer.header("ratelimit-policy"),
            Some("\"rate\";q=6;w=86400")
        );
    }
    for caller in &mut callers {
        let refused = call(caller, &member);
        assert_eq!(
            (refused.status, outcome(&refused).as_str()),
            (429, "rate_limit_exceeded")
        );
        for (name, value) in [
            ("content-type", "application/problem+json"),
            ("cache-control", "no-store"),
            ("x-envoy-ratelimited", "true"),
            ("retry-after", "42"),
            ("ratelimit", "\"rate\";r=0;t=42"),
            ("x-ratelimit-remaining", "0"),
        ] {
            assert_eq!(refused.header(name), Some(value), "{refused:?}");
        }
        assert_eq!(outcome(&call(caller, &other)), "permitted");
    }

    let asked = fleet.server.asked();
    let ours = asked
        .iter()
        .filter(|it| it.entries[1].1 == member.profile.id);
    assert_eq!(ours.clone().count(), 8, "{asked:?}");
    for asked in ours {
        assert_eq!(asked.domain, "portcullis");
        let entries = [("policy", &policy), ("caller", &member.profile.id)];
        let entries = entries.map(|(key, value)| (key.to_owned(), value.clone()));
        assert_eq!(asked.entries, entries);
        assert_eq!(asked.limit, Some((6, DAY)));
    }
    let seen = fleet.play.service.seen();
    assert!(!seen.is_empty());
    for request in &seen {
        assert_eq!(request.values("x-portcullis-limit"), Vec::<&str>::new());
    }

    // Who has no limit, is refused, or is nobody, is no concern of the server.
    for caller in &mut callers {
        until_answered(caller, free.key(), "permitted").unwrap();
    }
    fleet.server.forget();
    for caller in &mut callers {
        let unlimited = caller.get("/orders/1").key(free.key()).send().unwrap();
        assert_eq!(outcome(&unlimited), "permitted");
        let nobody = caller.get("/orders/1").header("x-portcullis-limit", "KgA=");
        assert_eq!(outcome(&nobody.send().unwrap()), "credential_missing");
        let nowhere = caller.get("/nowhere").key(member.key()).send().unwrap();
        assert_eq!(outcome(&nowhere), "endpoint_not_found");
    }
    assert_eq!(fleet.server.asked(), []);
}

#[test]
fn what_the_server_refuses_is_counted_and_logged_like_what_the_filter_refuses() {
    let fleet = Fleet::begin(waiting).unwrap();
    let limit = json!({"requests": 4, "per": "hour", "scope": "client"});
    let (member, policy) = fleet.limited(&limit).unwrap();
    let operator = fleet.play.operator();
    let second = operator.create_profile_with(
        &member.client,
        "Second",
        &[&fleet.play.orders],
        &json!({"policy_id": policy}),
    );
    let second = second.unwrap();
    let mut callers = fleet.callers().unwrap();
    for caller in &mut callers {
        until(caller, "the gateway knows the second profile", |caller| {
            let answer = caller.get("/nowhere").key(&second.api_key).send()?;
            Ok(outcome(&answer) == "endpoint_not_found")
        })
        .unwrap();
    }
    fleet.server.forget();

    for _ in 0..2 {
        for (caller, key) in callers.iter_mut().zip([member.key(), &second.api_key]) {
            let answer = caller.get("/orders/1").key(key).send().unwrap();
            assert_eq!(outcome(&answer), "permitted");
        }
    }
    let refused = get_at(
        &mut callers[0],
        "refused.test",
        "/orders/1?secret=of-nobody",
    );
    let refused = refused.key(member.key()).send().unwrap();
    assert_eq!(outcome(&refused), "rate_limit_exceeded");
    let asked = fleet.server.asked();
    assert_eq!(asked.len(), 5, "{asked:?}");
    for asked in &asked {
        let caller = ("caller".to_owned(), member.client.clone());
        assert_eq!((&asked.entries[1], asked.limit), (&caller, Some((4, HOUR))));
    }

    let gateway = &fleet.gateways[0];
    let access = gateway.access_of("refused.test").unwrap();
    assert_eq!(access["details"], "request_rate_limited", "{access}");
    for (field, value) in [
        ("decision", "refused"),
        ("reason", "rate_limit_exceeded"),
        ("client", &member.client),
        ("access_profile", &member.profile.id),
        ("collection", "orders/v1"),
    ] {
        assert_eq!(access[field], value, "{access}");
    }
    let counter = "wasmcustom.portcullis.refused.rate_limit_exceeded";
    assert_eq!(gateway.count(counter).unwrap(), 1);

    let query = format!("/usage/totals?profile_id={}", member.profile.id);
    let (told, _) = within(TOLD, "the refusal is told", || {
        let told = operator.call("GET", &query, &Value::Null).ok()?.body;
        (told["reasons"]["rate_limit_exceeded"] == 1).then_some(told)
    })
    .unwrap();
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    // Those by which the member was awaited asked for no endpoint.
    let called = number(&told["requests"]) - number(&told["reasons"]["endpoint_not_found"]);
    assert_eq!(called, 3, "{told}");
    // Where counts are handed over between a permit and the server's refusal, the permit stays counted.
    let permitted = number(&told["permitted"]);
    assert!((2..=3).contains(&permitted), "{told}");
    let query = format!("/usage/refusals?profile_id={}", member.profile.id);
    let (sample, _) = within(TOLD, "it is among the refusals", || {
        let refusals = operator.call("GET", &query, &Value::Null).ok()?.body;
        let found = refusals["items"].as_array()?.iter();
        let mut found = found.filter(|it| it["reason"] == "rate_limit_exceeded");
        found.next().cloned()
    })
    .unwrap();
    assert_eq!(sample["path"], "/orders/1", "{sample}");
    assert_eq!(sample["method"], "GET", "{sample}");
}

#[test]
fn while_the_server_is_silent_or_away_each_gateway_holds_its_own_count_against_the_limit() {
    let mut fleet = Fleet::begin(|_| {}).unwrap();
    let (member, _) = fleet
        .limited(&json!({"requests": 5, "per": "day"}))
        .unwrap();
    let mut callers = fleet.callers().unwrap();

    fleet.server.be_silent(true);
    let begun = Instant::now();
    let answer = call(&mut callers[0], &member);
    assert_eq!(outcome(&answer), "permitted");
    // As long as the bootstrap has Envoy wait.
    assert!(begun.elapsed() >= Duration::from_millis(100));
    assert_eq!(answer.header("ratelimit"), Some("\"rate\";r=4;t=17280"));
    let waited = "cluster.service.ratelimit.failure_mode_allowed";
    assert_eq!(fleet.gateways[0].count(waited).unwrap(), 1);

    fleet.server.end();
    for (caller, left) in callers.iter_mut().zip([4, 5]) {
        for _ in 0..left {
            assert_eq!(outcome(&call(caller, &member)), "permitted");
        }
        let refused = call(caller, &member);
        assert_eq!(outcome(&refused), "rate_limit_exceeded");
        assert_eq!(refused.header("x-envoy-ratelimited"), None, "{refused:?}");
    }
}

#[test]
fn a_fleet_may_be_told_to_let_nothing_pass_that_cannot_be_counted() {
    let mut fleet = Fleet::begin(|filter| {
        waiting(filter);
        filter["failure_mode_deny"] = json!(true);
    })
    .unwrap();
    let (member, _) = fleet
        .limited(&json!({"requests": 5, "per": "day"}))
        .unwrap();
    let free = fleet.play.member("Free").unwrap();
    let mut callers = fleet.callers().unwrap();
    assert_eq!(outcome(&call(&mut callers[0], &member)), "permitted");
    fleet.server.end();
    for caller in &mut callers {
        let refused = call(caller, &member);
        let told = (refused.status, outcome(&refused));
        assert_eq!(told, (503, "rate_limit_unknown".to_owned()), "{refused:?}");
        assert_eq!(refused.header("retry-after"), Some("1"));
        until_answered(caller, free.key(), "permitted").unwrap();
    }
}
