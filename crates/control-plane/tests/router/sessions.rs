//! `/session` and `/sessions`

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::people::{Browser, PASSWORD, cookie, invited, logged_in, logs_in};
use crate::stage::open;

const HOUR_MS: u64 = 60 * 60 * 1000;

#[tokio::test]
async fn who_logs_in_gets_a_cookie_that_scripts_cannot_read_and_a_token_to_repeat() {
    let stage = open().await;
    let (ann, _) = logged_in(&stage, "ann", "editor").await;
    let answer = logs_in(&stage, " Ann@Example.com", PASSWORD).await.is(201);
    let (secret, terms) = cookie(&answer);
    assert_eq!(terms, "Path=/; HttpOnly; SameSite=Lax; Max-Age=604800");
    assert_eq!(answer["kind"], "operator");
    assert_eq!(answer["id"], ann["id"]);
    assert_eq!(answer["role"], "editor");
    assert!(!answer.body.to_string().contains(&secret));

    let browser = Browser::with(&stage, &secret);
    assert_eq!(answer["session"]["csrf_token"], browser.csrf_token.as_str());
    let told = browser.gets("/api/v1/session").await.is(200);
    assert_eq!(told.body, answer.body);
    let made = browser.asks(Method::POST, "/api/v1/clients", json!({"name": "Acme"}));
    made.await.is(201);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let stage = open().await;
    logged_in(&stage, "ann", "editor").await;
    invited(&stage, "bob", "editor").await;
    let wrong = logs_in(&stage, "ann@example.com", "wrong").await.is(401);
    for email in ["nobody@example.com", "bob@example.com"] {
        let unknown = logs_in(&stage, email, "wrong").await.is(401);
        assert_eq!(unknown.body, wrong.body);
        assert!(!unknown.headers.contains_key(header::SET_COOKIE));
    }
}

#[tokio::test]
async fn who_fails_often_has_to_wait() {
    let stage = open().await;
    logged_in(&stage, "ann", "editor").await;
    for _ in 0..5 {
        logs_in(&stage, "ann@example.com", "wrong").await.is(401);
    }
    let refused = logs_in(&stage, "ann@example.com", PASSWORD).await.is(429);
    assert_eq!(refused.headers[header::RETRY_AFTER], "1");
    assert_eq!(refused["type"], "urn:portcullis:problem:too-many-requests");
    stage.pass_ms(1_000);
    logs_in(&stage, "ann@example.com", PASSWORD).await.is(201);
    logs_in(&stage, "ann@example.com", PASSWORD).await.is(201);
}

#[tokio::test]
async fn a_change_that_comes_by_a_cookie_has_to_come_from_our_own_pages() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    let draft = || Body::from(json!({"name": "Acme"}).to_string());
    let status = async |change: &dyn Fn(&mut axum::http::HeaderMap)| {
        let request = browser.request(Method::POST, "/api/v1/clients");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let mut request = request.body(draft()).unwrap();
        change(request.headers_mut());
        browser.sends(request).await.status
    };
    assert_eq!(status(&|_| {}).await, StatusCode::CREATED);
    let without =
        |name: &'static str| move |headers: &mut axum::http::HeaderMap| drop(headers.remove(name));
    let with = |name: &'static str, value: &'static str| {
        move |headers: &mut axum::http::HeaderMap| {
            drop(headers.insert(name, value.parse().unwrap()))
        }
    };
    assert_eq!(
        status(&without("x-csrf-token")).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(status(&without("origin")).await, StatusCode::FORBIDDEN);
    let another = "0".repeat(64).leak();
    assert_eq!(
        status(&with("x-csrf-token", another)).await,
        StatusCode::FORBIDDEN
    );
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1:8081",
        "http://localhost:8080",
    ] {
        assert_eq!(
            status(&with("origin", origin)).await,
            StatusCode::FORBIDDEN,
            "{origin}"
        );
    }
    for site in ["cross-site", "same-site", "none", ""] {
        assert_eq!(
            status(&with("sec-fetch-site", site)).await,
            StatusCode::FORBIDDEN,
            "{site}"
        );
    }
    assert_eq!(
        status(&with("sec-fetch-site", "same-origin")).await,
        StatusCode::CREATED
    );
    let proxied = |headers: &mut axum::http::HeaderMap| {
        headers.insert("origin", "https://gate.example".parse().unwrap());
        headers.insert("host", "gate.example".parse().unwrap());
    };
    assert_eq!(status(&proxied).await, StatusCode::CREATED);
    // Reading changes nothing, and other sites cannot see the answer.
    let request = browser.request(Method::GET, "/api/v1/clients");
    let mut request = request.body(Body::empty()).unwrap();
    request.headers_mut().remove("x-csrf-token");
    request.headers_mut().remove("origin");
    browser.sends(request).await.is(200);
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_for_long_and_after_a_week_in_any_case() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "viewer").await;
    for _ in 0..13 {
        stage.pass_ms(11 * HOUR_MS);
        browser.gets("/api/v1/clients").await.is(200);
        stage.app.save_uses().await.unwrap();
    }
    let sessions = browser.gets("/api/v1/sessions").await.is(200);
    assert_eq!(sessions["items"][0]["current"], true);
    assert_eq!(sessions["items"][0]["last_used_at"], "2027-01-21T07:00:00Z");
    stage.pass_ms(12 * HOUR_MS);
    browser.gets("/api/v1/clients").await.is(401);

    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    for _ in 0..15 {
        stage.pass_ms(11 * HOUR_MS);
        browser.gets("/api/v1/clients").await.is(200);
        stage.app.save_uses().await.unwrap();
    }
    stage.pass_ms(3 * HOUR_MS);
    browser.gets("/api/v1/clients").await.is(401);
    stage.app.forget_sessions().await.unwrap();
    assert_eq!(
        stage.operator().gets("/api/v1/sessions").await["items"],
        json!([])
    );
}

