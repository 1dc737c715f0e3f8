//! `/tokens`

use serde_json::json;

use crate::stage::{BEGIN_MS, open};

#[tokio::test]
async fn a_token_opens_what_its_role_permits_until_it_is_withdrawn() {
    let stage = open().await;
    let admin = stage.operator();
    let draft = json!({"name": "pipeline", "role": "editor"});
    let made = admin.posts("/api/v1/tokens", draft).await.is(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let token = made.text("token").to_owned();
    assert!(token.starts_with("ptr_"));
    let robot = stage.caller(Some(&token));
    robot.creates_client("Acme").await;
    robot.gets("/api/v1/operators").await.is(403);
    let told = robot.gets("/api/v1/session").await.is(200);
    assert_eq!(told["kind"], "token");
    assert_eq!(told["id"], made["id"]);
    assert_eq!(told["session"], json!(null));

    let path = format!("/api/v1/tokens/{}", made.id());
    admin
        .patches(&path, json!({"role": "viewer"}))
        .await
        .is(200);
    robot
        .posts("/api/v1/clients", json!({"name": "B"}))
        .await
        .is(403);
    let shown = admin.gets("/api/v1/tokens").await.is(200);
    assert!(!shown.body.to_string().contains(&token));
    admin.deletes(&path).await.is(204);
    robot.gets("/api/v1/clients").await.is(401);
    admin.gets(&path).await.is(404);
}

#[tokio::test]
async fn a_narrowed_token_is_good_for_nothing_else() {
    let stage = open().await;
    let draft =
        json!({"name": "watcher", "role": "admin", "resources": ["audit", "audit", "clients"]});
    let made = stage
        .operator()
        .posts("/api/v1/tokens", draft)
        .await
        .is(201);
    assert_eq!(made["resources"], json!(["audit", "clients"]));
    let robot = stage.caller(Some(made.text("token")));
    robot.gets("/api/v1/audit").await.is(200);
    robot.creates_client("Acme").await;
    let refused = robot.gets("/api/v1/policies").await.is(403);
    assert_eq!(refused["detail"], "the token is not good for `policies`");
    robot.gets("/api/v1/tokens").await.is(403);
    robot.gets("/api/v1/operators").await.is(403);

    for resources in [
        json!(["tokens"]),
        json!(["operators"]),
        json!(["sessions"]),
        json!(["x"]),
    ] {
        let draft = json!({"name": "x", "role": "viewer", "resources": resources});
        let refused = stage.operator().posts("/api/v1/tokens", draft).await;
        refused.is(422).points_at("/resources/0");
    }
}

#[tokio::test]
async fn a_token_ends_when_it_was_said_to_and_tells_when_it_was_used() {
    let stage = open().await;
    let admin = stage.operator();
    let past = json!({"name": "x", "role": "viewer", "expires_at": "2027-01-15T07:00:00Z"});
    admin
        .posts("/api/v1/tokens", past)
        .await
        .is(422)
        .points_at("/expires_at");
    let draft = json!({"name": "x", "role": "viewer", "expires_at": "2027-01-15T09:00:00Z"});
    let made = admin.posts("/api/v1/tokens", draft).await.is(201);
    let path = format!("/api/v1/tokens/{}", made.id());
    let robot = stage.caller(Some(made.text("token")));
    assert_eq!(admin.gets(&path).await["last_used_at"], json!(null));
    robot.gets("/api/v1/clients").await.is(200);
    stage.app.save_uses().await.unwrap();
    assert_eq!(
        admin.gets(&path).await["last_used_at"],
        "2027-01-15T08:00:00Z"
    );
    stage.pass_ms(1_800_003_600_000 - BEGIN_MS);
    robot.gets("/api/v1/clients").await.is(401);
}
