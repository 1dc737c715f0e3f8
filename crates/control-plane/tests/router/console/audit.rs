//! The audit on its page.

use axum::http::header;
use serde_json::json;

use super::{says, text};
use crate::people::logged_in;
use crate::stage::open;

#[tokio::test]
async fn changes_are_shown_field_by_field_and_found_by_who_what_and_when() {
    let stage = open().await;
    let client = stage.operator().creates_client("Acme").await;
    let path = format!("/api/v1/clients/{}", client.id());
    stage.pass_ms(60_000);
    let change = json!({"name": "Acme <b>", "description": "x".repeat(1_000)});
    stage.operator().patches(&path, change).await.is(200);
    let collection = stage.operator().creates_collection("orders").await;
    let path = format!("/api/v1/collections/{}", collection.id());
    stage.operator().deletes(&path).await.is(200);
    let (ann, browser) = logged_in(&stage, "ann", "admin").await;
    let (ann, client) = (ann.id(), client.id());
    let all = browser.gets("/console/audit").await.is(200);
    says(
        &all,
        &[
            "changed",
            "removed",
            "<code>Acme</code>",
            "<code>Acme &lt;b&gt;</code>",
            "…</code>",
            "1 min ago",
        ],
    );
    for (query, has_client, has_collection) in [
        ("kind=client".to_owned(), true, false),
        ("kind=collection&author=&since=".to_owned(), false, true),
        (format!("object={client}"), true, false),
        ("action=delete".to_owned(), false, true),
        (
            "since=2027-01-15T08:00:30&kind=client&action=create".to_owned(),
            false,
            false,
        ),
        (
            "until=2027-01-15T08:00:30&kind=client".to_owned(),
            true,
            false,
        ),
        (format!("author={ann}&kind=client"), false, false),
    ] {
        let shown = browser
            .gets(&format!("/console/audit?{query}"))
            .await
            .is(200);
        let page = text(&shown);
        assert_eq!(
            page.contains(&format!("<code>{client}</code>")),
            has_client,
            "{query}"
        );
        let collection = format!("<code>{}</code>", collection.id());
        assert_eq!(page.contains(&collection), has_collection, "{query}");
    }
    browser.gets("/console/audit?since=soon").await.is(400);
}

#[tokio::test]
async fn the_links_to_files_have_the_filters_of_the_page() {
    let stage = open().await;
    stage.operator().creates_client("Acme").await;
    stage.operator().creates_collection("orders").await;
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    let page = browser
        .gets("/console/audit?kind=client&since=2027-01-15T07:00")
        .await
        .is(200);
    for format in ["csv", "jsonl"] {
        let links = text(&page).split("href=\"").skip(1);
        let mut links = links.map(|part| part.split('"').next().unwrap().replace("&amp;", "&"));
        let link = links
            .find(|link| link.contains("/export") && link.contains(format))
            .unwrap();
        let file = browser.gets(&link).await.is(200);
        let kind = file.headers[header::CONTENT_TYPE].to_str().unwrap();
        assert!(kind.contains(format), "{kind}");
        let body = file.body.to_string();
        assert!(body.contains("Acme") && !body.contains("orders"), "{body}");
    }
}

#[tokio::test]
async fn a_long_audit_goes_on_page_by_page() {
    let stage = open().await;
    for number in 0..55 {
        stage
            .operator()
            .creates_client(&format!("client {number:03}"))
            .await;
    }
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    let first = browser.gets("/console/audit?kind=client").await.is(200);
    assert!(text(&first).contains("client 054") && !text(&first).contains("client 000"));
    assert!(text(&first).len() < 200_000);
    let (_, next) = text(&first).split_once("rel=\"next\" href=\"").unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    says(
        &browser.gets(&next).await.is(200),
        &["client 000", "From the beginning"],
    );
}
