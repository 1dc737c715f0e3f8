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
        committed == portcullis_control_plane::api::openapi::document(),
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
    let document: Value = serde_json::from_str(&document).unwrap();
    let mut unvisited = vec![&document];
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
    let document: Value = serde_json::from_str(&document).unwrap();
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
