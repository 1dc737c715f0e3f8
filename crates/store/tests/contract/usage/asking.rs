//! Questions: what fits a filter, told apart by whatever is wanted.

use portcullis_feed::UsageRow;
use portcullis_store::{UsageFilter, UsageGroup, UsageOrder, UsageQuestion, UsageUnit};

use super::{FOR_EVER, NOW_MIN, ask, batch, count, question, roll_up, row};
use crate::books::{Books, client, open, profile};

async fn top(
    books: &Books,
    question: &UsageQuestion,
    group: UsageGroup,
    order: UsageOrder,
) -> Vec<String> {
    let mut snapshot = books.store.read().await.unwrap();
    snapshot
        .usage_top(question, group, order, 10)
        .await
        .unwrap()
}

#[tokio::test]
async fn sums_are_told_apart_and_filtered_by_everything_that_rows_say() {
    let books = open().await;
    let (acme, orders, production) = books.with_profile("acme").await;
    let test = profile(&acme, &[&orders]);
    let other = client("other");
    let theirs = profile(&other, &[&orders]);
    books.put_profile(&test).await;
    books.put_client(&other).await;
    books.put_profile(&theirs).await;
    let of = |minute, profile: Option<_>, key: &str, requests| UsageRow {
        key_id: Some(key.to_owned()),
        collection: Some(orders.id),
        ..row(minute, profile, requests)
    };
    let rows = vec![
        of(NOW_MIN, Some(production.id), "a", 10),
        of(NOW_MIN + 1, Some(production.id), "b", 20),
        of(NOW_MIN + 61, Some(test.id), "c", 5),
        of(NOW_MIN + 61, Some(theirs.id), "d", 50),
        UsageRow {
            minute: NOW_MIN + 61,
            requests: 4,
            statuses: vec![(4, 4)],
            denials: vec![("credential_missing".into(), 4)],
            ..UsageRow::default()
        },
    ];
    count(&books.store, &[batch(1, 1, rows)]).await;
    roll_up(&books.store, &FOR_EVER).await;

    for unit in UsageUnit::ALL {
        let all = question(unit, NOW_MIN, NOW_MIN + 120);
        let with = |filter: UsageFilter| UsageQuestion {
            filter,
            ..all.clone()
        };
        let none = UsageFilter::default;
        let counted = async |question: UsageQuestion| {
            let sums = ask(&books.store, &question, false, None).await;
            sums[0].counts.requests
        };
        assert_eq!(counted(all.clone()).await, 89, "{unit:?}");
        for (filter, requests) in [
            (
                UsageFilter {
                    client: Some(acme.id),
                    ..none()
                },
                35,
            ),
            (
                UsageFilter {
                    profile: Some(production.id),
                    ..none()
                },
                30,
            ),
            (
                UsageFilter {
                    key_id: Some("b".into()),
                    ..none()
                },
                20,
            ),
            (
                UsageFilter {
                    collection: Some(orders.id),
                    ..none()
                },
                85,
            ),
            (
                UsageFilter {
                    endpoint: Some("GET /orders".into()),
                    ..none()
                },
                85,
            ),
            (
                UsageFilter {
                    endpoint: Some("GET /none".into()),
                    ..none()
                },
                0,
            ),
            (
                UsageFilter {
                    reason: Some("quota_exceeded".into()),
                    ..none()
                },
                4,
            ),
            (
                UsageFilter {
                    client: Some(acme.id),
                    endpoint: Some("GET /orders".into()),
                    reason: Some("quota_exceeded".into()),
                    ..none()
                },
                3,
            ),
            (
                UsageFilter {
                    client: Some(other.id),
                    key_id: Some("a".into()),
                    ..none()
                },
                0,
            ),
        ] {
            assert_eq!(
                counted(with(filter.clone())).await,
                requests,
                "{unit:?} {filter:?}"
            );
        }
        let grouped = async |group| {
            let sums = ask(&books.store, &all, false, Some(group)).await;
            let mut told: Vec<_> = sums
                .into_iter()
                .map(|sum| (sum.group, sum.counts.requests))
                .collect();
            told.sort();
            told
        };
        let expected = |mut told: Vec<(String, u64)>| {
            told.sort();
            told
        };
        let clients = vec![
            (acme.id.to_string(), 35),
            (other.id.to_string(), 50),
            (String::new(), 4),
        ];
        assert_eq!(
            grouped(UsageGroup::Client).await,
            expected(clients),
            "{unit:?}"
        );
        let keys = [("", 4), ("a", 10), ("b", 20), ("c", 5), ("d", 50)];
        let keys = keys
            .map(|(key, requests)| (key.to_owned(), requests))
            .to_vec();
        assert_eq!(grouped(UsageGroup::Key).await, keys, "{unit:?}");
        let reasons = [("credential_missing", 4), ("quota_exceeded", 4)];
        let reasons = reasons.map(|(reason, requests)| (reason.to_owned(), requests));
        assert_eq!(
            grouped(UsageGroup::Reason).await,
            reasons.to_vec(),
            "{unit:?}"
        );

        let requests = UsageOrder::Requests;
        let most = [
            theirs.id.to_string(),
            production.id.to_string(),
            test.id.to_string(),
            String::new(),
        ];
        assert_eq!(
            top(&books, &all, UsageGroup::Profile, requests).await,
            most,
            "{unit:?}"
        );
        let refused = top(&books, &all, UsageGroup::Client, UsageOrder::Refused).await;
        assert_eq!(
            refused,
            ["", &acme.id.to_string(), &other.id.to_string()],
            "{unit:?}"
        );
        assert!(
            top(&books, &all, UsageGroup::Client, UsageOrder::Failed)
                .await
                .is_empty()
        );
        let of_acme = with(UsageFilter {
            client: Some(acme.id),
            ..none()
        });
        let keys = top(&books, &of_acme, UsageGroup::Key, UsageOrder::Bytes).await;
        assert_eq!(keys, ["b", "a", "c"], "{unit:?}");
        let reasons = top(&books, &of_acme, UsageGroup::Reason, requests).await;
        assert_eq!(reasons, ["quota_exceeded"], "{unit:?}");
    }

    let hours = question(UsageUnit::Hour, NOW_MIN, NOW_MIN + 120);
    let mut snapshot = books.store.read().await.unwrap();
    let only = [acme.id.to_string()];
    let told = snapshot
        .usage(&hours, true, Some(UsageGroup::Client), Some(&only))
        .await
        .unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|sum| (sum.at, sum.counts.requests))
        .collect();
    assert_eq!(told, [(NOW_MIN, 30), (NOW_MIN + 60, 5)]);
    let first = &ask(&books.store, &hours, true, None).await[0].counts;
    assert_eq!(
        (first.permitted, first.bytes_in, first.bytes_out),
        (28, 300, 3_000)
    );
    assert_eq!(first.statuses, [0, 0, 28, 0, 2, 0]);
    assert_eq!((first.latencies[3], first.latencies[16]), (28, 2));
    let ids = [orders.id.to_string()];
    let names = snapshot.usage_names(UsageGroup::Collection, &ids);
    assert_eq!(names.await.unwrap()[&orders.id.to_string()], "acme v1");
}
