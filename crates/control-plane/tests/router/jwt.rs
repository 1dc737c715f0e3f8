//! Access profiles with tokens: what operators may say of them, what they are shown, and what gateways hear.

mod refusals;

use serde_json::{Value, json};

use crate::stage::{Answer, Caller, Stage, open};

const RSA_PEM: &str = include_str!("../../src/app/key_material/samples/rsa.pem");
const P256_PEM: &str = include_str!("../../src/app/key_material/samples/p256.pem");
const PATH: &str = "/api/v1/access-profiles";
/// As long as a secret has to be, and found nowhere else.
const SECRET: &str = "canary-secret-of-thirty-two-byte";

/// The draft of a profile with these tokens.
async fn draft(operator: &Caller, name: &str, jwt: Value) -> Value {
    let client = operator.creates_client(name).await;
    let collection = operator.creates_collection(name).await;
    json!({"client_id": client["id"], "name": name, "collections": [collection["id"]],
        "access_method": "jwt", "jwt": jwt})
}

async fn create(operator: &Caller, name: &str, jwt: Value) -> Answer {
    let draft = draft(operator, name, jwt).await;
    operator.posts(PATH, draft).await.is(201)
}

/// What gateways are told of the only profile, and the revision.
async fn carried(stage: &Stage) -> (Value, Value) {
    let page = stage.gateway().gets("/feed/v1/changes").await.is(200);
    let changes = page["changes"].as_array().unwrap();
    let profile = changes.iter().find_map(|change| change.get("profile"));
    (profile.unwrap().clone(), page["head"].clone())
}

fn hmac() -> Value {
    json!({"algorithm": "HS256", "secret": {"value": SECRET}})
}

#[tokio::test]
async fn a_profile_with_tokens_keeps_everything_that_was_said_and_has_no_api_key() {
    let stage = open().await;
    let said = json!({
        "algorithm": "RS256", "key": RSA_PEM,
        "identity": {"issuer": "https://id.example.com", "client": "acme-orders"},
        "issuers": ["https://id.example.com"], "audiences": ["orders", "billing"],
        "required_claims": {"scope": "orders", "email": null},
        "max_lifetime_s": 3_600, "allows_no_expiry": true,
    });

    let created = create(&stage.operator(), "acme", said.clone()).await;

    assert_eq!(created["api_key"], Value::Null);
    assert_eq!(created["keys"], json!([]));
    assert_eq!(created["access_method"], "jwt");
    for (member, value) in said.as_object().unwrap() {
        if member != "key" {
            assert_eq!(&created["jwt"][member.as_str()], value, "{member}");
        }
    }
    let key = &created["jwt"]["keys"][0];
    assert_eq!((&key["kty"], &key["bits"]), (&json!("RSA"), &json!(2048)));
    assert_eq!(key["thumbprint"].as_str().unwrap().len(), 43);
    assert_eq!(key["jwk"]["e"], "AQAB");
    assert_eq!(created["jwt"]["secret"], Value::Null);
    let read = stage
        .operator()
        .gets(&format!("{PATH}/{}", created.id()))
        .await
        .is(200);
    assert_eq!(read["jwt"], created["jwt"]);

    let (profile, _) = carried(&stage).await;
    let told = &profile["access"]["jwt"];
    assert_eq!(told["algorithm"], "RS256");
    assert_eq!(told["keys"], json!([key["jwk"]]));
    for member in [
        "identity",
        "issuers",
        "audiences",
        "required_claims",
        "max_lifetime_s",
        "allows_no_expiry",
    ] {
        assert_eq!(told[member], said[member], "{member}");
    }
}

