//! What is old: rows that come late, sums that are not kept any more, and whoever falls in the middle.

use portcullis_feed::{RefusalSample, UsageBatch};
use portcullis_store::{RefusedFilter, Store, UsageSince, UsageUnit};

use super::{FOR_EVER, NOW_MIN, ask, batch, count, question, requests, roll_up, row};
use crate::books::{NOW_MS, open, polled};

const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;

async fn in_unit(store: &Store, unit: UsageUnit) -> Vec<(u64, u64)> {
    let all = question(unit, 0, 2 * NOW_MIN);
    let sums = ask(store, &all, true, None).await;
    sums.iter()
        .map(|sum| (sum.at, sum.counts.requests))
        .collect()
}

#[tokio::test]
async fn rows_that_come_late_land_where_they_belong_as_long_as_that_is_kept() {
    let books = open().await;
    let since = UsageSince {
        minutes: NOW_MIN - HOUR,
        hours: NOW_MIN - DAY,
        days: NOW_MIN - 30 * DAY,
    };
    let rows = vec![row(NOW_MIN, None, 2)];
    count(&books.store, &[batch(1, 1, rows)]).await;
    roll_up(&books.store, &since).await;
    let late = vec![
        row(NOW_MIN - 1, None, 3),
        row(NOW_MIN - 2 * HOUR + 1, None, 5),
        row(NOW_MIN - 3 * DAY + 7, None, 7),
        row(NOW_MIN - 40 * DAY, None, 11),
    ];
    count(&books.store, &[batch(1, 2, late)]).await;
    roll_up(&books.store, &since).await;

    let minutes = [(NOW_MIN - 1, 3), (NOW_MIN, 2)];
    assert_eq!(in_unit(&books.store, UsageUnit::Minute).await, minutes);
    let hours = [(NOW_MIN - 2 * HOUR, 5), (NOW_MIN - HOUR, 3), (NOW_MIN, 2)];
    assert_eq!(in_unit(&books.store, UsageUnit::Hour).await, hours);
    let days = [(NOW_MIN - 3 * DAY, 7), (NOW_MIN - DAY, 8), (NOW_MIN, 2)];
    assert_eq!(in_unit(&books.store, UsageUnit::Day).await, days);
}

#[tokio::test]
async fn what_is_not_kept_any_more_goes_and_the_rest_stays() {
    let books = open().await;
    let rows = vec![
        row(NOW_MIN, None, 2),
        row(NOW_MIN - 2 * HOUR, None, 3),
        row(NOW_MIN - 3 * DAY, None, 5),
        row(NOW_MIN - 40 * DAY, None, 7),
    ];
    count(&books.store, &[batch(1, 1, rows)]).await;
    roll_up(&books.store, &FOR_EVER).await;
    let since = UsageSince {
        minutes: NOW_MIN - HOUR,
        hours: NOW_MIN - DAY,
        days: NOW_MIN - 30 * DAY,
    };
    while books.store.expire_usage(&since).await.unwrap() {}
    let today = (NOW_MIN, 2);
    assert_eq!(in_unit(&books.store, UsageUnit::Minute).await, [today]);
    let hours = [(NOW_MIN - 2 * HOUR, 3), today];
    assert_eq!(in_unit(&books.store, UsageUnit::Hour).await, hours);
    let days = [(NOW_MIN - 3 * DAY, 5), (NOW_MIN - DAY, 3), today];
    assert_eq!(in_unit(&books.store, UsageUnit::Day).await, days);

    let much_later = UsageSince {
        minutes: 2 * NOW_MIN,
        hours: 2 * NOW_MIN,
        days: 2 * NOW_MIN,
    };
    while books.store.expire_usage(&much_later).await.unwrap() {}
    assert_eq!(requests(&books.store).await, 0);
    count(&books.store, &[batch(1, 2, vec![row(NOW_MIN, None, 13)])]).await;
    roll_up(&books.store, &FOR_EVER).await;
    assert_eq!(requests(&books.store).await, 13);
}

#[tokio::test]
async fn refusals_are_bounded_in_number_and_age() {
    let books = open().await;
    for number in 1..=3 {
        let refusals = (0..50).map(|place| RefusalSample {
            at_ms: NOW_MS + number * 1_000 + place,
            ..RefusalSample::default()
        });
        let told = UsageBatch {
            refusals: refusals.collect(),
            ..batch(1, number, vec![])
        };
        count(&books.store, &[told]).await;
    }
    let listed = async || {
        let mut snapshot = books.store.read().await.unwrap();
        let all = RefusedFilter::default();
        let listed = snapshot.refused(&all, None, 1_000).await.unwrap();
        (listed.len(), listed.last().unwrap().sample.at_ms)
    };
    while books
        .store
        .expire_refusals(NOW_MS + 1_025, 1_000)
        .await
        .unwrap()
    {}
    assert_eq!(listed().await, (125, NOW_MS + 1_025));
    while books.store.expire_refusals(0, 60).await.unwrap() {}
    assert_eq!(listed().await, (60, NOW_MS + 2_040));
}

#[tokio::test]
async fn of_an_attack_on_many_gateways_each_has_as_many_refusals() {
    let books = open().await;
    let batches: Vec<_> = (1..=10)
        .map(|instance| UsageBatch {
            refusals: vec![RefusalSample::default(); 100],
            ..batch(instance, 1, vec![])
        })
        .collect();
    count(&books.store, &batches).await;
    let mut snapshot = books.store.read().await.unwrap();
    let all = RefusedFilter::default();
    let listed = snapshot.refused(&all, None, 1_000).await.unwrap();
    assert_eq!(listed.len(), 200);
    for told in batches {
        let of_gateway = listed.iter().filter(|kept| kept.instance == told.instance);
        assert_eq!(of_gateway.count(), 20);
    }
}

#[tokio::test]
async fn whoever_falls_while_adding_up_has_done_nothing_or_all() {
    let books = open().await;
    let rows = (0..50)
        .map(|minute| row(NOW_MIN + minute, None, 2))
        .collect();
    count(&books.store, &[batch(1, 1, rows)]).await;
    let mut polls = 1;
    loop {
        let done = polled(books.store.roll_up_usage(&FOR_EVER), polls).await;
        let is_done = done.map(Result::unwrap);
        let counted = requests(&books.store).await;
        assert!(counted == 0 || counted == 100, "{counted}");
        if is_done == Some(false) {
            assert_eq!(counted, 100);
            return;
        }
        polls += 1;
    }
}
