//! What is known of key sets, and which profiles change with it.

use portcullis_feed::{Algorithm, ChangedObject, Jwk, KeyMaterial, Octets, Revision};
use portcullis_store::{
    AccessMethod, AccessProfile, Client, Collection, Jwt, JwtKeys, KeySet, KeySetSource, SetKey,
    SetVersion,
};

use crate::books::{Books, NOW_MS, client, collection, open, profile};

fn source(name: &str) -> KeySetSource {
    KeySetSource::Jwks {
        url: format!("https://{name}.example/jwks"),
    }
}

fn following(
    client: &Client,
    collection: &Collection,
    source: &KeySetSource,
    algorithm: Algorithm,
) -> AccessProfile {
    AccessProfile {
        access: AccessMethod::Jwt(Box::new(Jwt {
            algorithm,
            keys: JwtKeys::Followed(source.clone()),
            identity: None,
            issuers: Vec::new(),
            audiences: Vec::new(),
            required_claims: Default::default(),
            max_lifetime_s: None,
            allows_no_expiry: false,
        })),
        ..profile(client, &[collection])
    }
}

fn key(kid: &str, crv: &str, alg: Option<Algorithm>) -> SetKey {
    let octets = || Octets(vec![7; 32]);
    let material = match crv {
        "RSA" => KeyMaterial::Rsa {
            n: octets(),
            e: Octets(vec![1, 0, 1]),
        },
        "Ed25519" => KeyMaterial::Okp {
            crv: crv.into(),
            x: octets(),
        },
        _ => KeyMaterial::Ec {
            crv: crv.into(),
            x: octets(),
            y: octets(),
        },
    };
    SetKey {
        key: Jwk {
            kid: Some(kid.into()),
            material,
        },
        alg,
    }
}

/// A store with profiles that follow a set each.
async fn books_following(followed: &[(&KeySetSource, Algorithm)]) -> (Books, Vec<AccessProfile>) {
    let books = open().await;
    let (acme, orders) = (client("acme"), collection("orders"));
    let following: Vec<AccessProfile> = followed
        .iter()
        .map(|(source, algorithm)| following(&acme, &orders, source, *algorithm))
        .collect();
    books
        .edit(async |edit| {
            edit.put_client(&acme).await.unwrap();
            edit.put_collection(&orders).await.unwrap();
            for profile in &following {
                edit.put_profile(profile).await.unwrap();
            }
            edit.follow_key_sets(NOW_MS).await.unwrap();
        })
        .await;
    (books, following)
}

async fn known(books: &Books, source: &KeySetSource) -> Option<KeySet> {
    let mut snapshot = books.store.read().await.unwrap();
    snapshot.key_set(source).await.unwrap()
}

/// Gives a set new keys.
async fn fetched(books: &Books, source: &KeySetSource, keys: &[SetKey]) -> Revision {
    let mut set = known(books, source).await.unwrap();
    set.keys = keys.to_vec();
    books
        .edit(async |edit| edit.change_key_set(&set).await.unwrap())
        .await
}

/// The names of the keys that gateways are told, for each profile that changed.
async fn told(books: &Books, after: Revision) -> Vec<(String, Vec<String>)> {
    let changes = books.changes_after(after).await;
    changes
        .into_iter()
        .filter_map(|change| match change.object {
            ChangedObject::Profile(profile) => Some(profile),
            _ => None,
        })
        .map(|profile| {
            let portcullis_feed::AccessMethod::Jwt(jwt) = profile.access else {
                panic!("it has tokens");
            };
            assert!(jwt.follows_key_set);
            let names = jwt.keys.into_iter().map(|key| key.kid.unwrap());
            (profile.id.to_string(), names.collect())
        })
        .collect()
}

