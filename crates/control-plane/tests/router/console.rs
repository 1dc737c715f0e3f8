//! `/console`: the pages, as browsers see and send them.

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
        policy.starts_with("default-src 'none'") && !policy.contains("script"),
        "{policy}"
    );
    answer
}

async fn send(stage: &Stage, path: &str, origin: &str, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(Body::from(body)).unwrap();
    stage.stranger().sends(request).await
}

fn text(answer: &Answer) -> &str {
    answer.body.as_str().unwrap()
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
    assert!(text(&home).contains("<code>admin</code>"));
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
    browser.gets("/console").await.is(200);
    log_out(&browser.csrf_token).await.is(303);
    let out = browser.gets("/console").await.is(303);
    assert_eq!(out.headers[header::LOCATION], "/console/log-in");
}

#[tokio::test]
async fn the_style_sheet_is_all_that_pages_load() {
    let stage = open().await;
    let sheet = page(&stage, "/console/style.css").await.is(200);
    assert_eq!(
        sheet.headers[header::CONTENT_TYPE],
        "text/css; charset=utf-8"
    );
    assert_eq!(sheet.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
}
