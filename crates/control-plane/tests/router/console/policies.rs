//! Policies: made, changed and removed on their pages.

use portcullis_control_plane::app::usage::{Keeping, Span};
use serde_json::json;

use super::clients::hidden;
use super::{says, text};
use crate::people::logged_in;
use crate::stage::{Stage, open};
use crate::usage::{NOW_MIN, add_up, batch, tells};

/// The last midnight, UTC, in minutes since 1970.
const MIDNIGHT: u64 = NOW_MIN / 1_440 * 1_440;

/// A policy that a profile has.
async fn had(stage: &Stage) -> String {
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    let policy = operator.creates_policy("gold").await;
    operator.gives_policy(&profile, &policy).await;
    policy.id().to_owned()
}

/// The profile called: in these minutes so many times, of which so many were permitted.
async fn called(stage: &Stage, calls: &[(u64, u64, u64)]) {
    let profiles = stage.operator().gets("/api/v1/access-profiles").await;
    let profile = &profiles["items"][0]["id"];
    let rows = calls.iter().map(|(minute, requests, permitted)| {
        json!({"m": minute, "p": profile, "n": requests, "ok": permitted})
    });
    let told = batch(1, rows.collect());
    tells(stage, told).await.is(204);
    add_up(stage).await;
}

/// The form that changes a policy, with what is filled in, and whatever a browser sends of the rest.
fn form<'a>(tag: &'a str, filled: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let rest = [
        ("tag", tag),
        ("name", "gold"),
        ("rate_requests", ""),
        ("rate_per", "minute"),
        ("scope", "access_profile"),
        ("quota_requests", ""),
        ("quota_per", "day"),
    ];
    // Of two with the same name, the first counts.
    [filled, &rest].concat()
}

#[tokio::test]
async fn policies_tell_their_limits_in_words_and_who_has_them() {
    let stage = open().await;
    let id = had(&stage).await;
    stage.operator().creates_policy("silver").await;
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    let all = browser.gets("/console/policies").await.is(200);
    says(&all, &["gold", "silver", "5 requests a minute, 5 at once"]);
    let some = browser.gets("/console/policies?name=GOLD&sort=name").await;
    assert!(!text(&some.is(200)).contains("silver"));
    says(
        &browser.gets("/console/policies?name=zzz").await,
        &["No policy fits"],
    );
    let page = browser
        .gets(&format!("/console/policies/{id}"))
        .await
        .is(200);
    says(&page, &["production", ">acme<", "5 requests a minute"]);
    for control in ["New policy", "Delete…", "/edit\""] {
        assert!(
            !text(&all).contains(control) && !text(&page).contains(control),
            "{control}"
        );
    }
}

#[tokio::test]
async fn a_policy_is_made_with_what_is_limited_and_without_the_rest() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    let send =
        async |fields: &[(&str, &str)]| browser.sends_form("/console/policies/new", fields).await;
    let windows = [
        ("rate_per", "second"),
        ("quota_per", "month"),
        ("scope", "client"),
    ];
    let form = browser.gets("/console/policies/new").await.is(200);
    let once = hidden(&form, "once");
    let full = [
        &windows[..],
        &[
            ("once", &once),
            ("name", "full"),
            ("rate_requests", "10"),
            ("burst", "20"),
            ("quota_requests", "5000000000"),
            ("quota_zone", "europe/berlin"),
            ("quota_counts", "all"),
        ],
    ]
    .concat();
    send(&full).await.is(303);
    let made = send(&full).await.is(303);
    says(
        &browser.follows(&made).await.is(200),
        &[
            "10 requests a second, 20 at once, all profiles of the client together",
            "5000000000 requests a month of Europe/Berlin in all, refused ones too",
        ],
    );
    let bare = [&windows[..], &[("name", "bare")]].concat();
    send(&bare).await.is(303);
    let policies = stage.operator().gets("/api/v1/policies?sort=name").await;
    assert_eq!(policies.every("name"), ["bare", "full"]);
    assert_eq!(policies["items"][0]["rate_limit"], json!(null));
    assert_eq!(policies["items"][0]["quota"], json!(null));

    for (field, value, flaw) in [
        ("rate_requests", "many", "id=\"rate_requests-flaw\""),
        ("rate_requests", "0", "id=\"rate_requests-flaw\""),
        ("rate_requests", "5000000000", "id=\"rate_requests-flaw\""),
        ("quota_requests", "-1", "id=\"quota_requests-flaw\""),
        ("name", " ", "id=\"name-flaw\""),
    ] {
        let fields = [
            &windows[..],
            &[(field, value), ("description", "kept"), ("name", "x")],
        ]
        .concat();
        says(&send(&fields).await.is(422), &[flaw, "kept"]);
    }
    let lost = [
        ("quota_requests", "1"),
        ("quota_zone", "Atlantis"),
        ("name", "x"),
    ];
    let lost = send(&[&windows[..], &lost].concat()).await.is(422);
    says(&lost, &["id=\"quota_zone-flaw\"", "Atlantis"]);
}

