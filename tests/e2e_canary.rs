//! Secrets leave no trace: not in a log, a metric, an admin page, a database file or an answer, whatever is done with them.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use portcullis_tests::{
    Canary, Member, Place, Play, Signer, bearer, get_at, merge, outcome, set, text, until,
    until_answered,
};
use serde_json::{Value, json};
use xtask::stage::{Caller, Envoy, Operator, Parts, Tokens, address_to_return_to, within};

const OPERATOR: &str = "canary-operator-token-4f1c9e77aa20d3b85566";
/// 32 bytes: with them the control plane signs what it tells gateways.
const FEED_SEED: &str = "canary-feed-seed-5b8e1f20c7d94a3";
const GATEWAY: &str = "canary-gateway-token-90b2d4e6f8a1c3e5077";
const SECRET: &str = "canary+secret/of=a signer: 77aa20d3b855660f1c";
const IMPORTED: &str = "canary-imported-key-0123456789abcdef/+~";
const UNKNOWN: &str = "canary-unknown-key-fedcba9876543210/+~";
const PASTED: &str = "canary-pasted-by-mistake-13579bdf02468ace";

/// What is shown of a play to those who look: everything but what belongs to one caller or operator alone.
struct Stage {
    play: Play,
    /// Where the control plane tells its metrics.
    metrics: SocketAddr,
    /// An Envoy that takes keys in the query, and one that a request may trap.
    others: [Envoy; 2],
    /// What operators were answered, except where a new key is shown.
    answers: Vec<Place>,
}

impl Stage {
    fn places(&self) -> Result<Vec<Place>> {
        let mut places = Place::files(self.play.control_plane.data())?;
        for envoy in self.others.iter().chain([&self.play.envoy]) {
            places.push(Place::text("Envoy's log", envoy.log()));
            places.push(Place::text("the access log", envoy.printed()));
            for page in [
                "/config_dump?include_eds",
                "/stats",
                "/stats?format=json",
                "/stats/prometheus",
                "/clusters?format=json",
                "/listeners?format=json",
                "/server_info",
                "/runtime",
                "/init_dump",
                "/certs",
            ] {
                places.push(Place::text(page, envoy.admin(page)?));
            }
        }
        let control_plane = &self.play.control_plane;
        places.push(Place::text("the control plane's log", control_plane.log()));
        places.push(Place::text("what it printed", control_plane.printed()));
        let metrics = Caller::connect(self.metrics)?.get("/metrics").send()?;
        assert_eq!(metrics.status, 200);
        let metrics = String::from_utf8_lossy(&metrics.body);
        places.push(Place::text("the control plane's metrics", metrics));
        let operator = self.play.operator();
        for path in [
            "/clients",
            "/access-profiles",
            "/collections",
            "/policies",
            "/gateways",
            "/gateway-tokens",
            "/operators",
            "/tokens",
            "/audit?limit=1000",
            "/usage/refusals",
            "/usage/series?group_by=key",
            "/configuration",
            "/openapi.json",
        ] {
            places.push(read(&operator, path)?);
        }
        for profile in operator.call("GET", "/access-profiles", &Value::Null)?.body["items"]
            .as_array()
            .context("a list has items")?
        {
            let path = format!("/access-profiles/{}", text(profile, "id")?);
            places.push(read(&operator, &path)?);
            places.push(read(&operator, &format!("{path}/keys"))?);
        }
        let answers = self.answers.iter();
        places
            .extend(answers.map(|it| Place::text(&it.name, String::from_utf8_lossy(&it.content))));
        Ok(places)
    }
}

fn read(operator: &Operator, path: &str) -> Result<Place> {
    let reply = operator.call("GET", path, &Value::Null)?;
    assert_eq!(reply.status, 200, "{path}");
    Ok(Place::text(path, reply.body.to_string()))
}

/// Requests of every outcome with a key, in every way of presenting it.
fn call_with(caller: &mut Caller, key: &str) -> Result<()> {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("api-token:{key}"));
    let encoded: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for path in [
        "/orders/1",
        "/stock",
        "/nowhere",
        "/orders/1;x",
        "/orders/%00",
        "/orders/1%2f",
    ] {
        for (name, value) in [
            ("api-token", key.to_owned()),
            ("authorization", format!("Bearer {key}")),
            ("authorization", format!("Basic {basic}")),
            ("authorization", format!("Basic {basic}, Bearer {key}x")),
        ] {
            caller.get(path).header(name, value).send()?;
        }
        for query in [
            format!("token={encoded}"),
            format!("a=b&%74oken={encoded}&token=x"),
        ] {
            caller.get(&format!("{path}?{query}")).send()?;
        }
        caller.get(path).key(key).key("another").send()?;
    }
    Ok(())
}