#[tokio::test]
async fn a_secret_is_told_to_gateways_and_to_nobody_else() {
    let stage = open().await;
    let operator = stage.operator();
    let created = create(&operator, "acme", hmac()).await;
    assert_eq!(created["jwt"]["secret"], json!({"bits": 256}));
    let path = format!("{PATH}/{}", created.id());
    let renamed = operator
        .patches(&path, json!({"name": "renamed"}))
        .await
        .is(200);
    let read = operator.gets(&path).await.is(200);
    let listed = operator.gets(PATH).await.is(200);
    for answer in [created, renamed, read, listed] {
        let text = answer.body.to_string();
        assert!(!text.contains("canary"), "{text}");
        assert!(!text.contains("Y2FuYXJ5"), "{text}");
    }
    let (profile, _) = carried(&stage).await;
    let told = &profile["access"]["jwt"]["keys"];
    assert_eq!(
        told,
        &json!([{"kty": "oct", "k": "Y2FuYXJ5LXNlY3JldC1vZi10aGlydHktdHdvLWJ5dGU"}])
    );
}

#[tokio::test]
async fn a_secret_does_not_stand_in_the_database() {
    let stage = open().await;
    create(&stage.operator(), "acme", hmac()).await;
    stage.app.close().await;
    let kept = stage.ground.kept();
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("acme"));
    assert!(!kept.contains("canary") && !kept.contains("Y2FuYXJ5"));
}

#[tokio::test]
async fn a_secret_is_read_from_every_spelling_of_base64() {
    let stage = open().await;
    let operator = stage.operator();
    for (number, value) in [
        "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=",
        "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8",
        " +/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8\n",
    ]
    .into_iter()
    .enumerate()
    {
        let secret = json!({"value": value, "encoding": "base64"});
        let jwt = json!({"algorithm": "HS512", "secret": secret});
        let created = create(&operator, &format!("c{number}"), jwt).await;
        assert_eq!(created["jwt"]["secret"]["bits"], 256, "{value}");
    }
}

#[tokio::test]
async fn a_followed_key_set_is_shown_and_told_without_keys_at_first() {
    let stage = open().await;
    let operator = stage.operator();
    let url = "https://id.example.com/keys";
    let created = create(
        &operator,
        "acme",
        json!({"algorithm": "ES256", "jwks_url": url}),
    )
    .await;
    assert_eq!(created["jwt"]["jwks_url"], url);
    assert_eq!(created["jwt"]["keys"], json!([]));
    let (profile, _) = carried(&stage).await;
    assert_eq!(profile["access"]["jwt"]["follows_key_set"], true);

    let issuer = json!({"jwt": {"discover_from": "https://id.example.com"}});
    let path = format!("{PATH}/{}", created.id());
    let changed = operator.patches(&path, issuer).await.is(200);
    assert_eq!(changed["jwt"]["jwks_url"], Value::Null);
    assert_eq!(changed["jwt"]["discover_from"], "https://id.example.com");
}

#[tokio::test]
async fn a_patch_that_says_nothing_of_keys_keeps_them() {
    let stage = open().await;
    let operator = stage.operator();
    let created = create(&operator, "acme", hmac()).await;
    let path = format!("{PATH}/{}", created.id());
    let (before, _) = carried(&stage).await;

    let patch = json!({"jwt": {"algorithm": "HS384", "audiences": ["orders"]}});
    let changed = operator.patches(&path, patch).await.is(200);
    assert_eq!(changed["jwt"]["algorithm"], "HS384");
    assert_eq!(changed["jwt"]["secret"]["bits"], 256);
    let (after, _) = carried(&stage).await;
    assert_eq!(
        after["access"]["jwt"]["keys"],
        before["access"]["jwt"]["keys"]
    );

    let refused = operator
        .patches(&path, json!({"jwt": {"algorithm": "RS256"}}))
        .await
        .is(422);
    refused.points_at("/jwt/algorithm");
    let refused = operator
        .patches(&path, json!({"jwt": {"secret": null}}))
        .await
        .is(422);
    refused.points_at("/jwt");
    let patch = json!({"jwt": {"algorithm": "ES256", "key": P256_PEM}});
    let changed = operator.patches(&path, patch).await.is(200);
    assert_eq!(changed["jwt"]["secret"], Value::Null);
    assert_eq!(changed["jwt"]["keys"][0]["bits"], 256);
    assert_eq!(changed["jwt"]["audiences"], json!(["orders"]));
}

