//! One's own account: sessions and password.

use axum::http::header;

use super::{says, text};
use crate::people::{Browser, PASSWORD, cookie, logged_in, logs_in};
use crate::stage::open;

#[tokio::test]
async fn one_sees_ones_own_sessions_and_ends_them() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    logged_in(&stage, "eve", "admin").await;
    let entered = logs_in(&stage, "bob@example.com", PASSWORD).await.is(201);
    let other = Browser::with(&stage, &cookie(&entered).0);
    let page = browser.gets("/console/account").await.is(200);
    says(&page, &["this one", "password", "bob@example.com"]);
    let ends: Vec<_> = text(&page)
        .split("action=\"/console/account/sessions/")
        .skip(1)
        .map(|part| {
            format!(
                "/console/account/sessions/{}",
                part.split('"').next().unwrap()
            )
        })
        .collect();
    assert_eq!(ends.len(), 2);
    let own = stage.operator().gets("/api/v1/sessions").await.is(200);
    let foreign = own.every("id");
    let foreign = foreign
        .iter()
        .find(|id| !ends.iter().any(|end| end.contains(*id)))
        .unwrap();
    let path = format!("/console/account/sessions/{foreign}/end");
    browser.sends_form(&path, &[]).await.is(404);
    let me = other.gets("/api/v1/session").await.is(200);
    let id = me["session"]["id"].as_str().unwrap();
    let end = ends.iter().find(|end| end.contains(id)).unwrap();
    let done = browser.sends_form(end, &[]).await.is(303);
    says(
        &browser.follows(&done).await.is(200),
        &["That session is over"],
    );
    other.gets("/console/account").await.is(303);
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions_and_is_in_no_page() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    let entered = logs_in(&stage, "bob@example.com", PASSWORD).await.is(201);
    let other = Browser::with(&stage, &cookie(&entered).0);
    let new = "quite another password";
    let send = async |current: &str, new: &str, repeated: &str| {
        let fields = [
            ("current_password", current),
            ("new_password", new),
            ("repeated", repeated),
        ];
        browser
            .sends_form("/console/account/password", &fields)
            .await
    };
    for (current, new, repeated, flaw) in [
        (
            PASSWORD,
            new,
            "something else entirely",
            "id=\"repeated-flaw\"",
        ),
        (PASSWORD, "short", "short", "id=\"new_password-flaw\""),
        (
            "not the present one",
            new,
            new,
            "id=\"current_password-flaw\"",
        ),
    ] {
        let again = send(current, new, repeated).await.is(422);
        says(&again, &[flaw]);
        for secret in [current, new, repeated] {
            assert!(
                !text(&again).contains(&format!("value=\"{secret}\"")),
                "{secret}"
            );
        }
    }
    let done = send(PASSWORD, new, new).await.is(303);
    let renewed = Browser::with(&stage, &cookie(&done).0);
    assert_ne!(renewed.secret, browser.secret);
    renewed.gets("/console/account").await.is(200);
    let cookies = done.headers.get_all(header::SET_COOKIE).iter();
    assert!(
        cookies
            .map(|cookie| cookie.to_str().unwrap())
            .any(|cookie| cookie.starts_with("portcullis-notice="))
    );
    for ended in [&browser, &other] {
        ended.gets("/console/account").await.is(303);
    }
    logs_in(&stage, "bob@example.com", PASSWORD).await.is(401);
    logs_in(&stage, "bob@example.com", new).await.is(201);
}