/// What operators write by mistake: refused, and not repeated.
fn mistakes(profile: &str) -> Vec<(&'static str, String, Value)> {
    let profile = format!("/access-profiles/{profile}");
    let keys = format!("{profile}/keys");
    let jwt = |member: &str, value: Value| json!({"jwt": {"algorithm": "HS256", member: value}});
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{PASTED}\n-----END PRIVATE KEY-----");
    let rs256 = |key: Value| json!({"jwt": {"algorithm": "RS256", "key": key}});
    vec![
        ("PATCH", profile.clone(), jwt("secret", json!(PASTED))),
        (
            "PATCH",
            profile.clone(),
            jwt("secret", json!({"value": [PASTED]})),
        ),
        (
            "PATCH",
            profile.clone(),
            jwt("secret", json!({"value": {"k": PASTED}})),
        ),
        (
            "PATCH",
            profile.clone(),
            jwt("secret", json!({"value": "short", "encoding": PASTED})),
        ),
        (
            "PATCH",
            profile.clone(),
            jwt(
                "secret",
                json!({"value": format!("!{PASTED}"), "encoding": "base64"}),
            ),
        ),
        ("PATCH", profile.clone(), jwt("key", json!(PASTED))),
        ("PATCH", profile.clone(), rs256(json!(pem))),
        (
            "PATCH",
            profile.clone(),
            rs256(json!({"kty": "oct", "k": PASTED})),
        ),
        (
            "PATCH",
            profile.clone(),
            rs256(json!({"kty": "RSA", "n": PASTED, "e": "AQAB", "d": PASTED})),
        ),
        (
            "PATCH",
            profile.clone(),
            rs256(json!(format!("ssh-rsa {PASTED}"))),
        ),
        ("PATCH", profile.clone(), json!({"jwt": PASTED})),
        (
            "POST",
            keys.clone(),
            json!({"key": format!("{PASTED} with blanks")}),
        ),
        ("POST", keys.clone(), json!({"key": [PASTED]})),
        (
            "POST",
            keys.clone(),
            json!({"key": format!("ptc_live_{PASTED}")}),
        ),
        (
            "POST",
            keys.clone(),
            json!({"key": format!("eyJhbGciOiJub25lIn0.{PASTED}.x")}),
        ),
        ("POST", keys.clone(), json!(PASTED)),
        ("POST", keys, json!({"key": IMPORTED})),
        (
            "POST",
            format!("{profile}/key/refresh"),
            json!({"overlap_s": PASTED}),
        ),
    ]
}

fn begin() -> Result<(Stage, Vec<Canary>)> {
    let seed = <[u8; 32]>::try_from(FEED_SEED.as_bytes())?;
    let tokens = Tokens::new(OPERATOR, GATEWAY, seed);
    let metrics = address_to_return_to()?;
    let environment = [
        ("PORTCULLIS_METRICS_LISTEN", metrics.to_string()),
        ("PORTCULLIS_LOG", "debug".to_owned()),
        ("PORTCULLIS_LOG_FORMAT", "json".to_owned()),
    ];
    let environment = environment
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let play = Play::begin_known_by(tokens, &environment)?;
    play.envoy.log_from("wasm", "debug")?;
    let query = json!({"query_parameter": "token"});
    let by_query = play.another_envoy(|bootstrap| set(bootstrap, &query))?;
    let doors = Parts::from_environment()?.filter_with_doors();
    let trapped = play.another_envoy(|bootstrap| bootstrap.module("portcullis.wasm", &doors))?;
    let signer = Signer::hs256(SECRET);
    let member = play.member("Acme")?;
    let by_token = play.token_member("Tokens", &signer, &json!({}))?;
    let operator = play.operator();
    let mut answers = vec![];

    let keys = format!("/access-profiles/{}/keys", member.profile.id);
    let imported = operator.call("POST", &keys, &json!({"key": IMPORTED}))?;
    assert_eq!(imported.status, 201, "{}", imported.body);
    answers.push(Place::text(
        "the import of a key",
        imported.body.to_string(),
    ));
    for (method, path, body) in mistakes(&by_token.profile.id) {
        let reply = operator.call(method, &path, &body)?;
        assert!((400..500).contains(&reply.status), "{path}: {}", reply.body);
        answers.push(Place::text(
            format!("{method} {path}"),
            reply.body.to_string(),
        ));
    }
    let stranger = Operator::new(play.control_plane.address(), UNKNOWN);
    let refused = stranger.call("GET", "/clients", &Value::Null)?;
    assert_eq!(refused.status, 401);
    answers.push(Place::text(
        "the refusal of a stranger",
        refused.body.to_string(),
    ));

    let mut claims = by_token.claims();
    merge(&mut claims, &json!({"jti": "canary-jti-5d41402abc4b2a76"}));
    let token = signer.token(&claims)?;
    let forged = Signer::hs256(PASTED).token(&claims)?;
    let old = member.key().to_owned();
    let mut stage = Stage {
        play,
        metrics,
        others: [by_query, trapped],
        answers,
    };
    let new = use_all(&mut stage, &member, &by_token, &[&token, &forged])?;
    let signature = |token: &str| token.rsplit('.').next().unwrap_or_default().to_owned();
    let canaries = vec![
        Canary::new("the operator's token", OPERATOR),
        Canary::new("the gateway's token", GATEWAY),
        Canary::new("the seed of the feed key", FEED_SEED),
        Canary::new("the secret", SECRET),
        Canary::new("the imported key", IMPORTED),
        Canary::new("the unknown key", UNKNOWN),
        Canary::new("what was pasted by mistake", PASTED),
        Canary::new("the first key", &old),
        Canary::new("the new key", &new),
        Canary::new("the token", &token),
        Canary::new("the signature", &signature(&token)),
        Canary::new("the forged token", &signature(&forged)),
        Canary::new("a claim", "canary-jti-5d41402abc4b2a76"),
    ];
    Ok((stage, canaries))
}

