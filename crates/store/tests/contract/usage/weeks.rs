//! Who had most, and what is used of quotas, is what the sums of days say, whichever weeks a period has in it.

use std::collections::BTreeMap;
use std::ops::Range;

use portcullis_feed::{PolicyId, ProfileId, UsageRow};
use portcullis_store::{UsageCounts, UsageGroup, UsageOrder, UsageSince, UsageUnit};

use super::{FOR_EVER, NOW_MIN, ask, batch, count, question, roll_up};
use crate::books::{Books, open, policy};

const DAY: u64 = 24 * 60;
/// Enough for weeks in the middle, wherever they begin.
const DAYS: u64 = 38;
const FIRST: u64 = NOW_MIN - DAYS * DAY;

fn of(day: u64, profile: ProfileId, number: u64) -> UsageRow {
    // No two profiles are alike in anything, and each is the first in something.
    let requests = 20 + (day * 7 + number * 11) % 13;
    let refused = (day + number * 5) % 7;
    UsageRow {
        minute: FIRST + day * DAY + (day * 311) % DAY,
        profile: Some(profile),
        requests,
        permitted: requests - refused,
        statuses: vec![(5, (day * number) % 5)],
        bytes_in: requests * (4 - number),
        bytes_out: (day * 3 + number) % 17,
        ..UsageRow::default()
    }
}

/// Three profiles under a policy that called on most days. What comes late comes after weeks were made of the rest.
async fn called(books: &Books) -> (PolicyId, [ProfileId; 3]) {
    let gold = policy(5);
    books.put_policy(&gold).await;
    let mut profiles = Vec::new();
    for name in ["one", "two", "three"] {
        let (_, _, mut profile) = books.with_profile(name).await;
        profile.policy_id = Some(gold.id);
        books.put_profile(&profile).await;
        profiles.push(profile.id);
    }
    let profiles: [ProfileId; 3] = profiles.try_into().unwrap();
    for part in 0..2 {
        let days = (0..DAYS).filter(|day| day % 2 == part && day % 10 != 0);
        let rows = days.flat_map(|day| {
            (1..)
                .zip(profiles)
                .map(move |(number, profile)| of(day, profile, number))
        });
        count(&books.store, &[batch(1, part + 1, rows.collect())]).await;
        roll_up(&books.store, &FOR_EVER).await;
    }
    (gold.id, profiles)
}

/// What each profile had in a period, by the sums of its days.
async fn by_days(books: &Books, period: &Range<u64>) -> BTreeMap<String, UsageCounts> {
    let all = question(UsageUnit::Day, period.start, period.end);
    let sums = ask(&books.store, &all, false, Some(UsageGroup::Profile)).await;
    sums.into_iter()
        .map(|sum| (sum.group, sum.counts))
        .collect()
}

async fn most(books: &Books, period: &Range<u64>, order: UsageOrder) -> Vec<String> {
    let all = question(UsageUnit::Day, period.start, period.end);
    let mut snapshot = books.store.read().await.unwrap();
    let most = snapshot.usage_top(&all, UsageGroup::Profile, order, 10);
    most.await.unwrap()
}

async fn compare(books: &Books, period: Range<u64>) {
    let sums = by_days(books, &period).await;
    let orders = [
        UsageOrder::Requests,
        UsageOrder::Refused,
        UsageOrder::Failed,
        UsageOrder::Bytes,
    ];
    for order in orders {
        let of = |counts: &UsageCounts| match order {
            UsageOrder::Requests => counts.requests,
            UsageOrder::Refused => counts.requests - counts.permitted,
            UsageOrder::Failed => counts.statuses[5],
            UsageOrder::Bytes => counts.bytes_in + counts.bytes_out,
        };
        let mut expected: Vec<_> = sums.iter().filter(|(_, it)| of(it) > 0).collect();
        expected.sort_by_key(|(id, counts)| (std::cmp::Reverse(of(counts)), *id));
        let expected: Vec<_> = expected.into_iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(
            most(books, &period, order).await,
            expected,
            "{order:?} {period:?}"
        );
    }
}

fn day(number: u64) -> u64 {
    FIRST + number * DAY
}

#[tokio::test]
async fn who_had_most_in_a_period_is_whom_the_sums_of_its_days_tell() {
    let books = open().await;
    called(&books).await;
    for from in 0..15 {
        for until in [
            from + 1,
            from + 6,
            from + 7,
            from + 14,
            from + 20,
            DAYS,
            DAYS + 9,
        ] {
            compare(&books, day(from)..day(until)).await;
        }
    }
    compare(&books, 0..u64::MAX).await;
    compare(&books, day(DAYS + 20)..day(DAYS + 40)).await;
}

#[tokio::test]
async fn what_is_used_since_a_day_is_what_the_sums_of_its_days_tell() {
    let books = open().await;
    let (gold, _) = called(&books).await;
    for from in 0..DAYS {
        let sums = by_days(&books, &(day(from)..day(DAYS + 1))).await;
        let mut snapshot = books.store.read().await.unwrap();
        let uses = snapshot.quota_uses(&[gold], day(from)).await.unwrap();
        assert_eq!(uses.len(), sums.len(), "{from}");
        for used in uses {
            let sum = &sums[&used.profile.to_string()];
            let calls = (used.calls.requests, used.calls.permitted);
            assert_eq!(calls, (sum.requests, sum.permitted), "{from}");
        }
    }
}

#[tokio::test]
async fn weeks_that_are_kept_in_part_are_told_by_the_days_that_are_left() {
    let books = open().await;
    let (_, profiles) = called(&books).await;
    for kept in 8..16 {
        let since = UsageSince {
            minutes: 0,
            hours: 0,
            days: day(kept),
        };
        // At any moment of forgetting.
        while books.store.expire_usage(&since).await.unwrap() {
            compare(&books, day(0)..day(DAYS)).await;
        }
        let late = (1..)
            .zip(profiles)
            .map(|(number, id)| of(kept + 1, id, number));
        let late = batch(2, kept, late.collect());
        count(&books.store, &[late]).await;
        roll_up(&books.store, &since).await;
        compare(&books, day(0)..day(DAYS)).await;
        compare(&books, day(kept)..day(DAYS)).await;
    }
}
