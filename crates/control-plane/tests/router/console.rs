//! `/console`: the pages, as browsers see and send them.

mod account;
mod audit;
mod clients;
mod collections;
mod doors;
mod gateways;
mod operators;
mod overview;
mod policies;
mod profiles;
mod refusals;
mod robots;
mod settings;
mod texts;
mod walk;

use axum::body::Body;
use axum::http::{Method, Request, header};

use crate::people::{Browser, PASSWORD, cookie, invited};
use crate::stage::{Answer, Stage, open};

const ORIGIN: &str = "http://127.0.0.1:8080";

async fn page(stage: &Stage, path: &str) -> Answer {
    let answer = stage.stranger().gets(path).await;
    let policy = answer.headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("script-src 'self';"),
        "{policy}"
    );
    answer
}

async fn send(stage: &Stage, path: &str, origin: &str, form: &[(&str, &str)]) -> Answer {
    let body = crate::people::form(form);
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(Body::from(body)).unwrap();
    stage.stranger().sends(request).await
}

pub fn text(answer: &Answer) -> &str {
    answer.body.as_str().unwrap()
}

/// Makes sure that a page has some parts in it.
#[track_caller]
pub fn says(answer: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(text(answer).contains(part), "{part}: {}", text(answer));
    }
}

#[tokio::test]
async fn the_first_operator_sets_themselves_up_once_and_is_logged_in() {
    let stage = open().await;
    let link = stage.app.make_first_link().await.unwrap().unwrap();
    let other = stage.app.make_first_link().await.unwrap().unwrap();
    let path = format!("/console/link?token={}", link.token);
    let shown = page(&stage, &path).await.is(200);
    assert!(text(&shown).contains("Set up the first operator"));
    assert!(!text(&shown).contains("<script"));

    let form = [
        ("token", link.token.as_str()),
        ("name", "Ann <b>"),
        ("email", "ann@example.com"),
        ("password", PASSWORD),
        ("repeated", PASSWORD),
    ];
    let mut other_form = form;
    other_form[4].1 = "something else entirely";
    let again = send(&stage, "/console/link", ORIGIN, &other_form)
        .await
        .is(422);
    assert!(text(&again).contains("not the same") && text(&again).contains("Ann &lt;b&gt;"));
    send(&stage, "/console/link", "https://evil.example", &form)
        .await
        .is(403);

    let entered = send(&stage, "/console/link", ORIGIN, &form).await.is(303);
    assert_eq!(entered.headers[header::LOCATION], "/console");
    let browser = Browser::with(&stage, &cookie(&entered).0);
    let home = browser.gets("/console").await.is(200);
    assert!(text(&home).contains("Role: admin") && text(&home).contains("Ann &lt;b&gt;"));
    let me = browser.gets("/api/v1/session").await.is(200);
    assert_eq!(me["role"], "admin");

    for token in [&link.token, &other.token] {
        page(&stage, &format!("/console/link?token={token}"))
            .await
            .is(404);
    }
    assert!(stage.app.make_first_link().await.unwrap().is_none());
    send(&stage, "/console/link", ORIGIN, &form).await.is(404);
}