/// Calls with everything, permitted and refused, before and after it is withdrawn; returns the key that came last.
fn use_all(
    stage: &mut Stage,
    member: &Member,
    by_token: &Member,
    tokens: &[&String],
) -> Result<String> {
    let play = &stage.play;
    let operator = play.operator();
    let call_all = |key: &str| -> Result<()> {
        for envoy in stage.others.iter().chain([&play.envoy]) {
            let mut caller = Caller::connect(envoy.gateway()?)?;
            call_with(&mut caller, key)?;
            for token in tokens {
                call_with(&mut caller, token)?;
            }
        }
        Ok(())
    };
    let mut caller = play.caller()?;
    until_answered(&mut caller, IMPORTED, "permitted")?;
    assert_eq!(bearer(&mut caller, tokens[0])?, "permitted");
    for key in [member.key(), IMPORTED, UNKNOWN, PASTED] {
        call_all(key)?;
    }
    let mut trapped = Caller::connect(stage.others[1].gateway()?)?;
    let trap = trapped.get("/orders/1").key(member.key());
    trap.header("x-portcullis-trap", UNKNOWN).send()?;
    within(std::time::Duration::from_secs(20), "a new VM", || {
        let mut caller = Caller::connect(stage.others[1].gateway().ok()?).ok()?;
        let answer = caller.get("/orders/1").key(member.key()).send().ok()?;
        (outcome(&answer) == "permitted").then_some(())
    })?;

    let new = operator.refresh_key(&member.profile.id)?;
    until_answered(&mut caller, &new, "permitted")?;
    operator.enable_client(&by_token.client, false)?;
    for key in [member.key(), new.as_str()] {
        call_all(key)?;
    }
    Ok(new)
}

#[test]
fn no_secret_is_found_anywhere_and_one_that_is_planted_is() {
    let (stage, canaries) = begin().unwrap();
    // What was written last has been written once this has.
    let mut caller = stage.play.caller().unwrap();
    get_at(&mut caller, "last.test", "/orders/1")
        .send()
        .unwrap();
    stage.play.envoy.access_of("last.test").unwrap();

    assert_eq!(
        Canary::sightings(&canaries, &stage.places().unwrap()),
        [""; 0]
    );

    let planted = format!("/orders/{UNKNOWN}");
    // Of refusals for one reason that follow each other, the log shows one a second.
    until(&mut caller, "what is planted is logged", |caller| {
        get_at(caller, "planted.test", &planted).send()?;
        Ok(stage.play.envoy.log().contains(UNKNOWN))
    })
    .unwrap();
    stage.play.envoy.access_of("planted.test").unwrap();
    stage.play.operator().create_client(IMPORTED).unwrap();
    let sightings = Canary::sightings(&canaries, &stage.places().unwrap());
    for (secret, place) in [
        ("the unknown key", "the access log"),
        ("the unknown key", "Envoy's log"),
        ("the imported key", "/clients"),
        ("the imported key", "data/portcullis."),
    ] {
        let is_it = |it: &&String| it.starts_with(secret) && it.contains(place);
        assert!(
            sightings.iter().any(|it| is_it(&it)),
            "{secret}, {place}: {sightings:?}"
        );
    }
}
