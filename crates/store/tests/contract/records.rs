//! Records come back as they went in.

use portcullis_feed::{
    AddressLists, ClientId, CollectionId, PolicyId, ProfileId, Quota, QuotaCounts, QuotaWindow,
};
use portcullis_store::ProfileName;

use crate::books::{NOW_MS, author, client, collection, key, open, policy, profile};

#[tokio::test]
async fn records_come_back_as_they_went_in() {
    let books = open().await;
    let mut acme = client("Acme é ✓");
    acme.description = Some("first line\nsecond line".into());
    let orders = collection("orders");
    let billing = collection("billing");
    let mut partners = policy(5);
    partners.quota = Some(Quota {
        requests: u64::from(u32::MAX) + 1,
        per: QuotaWindow::Month,
        time_zone: None,
        counts: QuotaCounts::Permitted,
    });
    let mut production = profile(&acme, &[&billing, &orders]);
    production.policy_id = Some(partners.id);
    production.expires_at_ms = Some(NOW_MS + 1);
    production.addresses = AddressLists {
        allow: vec!["10.0.0.0/8".into()],
        deny: vec!["10.0.0.1-10.0.0.9".into()],
    };

    books.put_client(&acme).await;
    books.put_collection(&orders).await;
    books.put_collection(&billing).await;
    books.put_policy(&partners).await;
    books.put_profile(&production).await;

    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.client(acme.id).await.unwrap(), Some(acme));
    assert_eq!(snapshot.collection(orders.id).await.unwrap(), Some(orders));
    assert_eq!(snapshot.policy(partners.id).await.unwrap(), Some(partners));
    assert_eq!(
        snapshot.profile(production.id).await.unwrap(),
        Some(production)
    );
}

#[tokio::test]
async fn what_is_not_there_is_no_error() {
    let books = open().await;
    let mut snapshot = books.store.read().await.unwrap();
    let nobody = ClientId::from_parts(1, 1);
    assert_eq!(snapshot.client(nobody).await.unwrap(), None);
    let nothing = CollectionId::from_parts(1, 1);
    assert_eq!(snapshot.collection(nothing).await.unwrap(), None);
    let none = PolicyId::from_parts(1, 1);
    assert_eq!(snapshot.policy(none).await.unwrap(), None);
    let no_profile = ProfileId::from_parts(1, 1);
    assert_eq!(snapshot.profile(no_profile).await.unwrap(), None);
    assert!(
        snapshot
            .known_collections(&[nothing])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(snapshot.known_collections(&[]).await.unwrap().is_empty());
    assert!(snapshot.profiles(None, None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn lists_are_read_in_pages_in_the_order_of_creation() {
    let books = open().await;
    let mut created = Vec::new();
    for number in 0..5 {
        let client = client(&format!("client {number}"));
        books.put_client(&client).await;
        created.push(client);
    }

    let mut snapshot = books.store.read().await.unwrap();
    let first = snapshot.clients(None, 3).await.unwrap();
    let rest = snapshot.clients(Some(first[2].id), 3).await.unwrap();

    assert_eq!([first, rest].concat(), created);
}

#[tokio::test]
async fn profiles_are_listed_by_client() {
    let books = open().await;
    let (acme, orders, first) = books.with_profile("acme").await;
    let (_, _, foreign) = books.with_profile("other").await;
    let second = profile(&acme, &[&orders]);
    books.put_profile(&second).await;

    let mut snapshot = books.store.read().await.unwrap();
    let of_acme = snapshot.profiles(Some(acme.id), None, 10).await.unwrap();
    assert_eq!(of_acme, [first.clone(), second.clone()]);
    let later = snapshot
        .profiles(Some(acme.id), Some(first.id), 10)
        .await
        .unwrap();
    assert_eq!(later, std::slice::from_ref(&second));
    let all = snapshot.profiles(None, None, 10).await.unwrap();
    assert_eq!(all, [first, foreign, second]);
}

#[tokio::test]
async fn who_stands_in_the_way_of_a_removal_is_named() {
    let books = open().await;
    let (_, orders, mut production) = books.with_profile("acme").await;
    let partners = policy(1);
    books.put_policy(&partners).await;
    production.policy_id = Some(partners.id);
    books.put_profile(&production).await;

    let named = [ProfileName {
        id: production.id,
        name: production.name.clone(),
    }];
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    assert_eq!(
        edit.read().profiles_granting(orders.id, 9).await.unwrap(),
        named
    );
    assert_eq!(
        edit.read().profiles_under(partners.id, 9).await.unwrap(),
        named
    );
    assert!(edit.delete_collection(orders.id, NOW_MS).await.is_err());
}

#[tokio::test]
async fn a_record_that_refers_to_nothing_is_refused() {
    let books = open().await;
    let (acme, _, _) = books.with_profile("acme").await;
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    assert!(
        edit.put_profile(&profile(&acme, &[&collection("unknown")]))
            .await
            .is_err()
    );
    drop(edit);
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    assert!(
        edit.put_profile(&profile(&client("unknown"), &[]))
            .await
            .is_err()
    );
    drop(edit);
    assert_eq!(books.head().await, 2);
}

#[tokio::test]
async fn a_removed_client_takes_profiles_and_keys_along() {
    let books = open().await;
    let (acme, _, production) = books.with_profile("acme").await;
    books
        .edit(async |edit| edit.insert_key(&key(&production)).await.unwrap())
        .await;

    books
        .edit(async |edit| edit.delete_client(acme.id, NOW_MS).await.unwrap())
        .await;

    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.client(acme.id).await.unwrap(), None);
    assert_eq!(snapshot.profile(production.id).await.unwrap(), None);
    assert!(snapshot.keys_of(&[production.id]).await.unwrap().is_empty());
}
