//! What the platform has to do for its owners, in the order of its list, by pages alone. The feed is the proof.

use portcullis_engine::api_key::digest;
use portcullis_feed::{AccessMethod, Algorithm, ChangePage, ChangedObject, KeyState, Profile};

use super::clients::hidden;
use super::profiles::between;
use super::{ORIGIN, send, text};
use crate::people::{Browser, PASSWORD, cookie};
use crate::stage::{Stage, open};

/// What gateways know of the profiles, by their order in the feed.
async fn told(stage: &Stage) -> Vec<Profile> {
    let answer = stage.gateway().gets("/feed/v1/changes?after=0").await;
    let page: ChangePage = serde_json::from_value(answer.is(200).body).unwrap();
    let changes = page.changes.into_iter();
    let profiles = changes.filter_map(|change| match change.object {
        ChangedObject::Profile(profile) => Some(*profile),
        _ => None,
    });
    profiles.collect()
}

/// Whether a key opens a profile, as gateways see it.
fn opens(profile: &Profile, key: &str) -> bool {
    let AccessMethod::ApiKey { keys } = &profile.access else {
        return false;
    };
    let known = keys
        .iter()
        .find(|known| known.digest == digest(key.as_bytes()));
    known.is_some_and(|known| known.state == KeyState::Active)
        && profile.enabled
        && profile.client.enabled
}

#[tokio::test]
async fn an_owner_walks_from_the_set_up_link_to_a_disabled_client() {
    let stage = open().await;
    let link = stage.app.make_first_link().await.unwrap().unwrap();
    let collection = stage.operator().creates_collection("orders").await;
    let policy = stage.operator().creates_policy("gold").await;

    // 1: an owner comes by the link, and the page of clients is there.
    let form = [
        ("token", link.token.as_str()),
        ("name", "Ann Berg"),
        ("email", "ann@example.com"),
        ("password", PASSWORD),
        ("repeated", PASSWORD),
    ];
    let entered = send(&stage, "/console/link", ORIGIN, &form).await.is(303);
    let owner = Browser::with(&stage, &cookie(&entered).0);
    let empty = owner.gets("/console/clients").await.is(200);
    assert!(text(&empty).contains("There is no client yet"));

    // 2 and 4: a client with a name and a description; then its access profile is asked for.
    let new = owner.gets("/console/clients/new").await.is(200);
    let fields = [
        ("once", &*hidden(&new, "once")),
        ("name", "Nightly export"),
        ("description", "a script"),
    ];
    let made = owner
        .sends_form("/console/clients/new", &fields)
        .await
        .is(303);
    let form = owner.follows(&made).await.is(200);
    assert!(text(&form).contains("Access profile of Nightly export"));
    let place = made.headers["location"].to_str().unwrap().to_owned();
    let client = place.strip_suffix("/profiles/new").unwrap().to_owned();

    // 3, 5, 7 and 8: a profile with all of its fields; the key is shown with the client.
    let fields = [
        ("once", &*hidden(&form, "once")),
        ("name", "production"),
        ("description", "every night"),
        ("collections", collection.id()),
        ("policy", policy.id()),
        ("access_method", "api_key"),
        ("allow", "10.0.0.0/8"),
    ];
    let shown = owner.sends_form(&place, &fields).await.is(200);
    assert!(text(&shown).contains("Nightly export: production"));
    let key = between(&shown, "<code id=\"api-key\">", "<").to_owned();
    assert!(key.len() > 80, "{key}");
    let [profile] = &told(&stage).await[..] else {
        panic!("one profile");
    };
    assert!(opens(profile, &key));
    assert_eq!(profile.addresses.allow, ["10.0.0.0/8"]);
    assert_eq!(profile.collections[0].to_string(), collection.id());
    assert!(profile.policy.is_some());

    // 6: with a JSON Web Token there are a signing method and a secret besides.
    let form = owner.gets(&place).await.is(200);
    let fields = [
        ("once", &*hidden(&form, "once")),
        ("name", "reports"),
        ("collections", collection.id()),
        ("access_method", "jwt"),
        ("algorithm", "HS256"),
        ("key_source", "secret"),
        ("secret", "0123456789abcdef0123456789abcdef"),
    ];
    owner.sends_form(&place, &fields).await.is(200);
    let profiles = told(&stage).await;
    let tokens = profiles.iter().find_map(|profile| match &profile.access {
        AccessMethod::Jwt(jwt) => Some(jwt.algorithm),
        AccessMethod::ApiKey { .. } => None,
    });
    assert_eq!(tokens, Some(Algorithm::HS256));

    // 9: a refresh revokes the key and issues another.
    let refresh = format!("/console/profiles/{}/refresh", profile.id);
    let form = owner.gets(&refresh).await.is(200);
    let fields = [
        ("once", &*hidden(&form, "once")),
        ("tag", &*hidden(&form, "tag")),
        ("old", "stop"),
    ];
    let shown = owner.sends_form(&refresh, &fields).await.is(200);
    let new_key = between(&shown, "<code id=\"api-key\">", "<").to_owned();
    let profiles = told(&stage).await;
    let first = profiles.iter().find(|it| it.id == profile.id).unwrap();
    assert!(!opens(first, &key) && opens(first, &new_key));

    // 10 and 11: the slider switches the client off, and gateways hear of it.
    let fields = [("enabled", "false"), ("back", client.as_str())];
    let off = owner
        .sends_form(&format!("{client}/enabled"), &fields)
        .await
        .is(303);
    let page = owner.follows(&off).await.is(200);
    assert!(text(&page).contains("This client is disabled"));
    assert!(
        told(&stage)
            .await
            .iter()
            .all(|profile| !profile.client.enabled)
    );
}
