//! Applying: all or nothing, and only what the plan showed.

use serde_json::{Map, Value, json};

use super::{PATH, apply, change, draft, export, plan, small, told};
use crate::stage::{Answer, open};

/// A body for an application of what was planned.
fn planned(configuration: Value, plan: &Answer) -> Value {
    let changes = plan["changes"].as_array().unwrap().iter();
    let found = changes.map(|change| {
        let object = change["object"].as_str().unwrap().to_owned();
        (object, change["fingerprint"].clone())
    });
    let mut draft = draft(configuration);
    draft["basis"] = Value::Object(found.collect::<Map<_, _>>());
    draft
}

fn apply_path() -> String {
    format!("{PATH}/apply")
}

#[tokio::test]
async fn one_bad_field_changes_nothing() {
    let stage = open().await;
    let operator = stage.operator();
    let mut configuration = small();
    configuration["clients"][0]["access_profiles"][1]["addresses"] =
        json!({"deny": ["10.0.0.0/33"]});
    let refused = apply(&operator, configuration).await.is(422);
    refused.points_at("/configuration/clients/0/access_profiles/1/addresses/deny/0");
    assert_eq!(operator.all_records().await, vec![json!([]); 4]);
}

#[tokio::test]
async fn all_mistakes_are_told_at_once() {
    let stage = open().await;
    let operator = stage.operator();
    let mut configuration = small();
    configuration["collections"][0]["endpoints"][0]["path"] = "orders".into();
    configuration["clients"][0]["access_profiles"][0]["policy"] = "silver".into();
    configuration["clients"][0]["access_profiles"][1]["jwt"] = json!({"algorithm": "RS256"});
    let refused = apply(&operator, configuration).await.is(422);
    let errors = refused["errors"].as_array().unwrap().iter();
    let pointers: Vec<_> = errors
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert!(
        pointers.contains(&"/configuration/collections/0/endpoints/0/path"),
        "{pointers:?}"
    );
    assert!(
        pointers.contains(&"/configuration/clients/0/access_profiles/0/policy"),
        "{pointers:?}"
    );
    assert!(pointers.len() >= 3, "{pointers:?}");
}

#[tokio::test]
async fn shapes_that_are_wrong_are_pointed_at() {
    let stage = open().await;
    let operator = stage.operator();
    for (body, pointer) in [
        (json!({}), "/configuration"),
        (
            json!({"configuration": {"clients": {}}}),
            "/configuration/clients",
        ),
        (
            json!({"configuration": {"clients": [["Acme"]]}}),
            "/configuration/clients/0",
        ),
        (
            json!({"configuration": {"clients": [{}]}}),
            "/configuration/clients/0/name",
        ),
        (
            json!({"configuration": {"users": []}}),
            "/configuration/users",
        ),
        (
            json!({"configuration": {"version": 2}}),
            "/configuration/version",
        ),
        (
            json!({"configuration": {}, "prune": ["everything"]}),
            "/prune/0",
        ),
        (json!({"configuration": {}, "basis": 1}), "/basis"),
    ] {
        operator
            .posts(&apply_path(), body)
            .await
            .is(422)
            .points_at(pointer);
    }
    operator
        .posts_text(&apply_path(), "{\"configuration\": {}")
        .await
        .is(400);
    operator
        .posts_text(&apply_path(), "{\"configuration\": {}} {}")
        .await
        .is(400);
}

#[tokio::test]
async fn collections_that_claim_the_same_are_refused() {
    let stage = open().await;
    let operator = stage.operator();
    operator.creates_collection("orders").await;
    let claiming = json!({"collections": [
        {"name": "other", "version": "v1", "endpoints": [{"method": "GET", "path": "/orders/{number}"}]}]});
    apply(&operator, claiming).await.is(409);
    // Handed over in one step.
    let mut exported = export(&operator).await;
    exported["collections"][0]["endpoints"] = json!([]);
    exported["collections"].as_array_mut().unwrap().push(
        json!({"name": "other", "version": "v1", "endpoints": [{"method": "GET", "path": "/orders/{number}"}]}),
    );
    apply(&operator, exported).await.is(200);
}

