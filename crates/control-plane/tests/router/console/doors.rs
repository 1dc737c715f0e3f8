//! Who gets to the pages and through their forms: by the table of all of them.

use axum::body::Body;
use axum::http::{Method, header};
use portcullis_control_plane::console::{Page, table};
use portcullis_store::Role;
use serde_json::Value;

use super::text;
use crate::people::{Browser, form, logged_in};
use crate::stage::{Answer, Stage, open};

/// The pages about records that are there.
pub async fn places(stage: &Stage) -> Vec<(Page, String)> {
    let operator = stage.operator();
    let (client, collection, profile) = operator.creates_access("acme").await;
    let policy = operator.creates_policy("gold").await;
    let key = profile["keys"][0]["id"].as_str().unwrap();
    let draft = serde_json::json!({"name": "edge"});
    let token = operator
        .posts("/api/v1/gateway-tokens", draft)
        .await
        .is(201);
    let draft = serde_json::json!({"name": "robot", "role": "viewer"});
    let robot = operator.posts("/api/v1/tokens", draft).await.is(201);
    let draft = serde_json::json!({"name": "Zoe", "email": "zoe@example.com", "role": "viewer"});
    let zoe = operator.posts("/api/v1/operators", draft).await.is(201);
    let feed_keys = operator.gets("/api/v1/feed-keys").await.is(200);
    let place = |page: &Page| {
        let id = match page.path.split('/').nth(2) {
            Some("clients") => client.id(),
            Some("collections") => collection.id(),
            Some("policies") => policy.id(),
            Some("gateway-tokens") => token.id(),
            Some("tokens") => robot.id(),
            Some("operators") => zoe.id(),
            Some("feed-keys") => feed_keys["items"][0]["id"].as_str().unwrap(),
            _ => profile.id(),
        };
        page.path
            .replace("{id}", id)
            .replace("{key}", key)
            .replace("{digest}", "none")
            .replace("{instance}", "0000000000000007")
            .replace("{revision}?", "1?")
            .replace("{revision}", "1?what=refused")
            .replace("{*rest}", "nowhere/at/all")
    };
    let pages = table().into_iter();
    pages
        .map(|page| (place(&page), page))
        .map(|(place, page)| (page, place))
        .collect()
}

async fn changes(stage: &Stage) -> Vec<Value> {
    stage.operator().all_records().await
}

async fn sends(browser: &Browser, place: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = axum::http::Request::builder()
        .method(Method::POST)
        .uri(place)
        .header(header::COOKIE, format!("portcullis={}", browser.secret))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    browser.sends(request).await
}

#[tokio::test]
async fn a_form_that_does_not_come_from_a_page_of_the_session_does_nothing() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    let places = places(&stage).await;
    let before = changes(&stage).await;
    let token = browser.csrf_token.as_str();
    let good = form(&[
        ("csrf_token", token),
        ("enabled", "false"),
        ("name", "other"),
        ("theme", "dark"),
    ]);
    let without = form(&[("enabled", "false"), ("name", "other"), ("theme", "dark")]);
    let ours = [("origin", "http://127.0.0.1:8080")];
    let mut tried = 0;
    for (page, place) in places
        .iter()
        .filter(|(page, _)| page.method == Method::POST)
    {
        for (headers, body) in [
            (&[][..], &good),
            (&[("origin", "https://evil.example")][..], &good),
            (&[("origin", "null")][..], &good),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "http://127.0.0.1:8080"),
                ][..],
                &good,
            ),
            (&[("sec-fetch-site", "same-site")][..], &good),
            (&ours[..], &without),
            (
                &ours[..],
                &without.replace("enabled", "csrf_token=forged&enabled"),
            ),
        ] {
            let answer = sends(&browser, place, headers, body).await;
            assert_eq!(answer.status, 403, "{} {headers:?} {body}", page.path);
            assert!(
                text(&answer).contains("Nothing was changed"),
                "{}",
                page.path
            );
            tried += 1;
        }
    }
    assert!(tried >= 10 * 7, "{tried}");
    assert_eq!(changes(&stage).await, before);
}

#[tokio::test]
async fn nobody_sees_a_page_without_a_session() {
    let stage = open().await;
    for (page, place) in places(&stage).await {
        let request = axum::http::Request::builder()
            .method(page.method.clone())
            .uri(&place)
            .header(header::ORIGIN, "http://127.0.0.1:8080")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Body::empty()).unwrap();
        let answer = stage.stranger().sends(request).await;
        assert_eq!(answer.status, 303, "{} {place}", page.method);
        let place = answer.headers[header::LOCATION].to_str().unwrap();
        assert!(place.starts_with("/console/log-in"), "{place}");
    }
}