#[tokio::test]
async fn a_patch_replaces_required_claims_and_clears_lists() {
    let stage = open().await;
    let operator = stage.operator();
    let mut jwt = hmac();
    jwt["required_claims"] = json!({"scope": "a", "email": null});
    jwt["issuers"] = json!(["https://id.example.com"]);
    let created = create(&operator, "acme", jwt).await;
    let path = format!("{PATH}/{}", created.id());

    let patch = json!({"jwt": {"required_claims": {"scope": "b"}, "issuers": null}});
    let changed = operator.patches(&path, patch).await.is(200);
    assert_eq!(changed["jwt"]["required_claims"], json!({"scope": "b"}));
    assert_eq!(changed["jwt"]["issuers"], json!([]));
}

#[tokio::test]
async fn every_member_that_gateways_can_tell_is_a_change() {
    let stage = open().await;
    let operator = stage.operator();
    let created = create(&operator, "acme", hmac()).await;
    let path = format!("{PATH}/{}", created.id());
    let (mut before, mut head) = carried(&stage).await;
    for patch in [
        json!({"observe": true}),
        json!({"jwt": {"algorithm": "HS384"}}),
        json!({"jwt": {"secret": {"value": "another-secret-of-thirty-two-byt"}}}),
        json!({"jwt": {"identity": {"issuer": "i", "client": "c"}}}),
        json!({"jwt": {"identity": {"client": "d"}}}),
        json!({"jwt": {"issuers": ["i"]}}),
        json!({"jwt": {"audiences": ["a"]}}),
        json!({"jwt": {"required_claims": {"scope": null}}}),
        json!({"jwt": {"max_lifetime_s": 60}}),
        json!({"jwt": {"allows_no_expiry": true}}),
        json!({"jwt": {"algorithm": "RS256", "key": RSA_PEM}}),
        json!({"jwt": {"jwks_url": "https://id.example.com/keys"}}),
        json!({"jwt": null, "access_method": "api_key"}),
    ] {
        operator.patches(&path, patch.clone()).await.is(200);
        let (after, newer) = carried(&stage).await;
        assert_ne!(after, before, "{patch}");
        assert_ne!(newer, head, "{patch}");
        // The same once more is none.
        if patch.pointer("/jwt/key").is_none() {
            operator.patches(&path, patch.clone()).await.is(200);
            assert_eq!(carried(&stage).await.1, newer, "{patch}");
        }
        (before, head) = (after, newer);
    }
}

#[tokio::test]
async fn an_identity_belongs_to_one_profile() {
    let stage = open().await;
    let operator = stage.operator();
    let mut jwt = hmac();
    jwt["identity"] = json!({"issuer": "https://id.example.com", "client": "acme"});
    let first = create(&operator, "acme", jwt.clone()).await;

    let second = draft(&operator, "other", jwt).await;
    let refused = operator.posts(PATH, second).await.is(409);
    assert_eq!(refused["profiles"][0]["id"], first["id"]);
    assert!(refused.text("detail").contains("acme"), "{}", refused.body);
    let path = format!("{PATH}/{}", first.id());
    operator
        .patches(&path, json!({"name": "renamed"}))
        .await
        .is(200);
}

#[tokio::test]
async fn api_keys_of_a_profile_with_tokens_only_name_it() {
    let stage = open().await;
    let operator = stage.operator();
    let created = create(&operator, "acme", hmac()).await;
    let issued = operator
        .posts(&format!("{PATH}/{}/keys", created.id()), json!({}))
        .await
        .is(201);
    let (profile, _) = carried(&stage).await;
    assert_eq!(profile["access"].get("api_key"), None);
    assert_eq!(
        profile["access"]["jwt"]["named_by_keys"][0]["id"],
        issued["key"]["id"]
    );
}
