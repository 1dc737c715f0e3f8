//! Collections: written, imported, changed and removed on their pages.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;

use super::clients::hidden;
use super::{says, text};
use crate::people::{Browser, logged_in};
use crate::stage::{Answer, Stage, open};
use crate::usage::{NOW_MIN, add_up, batch, tells};

const DOCUMENT: &str = "openapi: 3.1.0\ninfo: {title: Orders, version: v1}\npaths:\n  /orders/{id}:\n    get: {}\n    \
                        delete: {}\n  /orders:\n    post: {}\n";

async fn editor(stage: &Stage) -> Browser {
    logged_in(stage, "ann", "editor").await.1
}

#[tokio::test]
async fn the_list_shows_who_may_use_each_collection_and_how_much_it_is_called() {
    let stage = open().await;
    let (_, collection, profile) = stage.operator().creates_access("orders").await;
    stage.operator().creates_collection("stock").await;
    let rows = json!([
        {"m": NOW_MIN - 60, "p": profile.id(), "c": collection.id(), "n": 20_500, "ok": 20_500},
        {"m": NOW_MIN - 60, "p": profile.id(), "c": collection.id(), "n": 9, "ok": 0},
    ]);
    tells(&stage, batch(1, rows)).await.is(204);
    add_up(&stage).await;
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    let all = browser.gets("/console/collections").await.is(200);
    says(
        &all,
        &["orders v1", "stock v1", "20.5 k", "title=\"20,509\"", ">9<"],
    );
    assert!(!text(&all).contains("New collection"));
    let some = browser
        .gets("/console/collections?name=sto&public=&sort=name%2Cversion")
        .await
        .is(200);
    assert!(text(&some).contains("stock v1") && !text(&some).contains("orders v1"));
    let none = browser.gets("/console/collections?name=zzz").await.is(200);
    says(&none, &["No collection fits"]);
    browser.gets("/console/collections?sort=age").await.is(400);

    let page = browser
        .gets(&format!("/console/collections/{}", collection.id()))
        .await
        .is(200);
    says(
        &page,
        &["/orders/{id}", "production", "20.5 k", "Busiest hour"],
    );
    assert!(!text(&page).contains("Delete…"));
}

#[tokio::test]
async fn a_collection_is_written_line_by_line_and_made_once() {
    let stage = open().await;
    let browser = editor(&stage).await;
    let form = browser.gets("/console/collections/new").await.is(200);
    let once = hidden(&form, "once");
    let fields = [
        ("once", once.as_str()),
        ("name", "orders"),
        ("version", "v1"),
        (
            "endpoints",
            "GET /orders/{id}\r\n\r\nPOST api.example.com/orders disabled",
        ),
        ("public", "yes"),
    ];
    for _ in 0..2 {
        browser
            .sends_form("/console/collections/new", &fields)
            .await
            .is(303);
    }
    let collections = stage.operator().gets("/api/v1/collections").await.is(200);
    assert_eq!(collections.every("name"), ["orders"]);
    let made = &collections["items"][0];
    assert_eq!(made["public"], true);
    assert_eq!(made["allows_dubious_paths"], false);
    assert_eq!(
        made["endpoints"],
        json!([
            {"host": null, "method": "GET", "path": "/orders/{id}", "enabled": true},
            {"host": "api.example.com", "method": "POST", "path": "/orders", "enabled": false},
        ])
    );
}

#[tokio::test]
async fn a_line_that_is_wrong_is_named_by_its_number_while_it_is_typed_and_when_it_is_sent() {
    let stage = open().await;
    stage.operator().creates_collection("orders").await;
    let browser = editor(&stage).await;
    let send = async |endpoints: &str| {
        let fields = [
            ("name", "more"),
            ("version", "v1"),
            ("endpoints", endpoints),
        ];
        let checked = browser
            .sends_form("/console/check/endpoints", &fields)
            .await;
        let sent = browser
            .sends_form("/console/collections/new", &fields)
            .await;
        (checked.is(200), sent)
    };
    for (endpoints, told) in [
        ("GET /a\nGET", "line 2: a method and a path are expected"),
        ("\nget /a/{b", "line 2: "),
        ("GET /a\n\nGET /b/{c}/**/d", "line 3: "),
    ] {
        let (checked, sent) = send(endpoints).await;
        says(&checked, &[told]);
        says(
            &sent.is(422),
            &[told, "id=\"endpoints-flaw\"", endpoints.trim()],
        );
    }
    let (checked, sent) = send("GET /orders/{number}").await;
    says(&checked, &["1 endpoint"]);
    says(&sent.is(409), &["belongs to `orders v1`", "value=\"more\""]);
}