#[tokio::test]
async fn a_set_is_kept_as_it_was_given() {
    let idp = source("idp");
    let (books, _) = books_following(&[(&idp, Algorithm::ES256)]).await;
    let set = KeySet {
        source: idp.clone(),
        keys: vec![
            key("a", "P-256", None),
            key("b", "RSA", Some(Algorithm::PS384)),
        ],
        version: Some(SetVersion {
            url: "https://idp.example/jwks".into(),
            etag: "\"1\"".into(),
        }),
        asked_at_ms: Some(NOW_MS + 1),
        fetched_at_ms: Some(NOW_MS + 2),
        due_at_ms: NOW_MS + 3,
        failures: 4,
        failure: Some("the server answered with status 500".into()),
    };
    books
        .edit(async |edit| edit.change_key_set(&set).await.unwrap())
        .await;
    let books = books.reopened().await;
    assert_eq!(known(&books, &idp).await, Some(set));
}

#[tokio::test]
async fn a_set_is_known_as_long_as_a_profile_follows_it() {
    let (first, second) = (source("first"), source("second"));
    let (books, profiles) =
        books_following(&[(&first, Algorithm::ES256), (&first, Algorithm::RS256)]).await;
    let has_others = async || {
        let mut snapshot = books.store.read().await.unwrap();
        snapshot.has_other_key_sets().await.unwrap()
    };
    assert!(!has_others().await);
    let begun = known(&books, &first).await.unwrap();
    assert_eq!((begun.due_at_ms, begun.keys), (NOW_MS, Vec::new()));

    let AccessMethod::Jwt(mut jwt) = profiles[0].access.clone() else {
        panic!("it has tokens");
    };
    jwt.keys = JwtKeys::Followed(second.clone());
    let moved = AccessProfile {
        access: AccessMethod::Jwt(jwt),
        ..profiles[0].clone()
    };
    books
        .edit(async |edit| edit.put_profile(&moved).await.unwrap())
        .await;
    assert!(has_others().await);
    let follow = async |now_ms| {
        books
            .edit(async |edit| edit.follow_key_sets(now_ms).await.unwrap())
            .await;
    };
    follow(NOW_MS + 5).await;
    assert!(!has_others().await);
    assert_eq!(known(&books, &first).await.unwrap().due_at_ms, NOW_MS);
    assert_eq!(known(&books, &second).await.unwrap().due_at_ms, NOW_MS + 5);

    books
        .edit(async |edit| edit.delete_profile(profiles[1].id, NOW_MS).await.unwrap())
        .await;
    assert!(has_others().await);
    follow(NOW_MS + 9).await;
    assert_eq!(known(&books, &first).await, None);
    assert!(known(&books, &second).await.is_some());
}

#[tokio::test]
async fn new_keys_change_every_profile_that_follows_the_set_and_no_other() {
    let (first, second) = (source("first"), source("second"));
    let (books, profiles) = books_following(&[
        (&first, Algorithm::ES256),
        (&first, Algorithm::ES256),
        (&second, Algorithm::ES256),
    ])
    .await;
    let before = books.edit(async |_| {}).await;

    let after = fetched(&books, &first, &[key("a", "P-256", None)]).await;

    assert_eq!(after, before + 2);
    let names = |profile: &AccessProfile| (profile.id.to_string(), vec!["a".to_owned()]);
    let mut expected = vec![names(&profiles[0]), names(&profiles[1])];
    expected.sort();
    assert_eq!(told(&books, before).await, expected);
}

#[tokio::test]
async fn the_same_keys_again_change_no_profile() {
    let idp = source("idp");
    let (books, _) = books_following(&[(&idp, Algorithm::ES256)]).await;
    let first = fetched(&books, &idp, &[key("a", "P-256", None)]).await;
    let again = fetched(&books, &idp, &[key("a", "P-256", None)]).await;
    assert_eq!(first, again);
    let other = fetched(&books, &idp, &[key("b", "P-256", None)]).await;
    assert_eq!(other, first + 1);
}

