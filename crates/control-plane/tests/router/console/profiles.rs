//! Access profiles and their keys, made, changed and ended on their pages.

use serde_json::{Value, json};

use super::clients::hidden;
use super::{says, text};
use crate::people::{Browser, logged_in};
use crate::stage::{Answer, BEGIN_MS, Stage, open};
use crate::usage::{batch, tells};

/// What stands between two parts of a page.
pub fn between<'a>(page: &'a Answer, before: &str, after: &str) -> &'a str {
    let (_, rest) = text(page)
        .split_once(before)
        .unwrap_or_else(|| panic!("no `{before}` in {}", text(page)));
    rest.split(after).next().unwrap()
}

async fn sends(browser: &Browser, client: &Answer, fields: &[(&str, &str)]) -> Answer {
    let path = format!("/console/clients/{}/profiles/new", client.id());
    let form = browser.gets(&path).await.is(200);
    let once = hidden(&form, "once");
    let fields = [&[("once", once.as_str())], fields].concat();
    browser.sends_form(&path, &fields).await
}

async fn stage() -> (Stage, Browser, Answer, Answer) {
    let stage = open().await;
    let client = stage.operator().creates_client("Acme").await;
    let collection = stage.operator().creates_collection("orders").await;
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    (stage, browser, client, collection)
}

async fn only_profile(stage: &Stage) -> Value {
    let all = stage
        .operator()
        .gets("/api/v1/access-profiles")
        .await
        .is(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 1, "{}", all.body);
    all["items"][0].clone()
}

#[tokio::test]
async fn a_key_is_shown_once_and_again_only_to_who_loads_the_answer_again() {
    let (stage, browser, client, collection) = stage().await;
    let path = format!("/console/clients/{}/profiles/new", client.id());
    let form = browser.gets(&path).await.is(200);
    let once = hidden(&form, "once");
    let fields = [
        ("once", once.as_str()),
        ("name", "production"),
        ("collections", collection.id()),
        ("access_method", "api_key"),
        ("allow", "10.0.0.0/8\r\n\r\n 192.0.2.7 "),
    ];
    let first = browser.sends_form(&path, &fields).await.is(200);
    let key = between(&first, "<code id=\"api-key\">", "<").to_owned();
    assert!(key.starts_with("ptc_test_"), "{key}");
    assert_eq!(first.headers["cache-control"], "no-store");
    assert!(first.headers.get("set-cookie").is_none());
    let curl = format!("curl -i -H 'api-token: {key}' 'https://your-gateway.example.com/orders/1'");
    assert!(text(&first).contains(&curl), "{}", text(&first));
    assert!(text(&first).contains("one key for each person"));

    let again = browser.sends_form(&path, &fields).await.is(200);
    assert_eq!(between(&again, "<code id=\"api-key\">", "<"), key);
    let profile = only_profile(&stage).await;
    assert_eq!(
        profile["addresses"]["allow"],
        json!(["10.0.0.0/8", "192.0.2.7"])
    );
    let page = browser
        .gets(&format!("/console/clients/{}", client.id()))
        .await
        .is(200);
    assert!(!text(&page).contains(&key));
    assert!(text(&page).contains(key.split('_').nth(2).unwrap()));
}

