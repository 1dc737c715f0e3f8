//! Usage: each batch counts once, and sums are what was counted.

mod asking;
mod model;
mod old;
mod weeks;

use portcullis_feed::{ProfileId, RefusalSample, UsageBatch, UsageRow};
use portcullis_store::{
    LastUse, RefusedFilter, Store, UsageFilter, UsageGroup, UsageQuestion, UsageSince, UsageSum,
    UsageUnit,
};

use crate::books::{NOW_MS, open, profile};

/// The minute of these tests: the first of a day.
pub const NOW_MIN: u64 = NOW_MS / 60_000 / 1_440 * 1_440;

/// Everything is kept.
pub const FOR_EVER: UsageSince = UsageSince {
    minutes: 0,
    hours: 0,
    days: 0,
};

pub fn batch(instance: u64, number: u64, rows: Vec<UsageRow>) -> UsageBatch {
    UsageBatch {
        instance: format!("{instance:016x}"),
        name: format!("edge-{instance}"),
        number,
        rows,
        ..UsageBatch::default()
    }
}

/// So many requests of a profile, of which one was refused for its quota.
pub fn row(minute: u64, profile: Option<ProfileId>, requests: u64) -> UsageRow {
    UsageRow {
        minute,
        profile,
        endpoint: Some("GET /orders".into()),
        requests,
        permitted: requests - 1,
        statuses: vec![(2, requests - 1), (4, 1)],
        denials: vec![("quota_exceeded".into(), 1)],
        bytes_in: requests * 10,
        bytes_out: requests * 100,
        latencies: vec![(3, requests - 1), (16, 1)],
        ..UsageRow::default()
    }
}

/// Everything of a period in sums of a unit.
pub fn question(unit: UsageUnit, from: u64, until: u64) -> UsageQuestion {
    UsageQuestion {
        unit,
        from,
        until,
        filter: UsageFilter::default(),
    }
}

pub async fn count(store: &Store, batches: &[UsageBatch]) -> Vec<bool> {
    store.count_usage(batches, NOW_MS).await.unwrap()
}

pub async fn roll_up(store: &Store, since: &UsageSince) {
    while store.roll_up_usage(since).await.unwrap() {}
}

pub async fn ask(
    store: &Store,
    question: &UsageQuestion,
    by_time: bool,
    group: Option<UsageGroup>,
) -> Vec<UsageSum> {
    let mut snapshot = store.read().await.unwrap();
    snapshot
        .usage(question, by_time, group, None)
        .await
        .unwrap()
}

/// How many requests there were, by the sums of days.
pub async fn requests(store: &Store) -> u64 {
    let all = question(UsageUnit::Day, 0, 2 * NOW_MIN);
    ask(store, &all, false, None).await[0].counts.requests
}

#[tokio::test]
async fn a_batch_counts_once_whatever_is_repeated() {
    let books = open().await;
    let first = batch(1, 1, vec![row(NOW_MIN, None, 5)]);
    let second = batch(1, 2, vec![row(NOW_MIN, None, 7)]);
    let other = batch(2, 1, vec![row(NOW_MIN, None, 11)]);
    let together = [first.clone(), second.clone(), first.clone(), other.clone()];
    assert_eq!(
        count(&books.store, &together).await,
        [true, true, false, true]
    );
    assert_eq!(count(&books.store, &together).await, [false; 4]);
    roll_up(&books.store, &FOR_EVER).await;
    assert_eq!(requests(&books.store).await, 23);

    let books = books.reopened().await;
    assert_eq!(count(&books.store, &[second, other]).await, [false; 2]);
    roll_up(&books.store, &FOR_EVER).await;
    assert_eq!(requests(&books.store).await, 23);
}

#[tokio::test]
async fn batches_that_never_came_and_lost_requests_are_noted() {
    let books = open().await;
    let lost = UsageBatch {
        lost: 3,
        ..batch(1, 2, vec![])
    };
    count(&books.store, &[lost, batch(2, 1, vec![])]).await;
    count(&books.store, &[batch(1, 6, vec![]), batch(2, 2, vec![])]).await;
    count(&books.store, &[batch(1, 4, vec![])]).await;

    let mut snapshot = books.store.read().await.unwrap();
    let known = snapshot.usage_instances("", 10).await.unwrap();
    let told = |place: usize| {
        let known = &known[place];
        (known.number, known.missing, known.lost)
    };
    assert_eq!(known.len(), 2);
    assert_eq!(told(0), (6, 4, 3));
    assert_eq!(told(1), (2, 0, 0));
    assert_eq!(known[0].name, "edge-1");
    let after = snapshot.usage_instances(&known[0].instance, 10).await;
    assert_eq!(after.unwrap().len(), 1);
}

#[tokio::test]
async fn usage_is_no_edit() {
    let books = open().await;
    books.with_profile("acme").await;
    let newest = books.store.subscribe();
    let topics = books.store.topics();
    let before = (books.head().await, *newest.borrow(), *topics.borrow());
    count(&books.store, &[batch(1, 1, vec![row(NOW_MIN, None, 5)])]).await;
    roll_up(&books.store, &FOR_EVER).await;
    assert_eq!(
        (books.head().await, *newest.borrow(), *topics.borrow()),
        before
    );
    let mut snapshot = books.store.read().await.unwrap();
    let audit = snapshot
        .audit(&Default::default(), None, 100)
        .await
        .unwrap();
    assert!(audit.iter().all(|entry| entry.author.name == "Ann"));
}

