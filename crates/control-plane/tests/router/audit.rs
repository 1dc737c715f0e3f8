//! `/audit`

use axum::http::header;
use serde_json::{Value, json};

use crate::people::logged_in;
use crate::stage::{Answer, Stage, open};

async fn audit(stage: &Stage, query: &str) -> Answer {
    stage
        .operator()
        .gets(&format!("/api/v1/audit?{query}"))
        .await
        .is(200)
}

fn deeds(answer: &Answer) -> Vec<String> {
    let deed = |entry: &Value| {
        let text = |member: &str| entry[member].as_str().unwrap().to_owned();
        format!("{} {}", text("action"), text("kind"))
    };
    answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(deed)
        .collect()
}

#[tokio::test]
async fn every_change_is_told_with_who_made_it_and_by_which_request() {
    let stage = open().await;
    let (ann, browser) = logged_in(&stage, "ann", "editor").await;
    let request = browser
        .request(axum::http::Method::POST, "/api/v1/clients")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-request-id", "my-request.1");
    let body = json!({"name": "Acme"}).to_string();
    let made = browser
        .sends(request.body(body.into()).unwrap())
        .await
        .is(201);
    assert_eq!(made.headers["x-request-id"], "my-request.1");

    let told = audit(&stage, "request_id=my-request.1").await;
    let entry = &told["items"][0];
    assert_eq!(told["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        entry["author"],
        json!({"kind": "operator", "id": ann["id"], "name": "ann"})
    );
    assert_eq!(entry["at"], "2027-01-15T08:00:00Z");
    assert_eq!(entry["kind"], "client");
    assert_eq!(entry["action"], "create");
    assert_eq!(entry["object_id"], made["id"]);
    assert_eq!(entry["object_name"], "Acme");
    assert_eq!(entry["before"], json!(null));
    assert_eq!(entry["after"]["enabled"], true);
    assert_eq!(entry["revision"], made["revision"]);

    let path = format!("/api/v1/clients/{}", made.id());
    stage
        .operator()
        .patches(&path, json!({"enabled": false}))
        .await
        .is(200);
    let told = audit(&stage, &format!("object={}", made.id())).await;
    assert_eq!(deeds(&told), ["change client", "create client"]);
    assert_eq!(told["items"][0]["before"], json!({"enabled": true}));
    assert_eq!(told["items"][0]["after"], json!({"enabled": false}));
    assert_eq!(told["items"][0]["author"]["kind"], "operator_token");
    let id = told["items"][0]["request_id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    let told = audit(&stage, "author=operator_token&action=change").await;
    assert_eq!(deeds(&told), ["change client"]);
}

#[tokio::test]
async fn a_request_without_a_sane_id_gets_one() {
    let stage = open().await;
    for said in ["", "a b", &"x".repeat(101)] {
        let request = stage
            .operator()
            .request(axum::http::Method::GET, "/api/v1/clients")
            .header("x-request-id", said);
        let answer = stage
            .operator()
            .sends(request.body(axum::body::Body::empty()).unwrap())
            .await;
        let answer = answer.is(200);
        assert_ne!(answer.headers["x-request-id"], said);
    }
}

#[tokio::test]
async fn the_audit_is_read_in_pages_the_newest_first_and_by_period() {
    let stage = open().await;
    for name in ["a", "b", "c"] {
        stage.operator().creates_client(name).await;
        stage.pass_ms(1_000);
    }
    let first = audit(&stage, "kind=client&limit=2").await;
    let names = |answer: &Answer| {
        let items = answer["items"].as_array().unwrap().clone();
        let name = |entry: &Value| entry["object_name"].as_str().unwrap().to_owned();
        items.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&first), ["c", "b"]);
    stage.operator().creates_client("later").await;
    let cursor = first.text("next_cursor");
    let second = audit(&stage, &format!("kind=client&limit=2&cursor={cursor}")).await;
    assert_eq!(names(&second), ["a"]);
    assert_eq!(second["next_cursor"], json!(null));
    let period = "kind=client&since=2027-01-15T08:00:01Z&until=2027-01-15T08:00:02Z";
    assert_eq!(names(&audit(&stage, period).await), ["b"]);
    for (query, pointer) in [
        ("since=yesterday", "?since"),
        ("until=x", "?until"),
        ("cursor=x", "?cursor"),
        ("limit=0", "?limit"),
    ] {
        let refused = stage
            .operator()
            .gets(&format!("/api/v1/audit?{query}"))
            .await;
        refused.is(400).points_at(pointer);
    }
}

#[tokio::test]
async fn no_secret_of_any_record_is_in_the_audit() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("orders").await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let refreshed = operator
        .posts(&format!("{path}/key/refresh"), json!({}))
        .await
        .is(200);
    let secret = json!({"access_method": "jwt", "jwt": {"algorithm": "HS256", "secret": {"text": "canary-0123456789-0123456789-0123"}}});
    operator.patches(&path, secret).await;
    let gateways = operator
        .posts("/api/v1/gateway-tokens", json!({"name": "edge"}))
        .await
        .is(201);
    let robots = operator
        .posts("/api/v1/tokens", json!({"name": "ci", "role": "viewer"}))
        .await;
    let robots = robots.is(201);
    operator.posts("/api/v1/feed-keys", json!({})).await.is(201);
    let (_, browser) = logged_in(&stage, "ann", "viewer").await;

    let told = audit(&stage, "limit=1000").await.body.to_string();
    for secret in [
        profile.text("api_key"),
        refreshed.text("api_key"),
        gateways.text("token"),
        robots.text("token"),
        "canary",
        "argon2",
        &browser.secret,
        &browser.csrf_token,
    ] {
        assert!(!told.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_audit_is_exported_whole_as_lines_of_json_and_as_csv() {
    let stage = open().await;
    for number in 0..1_203 {
        stage.operator().creates_client(&format!("c{number}")).await;
    }
    stage.operator().creates_client("=1+1").await;
    let export = async |query: &str| {
        let path = format!("/api/v1/audit/export?kind=client{query}");
        let request = stage.operator().request(axum::http::Method::GET, &path);
        let request = request.body(axum::body::Body::empty()).unwrap();
        stage.operator().sends_raw(request).await
    };
    let (head, body) = export("").await;
    assert_eq!(head.headers[header::CONTENT_TYPE], "application/jsonl");
    let lines: Vec<Value> = std::str::from_utf8(&body)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1_204);
    assert_eq!(lines[0]["object_name"], "=1+1");
    assert_eq!(lines[1_203]["object_name"], "c0");

    let (head, body) = export("&format=csv&action=create").await;
    assert_eq!(
        head.headers[header::CONTENT_TYPE],
        "text/csv; charset=utf-8; header=present"
    );
    assert!(
        head.headers[header::CONTENT_DISPOSITION]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );
    let mut csv = csv::Reader::from_reader(&body[..]);
    let names: Vec<_> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(names[8], "object_name");
    let rows: Vec<_> = csv.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1_204);
    assert_eq!(&rows[0][8], "'=1+1");
    let after: Value = serde_json::from_str(&rows[0][11]).unwrap();
    assert_eq!(after["name"], "=1+1");
    let refused = stage
        .operator()
        .gets("/api/v1/audit/export?format=xlsx")
        .await;
    refused.is(400).points_at("?format");
}
