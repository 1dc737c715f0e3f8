//! `/operators`

use serde_json::json;

use crate::people::{PASSWORD, invited, logged_in, logs_in};
use crate::stage::open;

#[tokio::test]
async fn an_operator_is_invited_read_changed_and_removed() {
    let stage = open().await;
    let admin = stage.operator();
    let (ann, _) = invited(&stage, "ann", "editor").await;
    assert_eq!(ann["email"], "ann@example.com");
    assert_eq!(ann["role"], "editor");
    assert_eq!(ann["enabled"], true);
    assert_eq!(ann["password_changed_at"], json!(null));
    assert_eq!(ann.headers["cache-control"], "no-store");

    let path = format!("/api/v1/operators/{}", ann.id());
    let changed = admin.patches(
        &path,
        json!({"name": "Ann B", "email": " ANN.B@Example.com "}),
    );
    assert_eq!(changed.await.is(200)["email"], "ann.b@example.com");
    let read = admin.gets(&path).await.is(200);
    assert_eq!(read["name"], "Ann B");
    let listed = admin.gets("/api/v1/operators").await.is(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert!(!listed.body.to_string().contains("argon2"));

    admin.deletes(&path).await.is(204);
    admin.gets(&path).await.is(404);
}

#[tokio::test]
async fn two_operators_have_different_addresses_whatever_their_letters() {
    let stage = open().await;
    invited(&stage, "ann", "viewer").await;
    let (bob, _) = invited(&stage, "bob", "viewer").await;
    let draft = json!({"email": "ANN@example.com", "name": "another", "role": "viewer"});
    stage
        .operator()
        .posts("/api/v1/operators", draft)
        .await
        .is(409);
    let path = format!("/api/v1/operators/{}", bob.id());
    let taken = stage
        .operator()
        .patches(&path, json!({"email": "ann@example.com"}))
        .await;
    taken.is(409);
}

#[tokio::test]
async fn drafts_that_are_no_operators_are_refused_with_their_fault() {
    let stage = open().await;
    for (draft, pointer) in [
        (json!({"name": "a", "role": "viewer"}), "/email"),
        (
            json!({"email": "ann", "name": "a", "role": "viewer"}),
            "/email",
        ),
        (
            json!({"email": "a@b", "name": "", "role": "viewer"}),
            "/name",
        ),
        (
            json!({"email": "a@b", "name": "a", "role": "root"}),
            "/role",
        ),
        (
            json!({"email": "a@b", "name": "a", "role": "viewer", "password": "x"}),
            "/password",
        ),
    ] {
        let refused = stage.operator().posts("/api/v1/operators", draft).await;
        refused.is(422).points_at(pointer);
    }
}

#[tokio::test]
async fn the_last_admin_is_neither_removed_nor_disabled_nor_demoted() {
    let stage = open().await;
    let admin = stage.operator();
    let (ann, _) = invited(&stage, "ann", "admin").await;
    let path = format!("/api/v1/operators/{}", ann.id());
    admin.deletes(&path).await.is(409);
    admin
        .patches(&path, json!({"enabled": false}))
        .await
        .is(409);
    admin
        .patches(&path, json!({"role": "editor"}))
        .await
        .is(409);
    admin.patches(&path, json!({"name": "Ann A"})).await.is(200);

    let (bob, _) = invited(&stage, "bob", "admin").await;
    admin
        .patches(&path, json!({"role": "editor"}))
        .await
        .is(200);
    let path = format!("/api/v1/operators/{}", bob.id());
    admin.deletes(&path).await.is(409);
}

#[tokio::test]
async fn who_is_disabled_or_removed_is_logged_out_at_once() {
    let stage = open().await;
    let (ann, browser) = logged_in(&stage, "ann", "viewer").await;
    let (bob, another) = logged_in(&stage, "bob", "viewer").await;
    browser.gets("/api/v1/clients").await.is(200);
    another.gets("/api/v1/clients").await.is(200);

    let path = format!("/api/v1/operators/{}", ann.id());
    let disabled = stage
        .operator()
        .patches(&path, json!({"enabled": false}))
        .await;
    disabled.is(200);
    stage
        .operator()
        .deletes(&format!("/api/v1/operators/{}", bob.id()))
        .await
        .is(204);

    browser.gets("/api/v1/clients").await.is(401);
    another.gets("/api/v1/clients").await.is(401);
    logs_in(&stage, "ann@example.com", PASSWORD).await.is(401);
    let enabled = stage
        .operator()
        .patches(&path, json!({"enabled": true}))
        .await;
    enabled.is(200);
    browser.gets("/api/v1/clients").await.is(401);
    logs_in(&stage, "ann@example.com", PASSWORD).await.is(201);
}

#[tokio::test]
async fn a_link_works_once_and_not_after_it_has_expired_or_another_was_made() {
    let stage = open().await;
    let (ann, first) = invited(&stage, "ann", "viewer").await;
    let another = stage
        .operator()
        .posts(&format!("/api/v1/operators/{}/link", ann.id()), json!(null))
        .await;
    let another = another.is(201);
    let second = another.text("url").rsplit_once('=').unwrap().1.to_owned();
    assert!(stage.app.link_holder(&first).await.is_err());
    assert!(stage.app.link_holder(&second).await.is_ok());

    let choose = async |token: &str, password: &str| {
        let password = password.to_owned().try_into().unwrap();
        stage
            .app
            .use_link(token, None, password, Default::default())
            .await
    };
    let (one, two) = tokio::join!(
        choose(&second, "the first of two passwords"),
        choose(&second, "the second of two passwords")
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    assert!(choose(&second, PASSWORD).await.is_err());

    let (_, late) = invited(&stage, "bob", "viewer").await;
    stage.pass_ms(3 * 24 * 60 * 60 * 1000);
    assert!(choose(&late, PASSWORD).await.is_err());
}

#[tokio::test]
async fn a_password_that_everybody_knows_is_refused() {
    let stage = open().await;
    let (_, token) = invited(&stage, "somebody.new", "viewer").await;
    let password = "somebody.new@example.com".to_owned().try_into().unwrap();
    let refused = stage
        .app
        .use_link(&token, None, password, Default::default());
    assert!(refused.await.is_err());
    assert!(stage.app.link_holder(&token).await.is_ok());
}
