//! What profiles prove themselves by: tokens, secrets at rest, and keys with an end.

use std::collections::BTreeMap;

use portcullis_feed::{
    Algorithm, Jwk, KeyMaterial, KeyState, Octets, ProfileId, SecretOctets, TokenIdentity,
};
use portcullis_store::{AccessMethod, ApiKey, Jwt, JwtKeys, KeySetSource, ProfileName, StoreError};

use crate::books::{Books, NOW_MS, author, key, open, open_at, secret_key};

const SECRET: &[u8] = b"canary-secret-of-thirty-two-byte";

fn public_key() -> Jwk {
    Jwk {
        kid: Some("k1".into()),
        material: KeyMaterial::Okp {
            crv: "Ed25519".into(),
            x: Octets(vec![7; 32]),
        },
    }
}

pub fn jwt(keys: JwtKeys) -> Jwt {
    Jwt {
        algorithm: Algorithm::EdDSA,
        keys,
        identity: None,
        issuers: Vec::new(),
        audiences: Vec::new(),
        required_claims: BTreeMap::new(),
        max_lifetime_s: None,
        allows_no_expiry: false,
    }
}

pub fn secret() -> JwtKeys {
    JwtKeys::Secret(SecretOctets(SECRET.to_vec()))
}

fn identity(client: &str) -> Option<TokenIdentity> {
    Some(TokenIdentity {
        issuer: "https://id.example.com".into(),
        client: client.into(),
    })
}

async fn carried_jwt(books: &Books, id: ProfileId) -> portcullis_feed::Jwt {
    let portcullis_feed::AccessMethod::Jwt(jwt) = books.carried(id).await.access else {
        unreachable!("this profile has tokens");
    };
    *jwt
}

async fn carried_keys(books: &Books, id: ProfileId) -> Vec<portcullis_feed::ApiKey> {
    let portcullis_feed::AccessMethod::ApiKey { keys } = books.carried(id).await.access else {
        unreachable!("this profile has keys");
    };
    keys
}

#[tokio::test]
async fn what_tokens_have_to_be_like_comes_back_as_it_went_in() {
    let books = open().await;
    let (_, _, mut production) = books.with_profile("acme").await;
    let mut full = jwt(JwtKeys::Pasted(vec![public_key()]));
    full.identity = identity("acme");
    full.issuers = vec!["https://id.example.com".into()];
    full.audiences = vec!["orders".into(), "billing".into()];
    full.required_claims = BTreeMap::from([
        ("scope".into(), Some("orders".into())),
        ("email".into(), None),
    ]);
    full.max_lifetime_s = Some(u64::from(u32::MAX) + 1);
    full.allows_no_expiry = true;
    let url = "https://id.example.com/keys?a=b c".into();
    let issuer = "https://id.example.com".into();
    for access in [
        AccessMethod::Jwt(Box::new(full)),
        AccessMethod::Jwt(Box::new(jwt(secret()))),
        AccessMethod::Jwt(Box::new(jwt(JwtKeys::Followed(KeySetSource::Jwks { url })))),
        AccessMethod::Jwt(Box::new(jwt(JwtKeys::Followed(KeySetSource::Discovery {
            issuer,
        })))),
        AccessMethod::ApiKey,
    ] {
        production.access = access;
        let before = books.head().await;
        assert_eq!(books.put_profile(&production).await, before + 1);
        assert_eq!(books.put_profile(&production).await, before + 1);
        let mut snapshot = books.store.read().await.unwrap();
        let found = snapshot.profile(production.id).await.unwrap().unwrap();
        assert_eq!(found, production);
    }
}

#[tokio::test]
async fn gateways_are_told_how_tokens_are_verified() {
    let books = open().await;
    let (_, _, mut production) = books.with_profile("acme").await;
    let mut told = jwt(JwtKeys::Pasted(vec![public_key()]));
    told.identity = identity("acme");
    production.access = AccessMethod::Jwt(Box::new(told));
    production.observe = true;
    books.put_profile(&production).await;
    let named_by = key(&production);
    books
        .edit(async |edit| edit.insert_key(&named_by).await.unwrap())
        .await;

    let carried = carried_jwt(&books, production.id).await;
    assert_eq!(carried.keys, [public_key()]);
    assert_eq!(carried.identity, identity("acme"));
    assert_eq!(carried.named_by_keys[0].id, named_by.id);
    assert!(!carried.follows_key_set);
    assert!(books.carried(production.id).await.observe);

    production.access = AccessMethod::Jwt(Box::new(jwt(secret())));
    books.put_profile(&production).await;
    let carried = carried_jwt(&books, production.id).await;
    let k = SecretOctets(SECRET.to_vec());
    assert_eq!(carried.keys[0].material, KeyMaterial::Oct { k });
}

#[tokio::test]
async fn a_secret_among_public_keys_is_refused() {
    let books = open().await;
    let (_, _, mut production) = books.with_profile("acme").await;
    let oct = Jwk {
        kid: None,
        material: KeyMaterial::Oct {
            k: SecretOctets(SECRET.to_vec()),
        },
    };
    production.access = AccessMethod::Jwt(Box::new(jwt(JwtKeys::Pasted(vec![oct]))));
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    assert!(edit.put_profile(&production).await.is_err());
}

