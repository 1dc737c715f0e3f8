//! Gateways and their tokens on their page.

use super::clients::hidden;
use super::{says, text};
use crate::gateways::{instance, report};
use crate::people::logged_in;
use crate::stage::open;

#[tokio::test]
async fn gateways_are_shown_with_what_they_have_and_how_far_they_are_behind() {
    let stage = open().await;
    stage.operator().creates_access("acme").await;
    let mut said = report(7, 1);
    said.name = "<b>edge".to_owned();
    stage.gateway().reports(&said).await.is(204);
    stage.pass_ms(6_000);
    stage.gateway().reports(&report(8, 9_999)).await.is(204);
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    let all = browser.gets("/console/gateways").await.is(200);
    says(
        &all,
        &[
            "&lt;b&gt;edge",
            "edge-8",
            "connected",
            "silent",
            "6 s ago",
            "default",
            "the environment",
        ],
    );
    for control in ["New token", "Withdraw…", "Forget"] {
        assert!(!text(&all).contains(control), "{control}");
    }
    let some = browser.gets("/console/gateways?state=silent").await.is(200);
    assert!(text(&some).contains("&lt;b&gt;edge") && !text(&some).contains("edge-8"));
    let none = browser.gets("/console/gateways?state=lost").await.is(200);
    says(&none, &["No gateway fits"]);
    browser.gets("/console/gateways?state=asleep").await.is(400);
}

#[tokio::test]
async fn only_a_lost_gateway_can_be_forgotten() {
    let stage = open().await;
    stage.gateway().reports(&report(7, 0)).await.is(204);
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    let path = format!("/console/gateways/{}/forget", instance(7));
    let early = browser.sends_form(&path, &[]).await.is(409);
    says(&early, &["only one that is lost can be forgotten"]);
    stage.pass_ms(61_000);
    let shown = browser.gets("/console/gateways").await.is(200);
    says(&shown, &[&path, "lost"]);
    let done = browser.sends_form(&path, &[]).await.is(303);
    says(
        &browser.follows(&done).await,
        &["The gateway is forgotten", "No gateway has asked yet"],
    );
    browser
        .sends_form("/console/gateways/none/forget", &[])
        .await
        .is(404);
}

#[tokio::test]
async fn a_token_of_gateways_is_shown_once_to_who_makes_it_and_withdrawn_with_a_warning() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "admin").await;
    let path = "/console/gateway-tokens/new";
    let form = browser.gets(path).await.is(200);
    let once = hidden(&form, "once");
    let fields = [
        ("once", once.as_str()),
        ("name", "Frankfurt"),
        ("expires_at", "2028-01-01T00:00"),
    ];
    let made = browser.sends_form(path, &fields).await.is(200);
    let again = browser.sends_form(path, &fields).await.is(200);
    let token = |page: &crate::stage::Answer| {
        let (_, rest) = text(page).split_once("id=\"token\">").unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    assert_eq!(token(&made), token(&again));
    assert!(token(&made).starts_with("ptg_"));
    for (field, value) in [
        ("name", " "),
        ("expires_at", "soon"),
        ("expires_at", "2020-01-01T00:00"),
    ] {
        let fields = [(field, value), ("name", "x"), ("description", "kept")];
        let again = browser.sends_form(path, &fields).await.is(422);
        says(&again, &["kept", &format!("id=\"{field}-flaw\"")]);
    }

    let gateway = stage.caller(Some(&token(&made)));
    gateway.reports(&report(7, 0)).await.is(204);
    let list = browser.gets("/console/gateways").await.is(200);
    says(&list, &["Frankfurt", "in 350 days"]);
    assert!(!text(&list).contains(&token(&made)));
    let tokens = stage
        .operator()
        .gets("/api/v1/gateway-tokens?name=Frank")
        .await;
    let id = tokens["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/console/gateway-tokens/{id}/withdraw");
    let asked = browser.gets(&path).await.is(200);
    says(&asked, &["<strong>1 gateway</strong>", "learn nothing new"]);
    browser
        .sends_form(&path, &[("tag", "of another state")])
        .await
        .is(412);
    let tag = hidden(&asked, "tag");
    let done = browser.sends_form(&path, &[("tag", &tag)]).await.is(303);
    says(
        &browser.follows(&done).await.is(200),
        &["Frankfurt is withdrawn", "withdrawn</span>"],
    );
    gateway.reports(&report(7, 0)).await.is(401);
}
