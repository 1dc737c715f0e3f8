//! Moving to another database: nothing is lost, and secrets are seen by nobody.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::made_up::{self, Dice};
use super::{PATH, apply, draft, export, plan, told, with_secrets_key};
use crate::logos::{SVG, pixel, puts};
use crate::stage::{Caller, Stage, open};

const SECRET: &str = "canary-secret-of-thirty-two-byte";

/// All records, with secrets sealed.
async fn sealed_export(operator: &Caller) -> Value {
    let exported = with_secrets_key(operator, Method::GET, PATH, &Value::Null).await;
    exported.is(200).body
}

async fn applied_with_key(operator: &Caller, configuration: Value) {
    let path = format!("{PATH}/apply");
    let applied = with_secrets_key(operator, Method::POST, &path, &draft(configuration)).await;
    applied.is(200);
}

/// What gateways are told, without the revisions, which are another database's.
async fn told_to_gateways(stage: &Stage) -> Vec<Value> {
    let page = stage
        .gateway()
        .gets("/feed/v1/changes?limit=1000")
        .await
        .is(200);
    let mut changes = page["changes"].as_array().unwrap().clone();
    for change in &mut changes {
        change["revision"] = 0.into();
        if let Some(keys) = change.pointer_mut("/profile/access/api_key/keys") {
            keys.as_array_mut()
                .unwrap()
                .sort_by_key(|key| key["id"].to_string());
        }
    }
    changes.sort_by_key(ToString::to_string);
    changes
}

#[tokio::test]
async fn whatever_is_exported_is_the_same_after_it_was_applied_elsewhere() {
    for seed in 0..40 {
        let mut dice = Dice::of(seed);
        let (here, there) = (open().await, open().await);
        if here.ground.has_a_clock() && seed >= 8 {
            return;
        }
        let configuration = made_up::configuration(&mut dice);
        apply(&here.operator(), configuration).await.is(200);
        here.pass_ms(5_000);
        there.pass_ms(90_000);

        let exported = export(&here.operator()).await;
        applied_with_key(&there.operator(), sealed_export(&here.operator()).await).await;

        assert_eq!(export(&there.operator()).await, exported, "seed {seed}");
        assert_eq!(
            told_to_gateways(&there).await,
            told_to_gateways(&here).await,
            "seed {seed}"
        );
        for stage in [&here, &there] {
            let planned = plan(&stage.operator(), exported.clone()).await.is(200);
            assert_eq!(told(&planned), [""; 0], "seed {seed}");
            // A server has only so many connections.
            stage.app.close().await;
        }
    }
}

#[tokio::test]
async fn keys_of_every_kind_move_by_their_digests() {
    let (here, there) = (open().await, open().await);
    let operator = here.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    let keys = format!("/api/v1/access-profiles/{}/keys", profile.id());
    for number in 0..25 {
        here.pass_ms(1_000);
        let key = json!({"key": format!("a-key-from-elsewhere-{number}")});
        let imported = operator.posts(&keys, key).await.is(201);
        let id = imported["key"]["id"].as_str().unwrap();
        operator.deletes(&format!("{keys}/{id}")).await.is(200);
    }
    let refresh = format!("/api/v1/access-profiles/{}/key/refresh", profile.id());
    operator
        .posts(&refresh, json!({"overlap_s": 600}))
        .await
        .is(200);

    let exported = export(&operator).await;
    let moved = exported["clients"][0]["access_profiles"][0]["keys"]
        .as_array()
        .unwrap();
    assert_eq!(moved.len(), 27);
    apply(&there.operator(), exported.clone()).await.is(200);

    assert_eq!(export(&there.operator()).await, exported);
    // Those that were revoked long ago are still somebody's.
    let again = json!({"key": "a-key-from-elsewhere-0"});
    there.operator().posts(&keys, again).await.is(409);
}

/// A JPEG of one pixel, as a camera might have made it: with a comment that nobody needs.
const JPEG: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD//gAPZnJvbSBhIGNhbWVyYf/bAEMADQkKCwoIDQsKCw4ODQ8TIBUTEhITJxweFyAuKTEwLiktLDM6Sj4zNkY3LC1AV0FGTE5SU1IyPlphWlBgSlFST//AAAsIAAEAAQEBEQD/xAAUAAEAAAAAAAAAAAAAAAAAAAAF/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQAAPwAh/9k=";