#[tokio::test]
async fn another_secret_key_is_refused_and_the_right_one_still_opens() {
    let books = open().await;
    let (_, _, mut production) = books.with_profile("acme").await;
    production.access = AccessMethod::Jwt(Box::new(jwt(secret())));
    books.put_profile(&production).await;
    books.store.close().await;
    drop(books.store);

    let refusal = open_at(&books.ground.location(), "epoch-1", NOW_MS, secret_key(2))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(refusal, StoreError::OtherSecretKey { .. }),
        "{refusal}"
    );
    let store = open_at(&books.ground.location(), "epoch-2", NOW_MS, secret_key(1))
        .await
        .unwrap();
    let mut snapshot = store.read().await.unwrap();
    let found = snapshot.profile(production.id).await.unwrap().unwrap();
    assert_eq!(found, production);
}

#[tokio::test]
async fn an_identity_names_one_profile() {
    let books = open().await;
    let (_, _, mut first) = books.with_profile("acme").await;
    let (_, _, mut second) = books.with_profile("other").await;
    let mut named = jwt(secret());
    named.identity = identity("acme");
    first.access = AccessMethod::Jwt(Box::new(named.clone()));
    books.put_profile(&first).await;

    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    let mut holder = async |client| {
        let identity = identity(client).unwrap();
        let found = edit.read().profile_identified(&identity).await.unwrap();
        found.map(|ProfileName { id, name }| (id, name))
    };
    assert_eq!(holder("acme").await, Some((first.id, first.name.clone())));
    assert_eq!(holder("nobody").await, None);
    second.access = AccessMethod::Jwt(Box::new(named));
    assert!(edit.put_profile(&second).await.is_err());
    drop(edit);

    first.access = AccessMethod::ApiKey;
    books.put_profile(&first).await;
    books.put_profile(&second).await;
}

#[tokio::test]
async fn deprecated_keys_go_on_until_the_end_of_the_overlap_and_no_longer() {
    let books = open().await;
    let (_, _, production) = books.with_profile("acme").await;
    let with = |change: fn(&mut ApiKey)| {
        let mut key = key(&production);
        change(&mut key);
        key
    };
    let keys = [
        with(|_| {}),
        with(|key| key.expires_at_ms = Some(NOW_MS + 5)),
        with(|key| key.expires_at_ms = Some(NOW_MS - 5)),
        with(|key| {
            key.deprecated_at_ms = Some(NOW_MS - 9);
            key.expires_at_ms = Some(NOW_MS + 99);
        }),
        with(|key| key.revoked_at_ms = Some(NOW_MS - 1)),
    ];
    books
        .edit(async |edit| {
            for key in &keys {
                edit.insert_key(key).await.unwrap();
            }
            edit.deprecate_keys(production.id, NOW_MS, NOW_MS + 50)
                .await
                .unwrap();
        })
        .await;

    let told = carried_keys(&books, production.id).await;
    let of = |key: &ApiKey| {
        let told = told.iter().find(|told| told.id == key.id).unwrap();
        (told.deprecated_at_ms, told.expires_at_ms, told.state)
    };
    let active = KeyState::Active;
    assert_eq!(of(&keys[0]), (Some(NOW_MS), Some(NOW_MS + 50), active));
    assert_eq!(of(&keys[1]), (Some(NOW_MS), Some(NOW_MS + 5), active));
    assert_eq!(of(&keys[2]), (None, Some(NOW_MS - 5), active));
    assert_eq!(of(&keys[3]), (Some(NOW_MS - 9), Some(NOW_MS + 50), active));
    assert_eq!(of(&keys[4]), (None, None, KeyState::Revoked));
}

#[tokio::test]
async fn a_key_is_known_by_its_digest_and_gets_a_new_state() {
    let books = open().await;
    let (_, _, production) = books.with_profile("acme").await;
    let mut imported = key(&production);
    imported.imported = true;
    let stranger = key(&production);
    let inserted = books
        .edit(async |edit| edit.insert_key(&imported).await.unwrap())
        .await;
    imported.expires_at_ms = Some(NOW_MS + 7);
    imported.revoked_at_ms = Some(NOW_MS);
    let updated = books
        .edit(async |edit| edit.update_key(&imported).await.unwrap())
        .await;

    assert_eq!(updated, inserted + 1);
    let mut snapshot = books.store.read().await.unwrap();
    assert!(snapshot.has_key(imported.digest).await.unwrap());
    assert!(!snapshot.has_key(stranger.digest).await.unwrap());
    let keys = snapshot.keys_of(&[production.id]).await.unwrap();
    assert_eq!(keys[&production.id], [imported]);
}

#[test]
fn the_source_of_a_key_set_has_a_text_that_leads_back_to_it() {
    for (source, text) in [
        (
            KeySetSource::Jwks {
                url: "https://a.example/keys".into(),
            },
            "jwks https://a.example/keys",
        ),
        (
            KeySetSource::Discovery {
                issuer: "https://a.example/".into(),
            },
            "issuer https://a.example/",
        ),
    ] {
        assert_eq!(source.to_string(), text);
        assert_eq!(text.parse(), Ok(source));
    }
    for text in ["", "jwks", "https://a.example", "key https://a.example"] {
        assert!(text.parse::<KeySetSource>().is_err(), "{text}");
    }
}
