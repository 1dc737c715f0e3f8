//! What the control plane was started with, and its feed keys, on their page.

use axum::body::Body;
use axum::http::{Request, header};
use portcullis_control_plane::router::{Terms, router};
use portcullis_control_plane::settings::{DATABASE_URL, LISTEN, ToldSetting};
use tower::ServiceExt as _;

use super::clients::hidden;
use super::{says, text};
use crate::people::logged_in;
use crate::stage::open;

#[tokio::test]
async fn settings_are_told_with_where_they_stand_and_secrets_are_not() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    let told = |setting, value: Option<&str>| ToldSetting {
        setting,
        value: value.map(str::to_owned),
        origin: Some("`--listen`".to_owned()),
    };
    let terms = Terms {
        settings: vec![
            told(LISTEN, Some("127.0.0.1:<9>")),
            told(DATABASE_URL, None),
        ],
        ..Terms::default()
    };
    let started = router(&stage.app, stage.stop.subscribe(), terms);
    let request = Request::builder()
        .uri("/console/settings")
        .header(header::COOKIE, format!("portcullis={}", browser.secret));
    let answer = started.oneshot(request.body(Body::empty()).unwrap()).await;
    let body = axum::body::to_bytes(answer.unwrap().into_body(), usize::MAX);
    let page = String::from_utf8(body.await.unwrap().to_vec()).unwrap();
    for part in [
        "127.0.0.1:&lt;9&gt;",
        "<code>--listen</code>",
        "given, and secret",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn another_feed_key_is_made_and_the_older_removed_unless_it_is_the_last() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    let page = browser.gets("/console/settings").await.is(200);
    let keys = stage.operator().gets("/api/v1/feed-keys").await.is(200);
    let first = keys["items"][0]["id"].as_str().unwrap().to_owned();
    says(
        &page,
        &[&first, keys["items"][0]["public_key"].as_str().unwrap()],
    );
    let path = format!("/console/feed-keys/{first}/remove");
    says(
        &browser.gets(&path).await.is(200),
        &["believes another key, or none"],
    );
    browser.sends_form(&path, &[]).await.is(409);

    let once = hidden(&page, "once");
    for _ in 0..2 {
        let fields = [("once", once.as_str())];
        browser
            .sends_form("/console/feed-keys/new", &fields)
            .await
            .is(303);
    }
    let keys = stage.operator().gets("/api/v1/feed-keys").await.is(200);
    assert_eq!(keys["items"].as_array().unwrap().len(), 2);
    let done = browser.sends_form(&path, &[]).await.is(303);
    let page = browser.follows(&done).await.is(200);
    says(&page, &["is gone, and signs nothing any more"]);
    assert!(!text(&page).contains(&path));
    browser.gets(&path).await.is(404);
}