#[tokio::test]
async fn a_policy_is_made_with_the_profile_that_gets_it_or_neither_is() {
    let (stage, browser, client, collection) = stage().await;
    let begin = browser
        .gets(&format!("/console/clients/{}/profiles/new", client.id()))
        .await
        .is(200);
    assert!(text(&begin).contains("data-when=\"policy=new\""));
    let profile = [
        ("name", "production"),
        ("collections", collection.id()),
        ("access_method", "api_key"),
        ("policy", "new"),
        ("rate_per", "second"),
        ("scope", "access_profile"),
        ("quota_per", "week"),
    ];
    let good = [
        ("policy_name", "Partners"),
        ("rate_requests", "10"),
        ("quota_requests", "5000"),
    ];
    let policies = async || stage.operator().gets("/api/v1/policies").await.is(200);
    for (field, value, flaw) in [
        ("policy_name", "", "id=\"policy_name-flaw\""),
        ("rate_requests", "0", "id=\"rate_requests-flaw\""),
        ("quota_requests", "many", "id=\"quota_requests-flaw\""),
        ("allow", "here", "id=\"allow-flaw\""),
    ] {
        let fields = [&profile[..], &[(field, value)], &good].concat();
        let again = sends(&browser, &client, &fields).await.is(422);
        for part in [flaw, "value=\"new\" selected", "value=\"5000\""] {
            let kept = part != "value=\"5000\"" || field != "quota_requests";
            assert!(
                !kept || text(&again).contains(part),
                "{part}: {}",
                text(&again)
            );
        }
        assert_eq!(policies().await["items"], json!([]));
    }
    let fields = [&profile[..], &good].concat();
    sends(&browser, &client, &fields).await.is(200);
    let made = policies().await["items"][0].clone();
    assert_eq!(made["name"], "Partners");
    assert_eq!(made["quota"], json!({"requests": 5000, "per": "week"}));
    let first = only_profile(&stage).await;
    assert_eq!(first["policy_id"], made["id"]);

    let edit = format!("/console/profiles/{}/edit", first["id"].as_str().unwrap());
    let form = browser.gets(&edit).await.is(200);
    let tag = hidden(&form, "tag");
    let further = [("tag", tag.as_str()), ("policy_name", "Gold")];
    let fields = [&profile[..], &further].concat();
    browser.sends_form(&edit, &fields).await.is(303);
    assert_eq!(policies().await.every("name").len(), 2);
    let policy = only_profile(&stage).await["policy_id"].clone();
    let path = format!("/api/v1/policies/{}", policy.as_str().unwrap());
    assert_eq!(stage.operator().gets(&path).await["name"], "Gold");
    // The form is overtaken by now: nothing is made.
    browser.sends_form(&edit, &fields).await.is(412);
    assert_eq!(policies().await.every("name").len(), 2);
}

#[tokio::test]
async fn every_mistake_of_a_profile_stands_at_its_field() {
    let (stage, browser, client, collection) = stage().await;
    let fields = [
        ("name", "production"),
        ("access_method", "jwt"),
        ("algorithm", "RS256"),
        ("key_source", "key"),
        ("key", "no key"),
        ("allow", "10.0.0.0/8\nhere\nthere"),
    ];
    let again = sends(&browser, &client, &fields).await.is(422);
    says(
        &again,
        &[
            "a profile grants at least one collection",
            "`here` is not an address",
            "`there` is not an address",
            "a public key is expected",
            "id=\"allow-flaw\"",
            "id=\"key-flaw\"",
            "id=\"collections-flaw\"",
            "no key</textarea>",
        ],
    );
    let late = [
        ("name", "late"),
        ("collections", collection.id()),
        ("access_method", "api_key"),
        ("key_expires_at", "2001-01-01T00:00"),
        ("expires_at", "tomorrow"),
    ];
    let again = sends(&browser, &client, &late).await.is(422);
    assert!(
        text(&again).contains("2027-01-31T12:00"),
        "{}",
        text(&again)
    );
    let all = stage.operator().gets("/api/v1/access-profiles").await;
    assert_eq!(all["items"], json!([]));
}

#[tokio::test]
async fn a_profile_with_tokens_has_a_secret_that_is_made_for_it_and_shown_once() {
    let (stage, browser, client, collection) = stage().await;
    let fields = [
        ("name", "reports"),
        ("collections", collection.id()),
        ("access_method", "jwt"),
        ("algorithm", "HS256"),
        ("key_source", "generated"),
        ("issuers", "https://id.example.com"),
        ("required_claims", "scope=orders\nemail"),
    ];
    let made = sends(&browser, &client, &fields).await.is(200);
    let secret = between(&made, "<code id=\"signing-secret\">", "<");
    assert_eq!(secret.len(), 43, "{secret}");
    let profile = only_profile(&stage).await;
    assert_eq!(profile["jwt"]["secret"]["bits"], 256);
    assert_eq!(
        profile["jwt"]["required_claims"],
        json!({"email": null, "scope": "orders"})
    );

    let id = profile["id"].as_str().unwrap();
    let edit = format!("/console/profiles/{id}/edit");
    let form = browser.gets(&edit).await.is(200);
    assert!(!text(&form).contains(secret) && text(&form).contains("scope=orders"));
    let tag = hidden(&form, "tag");
    let kept = [
        ("tag", tag.as_str()),
        ("name", "reports, monthly"),
        ("collections", collection.id()),
        ("access_method", "jwt"),
        ("algorithm", "HS256"),
        ("key_source", "kept"),
    ];
    browser.sends_form(&edit, &kept).await.is(303);
    let profile = only_profile(&stage).await;
    assert_eq!(profile["name"], "reports, monthly");
    assert_eq!(profile["jwt"]["secret"]["bits"], 256);
    assert_eq!(profile["jwt"]["required_claims"], json!({}));
}

