//! Operators: invited, changed, disabled and removed on their pages.

use super::clients::hidden;
use super::{says, text};
use crate::people::{Browser, logged_in};
use crate::stage::{Answer, Stage, open};

async fn admin(stage: &Stage) -> (Answer, Browser) {
    logged_in(stage, "ann", "admin").await
}

/// What a page shows only once.
pub fn shown(page: &Answer, id: &str) -> String {
    let (_, rest) = text(page)
        .split_once(&format!("<code id=\"{id}\">"))
        .unwrap_or_else(|| panic!("no `{id}` in {}", text(page)));
    rest.split('<').next().unwrap().replace("&amp;", "&")
}

#[tokio::test]
async fn an_operator_is_invited_by_a_link_that_is_shown_once() {
    let stage = open().await;
    let (_, browser) = admin(&stage).await;
    let path = "/console/operators/new";
    let once = hidden(&browser.gets(path).await.is(200), "once");
    let fields = [
        ("once", once.as_str()),
        ("name", "Bob <b>"),
        ("email", "bob@example.com"),
        ("role", "editor"),
    ];
    let made = browser.sends_form(path, &fields).await.is(200);
    let again = browser.sends_form(path, &fields).await.is(200);
    assert_eq!(shown(&made, "link"), shown(&again, "link"));
    let (_, place) = shown(&made, "link")
        .split_once("/console/")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let door = stage.stranger().gets(&format!("/console/{place}")).await;
    says(&door.is(200), &["bob@example.com"]);
    let list = browser.gets("/console/operators").await.is(200);
    says(
        &list,
        &[
            "Bob &lt;b&gt;",
            "editor",
            "nothing yet: invited",
            "you</span>",
        ],
    );
    assert!(!text(&list).contains("token=ptl_"));
    let taken = browser
        .sends_form(
            path,
            &[
                ("name", "B"),
                ("email", "bob@example.com"),
                ("role", "viewer"),
            ],
        )
        .await;
    says(&taken.is(409), &["is there already", "value=\"B\""]);
    for (field, value) in [("name", " "), ("email", "nobody"), ("role", "king")] {
        let fields = [
            (field, value),
            ("name", "C"),
            ("email", "c@example.com"),
            ("role", "viewer"),
        ];
        let again = browser.sends_form(path, &fields).await.is(422);
        says(&again, &[&format!("id=\"{field}-flaw\"")]);
    }
}

#[tokio::test]
async fn an_operator_is_changed_unless_they_became_another_meanwhile() {
    let stage = open().await;
    let (_, browser) = admin(&stage).await;
    let (bob, _) = logged_in(&stage, "bob", "viewer").await;
    let (record, edit) = (
        format!("/api/v1/operators/{}", bob.id()),
        format!("/console/operators/{}/edit", bob.id()),
    );
    let tag = hidden(&browser.gets(&edit).await.is(200), "tag");
    let change = serde_json::json!({"name": "Robert"});
    stage.operator().patches(&record, change).await.is(200);
    let send = async |tag: &str| {
        let fields = [
            ("tag", tag),
            ("name", "bob"),
            ("email", "bob@example.com"),
            ("role", "editor"),
        ];
        browser.sends_form(&edit, &fields).await
    };
    let again = send(&tag).await.is(412);
    says(&again, &["What is different now", "Robert"]);
    send(&hidden(&again, "tag")).await.is(303);
    assert_eq!(stage.operator().gets(&record).await["role"], "editor");
}

#[tokio::test]
async fn who_is_disabled_is_logged_out_and_the_last_admin_stays() {
    let stage = open().await;
    let (ann, browser) = admin(&stage).await;
    let (bob, other) = logged_in(&stage, "bob", "viewer").await;
    let path = format!("/console/operators/{}/enabled", bob.id());
    let fields = [("enabled", "false"), ("back", "/console/operators")];
    let done = browser.sends_form(&path, &fields).await.is(303);
    says(
        &browser.follows(&done).await,
        &["bob is disabled, and logged out everywhere", "Undo"],
    );
    other.gets("/console/clients").await.is(303);
    browser
        .sends_form(&path, &[("enabled", "true")])
        .await
        .is(303);

    let own = format!("/console/operators/{}", ann.id());
    let last = browser.sends_form(&format!("{own}/enabled"), &fields).await;
    says(&last.is(409), &["the only enabled operator"]);
    let asked = browser.gets(&format!("{own}/delete")).await.is(200);
    says(&asked, &["1 session of theirs"]);
    let tag = hidden(&asked, "tag");
    browser
        .sends_form(&format!("{own}/delete"), &[("tag", &tag)])
        .await
        .is(409);

    let path = format!("/console/operators/{}/delete", bob.id());
    browser.sends_form(&path, &[("tag", "old")]).await.is(412);
    let tag = hidden(&browser.gets(&path).await.is(200), "tag");
    browser.sends_form(&path, &[("tag", &tag)]).await.is(303);
    browser.gets(&path).await.is(404);
}

#[tokio::test]
async fn another_link_takes_the_place_of_the_one_before() {
    let stage = open().await;
    let (_, browser) = admin(&stage).await;
    let (bob, token) = crate::people::invited(&stage, "bob", "viewer").await;
    let path = format!("/console/operators/{}/link", bob.id());
    let made = browser.sends_form(&path, &[]).await.is(200);
    let url = shown(&made, "link");
    let (_, place) = url.split_once("/console/").unwrap();
    stage
        .stranger()
        .gets(&format!("/console/{place}"))
        .await
        .is(200);
    stage
        .stranger()
        .gets(&format!("/console/link?token={token}"))
        .await
        .is(404);
}
