//! The tokens of robots on their pages.

use serde_json::json;

use super::clients::hidden;
use super::operators::shown;
use super::{says, text};
use crate::people::logged_in;
use crate::stage::open;

#[tokio::test]
async fn a_token_is_shown_once_changed_and_withdrawn() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    let path = "/console/tokens/new";
    let once = hidden(&browser.gets(path).await.is(200), "once");
    let fields = [
        ("once", once.as_str()),
        ("name", "Pipeline"),
        ("role", "editor"),
        ("resources", "clients"),
        ("resources", "policies"),
        ("expires_at", "2028-01-01T00:00"),
    ];
    let made = browser.sends_form(path, &fields).await.is(200);
    let again = browser.sends_form(path, &fields).await.is(200);
    let token = shown(&made, "token");
    assert_eq!(token, shown(&again, "token"));
    let robot = stage.caller(Some(&token));
    robot.gets("/api/v1/clients").await.is(200);
    robot.gets("/api/v1/collections").await.is(403);
    let list = browser.gets("/console/operators").await.is(200);
    says(&list, &["Pipeline", "clients, policies", "in 350 days"]);
    assert!(!text(&list).contains(&token));

    let tokens = stage.operator().gets("/api/v1/tokens").await.is(200);
    let id = tokens["items"][0]["id"].as_str().unwrap().to_owned();
    let edit = format!("/console/tokens/{id}/edit");
    let form = browser.gets(&edit).await.is(200);
    says(
        &form,
        &["value=\"clients\" checked", "value=\"2028-01-01T00:00:00\""],
    );
    let tag = hidden(&form, "tag");
    let fields = [("tag", "old"), ("name", "Pipeline"), ("role", "viewer")];
    says(
        &browser.sends_form(&edit, &fields).await.is(412),
        &["What is different now"],
    );
    let fields = [
        ("tag", tag.as_str()),
        ("name", "Pipeline"),
        ("role", "viewer"),
    ];
    browser.sends_form(&edit, &fields).await.is(303);
    let now = stage.operator().gets(&format!("/api/v1/tokens/{id}")).await;
    assert_eq!(
        (&now["resources"], &now["expires_at"]),
        (&json!(null), &json!(null))
    );
    robot.gets("/api/v1/collections").await.is(200);

    let withdraw = format!("/console/tokens/{id}/withdraw");
    let asked = browser.gets(&withdraw).await.is(200);
    browser
        .sends_form(&withdraw, &[("tag", "old")])
        .await
        .is(412);
    let tag = hidden(&asked, "tag");
    let done = browser
        .sends_form(&withdraw, &[("tag", &tag)])
        .await
        .is(303);
    says(
        &browser.follows(&done).await.is(200),
        &["Pipeline is withdrawn"],
    );
    robot.gets("/api/v1/clients").await.is(401);
}

#[tokio::test]
async fn a_form_of_a_token_that_is_wrong_says_at_which_field() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    for (field, value) in [
        ("name", " "),
        ("role", "king"),
        ("resources", "everything"),
        ("expires_at", "soon"),
        ("expires_at", "2020-01-01T00:00"),
    ] {
        let fields = [
            (field, value),
            ("name", "x"),
            ("role", "viewer"),
            ("description", "kept"),
        ];
        let again = browser
            .sends_form("/console/tokens/new", &fields)
            .await
            .is(422);
        says(&again, &["kept", &format!("id=\"{field}-flaw\"")]);
    }
}