#[tokio::test]
async fn a_profile_is_told_of_the_keys_that_its_algorithm_can_use() {
    let idp = source("idp");
    let keys = [
        key("p256", "P-256", None),
        key("p384", "P-384", None),
        key("p521", "P-521", None),
        key("rsa", "RSA", None),
        key("rsa for PS256", "RSA", Some(Algorithm::PS256)),
        key("ed25519", "Ed25519", None),
    ];
    for (algorithm, expected) in [
        (Algorithm::ES256, vec!["p256"]),
        (Algorithm::ES384, vec!["p384"]),
        (Algorithm::ES512, vec!["p521"]),
        (Algorithm::RS256, vec!["rsa"]),
        (Algorithm::RS512, vec!["rsa"]),
        (Algorithm::PS256, vec!["rsa", "rsa for PS256"]),
        (Algorithm::PS512, vec!["rsa"]),
        (Algorithm::EdDSA, vec!["ed25519"]),
        (Algorithm::HS256, vec![]),
    ] {
        let (books, profiles) = books_following(&[(&idp, algorithm)]).await;
        fetched(&books, &idp, &keys).await;
        let expected: Vec<String> = expected.into_iter().map(String::from).collect();
        let told = told(&books, 0).await;
        assert_eq!(
            told,
            [(profiles[0].id.to_string(), expected)],
            "{algorithm:?}"
        );
    }
}

#[tokio::test]
async fn a_profile_is_told_of_no_more_keys_than_it_can_have() {
    let idp = source("idp");
    let (books, _) = books_following(&[(&idp, Algorithm::ES256)]).await;
    let keys: Vec<SetKey> = (0..32)
        .map(|number| key(&number.to_string(), "P-256", None))
        .collect();
    fetched(&books, &idp, &keys).await;
    let expected: Vec<String> = (0..10).map(|number: u8| number.to_string()).collect();
    assert_eq!(told(&books, 0).await[0].1, expected);
}

#[tokio::test]
async fn a_profile_that_follows_a_known_set_is_told_its_keys_at_once() {
    let idp = source("idp");
    let (books, _) = books_following(&[(&idp, Algorithm::ES256)]).await;
    let before = fetched(&books, &idp, &[key("a", "P-256", None)]).await;
    let (newcomer, invoices) = (client("newcomer"), collection("invoices"));
    let late = following(&newcomer, &invoices, &idp, Algorithm::ES256);
    books
        .edit(async |edit| {
            edit.put_client(&newcomer).await.unwrap();
            edit.put_collection(&invoices).await.unwrap();
            edit.put_profile(&late).await.unwrap();
        })
        .await;
    let expected = [(late.id.to_string(), vec!["a".to_owned()])];
    assert_eq!(told(&books, before).await, expected);
}

#[tokio::test]
async fn a_set_that_nobody_follows_any_more_is_not_kept() {
    let idp = source("idp");
    let (books, profiles) = books_following(&[(&idp, Algorithm::ES256)]).await;
    let mut set = known(&books, &idp).await.unwrap();
    set.keys = vec![key("a", "P-256", None)];
    books
        .edit(async |edit| {
            edit.delete_profile(profiles[0].id, NOW_MS).await.unwrap();
            edit.follow_key_sets(NOW_MS).await.unwrap();
            edit.change_key_set(&set).await.unwrap();
        })
        .await;
    assert_eq!(known(&books, &idp).await, None);
}

#[tokio::test]
async fn the_sets_that_are_due_first_come_first() {
    let (first, second) = (source("first"), source("second"));
    let (books, _) =
        books_following(&[(&first, Algorithm::ES256), (&second, Algorithm::ES256)]).await;
    let mut later = known(&books, &first).await.unwrap();
    later.due_at_ms = NOW_MS + 1;
    books
        .edit(async |edit| edit.change_key_set(&later).await.unwrap())
        .await;
    let due = async |limit| -> Vec<KeySetSource> {
        let mut snapshot = books.store.read().await.unwrap();
        let sets = snapshot.key_sets_by_due(limit).await.unwrap();
        sets.into_iter().map(|set| set.source).collect()
    };
    assert_eq!(due(9).await, [second.clone(), first]);
    assert_eq!(due(1).await, [second]);
}
