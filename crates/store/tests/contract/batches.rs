//! Many records at once become what they would become one by one.

use portcullis_feed::{Change as Told, ChangedObject, ProfileId, TokenIdentity};
use portcullis_store::{
    AccessMethod, AccessProfile, ApiKey, AuditFilter, Batch, Change, Jwt, JwtKeys, KeySetSource,
    Logo, LogoKind,
};

use crate::books::{Books, NOW_MS, author, client, collection, key, open, policy, profile};

/// More than one statement takes.
const MANY: usize = 1_200;

fn new<R>(record: R) -> Change<R> {
    Change {
        before: None,
        after: Some(record),
    }
}

fn change<R>(before: R, after: R) -> Change<R> {
    Change {
        before: Some(before),
        after: Some(after),
    }
}

fn gone<R>(record: R) -> Change<R> {
    Change {
        before: Some(record),
        after: None,
    }
}

async fn put(books: &Books, batch: &Batch) {
    books
        .edit(async |edit| edit.put_batch(batch, NOW_MS).await.unwrap())
        .await;
}

/// The profiles that a list of changes is about, and how many of them are gone.
fn profiles(told: &[Told]) -> (Vec<ProfileId>, usize) {
    let mut ids = Vec::new();
    let mut removed = 0;
    for change in told {
        match &change.object {
            ChangedObject::Profile(profile) => ids.push(profile.id),
            ChangedObject::ProfileRemoved(id) => {
                removed += 1;
                ids.push(*id);
            }
            ChangedObject::Collection(_) | ChangedObject::CollectionRemoved(_) => {}
        }
    }
    (ids, removed)
}

fn signed(profile: &AccessProfile, client: &str) -> AccessProfile {
    let mut profile = profile.clone();
    profile.access = AccessMethod::Jwt(Box::new(Jwt {
        algorithm: portcullis_feed::Algorithm::RS256,
        keys: JwtKeys::Followed(KeySetSource::Jwks {
            url: "https://id.example.com/keys".into(),
        }),
        identity: Some(TokenIdentity {
            issuer: "https://id.example.com".into(),
            client: client.into(),
        }),
        issuers: Vec::new(),
        audiences: Vec::new(),
        required_claims: Default::default(),
        max_lifetime_s: None,
        allows_no_expiry: false,
    }));
    profile
}

#[tokio::test]
async fn many_records_come_back_as_they_went_in() {
    let books = open().await;
    let [orders, stock] = ["orders", "stock"].map(collection);
    let gold = policy(5);
    let acme = client("Acme");
    let mut all: Vec<AccessProfile> = Vec::new();
    for number in 0..MANY {
        let mut profile = profile(&acme, &[&stock, &orders]);
        profile.name = format!("profile {number}");
        profile.policy_id = number.is_multiple_of(2).then_some(gold.id);
        all.push(profile);
    }
    let keys: Vec<ApiKey> = all.iter().map(key).collect();
    let logo = Logo {
        kind: LogoKind::Png,
        content: vec![1, 2, 3],
    };
    let batch = Batch {
        policies: vec![new(gold)],
        collections: vec![new(orders), new(stock)],
        clients: vec![new(acme.clone())],
        profiles: all.iter().cloned().map(new).collect(),
        keys: keys.iter().cloned().map(new).collect(),
        logos: vec![(acme.id, logo.clone())],
    };

    put(&books, &batch).await;

    let kept = books.store.read().await.unwrap().logo(acme.id).await;
    assert_eq!(kept.unwrap(), Some(logo));

    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.profiles_of(&[acme.id]).await.unwrap(), all);
    let ids: Vec<_> = all.iter().map(|profile| profile.id).collect();
    let found = snapshot.all_keys_of(&ids).await.unwrap();
    for key in &keys {
        assert_eq!(found[&key.profile_id], std::slice::from_ref(key));
    }
    let told = books.changes_after(0).await;
    let (told_profiles, removed) = profiles(&told);
    assert_eq!((told_profiles.len(), removed), (MANY, 0));
    assert_eq!(told.len(), MANY + 2);
    assert_eq!(told.last().unwrap().revision, books.head().await);
}

#[tokio::test]
async fn names_and_identities_change_hands_in_one_batch() {
    let books = open().await;
    let (acme, orders, first) = books.with_profile("orders").await;
    let mut newer = orders.clone();
    newer.id = collection("x").id;
    newer.version = "v2".into();
    newer.endpoints = Vec::new();
    books.put_collection(&newer).await;
    let second = profile(&acme, &[&newer]);
    let (a, b) = (signed(&first, "a"), signed(&second, "b"));
    books.put_profile(&a).await;
    books.put_profile(&b).await;

    let (mut v2, mut v1) = (orders.clone(), newer.clone());
    v2.version = "v2".into();
    v1.version = "v1".into();
    let (b_now, a_now) = (signed(&first, "b"), signed(&second, "a"));
    let batch = Batch {
        collections: vec![change(orders, v2.clone()), change(newer, v1.clone())],
        profiles: vec![change(a, b_now.clone()), change(b, a_now.clone())],
        ..Batch::default()
    };
    put(&books, &batch).await;

    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.collection(v2.id).await.unwrap(), Some(v2));
    assert_eq!(snapshot.collection(v1.id).await.unwrap(), Some(v1));
    assert_eq!(snapshot.profile(b_now.id).await.unwrap(), Some(b_now));
    assert_eq!(snapshot.profile(a_now.id).await.unwrap(), Some(a_now));
}

