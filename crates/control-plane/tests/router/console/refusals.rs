//! Refused requests, and why they were refused, on their pages.

use serde_json::json;

use super::{says, text};
use crate::people::{Browser, logged_in};
use crate::stage::{Answer, BEGIN_MS, Stage, open};
use crate::usage::{batch, tells};

struct Scene {
    stage: Stage,
    client: Answer,
    profile: Answer,
    key: String,
    browser: Browser,
}

/// Two refusals: one of a known caller, and one of nobody.
async fn scene() -> Scene {
    let stage = open().await;
    let (client, collection, profile) = stage.operator().creates_access("acme").await;
    let key = profile["keys"][0]["id"].as_str().unwrap().to_owned();
    let rules = json!({"addresses": {"allow": ["10.0.0.0/8"]}});
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    stage.operator().patches(&path, rules).await.is(200);
    let mut told = batch(1, json!([]));
    told["refusals"] = json!([
        {
            "t": BEGIN_MS - 2_000, "r": "address_not_allowed", "s": 403, "v": "GET", "u": "/acme/1", "a": "192.0.2.1",
            "k": key, "p": profile["id"], "c": collection["id"], "x": "decision-1",
        },
        {"t": BEGIN_MS - 1_000, "r": "credential_missing", "s": 401, "v": "GET", "u": "/<b>"},
    ]);
    tells(&stage, told).await.is(204);
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    Scene {
        stage,
        client,
        profile,
        key,
        browser,
    }
}

#[tokio::test]
async fn refusals_are_told_in_words_and_found_by_all_that_is_known_of_them() {
    let Scene {
        stage,
        client,
        profile,
        key,
        browser,
    } = scene().await;
    stage.operator().creates_client("acme too").await;
    let all = browser.gets("/console/refusals").await.is(200);
    says(
        &all,
        &[
            "GET /acme/1",
            "GET /&lt;b&gt;",
            "may not be used from the address",
            "acme v1",
            "production",
            "2 s ago",
        ],
    );
    let (client, profile) = (client.id(), profile.id());
    for (query, known, other) in [
        ("reason=address_not_allowed".to_owned(), true, false),
        ("reason=&who=&since=&until=".to_owned(), true, true),
        (format!("client={client}"), true, false),
        (format!("who={client}"), true, false),
        (format!("profile={profile}"), true, false),
        (format!("who={profile}"), true, false),
        (format!("key={key}"), true, false),
        (format!("who={key}"), true, false),
        ("since=2027-01-15T07:59:59".to_owned(), false, true),
        ("until=2027-01-15T07:59:59Z".to_owned(), true, false),
        ("since=2027-01-15T09:00".to_owned(), false, false),
    ] {
        let shown = browser
            .gets(&format!("/console/refusals?{query}"))
            .await
            .is(200);
        assert_eq!(text(&shown).contains("GET /acme/1"), known, "{query}");
        assert_eq!(text(&shown).contains("/&lt;b&gt;"), other, "{query}");
    }
    let several = browser.gets("/console/refusals?who=acme").await.is(200);
    says(&several, &["Several clients", "acme too", client]);
    let none = browser.gets("/console/refusals?who=zzz").await.is(200);
    says(&none, &["is called “zzz”"]);
    browser
        .gets("/console/refusals?since=yesterday")
        .await
        .is(400);
}

#[tokio::test]
async fn a_long_sample_goes_on_page_by_page() {
    let stage = open().await;
    let mut told = batch(1, json!([]));
    let samples: Vec<_> = (0..60)
        .map(|number| {
            json!({"t": BEGIN_MS - number, "r": "credential_missing", "s": 401, "v": "GET", "u": format!("/p{number:02}")})
        })
        .collect();
    told["refusals"] = json!(samples);
    tells(&stage, told).await.is(204);
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    let path = "/console/refusals?reason=credential_missing";
    let first = browser.gets(path).await.is(200);
    assert!(text(&first).contains("/p00") && !text(&first).contains("/p50"));
    let (_, next) = text(&first).split_once("rel=\"next\" href=\"").unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = browser.gets(&next).await.is(200);
    assert!(text(&second).contains("/p50") && !text(&second).contains("/p00"));
}

#[tokio::test]
async fn why_leads_to_the_checks_and_to_the_record_that_would_have_to_change() {
    let Scene {
        stage,
        client,
        profile,
        browser,
        ..
    } = scene().await;
    let all = browser.gets("/console/refusals").await.is(200);
    let links: Vec<String> = text(&all)
        .split("href=\"/console/explain?")
        .skip(1)
        .map(|part| format!("/console/explain?{}", part.split('"').next().unwrap()))
        .map(|link| link.replace("&amp;", "&"))
        .collect();
    assert_eq!(links.len(), 2);
    let missing = browser.gets(&links[0]).await.is(200);
    says(
        &missing,
        &[
            "refused it with <code>credential_missing</code>",
            "there is none",
        ],
    );
    let address = browser.gets(&links[1]).await.is(200);
    let place = format!("/console/clients/{}#{}", client.id(), profile.id());
    says(
        &address,
        &[
            "<code>address_not_allowed</code> (403)",
            "is covered by no entry of the allow list",
            "<code>192.0.2.1</code>",
            &place,
        ],
    );
    assert!(!text(&address).contains("/edit"));
    let (_, editor) = logged_in(&stage, "ann", "editor").await;
    let edit = format!("/console/profiles/{}/edit#allow", profile.id());
    says(&editor.gets(&links[1]).await.is(200), &[&edit]);
}

