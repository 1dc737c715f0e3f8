//! Quotas: what gateways tell of usage is judged, told and sent to all of them.

use serde_json::{Value, json};

use crate::stage::{Answer, Stage, open};
use crate::usage::{NOW_MIN, add_up, batch, tells};

/// A profile with a quota of a hundred requests a day.
async fn limited() -> (Stage, Answer) {
    limited_by(json!({"requests": 100, "per": "day"})).await
}

async fn limited_by(quota: Value) -> (Stage, Answer) {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    let policy = json!({"name": "gold", "quota": quota});
    let policy = operator.posts("/api/v1/policies", policy).await.is(201);
    operator.gives_policy(&profile, &policy).await;
    (stage, profile)
}

async fn used(stage: &Stage, profile: &Answer, number: u64, minute: u64, permitted: u64) {
    let row = json!({"m": minute, "p": profile["id"], "n": permitted + 7, "ok": permitted});
    tells(stage, batch(number, json!([row]))).await.is(204);
    add_up(stage).await;
    stage.app.judge_quotas().await.unwrap();
}

/// What gateways are told of the profile's policy.
async fn told(stage: &Stage) -> Value {
    let page = stage.gateway().gets("/feed/v1/changes?limit=1000").await;
    let page = page.is(200);
    let changes = page["changes"].as_array().unwrap().iter();
    let profiles: Vec<_> = changes.filter_map(|it| it.get("profile")).collect();
    assert_eq!(profiles.len(), 1);
    profiles[0]["policy"].clone()
}

async fn notices(stage: &Stage, query: &str) -> Vec<(u64, u64)> {
    let path = format!("/api/v1/usage/quotas?{query}");
    let listed = stage.operator().gets(&path).await.is(200);
    let items = listed["items"].as_array().unwrap().iter();
    let number = |value: &Value| value.as_u64().unwrap();
    items
        .map(|it| (number(&it["percent"]), number(&it["used"])))
        .collect()
}

/// Midnight after these tests begin: 2027-01-16.
const TOMORROW_MS: u64 = 1_800_057_600_000;

#[tokio::test]
async fn a_quota_is_told_at_eighty_and_at_a_hundred_and_then_refused_everywhere() {
    let (stage, profile) = limited().await;
    let before = told(&stage).await;
    used(&stage, &profile, 1, NOW_MIN, 79).await;
    assert!(notices(&stage, "").await.is_empty());

    used(&stage, &profile, 2, NOW_MIN, 1).await;
    used(&stage, &profile, 3, NOW_MIN, 4).await;
    assert_eq!(notices(&stage, "").await, [(80, 80)]);
    // A warning is no matter of gateways.
    assert_eq!(told(&stage).await, before);

    used(&stage, &profile, 4, NOW_MIN, 21).await;
    used(&stage, &profile, 5, NOW_MIN, 9).await;
    assert_eq!(notices(&stage, "").await, [(100, 105), (80, 80)]);
    assert_eq!(told(&stage).await["quota_used_up_until_ms"], TOMORROW_MS);
    let path = format!("/api/v1/access-profiles/{}/quota", profile.id());
    let state = stage.operator().gets(&path).await.is(200);
    let expected = json!({
        "requests": 100, "per": "day", "used": 114, "used_up": true,
        "since": "2027-01-15T00:00:00Z", "until": "2027-01-16T00:00:00Z",
    });
    assert_eq!(state.body, expected);
}

#[tokio::test]
async fn what_was_used_yesterday_or_refused_does_not_count() {
    let (stage, profile) = limited().await;
    used(&stage, &profile, 1, NOW_MIN - 24 * 60, 100).await;
    used(&stage, &profile, 2, NOW_MIN, 70).await;
    assert!(notices(&stage, "").await.is_empty());
    assert_eq!(told(&stage).await.get("quota_used_up_until_ms"), None);
}