#[tokio::test]
async fn what_is_typed_is_checked_without_changing_anything() {
    let (_stage, browser, _, _) = stage().await;
    let fields = [("allow", "10.0.0.1\nnowhere"), ("deny", "::1")];
    let told = browser
        .sends_form("/console/check/addresses", &fields)
        .await
        .is(200);
    assert!(text(&told).contains("`nowhere` is not an address"));
    let fields = [("allow", "10.0.0.1"), ("deny", "::1")];
    let told = browser
        .sends_form("/console/check/addresses", &fields)
        .await
        .is(200);
    assert!(text(&told).contains("2 rules"));
    let key = "ssh-rsa AAAA";
    let fields = [("key", key), ("algorithm", "RS256")];
    let told = browser
        .sends_form("/console/check/key", &fields)
        .await
        .is(200);
    assert!(text(&told).contains("class=\"flaw\""), "{}", text(&told));
}

#[tokio::test]
async fn a_refreshed_key_stops_at_once_or_after_the_overlap_that_was_chosen() {
    let (stage, browser, client, collection) = stage().await;
    let profile = stage.operator().creates_profile(&client, &collection).await;
    let path = format!("/console/profiles/{}/refresh", profile.id());
    for (old, overlap, working) in [("overlap", "3600", 2), ("stop", "86400", 1)] {
        let form = browser.gets(&path).await.is(200);
        let (once, tag) = (hidden(&form, "once"), hidden(&form, "tag"));
        let fields = [
            ("once", once.as_str()),
            ("tag", &tag),
            ("old", old),
            ("overlap", overlap),
        ];
        let shown = browser.sends_form(&path, &fields).await.is(200);
        let key = between(&shown, "<code id=\"api-key\">", "<").to_owned();
        let again = browser.sends_form(&path, &fields).await.is(200);
        assert_eq!(between(&again, "<code id=\"api-key\">", "<"), key);
        let keys = only_profile(&stage).await["keys"].clone();
        assert_eq!(keys.as_array().unwrap().len(), working, "{keys}");
        let id = key.split('_').nth(2).unwrap();
        assert!(keys.to_string().contains(id), "{keys}");
    }
    let form = browser.gets(&path).await.is(200);
    let fields = [("once", "other"), ("tag", "\"old\""), ("old", "stop")];
    let stale = browser.sends_form(&path, &fields).await.is(412);
    assert!(text(&stale).contains("somebody else has changed"));
    assert!(text(&form).contains("Nobody has used it so far"));
}

#[tokio::test]
async fn one_key_is_revoked_and_a_profile_disabled_and_removed() {
    let (stage, browser, client, collection) = stage().await;
    let profile = stage.operator().creates_profile(&client, &collection).await;
    let key = profile["keys"][0]["id"].as_str().unwrap();
    let path = format!("/console/profiles/{}", profile.id());
    let revoke = format!("{path}/keys/{key}/revoke");
    let tag = hidden(&browser.gets(&revoke).await.is(200), "tag");
    browser
        .sends_form(&revoke, &[("tag", "\"old\"")])
        .await
        .is(412);
    let revoked = browser.sends_form(&revoke, &[("tag", &tag)]).await.is(303);
    assert!(text(&browser.follows(&revoked).await).contains("No key works"));

    browser
        .sends_form(&format!("{path}/enabled"), &[("enabled", "false")])
        .await
        .is(303);
    assert_eq!(only_profile(&stage).await["enabled"], false);
    let delete = format!("{path}/delete");
    let tag = hidden(&browser.gets(&delete).await.is(200), "tag");
    browser.sends_form(&delete, &[("tag", &tag)]).await.is(303);
    browser.gets(&delete).await.is(404);
}