#[tokio::test]
async fn logos_move_and_are_the_same_when_they_come_again() {
    let (here, there) = (open().await, open().await);
    let operator = here.operator();
    let logos = [
        ("drawn", "image/svg+xml", SVG.as_bytes().to_vec()),
        ("pixels", "image/png", pixel()),
        ("photo", "image/jpeg", STANDARD.decode(JPEG).unwrap()),
    ];
    let mut paths = Vec::new();
    for (name, kind, content) in logos {
        let client = operator.creates_client(name).await;
        let path = format!("/api/v1/clients/{}/logo", client.id());
        puts(&operator, &path, kind, content).await.is(200);
        paths.push((path, kind));
    }
    operator.creates_client("plain").await;
    let exported = export(&operator).await;

    let planned = plan(&there.operator(), exported.clone()).await.is(200);
    assert_eq!(planned["summary"]["created"], 4);
    apply(&there.operator(), exported.clone()).await.is(200);

    for (path, kind) in &paths {
        let shown = there.operator().gets(path).await.is(200);
        assert_eq!(shown.headers["content-type"], *kind);
        let first = operator.gets(path).await.is(200);
        assert!(*kind == "image/jpeg" || shown.headers["etag"] == first.headers["etag"]);
    }
    for stage in [&here, &there] {
        let planned = plan(&stage.operator(), exported.clone()).await.is(200);
        assert_eq!(told(&planned), [""; 0]);
    }
}

#[tokio::test]
async fn a_plan_tells_a_logo_by_its_digest_and_refuses_what_is_no_picture() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let with_logo = |content: &[u8]| {
        let logo = STANDARD.encode(content);
        json!({"clients": [{"id": client.id(), "name": "Acme", "logo": logo}]})
    };
    let applied = apply(&operator, with_logo(SVG.as_bytes())).await.is(200);
    let field = &applied["changes"][0]["fields"][0];
    assert_eq!(field["field"], "/logo");
    assert_eq!(field["before"], Value::Null);
    assert_eq!(field["after"].as_str().unwrap().len(), 64);
    let path = format!("/api/v1/clients/{}", client.id());
    assert_eq!(operator.gets(&path).await["logo"], field["after"]);

    let without = json!({"clients": [{"id": client.id(), "name": "Acme"}]});
    assert_eq!(told(&plan(&operator, without).await.is(200)), [""; 0]);
    for (logo, detail) in [
        (json!("not base64!"), "base64"),
        (json!(STANDARD.encode("no picture")), "none of them"),
    ] {
        let wrong = json!({"clients": [{"id": client.id(), "name": "Acme", "logo": logo}]});
        let refused = plan(&operator, wrong).await.is(422);
        let told = refused.points_at("/configuration/clients/0/logo");
        assert!(told.contains(detail), "{told}");
    }
}

async fn with_secret(operator: &Caller) -> Value {
    let configuration = json!({
        "collections": [{"name": "orders", "version": "v1", "endpoints": [{"method": "GET", "path": "/orders"}]}],
        "clients": [{"name": "Acme", "access_profiles": [{"name": "signed", "collections": ["orders"],
            "access_method": "jwt", "jwt": {"algorithm": "HS256", "secret": {"value": SECRET}}}]}],
    });
    apply(operator, configuration.clone()).await.is(200);
    configuration
}

#[tokio::test]
async fn a_secret_leaves_only_sealed_and_only_when_that_is_asked_for() {
    let stage = open().await;
    let operator = stage.operator();
    with_secret(&operator).await;
    let secret =
        |exported: &Value| exported["clients"][0]["access_profiles"][0]["jwt"]["secret"].clone();
    let exported = export(&operator).await;
    assert_eq!(secret(&exported), json!({"withheld": true}));
    let sealed = sealed_export(&operator).await;
    let text = secret(&sealed)["sealed"].as_str().unwrap().to_owned();
    assert!(text.starts_with("x1."), "{text}");
    assert!(!sealed.to_string().contains(SECRET));
}

#[tokio::test]
async fn a_withheld_secret_stays_what_it_is_and_cannot_come_from_nowhere() {
    let (here, there) = (open().await, open().await);
    with_secret(&here.operator()).await;
    let before = told_to_gateways(&here).await;
    let mut exported = export(&here.operator()).await;
    exported["clients"][0]["access_profiles"][0]["description"] = "signed by Acme".into();
    apply(&here.operator(), exported.clone()).await.is(200);
    assert_eq!(told_to_gateways(&here).await, before);

    let refused = apply(&there.operator(), exported).await.is(422);
    refused.points_at("/configuration/clients/0/access_profiles/0/jwt/secret");
}