#[tokio::test]
async fn each_page_and_form_needs_the_role_that_stands_beside_it() {
    let stage = open().await;
    let places = places(&stage).await;
    let before = changes(&stage).await;
    for role in [Role::Viewer, Role::Editor] {
        let name = role.as_text();
        let (_, browser) = logged_in(&stage, name, name).await;
        for (page, place) in &places {
            let is_shown = page.method == Method::GET;
            if page.role <= role && !is_shown {
                continue;
            }
            let answer = if is_shown {
                browser.gets(place).await
            } else {
                browser
                    .sends_form(place, &[("name", "other"), ("enabled", "false")])
                    .await
            };
            assert_eq!(
                answer.status == 403,
                page.role > role,
                "{name} {} {place}",
                page.method
            );
        }
    }
    assert_eq!(changes(&stage).await, before);
}

/// Where the forms and links of a page lead.
fn targets(page: &str) -> Vec<(Method, String)> {
    let mut targets = Vec::new();
    for (attribute, method) in [("action=\"", Method::POST), ("href=\"", Method::GET)] {
        for part in page.split(attribute).skip(1) {
            let target = part.split(['"', '?', '#']).next().unwrap();
            let is_get = part.split('>').next().unwrap().contains("method=\"get\"");
            let method = if is_get { Method::GET } else { method.clone() };
            targets.push((method, target.to_owned()));
        }
    }
    targets
}

fn is_at(page: &Page, target: &str) -> bool {
    let (mut parts, mut asked) = (page.path.split('/'), target.split('/'));
    loop {
        match (parts.next(), asked.next()) {
            (None, None) => return true,
            (Some(part), Some(asked)) if part == asked || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

#[tokio::test]
async fn nobody_sees_a_control_that_would_be_refused() {
    let stage = open().await;
    let places = places(&stage).await;
    let table = table();
    for role in [Role::Viewer, Role::Editor] {
        let name = role.as_text();
        let (_, browser) = logged_in(&stage, name, name).await;
        for (page, place) in &places {
            if page.method != Method::GET || page.role > role {
                continue;
            }
            let shown = browser.gets(place).await;
            for (method, target) in targets(shown.body.as_str().unwrap_or_default()) {
                let known = table.iter().filter(|page| page.path != "/console/{*rest}");
                let exact = known
                    .clone()
                    .find(|it| it.method == method && it.path == target);
                let known = exact.or_else(|| {
                    known
                        .clone()
                        .find(|it| it.method == method && is_at(it, &target))
                });
                if let Some(known) = known {
                    assert!(
                        known.role <= role,
                        "{name} sees {method} {target} on {place}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn every_page_has_the_terms_of_the_console_and_no_script_in_it() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    for (page, place) in places(&stage).await {
        if page.method != Method::GET {
            continue;
        }
        let shown = browser.gets(&place).await;
        let says = |name: &str| shown.headers[name].to_str().unwrap();
        let policy = says("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.split("; ").any(|it| it == rule), "{place}: {policy}");
        }
        assert_eq!(says("x-content-type-options"), "nosniff", "{place}");
        assert_eq!(says("x-frame-options"), "DENY", "{place}");
        assert_eq!(says("cache-control"), "no-store", "{place}");
        let page = shown.body.as_str().unwrap_or_default();
        for script in page.split("<script").skip(1) {
            assert!(
                script.starts_with(" src=\"/console/enhance.js?"),
                "{place}: {script}"
            );
        }
        assert!(
            !page.contains(" style=\"") && !page.contains(" onclick"),
            "{place}"
        );
        assert!(page.len() < 200_000, "{place} has {} bytes", page.len());
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_a_page_that_says_so() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "viewer").await;
    for path in [
        "/console/nowhere",
        "/console/clients/none",
        "/console/clients?colour=red",
    ] {
        let shown = browser.gets(path).await;
        assert!(matches!(shown.status.as_u16(), 400 | 404), "{path}");
        assert!(text(&shown).contains("Log out"), "{path}");
    }
}

#[tokio::test]
async fn a_chosen_theme_is_kept_and_an_unknown_one_is_refused() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "viewer").await;
    let fields = [("theme", "dark"), ("back", "/console/clients?search=a")];
    let chosen = browser.sends_form("/console/theme", &fields).await.is(303);
    assert_eq!(
        chosen.headers[header::LOCATION],
        "/console/clients?search=a"
    );
    let shown = browser.follows(&chosen).await.is(200);
    assert!(text(&shown).contains("data-theme=\"dark\""));
    browser
        .sends_form("/console/theme", &[("theme", "pink")])
        .await
        .is(422);
    let away = [("theme", "light"), ("back", "//evil.example")];
    let chosen = browser.sends_form("/console/theme", &away).await.is(303);
    assert_eq!(chosen.headers[header::LOCATION], "/console");
}

#[tokio::test]
async fn what_another_session_was_told_is_not_shown() {
    let stage = open().await;
    let client = stage.operator().creates_client("Acme").await;
    let (_, ann) = logged_in(&stage, "ann", "editor").await;
    let (_, eve) = logged_in(&stage, "eve", "editor").await;
    let path = format!("/console/clients/{}/enabled", client.id());
    let fields = [("enabled", "false"), ("back", "/console/clients")];
    let done = ann.sends_form(&path, &fields).await.is(303);
    assert!(text(&ann.follows(&done).await).contains("Acme is disabled"));
    assert!(!text(&eve.follows(&done).await).contains("Acme is disabled: "));
}
