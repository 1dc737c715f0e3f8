//! `/feed/v1/unknown-keys`

use serde_json::json;

use crate::stage::open;

const PATH: &str = "/feed/v1/unknown-keys";

#[tokio::test]
async fn a_profile_that_follows_no_set_is_taken_note_of_and_nothing_happens() {
    let stage = open().await;
    let (_, _, profile) = stage.operator().creates_access("acme").await;
    let gateway = stage.gateway();
    for named in [profile.id(), "ap_01m84pe5rfvtrgr0xthsxmfzkt"] {
        let answer = gateway.posts(PATH, json!({ "profile": named })).await;
        assert_eq!(answer.is(202).body, "");
    }
    // What newer gateways may add is left to newer control planes.
    let told = json!({"profile": profile.id(), "kid": "a"});
    gateway.posts(PATH, told).await.is(202);
}

#[tokio::test]
async fn who_is_no_gateway_or_says_nothing_readable_is_refused() {
    let stage = open().await;
    let (_, _, profile) = stage.operator().creates_access("acme").await;
    let told = || json!({"profile": profile.id()});
    stage.stranger().posts(PATH, told()).await.is(401);
    stage.operator().posts(PATH, told()).await.is(401);
    stage.gateway().gets(PATH).await.is(405);
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"profile": 7}"#,
        r#"{"profile": "cl_x"}"#,
    ] {
        let answer = stage.gateway().posts_text(PATH, body).await.is(400);
        assert_eq!(answer["type"], "urn:portcullis:problem:malformed-request");
    }
}
