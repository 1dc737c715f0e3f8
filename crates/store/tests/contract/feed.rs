//! Changes: which edits gateways hear of, in which order, and what they are told.

use portcullis_feed::{ChangedObject, KeyState};

use crate::books::{
    NOW_MS, author, client, collection, first_changes, key, names, open, policy, profile,
};

#[tokio::test]
async fn a_new_profile_is_told_with_all_that_it_carries() {
    let books = open().await;
    let (acme, orders, mut production) = books.with_profile("acme").await;
    let partners = policy(7);
    books.put_policy(&partners).await;
    production.policy_id = Some(partners.id);
    books.put_profile(&production).await;
    let first = key(&production);
    let revision = books
        .edit(async |edit| edit.insert_key(&first).await.unwrap())
        .await;

    let changes = books.changes_after(0).await;

    assert_eq!(
        names(&changes),
        [orders.id.to_string(), production.id.to_string()]
    );
    assert_eq!(changes[1].revision, revision);
    let ChangedObject::Profile(carried) = &changes[1].object else {
        panic!("{changes:?}");
    };
    assert_eq!(carried.client.name, acme.name);
    assert_eq!(carried.collections, [orders.id]);
    assert_eq!(
        carried.policy.as_ref().unwrap().rate_limit,
        partners.rate_limit
    );
    let portcullis_feed::AccessMethod::ApiKey { keys } = &carried.access else {
        unreachable!("these profiles have keys");
    };
    assert_eq!(keys[0].digest, first.digest);
    assert_eq!(keys[0].state, KeyState::Active);
}

#[tokio::test]
async fn only_what_gateways_can_tell_is_a_change() {
    let books = open().await;
    let (mut acme, mut orders, mut production) = books.with_profile("acme").await;
    let head = books.head().await;

    acme.description = Some("more about it".into());
    orders.description = None;
    production.name = "staging".into();
    let nobodys = policy(1);
    let revisions = [
        books.put_client(&acme).await,
        books.put_collection(&orders).await,
        books.put_profile(&production).await,
        books.put_policy(&nobodys).await,
        books.put_client(&client("without profiles")).await,
    ];

    assert_eq!(revisions, [head; 5]);
    assert!(books.changes_after(head).await.is_empty());
}

#[tokio::test]
async fn a_changed_client_is_told_through_all_of_its_profiles() {
    let books = open().await;
    let (mut acme, orders, first) = books.with_profile("acme").await;
    let second = profile(&acme, &[&orders]);
    books.put_profile(&second).await;
    books.with_profile("other").await;
    let head = books.head().await;

    acme.enabled = false;
    let revision = books.put_client(&acme).await;

    assert_eq!(revision, head + 2);
    let changes = books.changes_after(head).await;
    assert_eq!(
        names(&changes),
        [first.id.to_string(), second.id.to_string()]
    );
    assert_eq!(
        changes
            .iter()
            .map(|change| change.revision)
            .collect::<Vec<_>>(),
        [head + 1, head + 2]
    );
    assert!(!books.carried(first.id).await.client.enabled);
}

#[tokio::test]
async fn a_changed_policy_is_told_through_all_profiles_that_have_it() {
    let books = open().await;
    let (_, _, mut with) = books.with_profile("with").await;
    books.with_profile("without").await;
    let mut partners = policy(1);
    books.put_policy(&partners).await;
    with.policy_id = Some(partners.id);
    books.put_profile(&with).await;
    let head = books.head().await;

    partners.rate_limit = None;
    books.put_policy(&partners).await;

    assert_eq!(
        names(&books.changes_after(head).await),
        [with.id.to_string()]
    );
    assert_eq!(
        books.carried(with.id).await.policy.unwrap().rate_limit,
        None
    );
}

#[tokio::test]
async fn only_the_newest_state_of_an_object_is_told() {
    let books = open().await;
    let (_, mut orders, production) = books.with_profile("acme").await;
    for number in 0..5 {
        orders.version = format!("v{number}");
        books.put_collection(&orders).await;
    }

    let changes = books.changes_after(0).await;

    assert_eq!(
        names(&changes),
        [production.id.to_string(), orders.id.to_string()]
    );
    let ChangedObject::Collection(carried) = &changes[1].object else {
        panic!("{changes:?}");
    };
    assert_eq!(carried.version, "v4");
}

#[tokio::test]
async fn what_was_removed_stays_told() {
    let books = open().await;
    let (acme, orders, production) = books.with_profile("acme").await;
    let head = books.head().await;
    books
        .edit(async |edit| edit.delete_client(acme.id, NOW_MS).await.unwrap())
        .await;
    books
        .edit(async |edit| edit.delete_collection(orders.id, NOW_MS).await.unwrap())
        .await;

    let told = [format!("-{}", production.id), format!("-{}", orders.id)];
    assert_eq!(names(&books.changes_after(head).await), told);
    assert_eq!(names(&books.changes_after(0).await), told);
}

#[tokio::test]
async fn changes_are_read_in_pages() {
    let books = open().await;
    let mut created = Vec::new();
    for number in 0..7 {
        let collection = collection(&format!("c{number}"));
        books.put_collection(&collection).await;
        created.push(collection.id.to_string());
    }

    let mut told = Vec::new();
    let mut after = 0;
    loop {
        let mut snapshot = books.store.read().await.unwrap();
        let page = first_changes(&mut snapshot, after, 3, NOW_MS).await;
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        after = last.revision;
        told.extend(names(&page));
    }

    assert_eq!(told, created);
    assert_eq!(after, books.head().await);
}

#[tokio::test]
async fn the_holders_of_the_last_twenty_revoked_keys_are_told_for_thirty_days() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let books = open().await;
    let (_, _, production) = books.with_profile("acme").await;
    let mut ids = Vec::new();
    // One a day, each of which revokes the one before.
    for days_ago in (0..25).rev() {
        let mut issued = key(&production);
        issued.created_at_ms = NOW_MS - days_ago * DAY_MS;
        books
            .edit(async |edit| {
                let now_ms = issued.created_at_ms;
                edit.revoke_keys(production.id, now_ms).await.unwrap();
                edit.insert_key(&issued).await.unwrap();
            })
            .await;
        ids.insert(0, issued.id);
    }

    let told = books.carried_keys(production.id).await;
    let states = [vec![KeyState::Active], vec![KeyState::Revoked; 20]].concat();
    assert_eq!(told, ids.iter().cloned().zip(states).collect::<Vec<_>>());

    let changes = books.changes_at(0, NOW_MS + 15 * DAY_MS).await;
    let ChangedObject::Profile(carried) = &changes[1].object else {
        panic!("{changes:?}");
    };
    let portcullis_feed::AccessMethod::ApiKey { keys } = &carried.access else {
        unreachable!("these profiles have keys");
    };
    assert_eq!(keys.len(), 17, "{keys:?}");
}

#[tokio::test]
async fn who_waits_is_woken_by_a_commit_and_not_by_less() {
    let books = open().await;
    let mut newest = books.store.subscribe();

    let mut given_up = books.store.edit(&author(), NOW_MS).await.unwrap();
    given_up
        .put_collection(&collection("given up"))
        .await
        .unwrap();
    drop(given_up);
    books.put_client(&client("without profiles")).await;
    assert!(!newest.has_changed().unwrap());

    let revision = books.put_collection(&collection("kept")).await;
    assert!(newest.has_changed().unwrap());
    assert_eq!(*newest.borrow_and_update(), revision);
}