#[tokio::test]
async fn an_edit_of_an_older_state_shows_what_is_different_and_is_not_saved() {
    let stage = open().await;
    let collection = stage.operator().creates_collection("orders").await;
    let path = format!("/api/v1/collections/{}", collection.id());
    let edit = format!("/console/collections/{}/edit", collection.id());
    let browser = editor(&stage).await;
    let form = browser.gets(&edit).await.is(200);
    says(&form, &["GET /orders/{id}"]);
    let tag = hidden(&form, "tag");
    let change = json!({"version": "v2"});
    stage.operator().patches(&path, change).await.is(200);
    let send = async |tag: &str| {
        let fields = [
            ("tag", tag),
            ("name", "orders"),
            ("version", "v1"),
            ("endpoints", "GET /orders/{id}\nPUT /orders/{id}"),
        ];
        browser.sends_form(&edit, &fields).await
    };
    let again = send(&tag).await.is(412);
    says(
        &again,
        &[
            "somebody else has changed the collection",
            "What is different now",
            "v2",
        ],
    );
    assert_eq!(stage.operator().gets(&path).await["version"], "v2");
    let saved = send(&hidden(&again, "tag")).await.is(303);
    says(
        &browser.follows(&saved).await.is(200),
        &["orders v1 is saved", "PUT"],
    );
}

#[tokio::test]
async fn the_slider_of_an_endpoint_changes_it_alone() {
    let stage = open().await;
    let collection = stage.operator().creates_collection("orders").await;
    let path = format!("/api/v1/collections/{}", collection.id());
    let endpoints = json!([
        {"method": "GET", "path": "/orders/{id}"},
        {"method": "GET", "path": "/orders/{id}", "host": "*.example.com"},
    ]);
    let patch = json!({ "endpoints": endpoints });
    stage.operator().patches(&path, patch).await.is(200);
    let browser = editor(&stage).await;
    let page = browser
        .gets(&format!("/console/collections/{}", collection.id()))
        .await
        .is(200);
    let actions: Vec<String> = text(&page)
        .split("action=\"")
        .filter_map(|part| part.split('"').next())
        .filter(|action| action.contains("/enabled?"))
        .map(|action| action.replace("&amp;", "&"))
        .collect();
    assert_eq!(actions.len(), 2, "{actions:?}");
    let off = browser
        .sends_form(&actions[1], &[("enabled", "false")])
        .await
        .is(303);
    let done = browser.follows(&off).await;
    let done = if done.status == 303 {
        browser.follows(&done).await
    } else {
        done
    };
    assert_eq!(done.status, 200);
    let now = stage.operator().gets(&path).await;
    assert_eq!(now["endpoints"][0]["enabled"], true);
    assert_eq!(now["endpoints"][1]["enabled"], false);
    let other = actions[1].replace("example.com", "example.org");
    browser
        .sends_form(&other, &[("enabled", "false")])
        .await
        .is(404);
}

#[tokio::test]
async fn long_collections_are_shown_in_parts() {
    let stage = open().await;
    let endpoints: Vec<_> = (0..230)
        .map(|number| json!({"method": "GET", "path": format!("/p{number:03}")}))
        .collect();
    let draft = json!({"name": "long", "version": "v1", "endpoints": endpoints});
    let collection = stage
        .operator()
        .posts("/api/v1/collections", draft)
        .await
        .is(201);
    let browser = editor(&stage).await;
    let path = format!("/console/collections/{}", collection.id());
    let first = browser.gets(&path).await.is(200);
    says(&first, &["230 endpoints", "/p000", "/p099", "from=100#"]);
    assert!(!text(&first).contains("/p100"));
    assert!(text(&first).len() < 200_000);
    let last = browser.gets(&format!("{path}?from=200")).await.is(200);
    says(&last, &["/p229", "from=100#"]);
    browser.gets(&format!("{path}?from=9999")).await.is(200);
}

