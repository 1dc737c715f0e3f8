//! `/api/v1/openapi.json`

use std::path::Path;

use serde_json::Value;

use crate::stage::open;

#[tokio::test]
async fn the_document_is_told_to_everybody_and_is_the_committed_one() {
    let stage = open().await;
    let told = stage.stranger().gets("/api/v1/openapi.json").await.is(200);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let committed = std::fs::read_to_string(committed).unwrap();

    assert_eq!(told["openapi"], "3.1.0");
    assert!(
        committed == portcullis_control_plane::api::openapi::document().text(),
        "docs/openapi.json is out of date: `portcullis openapi` prints the present one"
    );
    assert_eq!(
        told.body,
        serde_json::from_str::<Value>(&committed).unwrap()
    );
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let document = portcullis_control_plane::api::openapi::document();
    let document = document.json();
    let mut unvisited = vec![document];
    let mut references = 0;
    while let Some(value) = unvisited.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                    references += 1;
                }
                unvisited.extend(members.values());
            }
            Value::Array(items) => unvisited.extend(items),
            _ => {}
        }
    }
    assert!(references > 50, "{references}");
}

#[tokio::test]
async fn nothing_is_required_in_a_patch() {
    let document = portcullis_control_plane::api::openapi::document();
    let document = document.json();
    for kind in ["Client", "AccessProfile", "Collection", "Policy"] {
        let schemas = &document["components"]["schemas"];
        assert!(
            schemas[format!("{kind}Draft")]["required"].is_array(),
            "{kind}"
        );
        assert!(
            schemas[format!("{kind}Patch")]["properties"].is_object(),
            "{kind}"
        );
        assert_eq!(
            schemas[format!("{kind}Patch")]["required"],
            Value::Null,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn the_readable_page_tells_every_operation_and_schema_and_runs_nothing() {
    let stage = open().await;
    let page = stage.stranger().gets("/api/v1/docs").await.is(200);
    let html = page.body.as_str().unwrap();
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(html.starts_with("<!DOCTYPE html>"));
    for foreign in ["<script", "<link", "<img", " style=", "http:", "src="] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    for (at, _) in html.match_indices(" on") {
        let name = html[at + 1..].split(|c: char| !c.is_ascii_alphabetic());
        let name = name.into_iter().next().unwrap();
        let handles = html[at + 1 + name.len()..].starts_with('=');
        assert!(!handles, "the attribute `{name}` runs something");
    }
    let document = portcullis_control_plane::api::openapi::document();
    let mut operations = 0;
    for (path, item) in document.json()["paths"].as_object().unwrap() {
        assert!(html.contains(&format!("<code>{path}</code>")), "{path}");
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
            assert!(html.contains(&format!("href=\"#{id}\"")), "{id}");
            operations += 1;
        }
    }
    assert!(operations > 30, "{operations}");
    for name in document.json()["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(html.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
}

#[tokio::test]
async fn the_document_tells_the_headers_and_refusals_that_all_operations_share() {
    let document = portcullis_control_plane::api::openapi::document();
    let paths = document.json()["paths"].as_object().unwrap();
    let header = |operation: &Value, name: &str| {
        let parameters = operation["parameters"].as_array();
        parameters.is_some_and(|parameters| parameters.iter().any(|known| known["name"] == name))
    };
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("401"), "{place}");
            assert!(responses.contains_key("503"), "{place}");
            // Links by which people log in, and who else may, are no records that a program creates again and again.
            let is_of_people = ["operators", "tokens", "sessions"]
                .iter()
                .any(|tag| operation["tags"][0] == *tag);
            if responses.contains_key("201") && !is_of_people {
                assert!(header(operation, "Idempotency-Key"), "{place}");
                assert!(
                    responses["201"]["headers"]["Location"].is_object(),
                    "{place}"
                );
            }
            if header(operation, "If-Match") {
                assert!(responses.contains_key("412"), "{place}");
            }
            if header(operation, "If-None-Match") {
                assert!(responses.contains_key("304"), "{place}");
                assert!(responses["200"]["headers"]["ETag"].is_object(), "{place}");
            }
        }
    }
    for kind in ["clients", "access-profiles", "collections", "policies"] {
        let item = &paths[&format!("/api/v1/{kind}/{{id}}")];
        assert!(header(&item["get"], "If-None-Match"), "{kind}");
        assert!(header(&item["patch"], "If-Match"), "{kind}");
        assert!(header(&item["delete"], "If-Match"), "{kind}");
    }
}