#[tokio::test]
async fn each_profile_is_told_once_whatever_changes_around_it() {
    let books = open().await;
    let (acme, _, first) = books.with_profile("orders").await;
    let gold = policy(5);
    books.put_policy(&gold).await;
    let mut limited = first.clone();
    limited.policy_id = Some(gold.id);
    books.put_profile(&limited).await;
    let (other, stock, _) = books.with_profile("stock").await;
    let before = books.head().await;

    let mut disabled = acme.clone();
    disabled.enabled = false;
    let mut described = other.clone();
    described.description = Some("nothing that gateways are told".into());
    let mut tighter = gold.clone();
    tighter.rate_limit = None;
    let mut observed = limited.clone();
    observed.observe = true;
    let mut stock_now = stock.clone();
    stock_now.description = None;
    let batch = Batch {
        policies: vec![change(gold, tighter)],
        collections: vec![change(stock, stock_now)],
        clients: vec![change(acme, disabled), change(other, described)],
        keys: vec![new(key(&limited))],
        profiles: vec![change(limited.clone(), observed)],
        ..Batch::default()
    };
    put(&books, &batch).await;

    let told = books.changes_after(before).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(profiles(&told), (vec![limited.id], 0));
}

#[tokio::test]
async fn what_goes_is_told_and_takes_along_what_is_its_own() {
    let books = open().await;
    let (acme, orders, first) = books.with_profile("orders").await;
    let (other, _, second) = books.with_profile("stock").await;
    books
        .edit(async |edit| edit.insert_key(&key(&first)).await.unwrap())
        .await;
    let third = profile(&other, &[&orders]);
    books.put_profile(&third).await;
    let gold = policy(5);
    books.put_policy(&gold).await;
    let before = books.head().await;

    let batch = Batch {
        policies: vec![gone(gold.clone())],
        collections: vec![gone(orders.clone())],
        clients: vec![gone(acme.clone())],
        profiles: vec![gone(third.clone())],
        ..Batch::default()
    };
    put(&books, &batch).await;

    let (mut ids, removed) = profiles(&books.changes_after(before).await);
    ids.sort_unstable();
    assert_eq!((ids, removed), (vec![first.id, third.id], 2));
    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.client(acme.id).await.unwrap(), None);
    assert_eq!(snapshot.collection(orders.id).await.unwrap(), None);
    assert_eq!(snapshot.policy(gold.id).await.unwrap(), None);
    assert!(snapshot.all_keys_of(&[first.id]).await.unwrap().is_empty());
    assert_eq!(snapshot.profile(second.id).await.unwrap(), Some(second));
}

#[tokio::test]
async fn a_batch_that_is_refused_leaves_nothing_behind() {
    let books = open().await;
    let (acme, orders, _) = books.with_profile("orders").await;
    let before = books.head().await;
    let mut dangling = profile(&acme, &[&collection("nowhere")]);
    dangling.name = "dangling".into();
    let batch = Batch {
        clients: vec![new(client("new"))],
        profiles: vec![new(profile(&acme, &[&orders])), new(dangling)],
        ..Batch::default()
    };
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    assert!(edit.put_batch(&batch, NOW_MS).await.is_err());
    drop(edit);
    assert_eq!(books.head().await, before);
    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.clients(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_audit_has_an_entry_for_each_record_of_a_batch() {
    let books = open().await;
    let (acme, orders, first) = books.with_profile("orders").await;
    let second = profile(&acme, &[&orders]);
    let mut disabled = acme.clone();
    disabled.enabled = false;
    let batch = Batch {
        clients: vec![change(acme.clone(), disabled.clone())],
        profiles: vec![new(second.clone())],
        keys: vec![new(key(&second)), new(key(&first))],
        ..Batch::default()
    };
    let entries = async || {
        let mut snapshot = books.store.read().await.unwrap();
        let filter = AuditFilter::default();
        snapshot.audit(&filter, None, 1_000).await.unwrap().len()
    };
    let before = entries().await;
    put(&books, &batch).await;
    assert_eq!(entries().await, before + 4);

    let batch = Batch {
        clients: vec![gone(disabled)],
        ..Batch::default()
    };
    put(&books, &batch).await;
    // The client, and each of its profiles.
    assert_eq!(entries().await, before + 7);
}