#[tokio::test]
async fn keys_profiles_and_clients_have_a_last_use() {
    let books = open().await;
    let (client, _, profile) = books.with_profile("acme").await;
    let with_key = |minute, key: &str| UsageRow {
        key_id: Some(key.to_owned()),
        ..row(minute, Some(profile.id), 2)
    };
    let rows = vec![with_key(NOW_MIN + 5, "new"), with_key(NOW_MIN + 2, "old")];
    count(&books.store, &[batch(1, 1, rows)]).await;
    let late = vec![with_key(NOW_MIN - 1, "new"), with_key(NOW_MIN + 3, "old")];
    count(&books.store, &[batch(1, 2, late)]).await;
    roll_up(&books.store, &FOR_EVER).await;

    let mut snapshot = books.store.read().await.unwrap();
    let keys = ["new", "old", "unused"].map(str::to_owned).to_vec();
    let uses = snapshot.last_uses(&LastUse::Keys(keys)).await.unwrap();
    assert_eq!(uses.len(), 2);
    assert_eq!(uses["new"], (NOW_MIN + 5) * 60_000);
    assert_eq!(uses["old"], (NOW_MIN + 3) * 60_000);
    let of_profile = LastUse::Profiles(vec![profile.id]);
    let uses = snapshot.last_uses(&of_profile).await.unwrap();
    assert_eq!(uses[&profile.id.to_string()], (NOW_MIN + 5) * 60_000);
    let of_client = LastUse::Clients(vec![client.id]);
    let uses = snapshot.last_uses(&of_client).await.unwrap();
    assert_eq!(uses[&client.id.to_string()], (NOW_MIN + 5) * 60_000);
}

#[tokio::test]
async fn usage_outlives_what_it_is_about_and_hinders_no_removal() {
    let books = open().await;
    let (client, _, profile) = books.with_profile("acme").await;
    count(
        &books.store,
        &[batch(1, 1, vec![row(NOW_MIN, Some(profile.id), 5)])],
    )
    .await;
    roll_up(&books.store, &FOR_EVER).await;
    books
        .edit(async |edit| {
            edit.delete_client(client.id, NOW_MS).await.unwrap();
        })
        .await;
    count(
        &books.store,
        &[batch(1, 2, vec![row(NOW_MIN, Some(profile.id), 2)])],
    )
    .await;
    roll_up(&books.store, &FOR_EVER).await;

    let all = question(UsageUnit::Day, NOW_MIN, NOW_MIN + 1);
    let by_client = ask(&books.store, &all, false, Some(UsageGroup::Client)).await;
    assert_eq!(by_client.len(), 1);
    assert_eq!(by_client[0].group, client.id.to_string());
    assert_eq!(by_client[0].counts.requests, 7);
    let mut snapshot = books.store.read().await.unwrap();
    let ids = [client.id.to_string()];
    let names = snapshot.usage_names(UsageGroup::Client, &ids).await;
    assert!(names.unwrap().is_empty());
}

#[tokio::test]
async fn refusals_are_listed_the_newest_first_with_the_client_of_the_profile() {
    let books = open().await;
    let (client, _, known) = books.with_profile("acme").await;
    let stranger = profile(&client, &[]);
    let sample = |at_ms, reason: &str, profile| RefusalSample {
        at_ms,
        reason: reason.to_owned(),
        status: 429,
        method: "GET".into(),
        path: "/orders/1".into(),
        address: Some("192.0.2.1".into()),
        profile,
        ..RefusalSample::default()
    };
    let refusals = vec![
        sample(NOW_MS, "quota_exceeded", Some(known.id)),
        sample(NOW_MS + 2, "credential_missing", None),
        sample(NOW_MS + 2, "quota_exceeded", Some(stranger.id)),
    ];
    let told = UsageBatch {
        refusals: refusals.clone(),
        ..batch(1, 1, vec![])
    };
    count(&books.store, &[told.clone(), told]).await;

    let mut snapshot = books.store.read().await.unwrap();
    let all = RefusedFilter::default();
    let listed = snapshot.refused(&all, None, 10).await.unwrap();
    let order = [&refusals[2], &refusals[1], &refusals[0]];
    assert_eq!(
        listed.iter().map(|told| &told.sample).collect::<Vec<_>>(),
        order
    );
    assert_eq!(listed[2].client, Some(client.id));
    assert_eq!(
        (listed[0].client, listed[0].gateway.as_str()),
        (None, "edge-1")
    );
    let before = Some((listed[0].sample.at_ms, listed[0].id));
    let rest = snapshot.refused(&all, before, 10).await.unwrap();
    assert_eq!(rest, listed[1..]);
    for (filter, places) in [
        (
            RefusedFilter {
                reason: Some("quota_exceeded".into()),
                ..all.clone()
            },
            vec![0, 2],
        ),
        (
            RefusedFilter {
                client: Some(client.id),
                ..all.clone()
            },
            vec![2],
        ),
        (
            RefusedFilter {
                profile: Some(known.id),
                ..all.clone()
            },
            vec![2],
        ),
        (
            RefusedFilter {
                since_ms: Some(NOW_MS + 1),
                ..all.clone()
            },
            vec![0, 1],
        ),
        (
            RefusedFilter {
                until_ms: Some(NOW_MS + 1),
                ..all.clone()
            },
            vec![2],
        ),
        (
            RefusedFilter {
                key_id: Some("none".into()),
                ..all.clone()
            },
            vec![],
        ),
    ] {
        let found = snapshot.refused(&filter, None, 10).await.unwrap();
        let expected: Vec<_> = places
            .iter()
            .map(|place: &usize| listed[*place].clone())
            .collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}