#[tokio::test]
async fn who_logs_out_is_out_and_the_cookie_opens_nothing_any_more() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "viewer").await;
    let answer = browser
        .asks(Method::DELETE, "/api/v1/session", Value::Null)
        .await;
    let answer = answer.is(204);
    assert!(cookie(&answer).1.contains("Max-Age=0"));
    browser.gets("/api/v1/session").await.is(401);
    stage.operator().deletes("/api/v1/session").await.is(404);
}

#[tokio::test]
async fn a_new_session_has_nothing_of_the_old_one_which_ends() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "viewer").await;
    let log_in = json!({"email": "ann@example.com", "password": PASSWORD});
    let answer = browser
        .asks(Method::POST, "/api/v1/session", log_in)
        .await
        .is(201);
    let (secret, _) = cookie(&answer);
    assert_ne!(secret, browser.secret);
    browser.gets("/api/v1/session").await.is(401);
    Browser::with(&stage, &secret)
        .gets("/api/v1/session")
        .await
        .is(200);

    let twice = stage
        .stranger()
        .request(Method::GET, "/api/v1/session")
        .header(
            header::COOKIE,
            format!("portcullis={secret}; portcullis={}", browser.secret),
        );
    browser
        .sends(twice.body(Body::empty()).unwrap())
        .await
        .is(401);
}

#[tokio::test]
async fn a_changed_password_logs_out_everywhere_else() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "viewer").await;
    let elsewhere = logs_in(&stage, "ann@example.com", PASSWORD).await.is(201);
    let elsewhere = Browser::with(&stage, &cookie(&elsewhere).0);
    let change = |current: &str| json!({"current_password": current, "new_password": "another horse battery"});
    let path = "/api/v1/session/password";
    let refused = browser.asks(Method::PUT, path, change("wrong")).await;
    refused.is(422).points_at("/current_password");

    let changed = browser
        .asks(Method::PUT, path, change(PASSWORD))
        .await
        .is(200);
    let renewed = Browser::with(&stage, &cookie(&changed).0);
    renewed.gets("/api/v1/session").await.is(200);
    browser.gets("/api/v1/session").await.is(401);
    elsewhere.gets("/api/v1/session").await.is(401);
    logs_in(&stage, "ann@example.com", PASSWORD).await.is(401);
    logs_in(&stage, "ann@example.com", "another horse battery")
        .await
        .is(201);
}

#[tokio::test]
async fn operators_see_and_end_their_own_sessions_and_admins_those_of_anybody() {
    let stage = open().await;
    let (ann, anns) = logged_in(&stage, "ann", "viewer").await;
    let (bob, bobs) = logged_in(&stage, "bob", "editor").await;
    let (_, admins) = logged_in(&stage, "cleo", "admin").await;
    let own = anns.gets("/api/v1/sessions").await.is(200);
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    assert_eq!(own["items"][0]["operator_id"], ann["id"]);
    let of_bob = format!("/api/v1/sessions?operator_id={}", bob.id());
    anns.gets(&of_bob).await.is(403);
    let seen = admins.gets(&of_bob).await.is(200);
    let session = format!(
        "/api/v1/sessions/{}",
        seen["items"][0]["id"].as_str().unwrap()
    );
    anns.asks(Method::DELETE, &session, Value::Null)
        .await
        .is(404);
    bobs.gets("/api/v1/clients").await.is(200);
    admins
        .asks(Method::DELETE, &session, Value::Null)
        .await
        .is(204);
    bobs.gets("/api/v1/clients").await.is(401);
    let all = stage.operator().gets("/api/v1/sessions").await.is(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn over_tls_the_cookie_is_bound_to_this_host_and_never_travels_in_clear() {
    let stage = open().await;
    stage
        .app
        .set_public_url("https://gate.example".parse().unwrap());
    let draft = json!({"email": "ann@example.com", "name": "Ann", "role": "viewer"});
    let invited = stage
        .operator()
        .posts("/api/v1/operators", draft)
        .await
        .is(201);
    let url = invited["link"]["url"].as_str().unwrap();
    let token = url
        .strip_prefix("https://gate.example/console/link?token=")
        .unwrap();
    let password = PASSWORD.to_owned().try_into().unwrap();
    let opened = stage
        .app
        .use_link(token, None, password, Default::default());
    opened.await.ok().unwrap();
    let answer = logs_in(&stage, "ann@example.com", PASSWORD).await.is(201);
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("__Host-portcullis=pts_"), "{set}");
    assert!(
        set.ends_with("; Secure") && !set.contains("Domain"),
        "{set}"
    );
}