/// Sends a document as a file.
async fn sends_file(browser: &Browser, path: &str, fields: &[(&str, &str)], file: &[u8]) -> Answer {
    let mut body = Vec::new();
    for (name, value) in [&[("csrf_token", browser.csrf_token.as_str())], fields].concat() {
        let part =
            format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    body.extend(
        b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.yaml\"\r\n\r\n",
    );
    body.extend(file);
    body.extend(b"\r\n--b--\r\n");
    let request = browser
        .request(Method::POST, path)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    browser.sends(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn an_import_shows_what_it_adds_and_does_it_when_that_is_confirmed() {
    let stage = open().await;
    let browser = editor(&stage).await;
    let path = "/console/collections/import";
    browser.gets(path).await.is(200);
    let preview = sends_file(&browser, path, &[("preview", "yes")], DOCUMENT.as_bytes()).await;
    let preview = preview.is(200);
    says(
        &preview,
        &[
            "Orders v1",
            "3 endpoints added",
            "GET /orders/{id}",
            "openapi: 3.1.0",
        ],
    );
    let collections = stage.operator().gets("/api/v1/collections").await;
    assert_eq!(collections["items"], json!([]));

    let fields = [
        ("once", &*hidden(&preview, "once")),
        ("document", DOCUMENT),
        ("import", "yes"),
        ("name", "orders"),
    ];
    for _ in 0..2 {
        browser.sends_form(path, &fields).await.is(303);
    }
    let collections = stage.operator().gets("/api/v1/collections").await;
    assert_eq!(collections.every("name"), ["orders"]);
}

#[tokio::test]
async fn of_a_large_document_only_what_endpoints_are_made_of_comes_back() {
    let stage = open().await;
    let browser = editor(&stage).await;
    let path = "/console/collections/import";
    let prose = "What it does, at length. ".repeat(40);
    let paths: String = (0..600)
        .map(|number| {
            format!(
                "  /orders-{number}/{{id}}:\n    get: {{description: \"{prose}\"}}\n    put: {{}}\n"
            )
        })
        .collect();
    let document = format!(
        "openapi: 3.1.0\ninfo: {{title: Large, version: v9, description: All of it}}\n\
         servers: [{{url: \"https://api.example.com/v1\"}}]\npaths:\n{paths}"
    );
    assert!(document.len() > 600_000);
    let servers = [("preview", "yes"), ("servers", "host")];
    let preview = sends_file(&browser, path, &servers, document.as_bytes()).await;
    let preview = preview.is(200);
    says(
        &preview,
        &[
            "1,200 endpoints added",
            "and 1000 more that are added",
            "only that stands here",
            "GET api.example.com/v1/orders-0/{id}",
        ],
    );
    assert!(text(&preview).len() < 200_000, "{}", text(&preview).len());
    assert!(!text(&preview).contains("at length"));
    let (_, rest) = text(&preview)
        .split_once("<textarea id=\"document\"")
        .unwrap();
    let (_, rest) = rest.split_once(">\n").unwrap();
    let shown = rest.split("</textarea>").next().unwrap();
    let shown = shown.replace("&quot;", "\"").replace("&amp;", "&");
    let fields = [
        ("once", &*hidden(&preview, "once")),
        ("document", shown.as_str()),
        ("servers", "host"),
        ("import", "yes"),
    ];
    browser.sends_form(path, &fields).await.is(303);
    let made = stage.operator().gets("/api/v1/collections").await;
    assert_eq!(made["items"][0]["description"], "All of it");
    assert_eq!(made["items"][0]["version"], "v9");
    let endpoints = made["items"][0]["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 1_200);
    assert_eq!(endpoints[0]["host"], "api.example.com");
}

#[tokio::test]
async fn an_import_into_a_collection_replaces_its_endpoints_unless_it_changed_since_the_preview() {
    let stage = open().await;
    let collection = stage.operator().creates_collection("orders").await;
    let record = format!("/api/v1/collections/{}", collection.id());
    let path = format!("/console/collections/{}/import", collection.id());
    let browser = editor(&stage).await;
    let document = "{\"openapi\": \"3.0.0\", \"info\": {\"title\": \"T\", \"version\": \"9\"}, \
                    \"paths\": {\"/orders\": {\"post\": {}}}}";
    let fields = [
        ("document", document),
        ("servers", "ignore"),
        ("preview", "yes"),
    ];
    let preview = browser.sends_form(&path, &fields).await.is(200);
    says(
        &preview,
        &[
            "1 endpoint added, 1 endpoint removed, 0 endpoints as before",
            "endpoint_not_found",
        ],
    );
    let tag = hidden(&preview, "tag");
    let change = json!({"description": "other"});
    stage.operator().patches(&record, change).await.is(200);
    let send = async |tag: &str| {
        let fields = [("document", document), ("tag", tag), ("import", "yes")];
        browser.sends_form(&path, &fields).await
    };
    let again = send(&tag).await.is(412);
    says(&again, &["somebody else has changed the collection"]);
    let done = send(&hidden(&again, "tag")).await.is(303);
    says(
        &browser.follows(&done).await,
        &["1 endpoint added, 1 endpoint removed"],
    );
    let now = stage.operator().gets(&record).await;
    assert_eq!(now["endpoints"][0]["path"], "/orders");
    assert_eq!(
        (&now["name"], &now["version"]),
        (&json!("orders"), &json!("v1"))
    );
}

#[tokio::test]
async fn a_document_that_is_wrong_stays_in_the_form_with_the_place_that_is_wrong() {
    let stage = open().await;
    let browser = editor(&stage).await;
    let path = "/console/collections/import";
    for (document, told) in [
        ("{\"openapi\": \"3.0.0\"", "id=\"document-flaw\""),
        ("swagger: \"2.0\"", "id=\"document-flaw\""),
        (
            "openapi: 3.1.0\ninfo: {title: \"\", version: v1}\npaths: {}",
            "id=\"name-flaw\"",
        ),
    ] {
        let fields = [("document", document), ("preview", "yes")];
        let again = browser.sends_form(path, &fields).await.is(422);
        says(&again, &[told]);
        let typed = document.split('\n').next().unwrap().replace('"', "&quot;");
        says(&again, &[&typed]);
    }
    let again = sends_file(&browser, path, &[("preview", "yes")], &[0xff, 0xfe]).await;
    says(&again.is(422), &["the file is no text in UTF-8"]);
}

#[tokio::test]
async fn a_removal_says_whom_it_hits_and_asks_again_when_that_has_changed() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, _) = operator.creates_access("orders").await;
    let other = operator.creates_collection("stock").await;
    let both = json!({
        "client_id": client["id"], "name": "both", "collections": [collection["id"], other["id"]],
    });
    operator
        .posts("/api/v1/access-profiles", both)
        .await
        .is(201);
    let path = format!("/console/collections/{}/delete", collection.id());
    let browser = editor(&stage).await;
    let asked = browser.gets(&path).await.is(200);
    says(
        &asked,
        &[
            "1 access profile goes on",
            "<strong>1 access profile</strong>",
            "<strong>1 API key</strong>",
            "last 24 hours",
        ],
    );
    operator.creates_profile(&client, &collection).await;
    let send = async |page: &Answer| {
        let (tag, foreseen) = (hidden(page, "tag"), hidden(page, "foreseen"));
        let fields = [("tag", tag.as_str()), ("foreseen", foreseen.as_str())];
        browser.sends_form(&path, &fields).await
    };
    let again = send(&asked).await.is(412);
    says(
        &again,
        &[
            "<strong>2 access profiles</strong>",
            "<strong>2 API keys</strong>",
        ],
    );
    let gone = send(&again).await.is(303);
    says(
        &browser.follows(&gone).await.is(200),
        &[
            "orders v1 is gone, with 2 access profiles and 2 API keys; 1 access profile goes on without it",
        ],
    );
    browser.gets(&path).await.is(404);
}
