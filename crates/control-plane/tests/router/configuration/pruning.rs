//! What is removed, because no document speaks of it and that is asked for.

use serde_json::{Value, json};

use super::{PATH, apply, export, small, told};
use crate::stage::{Answer, Caller, open};

async fn pruned(operator: &Caller, what: &str, configuration: Value, prune: Value) -> Answer {
    let draft = json!({"configuration": configuration, "prune": prune});
    operator.posts(&format!("{PATH}/{what}"), draft).await
}

#[tokio::test]
async fn what_no_document_speaks_of_stays_unless_its_kind_is_pruned() {
    let stage = open().await;
    let operator = stage.operator();
    apply(&operator, small()).await.is(200);
    let (other, _, _) = operator.creates_access("other").await;
    let mut less = small();
    less["clients"][0]["access_profiles"]
        .as_array_mut()
        .unwrap()
        .pop();

    let kept = pruned(&operator, "plan", less.clone(), json!([]))
        .await
        .is(200);
    assert_eq!(told(&kept), [""; 0]);
    let planned = pruned(&operator, "plan", less.clone(), json!(["access_profiles"]))
        .await
        .is(200);
    assert_eq!(told(&planned), ["remove access_profile test"]);
    assert_eq!(planned["summary"]["taking_away"], 1);
    let planned = pruned(&operator, "plan", less.clone(), json!(["clients"]))
        .await
        .is(200);
    assert_eq!(told(&planned), ["remove client other"]);

    let all = json!(["policies", "collections", "clients", "access_profiles"]);
    let applied = pruned(&operator, "apply", less, all).await.is(200);
    assert_eq!(applied["summary"]["removed"], 3);
    operator
        .gets(&format!("/api/v1/clients/{}", other.id()))
        .await
        .is(404);
    let exported = export(&operator).await;
    assert_eq!(exported["clients"].as_array().unwrap().len(), 1);
    assert_eq!(exported["collections"].as_array().unwrap().len(), 2);
    assert_eq!(
        exported["clients"][0]["access_profiles"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn gateways_hear_of_what_was_pruned() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, collection, profile) = operator.creates_access("other").await;
    let all = json!(["policies", "collections", "clients"]);
    pruned(&operator, "apply", small(), all).await.is(200);
    let page = stage.gateway().gets("/feed/v1/changes").await.is(200);
    let changes = page.body.to_string();
    assert!(
        !changes.contains(collection.id()) && !changes.contains(profile.id()),
        "{changes}"
    );
    assert!(changes.contains("Acme"));
}

#[tokio::test]
async fn what_documents_do_not_list_is_never_pruned_as_a_whole() {
    let stage = open().await;
    let operator = stage.operator();
    apply(&operator, small()).await.is(200);
    for (configuration, kind) in [
        (json!({}), "clients"),
        (json!({"clients": []}), "policies"),
        (json!({"clients": [{"name": "Acme"}]}), "access_profiles"),
    ] {
        let refused = pruned(&operator, "plan", configuration, json!([kind]))
            .await
            .is(422);
        assert!(refused.points_at("/prune").contains(kind));
    }
    let emptied = pruned(
        &operator,
        "plan",
        json!({"clients": []}),
        json!(["clients"]),
    )
    .await
    .is(200);
    assert_eq!(told(&emptied), ["remove client Acme"]);
}

#[tokio::test]
async fn what_is_still_in_use_is_not_pruned() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("other").await;
    let prune = json!(["collections"]);
    let refused = pruned(
        &operator,
        "apply",
        json!({"collections": []}),
        prune.clone(),
    )
    .await
    .is(409);
    assert_eq!(refused["profiles"][0]["id"], profile.id());
    // With its last user it may go.
    let nothing = json!({"collections": [], "clients": []});
    pruned(
        &operator,
        "apply",
        nothing,
        json!(["collections", "clients"]),
    )
    .await
    .is(200);
    assert_eq!(operator.all_records().await, vec![json!([]); 4]);
}
