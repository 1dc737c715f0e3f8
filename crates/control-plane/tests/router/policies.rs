//! `/api/v1/policies`

use serde_json::{Value, json};

use crate::stage::open;

#[tokio::test]
async fn a_policy_is_created_changed_and_cleared() {
    let stage = open().await;
    let operator = stage.operator();
    let draft = json!({
        "name": "partners",
        "rate_limit": {"requests": 10, "per": "second", "burst": 20},
        "quota": {"requests": 5_000_000_000_u64, "per": "month"},
    });

    let created = operator
        .posts("/api/v1/policies", draft.clone())
        .await
        .is(201);
    assert!(created.id().starts_with("po_"));
    assert_eq!(created["rate_limit"], draft["rate_limit"]);
    assert_eq!(created["quota"], draft["quota"]);

    let path = format!("/api/v1/policies/{}", created.id());
    let patch = json!({"rate_limit": {"requests": 11}, "quota": null});
    let changed = operator.patches(&path, patch).await.is(200);
    assert_eq!(
        changed["rate_limit"],
        json!({"requests": 11, "per": "second", "burst": 20})
    );
    assert_eq!(changed["quota"], Value::Null);

    operator.deletes(&path).await.is(200);
    operator.gets(&path).await.is(404);
}

#[tokio::test]
async fn a_policy_in_use_is_not_removed_and_its_change_is_told() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    let policy = operator.creates_policy("partners").await;
    let path = format!("/api/v1/policies/{}", policy.id());
    let given = operator.gives_policy(&profile, &policy).await;

    let refused = operator.deletes(&path).await.is(409);
    assert_eq!(refused["profiles"][0]["id"], profile["id"]);

    let changed = operator
        .patches(&path, json!({"rate_limit": null}))
        .await
        .is(200);
    assert_eq!(changed.revision(), given.revision() + 1);
    let question = format!("/feed/v1/changes?epoch=epoch-1&after={}", given.revision());
    let page = stage.gateway().gets(&question).await.is(200);
    assert_eq!(
        page["changes"][0]["profile"]["policy"],
        json!({"id": policy["id"]})
    );
}

#[tokio::test]
async fn a_limit_of_nothing_is_refused() {
    let stage = open().await;
    for (draft, pointer) in [
        (
            json!({"name": "x", "rate_limit": {"requests": 0, "per": "day"}}),
            "/rate_limit/requests",
        ),
        (
            json!({"name": "x", "rate_limit": {"requests": 1, "per": "week"}}),
            "/rate_limit/per",
        ),
        (
            json!({"name": "x", "rate_limit": {"requests": 1}}),
            "/rate_limit/per",
        ),
        (
            json!({"name": "x", "rate_limit": [1, "day"]}),
            "/rate_limit",
        ),
        (
            json!({"name": "x", "quota": {"requests": -1, "per": "day"}}),
            "/quota/requests",
        ),
        (
            json!({"name": "x", "quota": {"requests": 1, "per": "day", "time_zone": "Atlantis"}}),
            "/quota/time_zone",
        ),
        (
            json!({"name": "x", "quota": {"requests": 1, "per": "day", "counts": "refused"}}),
            "/quota/counts",
        ),
        (
            json!({"name": "x", "quota": {"requests": 1, "per": "day", "burst": 1}}),
            "/quota/burst",
        ),
    ] {
        let refused = stage
            .operator()
            .posts("/api/v1/policies", draft)
            .await
            .is(422);
        refused.points_at(pointer);
    }
}