#[tokio::test]
async fn what_somebody_else_changed_since_the_plan_is_not_overwritten() {
    let stage = open().await;
    let operator = stage.operator();
    apply(&operator, small()).await.is(200);
    let mut configuration = small();
    configuration["clients"][0]["enabled"] = false.into();
    let plan = plan(&operator, configuration.clone()).await.is(200);
    let object = change(&plan, "Acme")["object"].clone();
    let id = change(&plan, "Acme")["id"].as_str().unwrap().to_owned();
    let draft = planned(configuration, &plan);

    stage.pass_ms(1);
    let path = format!("/api/v1/clients/{id}");
    operator
        .patches(&path, json!({"description": "mine"}))
        .await
        .is(200);
    let refused = operator.posts(&apply_path(), draft.clone()).await.is(409);
    assert_eq!(refused["type"], "urn:portcullis:problem:plan-overtaken");
    assert_eq!(refused["overtaken"], json!([object]));
    assert_eq!(operator.gets(&path).await.is(200)["enabled"], true);

    // What concerns other records stands in nobody's way.
    operator
        .patches(&path, json!({"description": null}))
        .await
        .is(200);
    let plan_again = super::plan(&operator, draft["configuration"].clone())
        .await
        .is(200);
    operator.creates_client("Zenith").await;
    let draft = planned(draft["configuration"].clone(), &plan_again);
    operator.posts(&apply_path(), draft.clone()).await.is(200);
    // Done already: the plan is not what would happen now.
    operator.posts(&apply_path(), draft).await.is(409);
}

#[tokio::test]
async fn a_record_that_somebody_else_made_since_the_plan_is_noticed() {
    let stage = open().await;
    let operator = stage.operator();
    let configuration = json!({"clients": [{"name": "Acme", "enabled": false}]});
    let plan = plan(&operator, configuration.clone()).await.is(200);
    let draft = planned(configuration, &plan);
    operator.creates_client("Acme").await;
    let refused = operator.posts(&apply_path(), draft).await.is(409);
    let overtaken = refused["overtaken"].as_array().unwrap();
    assert!(overtaken.contains(&json!("client `Acme`")), "{overtaken:?}");
}

#[tokio::test]
async fn a_change_that_the_plan_did_not_show_is_noticed() {
    let stage = open().await;
    let operator = stage.operator();
    apply(&operator, small()).await.is(200);
    let plan = plan(&operator, small()).await.is(200);
    assert_eq!(told(&plan), [""; 0]);
    let draft = planned(small(), &plan);
    let policies = operator.gets("/api/v1/policies").await.is(200);
    let id = policies["items"][0]["id"].as_str().unwrap();
    operator
        .patches(
            &format!("/api/v1/policies/{id}"),
            json!({"rate_limit": null}),
        )
        .await
        .is(200);
    operator.posts(&apply_path(), draft).await.is(409);
}

#[tokio::test]
async fn gateways_hear_each_profile_once_and_with_all_that_changed() {
    let stage = open().await;
    let operator = stage.operator();
    apply(&operator, small()).await.is(200);
    let before = stage.gateway().gets("/feed/v1/changes").await.is(200);
    let (epoch, head) = (
        before["epoch"].as_str().unwrap(),
        before["head"].as_u64().unwrap(),
    );
    let mut configuration = small();
    configuration["clients"][0]["enabled"] = false.into();
    configuration["policies"][0]["quota"] = json!({"requests": 1000, "per": "day"});
    configuration["clients"][0]["access_profiles"][0]["observe"] = true.into();

    let applied = apply(&operator, configuration).await.is(200);

    let path = format!("/feed/v1/changes?epoch={epoch}&after={head}");
    let page = stage.gateway().gets(&path).await.is(200);
    let changes = page["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{}", page.body);
    assert_eq!(page["head"], applied.revision());
    for change in changes {
        assert_eq!(change["profile"]["client"]["enabled"], false);
    }
    let limited = changes
        .iter()
        .filter(|change| change["profile"]["policy"]["quota"].is_object());
    assert_eq!(limited.count(), 1, "{}", page.body);
}