#[tokio::test]
async fn a_sealed_secret_opens_with_its_key_for_its_profile_alone() {
    let (here, there) = (open().await, open().await);
    with_secret(&here.operator()).await;
    let sealed = sealed_export(&here.operator()).await;
    let at = "/configuration/clients/0/access_profiles/0/jwt/secret/sealed";
    apply(&there.operator(), sealed.clone())
        .await
        .is(422)
        .points_at(at);

    let path = format!("{PATH}/apply");
    for change in [
        ("id", Value::Null),
        ("id", json!("ap_01jcz3v9k4m0x2p7q8r9s0t1v2")),
    ] {
        let mut altered = sealed.clone();
        altered["clients"][0]["access_profiles"][0][change.0] = change.1;
        let operator = there.operator();
        let refused = with_secrets_key(&operator, Method::POST, &path, &draft(altered)).await;
        refused.is(422).points_at(at);
    }
    applied_with_key(&there.operator(), sealed.clone()).await;
    assert_eq!(
        told_to_gateways(&there).await,
        told_to_gateways(&here).await
    );
    // Sealed again with other random bytes, it is the same secret.
    let plan_path = format!("{PATH}/plan");
    let planned =
        with_secrets_key(&here.operator(), Method::POST, &plan_path, &draft(sealed)).await;
    assert_eq!(told(&planned.is(200)), [""; 0]);
}

#[tokio::test]
async fn another_secret_is_a_change_that_shows_neither() {
    let stage = open().await;
    let operator = stage.operator();
    let mut configuration = with_secret(&operator).await;
    let other = "another-secret-of-thirty-two-byt";
    configuration["clients"][0]["access_profiles"][0]["jwt"]["secret"]["value"] = other.into();
    let planned = plan(&operator, configuration).await.is(200);
    assert_eq!(told(&planned), ["change access_profile signed"]);
    assert_eq!(planned["changes"][0]["fields"][0]["field"], "/jwt/secret");
    assert_eq!(
        planned["changes"][0]["takes_away"],
        json!(["its tokens are verified by other keys"])
    );
    let text = planned.body.to_string();
    assert!(!text.contains(SECRET) && !text.contains(other), "{text}");
}

#[tokio::test]
async fn what_is_no_key_for_secrets_is_refused_without_being_repeated() {
    let stage = open().await;
    let request = stage.operator().request(Method::GET, PATH);
    let request = request.header("portcullis-secrets-key", "not-quite-64-digits");
    let refused = stage
        .operator()
        .sends(request.body(axum::body::Body::empty()).unwrap())
        .await;
    assert!(!refused.is(400).body.to_string().contains("not-quite"));
}

#[tokio::test]
async fn an_end_of_a_key_is_never_taken_back_by_an_older_document() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    let old = export(&operator).await;
    stage.pass_ms(1_000);
    let refresh = format!("/api/v1/access-profiles/{}/key/refresh", profile.id());
    operator
        .posts(&refresh, json!({"overlap_s": 600}))
        .await
        .is(200);
    let deprecated = export(&operator).await;
    apply(&operator, old.clone()).await.is(200);
    assert_eq!(export(&operator).await, deprecated);

    operator.posts(&refresh, json!({})).await.is(200);
    let revoked = export(&operator).await;
    let applied = apply(&operator, old).await.is(200);
    assert_eq!(export(&operator).await, revoked);
    assert!(
        applied["notices"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("was revoked, and stays so")
    );
}

#[tokio::test]
async fn a_key_belongs_to_one_profile() {
    let stage = open().await;
    let operator = stage.operator();
    operator.creates_access("acme").await;
    let exported = export(&operator).await;
    let key = exported["clients"][0]["access_profiles"][0]["keys"][0].clone();
    let other = |key: Value| {
        json!({"clients": [{"name": "Other", "access_profiles": [
            {"name": "p", "collections": ["acme"], "keys": [key]}]}]})
    };
    let at = "/configuration/clients/0/access_profiles/0/keys/0";
    plan(&operator, other(key.clone()))
        .await
        .is(422)
        .points_at(&format!("{at}/digest"));
    let mut same_id = key.clone();
    same_id["digest"] = "a".repeat(64).into();
    plan(&operator, other(same_id))
        .await
        .is(422)
        .points_at(&format!("{at}/id"));
    let many: Vec<_> = (0..21)
        .map(|number| json!({"digest": format!("{number:064x}")}))
        .collect();
    let mut too_many = other(key);
    too_many["clients"][0]["access_profiles"][0]["keys"] = many.into();
    plan(&operator, too_many)
        .await
        .is(422)
        .points_at("/configuration/clients/0/access_profiles/0/keys");
}