#[tokio::test]
async fn a_further_key_is_made_or_brought_from_elsewhere_and_only_a_new_one_is_shown() {
    let (stage, browser, client, collection) = stage().await;
    let profile = stage.operator().creates_profile(&client, &collection).await;
    let path = format!("/console/profiles/{}/keys/new", profile.id());
    let once = hidden(&browser.gets(&path).await.is(200), "once");
    let fields = [
        ("once", once.as_str()),
        ("expires_at", "2027-02-01T12:00"),
        ("key", ""),
    ];
    let shown = browser.sends_form(&path, &fields).await.is(200);
    assert!(between(&shown, "<code id=\"api-key\">", "<").starts_with("ptc_test_"));
    let brought = [
        ("once", "other"),
        ("expires_at", ""),
        ("key", "a-key-from-elsewhere-0123"),
    ];
    let shown = browser.sends_form(&path, &brought).await.is(200);
    assert!(
        !text(&shown).contains("a-key-from-elsewhere"),
        "{}",
        text(&shown)
    );
    let again = [("once", "third"), ("key", "a-key-from-elsewhere-0123")];
    let taken = browser.sends_form(&path, &again).await.is(409);
    assert!(text(&taken).contains("this key is registered already"));
    let short = browser
        .sends_form(&path, &[("once", "fourth"), ("key", "short")])
        .await;
    let short = short.is(422);
    assert!(text(&short).contains("16 to 512 characters") && !text(&short).contains("\"short\""));
    let keys = only_profile(&stage).await["keys"].clone();
    assert_eq!(keys.as_array().unwrap().len(), 3, "{keys}");
}

#[tokio::test]
async fn rules_that_shut_out_who_called_lately_say_whom() {
    let stage = open().await;
    let (_, _, profile) = stage.operator().creates_access("acme").await;
    let refusal = |reason: &str, address: &str| {
        json!({"t": BEGIN_MS - 60_000, "r": reason, "s": 403, "v": "GET", "u": "/acme/1", "a": address,
            "p": profile["id"]})
    };
    let mut told = batch(1, json!([]));
    told["refusals"] = json!([
        refusal("quota_exceeded", "203.0.113.9"),
        refusal("address_not_allowed", "192.0.2.1"),
    ]);
    tells(&stage, told).await.is(204);
    let (_, browser) = logged_in(&stage, "ann", "editor").await;
    let edit = format!("/console/profiles/{}/edit", profile.id());
    let form = browser.gets(&edit).await.is(200);
    says(
        &form,
        &[
            "Callers who were refused lately",
            "203.0.113.9",
            "192.0.2.1",
            "let in",
        ],
    );
    assert!(!text(&form).contains("Shuts out"));
    let check = async |allow: &str| {
        let fields = [("profile", profile.id()), ("allow", allow)];
        let path = "/console/check/addresses";
        text(&browser.sends_form(path, &fields).await.is(200)).to_owned()
    };
    let warned = check("10.0.0.0/8").await;
    assert!(
        warned.contains("Shuts out") && warned.contains("203.0.113.9"),
        "{warned}"
    );
    assert!(!warned.contains("192.0.2.1"), "{warned}");
    for allow in ["203.0.113.0/24", "", "here"] {
        let calm = check(allow).await;
        assert!(!calm.contains("Shuts out"), "{allow}: {calm}");
    }
    let fields = [
        ("tag", &*hidden(&form, "tag")),
        ("name", ""),
        ("access_method", "api_key"),
        ("allow", "10.0.0.0/8"),
    ];
    let again = browser.sends_form(&edit, &fields).await.is(422);
    assert!(text(&again).contains("Shuts out"), "{}", text(&again));
}
