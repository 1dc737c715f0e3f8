//! Quotas: what profiles have used, and what gateways are told when nothing is left.

use portcullis_feed::{Quota, QuotaCounts, QuotaWindow, Revision, UtcOffset};
use portcullis_store::{
    AccessProfile, Calls, Policy, QuotaEvent, QuotaEventFilter, QuotaStanding, QuotaUse,
};

use crate::books::{Books, NOW_MS, open, policy};
use crate::usage::{FOR_EVER, NOW_MIN, batch, count, roll_up, row};

const DAY: u64 = 24 * 60;
const UNTIL_MS: u64 = (NOW_MIN + DAY) * 60_000;
const QUOTA: Quota = Quota {
    requests: 100,
    per: QuotaWindow::Day,
    time_zone: None,
    counts: QuotaCounts::Permitted,
};

/// A profile with a quota of a hundred requests a day.
async fn limited(books: &Books) -> (Policy, AccessProfile) {
    let (_, _, mut profile) = books.with_profile("acme").await;
    let mut gold = policy(5);
    gold.quota = Some(QUOTA);
    books
        .edit(async |edit| edit.put_policy(&gold).await.unwrap())
        .await;
    profile.policy_id = Some(gold.id);
    books.put_profile(&profile).await;
    (gold, profile)
}

fn event(profile: &AccessProfile, percent: u64) -> QuotaEvent {
    QuotaEvent {
        id: 0,
        at_ms: NOW_MS,
        client: profile.client_id,
        profile: profile.id,
        from_ms: NOW_MIN * 60_000,
        used: percent,
        standing: QuotaStanding {
            quota: QUOTA,
            until_ms: UNTIL_MS,
            percent,
        },
    }
}

async fn note(books: &Books, event: &QuotaEvent) -> Revision {
    books
        .edit(async |edit| edit.put_quota_event(event).await.unwrap())
        .await
}

async fn told(books: &Books, profile: &AccessProfile) -> Option<u64> {
    let carried = books.carried(profile.id).await;
    carried.policy.unwrap().quota_used_up_until_ms
}

#[tokio::test]
async fn what_was_permitted_since_a_day_is_added_up_for_each_profile() {
    let books = open().await;
    let (gold, profile) = limited(&books).await;
    let (_, _, other) = books.with_profile("other").await;
    let of = |day: u64, profile: &AccessProfile, requests| {
        row(NOW_MIN + day * DAY, Some(profile.id), requests)
    };
    let rows = vec![
        of(0, &profile, 1_000),
        of(1, &profile, 20),
        of(2, &profile, 3),
        of(2, &other, 500),
        row(NOW_MIN + 2 * DAY, None, 70),
    ];
    count(&books.store, &[batch(1, 1, rows)]).await;
    roll_up(&books.store, &FOR_EVER).await;

    let mut snapshot = books.store.read().await.unwrap();
    // One request of each row was refused.
    let rows_since = |from: u64| 3 - (from - NOW_MIN) / DAY;
    for (from, used) in [
        (NOW_MIN, 1_020),
        (NOW_MIN + DAY, 21),
        (NOW_MIN + 2 * DAY, 2),
    ] {
        let expected = QuotaUse {
            profile: profile.id,
            client: profile.client_id,
            policy: gold.id,
            calls: Calls {
                requests: used + rows_since(from),
                permitted: used,
            },
        };
        let uses = snapshot.quota_uses(&[gold.id], from).await.unwrap();
        assert_eq!(uses, [expected]);
        let days = from / DAY * DAY..NOW_MIN + 3 * DAY;
        let both = [profile.id, other.id];
        let calls = snapshot.calls_of(&both, days).await.unwrap();
        assert_eq!(calls[&profile.id], expected.calls);
        assert_eq!(calls[&other.id].permitted, 499);
    }
    assert_eq!(snapshot.quota_uses(&[], NOW_MIN).await.unwrap(), []);
    let days = NOW_MIN / DAY * DAY..NOW_MIN + DAY;
    let calls = snapshot.calls_of(&[other.id], days.clone()).await;
    assert_eq!(calls.unwrap().len(), 0);
    assert_eq!(snapshot.calls_of(&[], days).await.unwrap().len(), 0);
}

#[tokio::test]
async fn quotas_that_run_out_are_told_until_their_window_ends_or_the_quota_is_another() {
    let books = open().await;
    let (mut gold, profile) = limited(&books).await;
    let (_, _, mut other) = books.with_profile("other").await;
    other.policy_id = Some(gold.id);
    books.put_profile(&other).await;
    note(&books, &event(&profile, 80)).await;
    note(&books, &event(&other, 100)).await;
    let told = async |now_ms| {
        let mut snapshot = books.store.read().await.unwrap();
        let found = snapshot.quotas_running_out(now_ms, 10).await.unwrap();
        let told = found
            .into_iter()
            .map(|it| (it.client, it.standing.percent, it.profile_id));
        told.collect::<Vec<_>>()
    };
    let expected = [
        ("other".to_owned(), 100, other.id),
        ("acme".to_owned(), 80, profile.id),
    ];
    assert_eq!(told(NOW_MS).await, expected);
    assert_eq!(told(UNTIL_MS).await, []);
    gold.quota = Some(Quota {
        requests: 101,
        ..QUOTA
    });
    books
        .edit(async |edit| edit.put_policy(&gold).await.unwrap())
        .await;
    assert_eq!(told(NOW_MS).await, []);
}