#[tokio::test]
async fn a_changed_policy_warns_of_those_who_have_it_and_keeps_nothing_that_was_emptied() {
    let stage = open().await;
    let id = had(&stage).await;
    let (record, edit) = (
        format!("/api/v1/policies/{id}"),
        format!("/console/policies/{id}/edit"),
    );
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    let shown = browser.gets(&edit).await.is(200);
    says(
        &shown,
        &[
            "<strong>1 access profile</strong>",
            "value=\"5\"",
            "value=\"minute\" selected",
        ],
    );
    let tag = hidden(&shown, "tag");
    let change = json!({"description": "other"});
    stage.operator().patches(&record, change).await.is(200);
    let send = async |tag: &str| {
        let fields = form(tag, &[("quota_requests", "9")]);
        browser.sends_form(&edit, &fields).await
    };
    let again = send(&tag).await.is(412);
    says(
        &again,
        &[
            "somebody else has changed the policy",
            "What is different now",
            "other",
        ],
    );
    send(&hidden(&again, "tag")).await.is(303);
    let now = stage.operator().gets(&record).await;
    assert_eq!(now["rate_limit"], json!(null));
    assert_eq!(now["quota"], json!({"requests": 9, "per": "day"}));
    assert_eq!(now["description"], json!(null));
}

#[tokio::test]
async fn a_removed_policy_lets_go_of_those_that_it_was_said_to() {
    let stage = open().await;
    let id = had(&stage).await;
    let path = format!("/console/policies/{id}/delete");
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    let asked = browser.gets(&path).await.is(200);
    says(
        &asked,
        &["<strong>1 access profile</strong>", "without limits"],
    );
    let (tag, foreseen) = (hidden(&asked, "tag"), hidden(&asked, "foreseen"));
    let stale = [("tag", tag.as_str()), ("foreseen", "0")];
    browser.sends_form(&path, &stale).await.is(412);
    let fields = [("tag", tag.as_str()), ("foreseen", foreseen.as_str())];
    let gone = browser.sends_form(&path, &fields).await.is(303);
    says(
        &browser.follows(&gone).await.is(200),
        &["gold is gone; 1 access profile without limits now"],
    );
}

#[tokio::test]
async fn a_policy_shows_how_much_of_its_quota_each_profile_has_used() {
    let stage = open().await;
    let id = had(&stage).await;
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    let path = format!("/console/policies/{id}");
    let without = browser.gets(&path).await.is(200);
    assert!(!text(&without).contains("Quota used"));
    let quota = json!({"quota": {"requests": 50, "per": "day"}});
    let record = format!("/api/v1/policies/{id}");
    stage.operator().patches(&record, quota).await.is(200);
    called(&stage, &[(NOW_MIN, 61, 60)]).await;
    let before = browser.gets(&path).await.is(200);
    says(&before, &["Quota used", ">60</span> of", ">50</span>"]);
    stage.app.judge_quotas().await.unwrap();
    says(&browser.gets(&path).await.is(200), &["used up"]);
}