#[tokio::test]
async fn another_quota_is_judged_anew() {
    let (stage, profile) = limited().await;
    used(&stage, &profile, 1, NOW_MIN, 100).await;
    let operator = stage.operator();
    let policy_id = told(&stage).await["id"].clone();
    let path = format!("/api/v1/policies/{}", policy_id.as_str().unwrap());

    let change = json!({"quota": {"requests": 200, "per": "day"}});
    operator.patches(&path, change).await.is(200);
    assert_eq!(told(&stage).await.get("quota_used_up_until_ms"), None);
    stage.app.judge_quotas().await.unwrap();
    assert_eq!(told(&stage).await.get("quota_used_up_until_ms"), None);

    let change = json!({"quota": {"requests": 50, "per": "week"}});
    operator.patches(&path, change).await.is(200);
    stage.app.judge_quotas().await.unwrap();
    // 2027-01-18 is a Monday.
    let monday_ms = TOMORROW_MS + 2 * 86_400_000;
    assert_eq!(told(&stage).await["quota_used_up_until_ms"], monday_ms);
    assert_eq!(notices(&stage, "").await, [(100, 100), (100, 100)]);

    let change = json!({"quota": null});
    operator.patches(&path, change).await.is(200);
    assert_eq!(told(&stage).await.get("quota_used_up_until_ms"), None);
    let path = format!("/api/v1/access-profiles/{}/quota", profile.id());
    operator.gets(&path).await.is(404);
}

#[tokio::test]
async fn notices_are_found_by_whom_they_are_about() {
    let (stage, profile) = limited().await;
    used(&stage, &profile, 1, NOW_MIN, 100).await;
    let (other, _, other_profile) = stage.operator().creates_access("other").await;
    let profile_id = profile.id();
    let client_id = profile["client_id"].as_str().unwrap();
    for (query, count) in [
        (format!("profile_id={profile_id}"), 1),
        (format!("client_id={client_id}"), 1),
        (format!("profile_id={}", other_profile.id()), 0),
        (format!("client_id={}", other.id()), 0),
        ("open=true".into(), 1),
        ("limit=1".into(), 1),
    ] {
        assert_eq!(notices(&stage, &query).await.len(), count, "{query}");
    }
    let path = "/api/v1/usage/quotas?profile_id=nobody";
    stage.operator().gets(path).await.is(400);
    stage
        .operator()
        .gets("/api/v1/usage/quotas?which=all")
        .await
        .is(400);
    stage.pass_ms(24 * 60 * 60 * 1_000);
    assert!(notices(&stage, "open=true").await.is_empty());
    assert_eq!(notices(&stage, "open=false").await.len(), 1);
}

#[tokio::test]
async fn a_profile_that_is_removed_takes_its_quota_along() {
    let (stage, profile) = limited().await;
    used(&stage, &profile, 1, NOW_MIN, 100).await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    stage.operator().deletes(&path).await.is(200);
    used(&stage, &profile, 2, NOW_MIN, 100).await;
    assert_eq!(notices(&stage, "").await, [(100, 100)]);
}

#[tokio::test]
async fn a_day_begins_where_the_quota_says_and_refused_requests_count_where_it_says_so() {
    let quota =
        json!({"requests": 100, "per": "day", "time_zone": "asia/kolkata", "counts": "all"});
    let (stage, profile) = limited_by(quota).await;
    // In India, 2027-01-15 begins at 18:30 of the day before.
    let begin = NOW_MIN / (24 * 60) * (24 * 60) - 330;
    used(&stage, &profile, 1, begin - 1, 100).await;
    assert!(notices(&stage, "").await.is_empty());
    used(&stage, &profile, 2, begin, 50).await;
    used(&stage, &profile, 3, begin + 400, 36).await;
    // Each batch has seven that were refused.
    assert_eq!(notices(&stage, "").await, [(100, 100)]);

    let policy = told(&stage).await;
    assert_eq!(policy["quota"], json!({"requests": 100, "per": "day"}));
    assert_eq!(policy["quota_offsets"], json!([[0, 330]]));
    let until_ms = TOMORROW_MS - 330 * 60_000;
    assert_eq!(policy["quota_used_up_until_ms"], until_ms);
    let path = format!("/api/v1/access-profiles/{}/quota", profile.id());
    let state = stage.operator().gets(&path).await.is(200);
    assert_eq!(state["since"], "2027-01-14T18:30:00Z");
    assert_eq!(state["until"], "2027-01-15T18:30:00Z");
    assert_eq!(state["used"], 100);
}