#[tokio::test]
async fn what_was_called_since_a_minute_is_made_from_minutes_hours_and_days() {
    let books = open().await;
    let (gold, profile) = limited(&books).await;
    // As days begin in India.
    let from = NOW_MIN + 18 * 60 + 30;
    let minutes = [
        from - 1,
        from,
        from + 29,
        from + 30,
        NOW_MIN + DAY - 1,
        NOW_MIN + DAY,
        NOW_MIN + 9 * DAY,
    ];
    let rows = minutes.map(|minute| row(minute, Some(profile.id), 11));
    count(&books.store, &[batch(1, 1, rows.into())]).await;
    roll_up(&books.store, &FOR_EVER).await;

    let mut snapshot = books.store.read().await.unwrap();
    for (from, rows) in [
        (from - 1, 7),
        (from, 6),
        (from + 1, 5),
        (from + 30, 4),
        (from + 31, 3),
        (NOW_MIN + DAY, 2),
        (NOW_MIN + DAY + 1, 1),
    ] {
        let expected = Calls {
            requests: rows * 11,
            permitted: rows * 10,
        };
        let uses = snapshot.quota_uses(&[gold.id], from).await.unwrap();
        let calls: Vec<_> = uses.iter().map(|it| it.calls).collect();
        assert_eq!(calls, [expected], "{}", from - NOW_MIN);
        let period = from..NOW_MIN + 10 * DAY;
        let calls = snapshot.calls_of(&[profile.id], period).await.unwrap();
        assert_eq!(calls[&profile.id], expected, "{}", from - NOW_MIN);
    }
}

#[tokio::test]
async fn gateways_are_told_of_a_time_zone_by_its_differences_from_utc() {
    let books = open().await;
    let (mut gold, profile) = limited(&books).await;
    let mut quota = QUOTA;
    quota.time_zone = Some("Asia/Kolkata".into());
    quota.counts = QuotaCounts::All;
    gold.quota = Some(quota.clone());
    books
        .edit(async |edit| edit.put_policy(&gold).await.unwrap())
        .await;
    let mut used_up = event(&profile, 100);
    used_up.standing.quota = quota;
    note(&books, &used_up).await;

    let policy = books.carried(profile.id).await.policy.unwrap();
    assert_eq!(policy.quota, Some(QUOTA));
    assert_eq!(policy.quota_offsets, [UtcOffset(0, 330)]);
    assert_eq!(policy.quota_used_up_until_ms, Some(UNTIL_MS));
    let kept = books.store.read().await.unwrap().policy(gold.id).await;
    assert_eq!(kept.unwrap(), Some(gold));
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_a_change_for_gateways_and_a_warning_is_none() {
    let books = open().await;
    let (_, profile) = limited(&books).await;
    let before = books.changes_after(0).await.last().unwrap().revision;

    assert_eq!(note(&books, &event(&profile, 80)).await, before);
    assert_eq!(told(&books, &profile).await, None);

    let after = note(&books, &event(&profile, 100)).await;
    assert_eq!(after, before + 1);
    assert_eq!(told(&books, &profile).await, Some(UNTIL_MS));

    let mut snapshot = books.store.read().await.unwrap();
    let standings = snapshot.quota_standings(&[profile.id]).await.unwrap();
    assert_eq!(standings[&profile.id], event(&profile, 100).standing);
}

#[tokio::test]
async fn what_was_judged_by_another_quota_is_not_told() {
    let books = open().await;
    let (mut gold, profile) = limited(&books).await;
    note(&books, &event(&profile, 100)).await;
    for quota in [
        Quota {
            requests: 101,
            ..QUOTA
        },
        Quota {
            per: QuotaWindow::Week,
            ..QUOTA
        },
    ] {
        gold.quota = Some(quota);
        books
            .edit(async |edit| edit.put_policy(&gold).await.unwrap())
            .await;
        assert_eq!(told(&books, &profile).await, None);
    }
}

#[tokio::test]
async fn events_are_found_and_forgotten_and_outlive_their_profile() {
    let books = open().await;
    let (_, profile) = limited(&books).await;
    note(&books, &event(&profile, 80)).await;
    note(&books, &event(&profile, 100)).await;
    books
        .edit(async |edit| edit.delete_profile(profile.id, NOW_MS).await.unwrap())
        .await;
    let find = async |filter: QuotaEventFilter, before| {
        let mut snapshot = books.store.read().await.unwrap();
        let found = snapshot.quota_events(&filter, before, 10).await.unwrap();
        let percent = found.iter().map(|it| it.standing.percent);
        (percent.collect::<Vec<_>>(), found.last().map(|it| it.id))
    };
    let all = QuotaEventFilter::default;
    let of_profile = QuotaEventFilter {
        profile: Some(profile.id),
        client: Some(profile.client_id),
        open_at_ms: Some(UNTIL_MS - 1),
    };
    let (found, oldest) = find(of_profile, None).await;
    assert_eq!(found, [100, 80]);
    assert_eq!(find(all(), oldest.map(|id| id + 1)).await.0, [80]);
    let ended = QuotaEventFilter {
        open_at_ms: Some(UNTIL_MS),
        ..all()
    };
    assert_eq!(find(ended, None).await.0, [0; 0]);
    for (before_ms, left) in [(NOW_MS, 2), (NOW_MS + 1, 0)] {
        let has_more = books.store.expire_quota_events(before_ms).await.unwrap();
        assert!(!has_more);
        assert_eq!(find(all(), None).await.0.len(), left);
    }
}
