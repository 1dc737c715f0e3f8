//! The overview, and what a client did, on its page.

use serde_json::json;

use super::{says, text};
use crate::people::logged_in;
use crate::stage::open;
use crate::usage::{NOW_MIN, add_up, batch, tells};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

#[tokio::test]
async fn the_overview_tells_figures_reasons_and_who_has_most_and_what_needs_attention() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, profile) = operator.creates_access("Acme").await;
    let rows = json!([
        {"m": NOW_MIN - 60, "p": profile.id(), "c": collection.id(), "e": "GET /Acme/{id}", "n": 900, "ok": 700,
         "d": [["address_not_allowed", 200]], "s": [[2, 690], [4, 200], [5, 10]], "l": [[3, 900]]},
    ]);
    tells(&stage, batch(1, rows)).await.is(204);
    add_up(&stage).await;
    let key = json!({"expires_at": "2027-01-20T00:00:00Z"});
    let path = format!("/api/v1/access-profiles/{}/keys", profile.id());
    operator.posts(&path, key).await.is(201);
    let (_, browser) = logged_in(&stage, "ann", "viewer").await;

    let shown = browser.gets("/console").await.is(200);
    says(
        &shown,
        &[
            "Requests, last 30 days",
            "address_not_allowed",
            "GET /Acme/{id}",
            "<dd><span class=\"number\">900</span></dd>",
            "refused 200 of 900 requests",
            "in 4 days",
            "Errors, last 30 days",
            "aria-label=\"Latency, last 30 days\"",
            "2027-01-15T00:00:00Z",
        ],
    );
    let other = stage.operator().creates_client("Other").await;
    for (query, found) in [
        (format!("client={}", client.id()), true),
        (format!("client={}", other.id()), false),
        (format!("collection={}&period=1d", collection.id()), true),
        ("period=7d".to_owned(), true),
    ] {
        let shown = browser.gets(&format!("/console?{query}")).await.is(200);
        assert_eq!(text(&shown).contains("GET /Acme/{id}"), found, "{query}");
    }
    browser.gets("/console?period=1y").await.is(400);

    stage.pass_ms(91 * DAY_MS);
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    let shown = browser.gets("/console").await.is(200);
    assert!(
        text(&shown).contains("was not used for 90 days"),
        "{}",
        text(&shown)
    );
}

#[tokio::test]
async fn the_overview_tells_which_quotas_are_nearly_used_up() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("Acme").await;
    let policy = operator.creates_policy("gold").await;
    let quota = json!({"quota": {"requests": 100, "per": "day"}});
    let record = format!("/api/v1/policies/{}", policy.id());
    operator.patches(&record, quota).await.is(200);
    operator.gives_policy(&profile, &policy).await;
    let (_, browser) = logged_in(&stage, "ann", "viewer").await;
    let calls = async |number, permitted| {
        let row = json!({"m": NOW_MIN, "p": profile.id(), "n": permitted, "ok": permitted});
        tells(&stage, batch(number, json!([row]))).await.is(204);
        add_up(&stage).await;
        stage.app.judge_quotas().await.unwrap();
        browser.gets("/console").await.is(200)
    };
    let shown = calls(1, 79).await;
    assert!(!text(&shown).contains("has used"), "{}", text(&shown));
    let shown = calls(2, 3).await;
    says(
        &shown,
        &[
            "Acme, production",
            "has used",
            ">82</span> of",
            ">100</span>",
            "in 16 h",
        ],
    );
    assert!(!text(&shown).contains("quota used up"));
    let shown = calls(3, 30).await;
    assert!(text(&shown).contains("quota used up"), "{}", text(&shown));
    stage.pass_ms(DAY_MS);
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    let shown = browser.gets("/console").await.is(200);
    assert!(!text(&shown).contains("has used"), "{}", text(&shown));
}

#[tokio::test]
async fn the_page_of_a_client_tells_its_usage_its_refusals_and_to_admins_its_changes() {
    let stage = open().await;
    let (client, _, profile) = stage.operator().creates_access("Acme").await;
    let mut told = batch(
        1,
        json!([{"m": NOW_MIN - 60, "p": profile.id(), "n": 3, "ok": 1}]),
    );
    told["refusals"] = json!([{"t": 1_800_000_000_000_u64 - 60_000, "r": "quota_exceeded", "s": 429, "v": "GET",
        "u": "/Acme/<b>7", "a": "203.0.113.9", "p": profile.id()}]);
    tells(&stage, told).await.is(204);
    add_up(&stage).await;
    let path = format!("/console/clients/{}", client.id());
    let (_, admin) = logged_in(&stage, "ann", "admin").await;
    let shown = admin.gets(&path).await.is(200);
    says(
        &shown,
        &[
            "quota_exceeded",
            "GET /Acme/&lt;b&gt;7",
            "203.0.113.9",
            "1 min ago",
            "Changes of this client",
            "/console/explain?method=GET",
            "create",
        ],
    );
    let (_, editor) = logged_in(&stage, "bob", "editor").await;
    let shown = editor.gets(&format!("{path}?period=1d")).await.is(200);
    assert!(text(&shown).contains("Requests, last 24 hours"));
    assert!(!text(&shown).contains("Changes of this client"));
}
