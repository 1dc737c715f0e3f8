//! Which records documents are about, and what they refer to.

use serde_json::{Value, json};

use super::{apply, export, plan, small, told};
use crate::stage::{Caller, open};

/// What is said of a configuration that is refused for one field.
async fn refused(operator: &Caller, configuration: Value, pointer: &str) -> String {
    let refused = plan(operator, configuration).await.is(422);
    refused.points_at(&format!("/configuration{pointer}"))
}

#[tokio::test]
async fn a_record_is_known_by_its_name_until_its_id_is_given() {
    let stage = open().await;
    let operator = stage.operator();
    apply(&operator, small()).await.is(200);
    let exported = export(&operator).await;
    let id = exported["clients"][0]["id"].clone();
    let renamed = json!({"clients": [{"id": id, "name": "Acme Corporation"}]});
    assert_eq!(
        told(&plan(&operator, renamed).await.is(200)),
        ["change client Acme Corporation"]
    );
    let another = json!({"clients": [{"name": "Acme Corporation"}]});
    assert_eq!(
        told(&plan(&operator, another).await.is(200)),
        ["create client Acme Corporation"]
    );
}

#[tokio::test]
async fn a_name_that_several_records_have_is_refused() {
    let stage = open().await;
    let operator = stage.operator();
    let first = operator.creates_client("Twin").await;
    let second = operator.creates_client("Twin").await;
    let detail = refused(
        &operator,
        json!({"clients": [{"name": "Twin"}]}),
        "/clients/0",
    )
    .await;
    assert!(
        detail.contains(first.id()) && detail.contains(second.id()),
        "{detail}"
    );
    let by_id = json!({"clients": [{"id": first.id(), "name": "Twin", "enabled": false}]});
    assert_eq!(
        told(&plan(&operator, by_id).await.is(200)),
        ["change client Twin"]
    );
    // An export gives ids, so it is never in doubt.
    let planned = plan(&operator, export(&operator).await).await.is(200);
    assert_eq!(planned["summary"]["unchanged"], 2);
}

#[tokio::test]
async fn two_documents_are_never_about_one_record() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    for clients in [
        json!([{"name": "Acme"}, {"name": "Acme"}]),
        json!([{"id": client.id(), "name": "Acme"}, {"id": client.id(), "name": "Other"}]),
        json!([{"id": client.id(), "name": "Other"}, {"name": "Acme"}]),
    ] {
        plan(&operator, json!({ "clients": clients })).await.is(422);
    }
}

#[tokio::test]
async fn what_is_referred_to_has_to_exist_and_be_one() {
    let stage = open().await;
    let operator = stage.operator();
    for version in ["v1", "v2"] {
        let endpoints = json!([{"method": "GET", "path": format!("/{version}")}]);
        let collection = json!({"name": "orders", "version": version, "endpoints": endpoints});
        operator
            .posts("/api/v1/collections", collection)
            .await
            .is(201);
    }
    operator.creates_policy("gold").await;
    operator.creates_policy("gold").await;
    let profile = |collection: &str, policy: Value| {
        json!({"clients": [{"name": "a", "access_profiles": [
            {"name": "p", "collections": [collection], "policy": policy}]}]})
    };
    let collections = "/clients/0/access_profiles/0/collections/0";
    let detail = refused(&operator, profile("orders", Value::Null), collections).await;
    assert!(detail.contains("give the id"), "{detail}");
    let detail = refused(&operator, profile("stock", Value::Null), collections).await;
    assert_eq!(detail, "there is no collection `stock`");
    let policy = "/clients/0/access_profiles/0/policy";
    refused(&operator, profile("orders v2", json!("gold")), policy).await;
    refused(&operator, profile("orders v2", json!("silver")), policy).await;
    plan(&operator, profile("orders v2", Value::Null))
        .await
        .is(200);
}

#[tokio::test]
async fn an_export_refers_by_id_where_a_name_would_be_in_doubt() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, _) = operator.creates_access("acme").await;
    let first = operator.creates_policy("gold").await;
    operator.creates_policy("gold").await;
    let profile = json!({"client_id": client.id(), "name": "limited",
        "collections": [collection.id()], "policy_id": first.id()});
    operator
        .posts("/api/v1/access-profiles", profile)
        .await
        .is(201);
    let exported = export(&operator).await;
    let profiles = &exported["clients"][0]["access_profiles"];
    assert_eq!(profiles[1]["policy"], first.id());
    assert_eq!(profiles[1]["collections"], json!(["acme v1"]));
    assert_eq!(told(&plan(&operator, exported).await.is(200)), [""; 0]);
}

#[tokio::test]
async fn a_profile_cannot_move_to_another_client() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    let stolen = json!({"clients": [{"name": "thief", "access_profiles": [
        {"id": profile.id(), "name": "p", "collections": ["acme"]}]}]});
    refused(&operator, stolen, "/clients/0/access_profiles/0/id").await;
}

#[tokio::test]
async fn names_and_identities_may_change_hands() {
    let stage = open().await;
    let operator = stage.operator();
    let profile = |name: &str, client: &str| {
        json!({"name": name, "collections": ["orders"], "access_method": "jwt", "jwt": {
            "algorithm": "RS256", "jwks_url": "https://id.example.com/keys",
            "identity": {"issuer": "https://id.example.com", "client": client}}})
    };
    let configuration = json!({
        "collections": [
            {"name": "orders", "version": "v1", "endpoints": [{"method": "GET", "path": "/a"}]},
            {"name": "orders", "version": "v2", "endpoints": [{"method": "GET", "path": "/b"}]}],
        "clients": [{"name": "Acme", "access_profiles": [profile("one", "a"), profile("two", "b")]}],
    });
    let mut configuration = configuration;
    for profile in configuration["clients"][0]["access_profiles"]
        .as_array_mut()
        .unwrap()
    {
        profile["collections"] = json!(["orders v1"]);
    }
    apply(&operator, configuration).await.is(200);

    let mut exported = export(&operator).await;
    let versions = exported["collections"].as_array_mut().unwrap();
    for (collection, version) in versions.iter_mut().zip(["v2", "v1"]) {
        collection["version"] = version.into();
    }
    let profiles = exported["clients"][0]["access_profiles"]
        .as_array_mut()
        .unwrap();
    for (profile, client) in profiles.iter_mut().zip(["b", "a"]) {
        profile["jwt"]["identity"]["client"] = client.into();
        profile["collections"] = json!(["orders v2"]);
    }
    apply(&operator, exported.clone()).await.is(200);
    assert_eq!(export(&operator).await, exported);

    // What somebody keeps is nobody else's.
    let taken = json!({"clients": [{"name": "Other", "access_profiles": [profile("x", "a")]}]});
    let mut taken = taken;
    taken["clients"][0]["access_profiles"][0]["collections"] = json!(["orders v1"]);
    refused(
        &operator,
        taken,
        "/clients/0/access_profiles/0/jwt/identity",
    )
    .await;
}