#[tokio::test]
async fn of_many_who_use_the_first_link_at_once_one_becomes_the_operator() {
    let stage = open().await;
    let link = stage.app.make_first_link().await.unwrap().unwrap();
    let attempt = async |number: u8| {
        let email = format!("somebody{number}@example.com");
        let form = [
            ("token", link.token.as_str()),
            ("name", "Somebody"),
            ("email", email.as_str()),
            ("password", PASSWORD),
            ("repeated", PASSWORD),
        ];
        send(&stage, "/console/link", ORIGIN, &form)
            .await
            .status
            .as_u16()
    };
    let (a, b, c, d) = tokio::join!(attempt(1), attempt(2), attempt(3), attempt(4));
    let mut statuses = [a, b, c, d];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 404, 404, 404]);
    let operators = stage.operator().gets("/api/v1/operators").await.is(200);
    assert_eq!(operators["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_first_link_expires_within_the_hour_and_ends_when_somebody_is_invited() {
    let stage = open().await;
    let link = stage.app.make_first_link().await.unwrap().unwrap();
    stage.pass_ms(60 * 60 * 1000);
    page(&stage, &format!("/console/link?token={}", link.token))
        .await
        .is(404);
    let link = stage.app.make_first_link().await.unwrap().unwrap();
    invited(&stage, "ann", "admin").await;
    page(&stage, &format!("/console/link?token={}", link.token))
        .await
        .is(404);
}

#[tokio::test]
async fn an_operator_chooses_a_password_logs_in_and_out() {
    let stage = open().await;
    let (_, token) = invited(&stage, "bob", "viewer").await;
    let shown = page(&stage, &format!("/console/link?token={token}"))
        .await
        .is(200);
    assert!(text(&shown).contains("bob@example.com"));
    let form = |password| {
        [
            ("token", token.as_str()),
            ("password", password),
            ("repeated", password),
        ]
    };
    let weak = send(&stage, "/console/link", ORIGIN, &form("short"))
        .await
        .is(422);
    assert!(text(&weak).contains("12 to 256 characters"));
    send(&stage, "/console/link", ORIGIN, &form(PASSWORD))
        .await
        .is(303);

    page(&stage, "/console/log-in").await.is(200);
    let form = |password| [("email", "bob@example.com"), ("password", password)];
    let wrong = send(&stage, "/console/log-in", ORIGIN, &form("wrong"))
        .await
        .is(401);
    assert!(text(&wrong).contains("is wrong") && text(&wrong).contains("bob@example.com"));
    send(&stage, "/console/log-in", "null", &form(PASSWORD))
        .await
        .is(403);
    let entered = send(&stage, "/console/log-in", ORIGIN, &form(PASSWORD))
        .await
        .is(303);
    let browser = Browser::with(&stage, &cookie(&entered).0);

    let log_out = async |token: &str| {
        let request = browser
            .request(Method::POST, "/console/log-out")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = Body::from(format!("csrf_token={token}"));
        browser.sends(request.body(body).unwrap()).await
    };
    log_out("forged").await.is(303);
    browser.gets("/console/clients").await.is(200);
    log_out(&browser.csrf_token).await.is(303);
    let out = browser.gets("/console").await.is(303);
    assert_eq!(out.headers[header::LOCATION], "/console/log-in");
}

#[tokio::test]
async fn style_and_script_are_kept_for_as_long_as_their_urls_name_their_content() {
    let stage = open().await;
    let shown = page(&stage, "/console/log-in").await.is(200);
    let (_, rest) = text(&shown).split_once("/console/style.css?").unwrap();
    let (digest, _) = rest.split_once('"').unwrap();
    for (path, kind) in [
        ("/console/style.css", "text/css; charset=utf-8"),
        ("/console/enhance.js", "text/javascript; charset=utf-8"),
    ] {
        let now = page(&stage, path).await.is(200);
        assert_eq!(now.headers[header::CONTENT_TYPE], kind);
        assert_eq!(now.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(now.headers[header::CACHE_CONTROL], "public, no-cache");
        let tag = now.headers[header::ETAG].to_str().unwrap();
        let named = format!("{path}?{}", tag.trim_matches('"'));
        let kept = page(&stage, &named).await.is(200);
        let kept = kept.headers[header::CACHE_CONTROL].to_str().unwrap();
        assert_eq!(kept, "public, max-age=31536000, immutable");
        let again = stage
            .stranger()
            .says_with(Method::GET, path, &[("if-none-match", tag)], Body::empty())
            .await;
        assert_eq!(again.status, 304);
    }
    let tag = page(&stage, "/console/style.css").await.headers[header::ETAG].clone();
    assert_eq!(tag.to_str().unwrap().trim_matches('"'), digest);
}

#[tokio::test]
async fn a_log_in_leads_back_to_the_page_that_was_wanted_and_never_elsewhere() {
    let stage = open().await;
    let (_, token) = invited(&stage, "bob", "viewer").await;
    let form = [
        ("token", token.as_str()),
        ("password", PASSWORD),
        ("repeated", PASSWORD),
    ];
    send(&stage, "/console/link", ORIGIN, &form).await.is(303);
    let away = page(&stage, "/console/clients?search=a%26b").await.is(303);
    assert_eq!(
        away.headers[header::LOCATION],
        "/console/log-in?next=%2Fconsole%2Fclients%3Fsearch%3Da%2526b"
    );
    for (next, place) in [
        (
            "/console/clients?search=a%26b",
            "/console/clients?search=a%26b",
        ),
        ("https://evil.example/", "/console"),
        ("//evil.example", "/console"),
        ("/console/..//evil.example", "/console"),
        ("/console\\evil.example", "/console"),
        ("/api/v1/session", "/console"),
        ("/console/\r\nset-cookie: a=b", "/console"),
    ] {
        let form = [
            ("email", "bob@example.com"),
            ("password", PASSWORD),
            ("next", next),
        ];
        let entered = send(&stage, "/console/log-in", ORIGIN, &form).await.is(303);
        assert_eq!(entered.headers[header::LOCATION], place, "{next:?}");
    }
}

#[tokio::test]
async fn a_session_that_somebody_else_has_chosen_ends_at_the_log_in() {
    let stage = open().await;
    let (_, planted) = crate::people::logged_in(&stage, "eve", "viewer").await;
    let (_, token) = invited(&stage, "bob", "admin").await;
    let body = crate::people::form(&[
        ("token", token.as_str()),
        ("password", PASSWORD),
        ("repeated", PASSWORD),
    ]);
    let request = planted
        .request(Method::POST, "/console/link")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let entered = planted.sends(request.body(Body::from(body)).unwrap()).await;
    let entered = entered.is(303);
    assert_ne!(cookie(&entered).0, planted.secret);
    planted.gets("/console/clients").await.is(303);
}