#[tokio::test]
async fn a_request_is_explained_by_a_key_a_profile_or_a_whole_credential() {
    let Scene {
        stage,
        profile,
        key,
        browser,
        ..
    } = scene().await;
    let path = format!("/api/v1/access-profiles/{}/key/refresh", profile.id());
    let refreshed = stage.operator().posts(&path, json!({})).await;
    let whole = refreshed["api_key"].as_str().map(str::to_owned);
    let send = async |credential: &str, id: &str, secret: &str| {
        let fields = [
            ("method", "GET"),
            ("url", "https://api.example.com/acme/7"),
            ("address", "10.1.2.3"),
            ("headers", "accept: */*\nx-client-id: forged"),
            ("credential", credential),
            ("id", id),
            ("secret", secret),
        ];
        browser.sends_form("/console/explain", &fields).await
    };
    let by_profile = send("profile", profile.id(), "").await.is(200);
    says(
        &by_profile,
        &[
            "permitted",
            "What the service learns",
            "x-client-id",
            "acme",
        ],
    );
    says(&send("key_id", &key, "").await.is(200), &["was revoked"]);
    let canary = whole.as_deref().unwrap_or("ptc_live_canary");
    for kind in ["key", "token"] {
        let shown = send(kind, "", canary).await.is(200);
        assert!(!text(&shown).contains(canary), "{kind}");
    }
    for (credential, id, secret, flaw) in [
        ("key_id", "?", "", "id=\"id-flaw\""),
        ("profile", "cl_none", "", "id=\"id-flaw\""),
        ("key", "", "", "id=\"secret-flaw\""),
    ] {
        let again = send(credential, id, secret).await.is(422);
        says(&again, &[flaw, "https://api.example.com/acme/7"]);
    }
}

#[tokio::test]
async fn a_request_is_explained_by_the_settings_of_the_filter_that_it_meets() {
    let Scene { stage, browser, .. } = scene().await;
    let path = "/api/v1/access-profiles?limit=1";
    let profiles = stage.operator().gets(path).await;
    let profile = profiles["items"][0]["id"].as_str().unwrap();
    let explain = async |further: &[(&str, &str)]| {
        let fields = [
            ("method", "GET"),
            ("url", "https://api.example.com/acme/7"),
            ("address", "192.0.2.1"),
            ("headers", "x-forwarded-for: 10.1.2.3"),
            ("credential", "profile"),
            ("id", profile),
        ];
        let fields = [&fields[..], further].concat();
        browser.sends_form("/console/explain", &fields).await
    };
    says(&explain(&[]).await.is(200), &["address_not_allowed"]);
    let believed = explain(&[("trusted_hops", "1")]).await.is(200);
    says(
        &believed,
        &["permitted", "x-client-id", "open tabindex", "value=\"1\""],
    );
    let set_up = [
        ("trusted_hops", "1"),
        ("credential_header", "x-key"),
        ("client_id", "x-caller"),
        ("token_claims", "sub\nazp"),
        ("claim_headers", "x-user-email=email"),
        ("ignores_key_id", "yes"),
    ];
    let shown = explain(&set_up).await.is(200);
    says(
        &shown,
        &["<code>x-caller</code>", "x-key", "x-user-email=email"],
    );
    let observed = explain(&[("observe", "yes")]).await.is(200);
    says(&observed, &["refusals are noted", "address_not_allowed"]);
    for (field, value, flaw) in [
        ("trusted_hops", "many", "id=\"trusted_hops-flaw\""),
        ("trusted_hops", "256", "id=\"trusted_hops-flaw\""),
        ("claim_headers", "email", "id=\"filter-flaw\""),
        ("credential_header", "a b", "id=\"filter-flaw\""),
        ("client_id", ":path", "id=\"filter-flaw\""),
    ] {
        let again = explain(&[(field, value)]).await.is(422);
        says(&again, &[flaw, value, "href=\"#"]);
    }
}

#[tokio::test]
async fn a_description_that_is_none_says_at_which_field() {
    let stage = open().await;
    let (_, browser) = logged_in(&stage, "bob", "viewer").await;
    let good = [("method", "GET"), ("url", "/orders")];
    for (field, value, flaw) in [
        ("method", "G T", "id=\"method-flaw\""),
        ("url", "ftp://x/", "id=\"url-flaw\""),
        ("address", "nowhere", "id=\"address-flaw\""),
        ("headers", "no colon", "id=\"headers-flaw\""),
        ("headers", "host: x", "id=\"headers-flaw\""),
        ("at", "soon", "id=\"at-flaw\""),
    ] {
        let fields = [&[(field, value)][..], &good].concat();
        let again = browser
            .sends_form("/console/explain", &fields)
            .await
            .is(422);
        says(&again, &[flaw]);
    }
    let shown = browser.gets("/console/explain?url=nowhere").await.is(200);
    says(&shown, &["id=\"url-flaw\"", "value=\"nowhere\""]);
    browser.gets("/console/explain").await.is(200);
}