#[tokio::test]
async fn what_limits_would_have_done_lately_is_told_before_they_are_saved() {
    let stage = open().await;
    let id = had(&stage).await;
    let (record, edit) = (
        format!("/api/v1/policies/{id}"),
        format!("/console/policies/{id}/edit"),
    );
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    let begun = browser.gets(&edit).await.is(200);
    says(&begun, &["Show the effect on recent traffic"]);
    let tag = hidden(&begun, "tag");
    let send = async |further: &[(&str, &str)]| {
        let limits = [("rate_requests", "10"), ("quota_requests", "50")];
        let fields = form(&tag, &[further, &limits].concat());
        browser.sends_form(&edit, &fields).await
    };
    let effect = ("effect", "yes");
    let quiet = send(&[effect]).await.is(200);
    says(&quiet, &["had a request in the last 30 days"]);

    let calls = [
        (NOW_MIN - 60, 100, 90),
        (NOW_MIN - 30, 20, 20),
        (NOW_MIN - 6 * 60, 7, 7),
    ];
    called(&stage, &calls).await;
    let shown = send(&[effect]).await.is(200);
    says(
        &shown,
        &[
            "Rate limit: who had more than would pass",
            "acme, production",
            ">80</span>",
            ">100</span>",
            "Quota: who had more than would pass",
            ">67</span>",
            ">117</span>",
            "value=\"50\"",
        ],
    );
    assert_eq!(hidden(&shown, "tag"), tag);
    let shared = send(&[effect, ("scope", "client")]).await.is(200);
    says(&shared, &[">80</span>"]);
    let long = [effect, ("rate_per", "hour"), ("quota_per", "month")];
    let long = send(&long).await.is(200);
    says(&long, &["In how many hours", "In how many months"]);
    let roomy = [effect, ("rate_requests", "1000"), ("quota_requests", "")];
    let roomy = send(&roomy).await.is(200);
    says(&roomy, &["Nobody had more"]);
    assert!(!text(&roomy).contains("who had more"));
    let none = [effect, ("rate_requests", ""), ("quota_requests", "")];
    says(&send(&none).await.is(200), &["Nothing is limited"]);
    says(
        &send(&[effect, ("quota_requests", "many")]).await.is(422),
        &["id=\"quota_requests-flaw\""],
    );
    let before = stage.operator().gets(&record).await;
    assert_eq!(before["quota"], json!(null));

    // What was seen first is what may be changed.
    let change = json!({"description": "other"});
    stage.operator().patches(&record, change).await.is(200);
    let late = send(&[effect]).await.is(200);
    assert_eq!(hidden(&late, "tag"), tag);
    send(&[]).await.is(412);
}

#[tokio::test]
async fn what_a_quota_would_have_done_is_told_by_the_calendar_of_its_time_zone() {
    let stage = open().await;
    let id = had(&stage).await;
    let edit = format!("/console/policies/{id}/edit");
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    // Midnight in India is 18:30 UTC, and in Berlin 23:00: of these, two are of one day in either, and two in one.
    let calls = [
        (MIDNIGHT - 1_440 + 17 * 60, 30, 30),
        (MIDNIGHT - 1_440 + 20 * 60, 40, 40),
        (MIDNIGHT - 20, 50, 50),
        (MIDNIGHT + 6 * 60, 60, 60),
    ];
    called(&stage, &calls).await;
    let shown = async |per, zone| {
        let quota = [
            ("effect", "yes"),
            ("quota_requests", "10"),
            ("quota_per", per),
            ("quota_zone", zone),
        ];
        let fields = form("", &quota);
        browser.sends_form(&edit, &fields).await.is(200)
    };
    for (per, zone, busiest, said) in [
        ("day", "", 120, "Nothing"),
        (
            "day",
            "Europe/Berlin",
            110,
            "By the calendar of Europe/Berlin, to the hour. ",
        ),
        (
            "day",
            "Asia/Kolkata",
            150,
            "By the calendar of Asia/Kolkata, to the hour. ",
        ),
        (
            "week",
            "Asia/Kolkata",
            180,
            "By the calendar of Asia/Kolkata, to the hour. ",
        ),
    ] {
        let page = shown(per, zone).await;
        let busiest = format!(">{busiest}</span>. ");
        let is_said = text(&page).contains(said);
        assert_eq!(is_said, !zone.is_empty(), "{zone}");
        says(&page, &[busiest.as_str()]);
    }
}

#[tokio::test]
async fn where_hours_are_not_kept_a_quota_is_held_against_days_of_utc_and_the_page_says_so() {
    let stage = open().await;
    let id = had(&stage).await;
    let keeping = Keeping {
        hours: Span::of_hours(12),
        ..Keeping::default()
    };
    stage.app.set_usage_keeping(keeping);
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    let calls = [
        (MIDNIGHT - 1_440 + 17 * 60, 30, 30),
        (MIDNIGHT - 1_440 + 20 * 60, 40, 40),
    ];
    called(&stage, &calls).await;
    let edit = format!("/console/policies/{id}/edit");
    let quota = [
        ("effect", "yes"),
        ("quota_requests", "10"),
        ("quota_zone", "Asia/Kolkata"),
    ];
    let fields = form("", &quota);
    let page = browser.sends_form(&edit, &fields).await.is(200);
    says(
        &page,
        &[
            "whose hours are not kept any more by days of UTC",
            ">70</span>. ",
        ],
    );
}
