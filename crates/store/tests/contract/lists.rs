//! Lists: every window is what the whole list, sorted and cut in memory, would be. And what is kept besides records:
//! logos and answers.

use std::cmp::Ordering;

use portcullis_feed::{Digest, RefusalSample, UsageBatch, UsageRow};
use portcullis_store::{
    ApiKey, AttentionKey, Bound, Cascade, Client, ClientFilter, ClientKey, Direction, KeptAnswer,
    Logo, LogoKind, SortKey as _, Window,
};

use crate::books::{Books, NOW_MS, author, client, collection, key, open, policy, profile};
use crate::usage::FOR_EVER;

const NAMES: [&str; 9] = ["b", "B", "a%c", "a_c", "Éa", "éA", "z\\z", "ab", "日本"];

async fn written(books: &Books) -> Vec<Client> {
    let mut clients = Vec::new();
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    for number in 0_u64..60 {
        let place = usize::try_from(number).unwrap();
        let mut one = client(NAMES[place % NAMES.len()]);
        one.enabled = number % 4 != 0;
        one.updated_at_ms = NOW_MS + number * 7 % 5;
        edit.put_client(&one).await.unwrap();
        clients.push(one);
    }
    edit.commit().await.unwrap();
    clients
}

fn compare(order: &[(ClientKey, Direction)], one: &Client, other: &Client) -> Ordering {
    let value = |key: ClientKey, client: &Client| match key.bound(client) {
        Bound::Number(number) => (number, String::new()),
        Bound::Text(text) => (0, text),
    };
    let mut way = Direction::Ascending;
    for (key, direction) in order {
        way = *direction;
        let by = value(*key, one).cmp(&value(*key, other));
        let by = match direction {
            Direction::Ascending => by,
            Direction::Descending => by.reverse(),
        };
        if by != Ordering::Equal {
            return by;
        }
    }
    let by = one.id.to_string().cmp(&other.id.to_string());
    if way == Direction::Ascending {
        by
    } else {
        by.reverse()
    }
}

#[tokio::test]
async fn every_window_is_a_part_of_the_sorted_list() {
    use ClientKey::{CreatedAt, Name, UpdatedAt};
    use Direction::{Ascending, Descending};
    let books = open().await;
    let clients = written(&books).await;
    for order in [
        vec![],
        vec![(Name, Ascending)],
        vec![(Name, Descending)],
        vec![(UpdatedAt, Descending), (Name, Ascending)],
        vec![
            (Name, Ascending),
            (UpdatedAt, Descending),
            (CreatedAt, Ascending),
        ],
        vec![(UpdatedAt, Ascending), (CreatedAt, Descending)],
    ] {
        for filter in [
            ClientFilter::default(),
            ClientFilter {
                enabled: Some(false),
                ..ClientFilter::default()
            },
            ClientFilter {
                name: Some("É".to_owned()),
                ..ClientFilter::default()
            },
            ClientFilter {
                name: Some("%".to_owned()),
                ..ClientFilter::default()
            },
            ClientFilter {
                name: Some("\\".to_owned()),
                ..ClientFilter::default()
            },
        ] {
            let fits = |client: &&Client| {
                let name = client.name.to_lowercase();
                let part = filter.name.as_deref().map(str::to_lowercase);
                filter
                    .enabled
                    .is_none_or(|enabled| client.enabled == enabled)
                    && part.is_none_or(|part| name.contains(&part))
            };
            let mut expected: Vec<_> = clients.iter().filter(fits).cloned().collect();
            expected.sort_by(|one, other| compare(&order, one, other));
            let mut found = Vec::new();
            let mut window = Window {
                order: order.clone(),
                after: None,
                limit: 7,
            };
            loop {
                let mut snapshot = books.store.read().await.unwrap();
                let page = snapshot.find_clients(&filter, &window).await.unwrap();
                let Some(last) = page.last() else {
                    break;
                };
                window.after = Some(window.bounds(last));
                found.extend(page);
            }
            assert_eq!(found, expected, "{order:?} {filter:?}");
        }
    }
}

#[tokio::test]
async fn clients_are_found_by_their_keys_and_by_their_addresses() {
    let books = open().await;
    let (acme, other) = (client("acme"), client("other"));
    let (mut first, second) = (profile(&acme, &[]), profile(&acme, &[]));
    first.addresses.allow = vec!["10.2.0.0/16".to_owned(), "192.0.2.1".to_owned()];
    first.addresses.deny = vec!["10.2.9.%".to_owned()];
    let foreign = profile(&other, &[]);
    let key = key(&first);
    books
        .edit(async |edit| {
            for one in [&acme, &other] {
                edit.put_client(one).await.unwrap();
            }
            for one in [&first, &second, &foreign] {
                edit.put_profile(one).await.unwrap();
            }
            edit.insert_key(&key).await.unwrap();
        })
        .await;
    let refused = RefusalSample {
        at_ms: NOW_MS,
        address: Some("198.51.100.7".to_owned()),
        profile: Some(foreign.id),
        ..RefusalSample::default()
    };
    let batch = UsageBatch {
        instance: format!("{:016x}", 1),
        number: 1,
        refusals: vec![refused],
        ..UsageBatch::default()
    };
    books.store.count_usage(&[batch], NOW_MS).await.unwrap();

    let mut snapshot = books.store.read().await.unwrap();
    let counts = snapshot.profile_counts(&[acme.id, other.id]).await.unwrap();
    assert_eq!((counts[&acme.id], counts[&other.id]), (2, 1));
    let window = Window {
        order: vec![(ClientKey::Name, Direction::Ascending)],
        after: None,
        limit: 10,
    };
    let by_key = |id: &str| ClientFilter {
        key_id: Some(id.to_owned()),
        ..ClientFilter::default()
    };
    let by_address = |address: &str| ClientFilter {
        address: Some(address.to_owned()),
        ..ClientFilter::default()
    };
    for (filter, expected) in [
        (by_key(&key.id), vec![&acme]),
        (by_key("nobody"), vec![]),
        (by_address("10.2.0.0/16"), vec![&acme]),
        (by_address("10.2."), vec![&acme]),
        (by_address("2.0.0/16"), vec![]),
        (by_address("10.2.9.%"), vec![&acme]),
        (by_address("10.%.0"), vec![]),
        (by_address("198.51.100.7"), vec![&other]),
        (by_address("198.51.100"), vec![]),
    ] {
        let found = snapshot.find_clients(&filter, &window).await.unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn what_a_cascade_does_is_foreseen() {
    let books = open().await;
    let acme = client("acme");
    let (sole, shared, unused) = (
        collection("sole"),
        collection("shared"),
        collection("unused"),
    );
    let policy = policy(5);
    let mut profiles = [
        profile(&acme, &[&sole]),
        profile(&acme, &[&sole, &shared]),
        profile(&acme, &[&shared]),
    ];
    profiles[1].policy_id = Some(policy.id);
    let keys = [key(&profiles[0]), key(&profiles[0]), key(&profiles[1])];
    let mut revoked = key(&profiles[0]);
    revoked.revoked_at_ms = Some(NOW_MS);
    books
        .edit(async |edit| {
            edit.put_client(&acme).await.unwrap();
            edit.put_policy(&policy).await.unwrap();
            for one in [&sole, &shared, &unused] {
                edit.put_collection(one).await.unwrap();
            }
            for one in &profiles {
                edit.put_profile(one).await.unwrap();
            }
            for one in keys.iter().chain([&revoked]) {
                edit.insert_key(one).await.unwrap();
            }
        })
        .await;

    let mut snapshot = books.store.read().await.unwrap();
    let ids = [sole.id, shared.id, unused.id];
    let counts = snapshot.granting_counts(&ids).await.unwrap();
    assert_eq!((counts[&sole.id], counts[&shared.id]), (2, 2));
    assert!(!counts.contains_key(&unused.id));
    let counts = snapshot.limited_counts(&[policy.id]).await.unwrap();
    assert_eq!(counts[&policy.id], 1);
    let foreseen = snapshot.foresee_taking_out(sole.id).await.unwrap();
    let none = snapshot.foresee_taking_out(unused.id).await.unwrap();
    assert_eq!(none, Cascade::default());
    drop(snapshot);
    let expected = Cascade {
        changed_profiles: 1,
        removed_profiles: 1,
        removed_keys: 2,
    };
    assert_eq!(foreseen, expected);
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    let done = edit.take_out_collection(sole.id, NOW_MS).await.unwrap();
    assert_eq!(done, foreseen);
}

#[tokio::test]
async fn keys_are_told_that_end_soon_or_that_nobody_uses() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
    let books = open().await;
    let acme = client("acme");
    let owner = profile(&acme, &[]);
    let ends = |days: Option<u64>| ApiKey {
        expires_at_ms: days.map(|days| NOW_MS + days * DAY_MS),
        ..key(&owner)
    };
    let (soon, sooner, late, never) = (ends(Some(5)), ends(Some(2)), ends(Some(50)), ends(None));
    let (mut revoked, mut replaced) = (ends(Some(3)), ends(Some(3)));
    revoked.revoked_at_ms = Some(NOW_MS);
    replaced.deprecated_at_ms = Some(NOW_MS);
    books
        .edit(async |edit| {
            edit.put_client(&acme).await.unwrap();
            edit.put_profile(&owner).await.unwrap();
            for one in [&soon, &sooner, &late, &never, &revoked, &replaced] {
                edit.insert_key(one).await.unwrap();
            }
        })
        .await;
    let used = UsageRow {
        minute: NOW_MS / 60_000,
        profile: Some(owner.id),
        key_id: Some(never.id.clone()),
        requests: 1,
        ..UsageRow::default()
    };
    let batch = UsageBatch {
        instance: format!("{:016x}", 1),
        number: 1,
        rows: vec![used],
        ..UsageBatch::default()
    };
    books.store.count_usage(&[batch], NOW_MS).await.unwrap();
    while books.store.roll_up_usage(&FOR_EVER).await.unwrap() {}

    let mut snapshot = books.store.read().await.unwrap();
    let ids = |found: Vec<AttentionKey>| found.into_iter().map(|key| key.id).collect::<Vec<_>>();
    let ending = snapshot
        .keys_ending(NOW_MS, NOW_MS + 14 * DAY_MS, 10)
        .await
        .unwrap();
    assert_eq!(
        (ending[0].client.as_str(), ending[0].profile_id),
        ("acme", owner.id)
    );
    assert_eq!(ids(ending), [sooner.id.clone(), soon.id.clone()]);
    let first = snapshot
        .keys_ending(NOW_MS, NOW_MS + 14 * DAY_MS, 1)
        .await
        .unwrap();
    assert_eq!(ids(first), std::slice::from_ref(&sooner.id));
    let unused = snapshot
        .keys_unused(NOW_MS + 60_000, NOW_MS + 10 * DAY_MS, None, 10)
        .await
        .unwrap();
    assert_eq!(ids(unused), [late.id.clone(), never.id.clone()]);
    for (among, found) in [
        (
            vec![never.id.clone(), revoked.id.clone()],
            vec![never.id.clone()],
        ),
        (Vec::new(), Vec::new()),
    ] {
        let (since_ms, at_ms) = (NOW_MS + 60_000, NOW_MS + 10 * DAY_MS);
        let unused = snapshot.keys_unused(since_ms, at_ms, Some(&among), 10);
        assert_eq!(ids(unused.await.unwrap()), found);
    }
    let unused = snapshot
        .keys_unused(NOW_MS, NOW_MS, None, 10)
        .await
        .unwrap();
    assert_eq!(ids(unused), Vec::<String>::new());
    let since = NOW_MS / 60_000 * 60_000;
    let unused = snapshot.keys_unused(since, since, None, 10).await.unwrap();
    assert_eq!(ids(unused), Vec::<String>::new());
}

#[tokio::test]
async fn a_logo_comes_back_byte_by_byte_and_goes_with_its_client() {
    let books = open().await;
    let mut acme = client("acme");
    acme.logo = Some(Digest([3; 32]));
    let logo = Logo {
        kind: LogoKind::Png,
        content: (0..=255).collect(),
    };
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    edit.put_client(&acme).await.unwrap();
    edit.put_logo(acme.id, &logo).await.unwrap();
    edit.commit().await.unwrap();

    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.logo(acme.id).await.unwrap(), Some(logo));
    assert_eq!(snapshot.client(acme.id).await.unwrap(), Some(acme.clone()));
    drop(snapshot);
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    edit.delete_client(acme.id, NOW_MS).await.unwrap();
    edit.commit().await.unwrap();
    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.logo(acme.id).await.unwrap(), None);
}

#[tokio::test]
async fn an_answer_is_kept_for_its_author_and_its_time() {
    let books = open().await;
    let answer = KeptAnswer {
        request: Digest([1; 32]),
        text: "\"created\"".to_owned(),
        until_ms: NOW_MS + 10,
    };
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    edit.keep_answer("ann", "k", &answer).await.unwrap();
    edit.commit().await.unwrap();

    let mut snapshot = books.store.read().await.unwrap();
    let found = snapshot.kept_answer("ann", "k", NOW_MS + 9).await.unwrap();
    assert!(found == Some(answer.clone()));
    for (author, key, now_ms) in [
        ("bob", "k", NOW_MS),
        ("ann", "l", NOW_MS),
        ("ann", "k", NOW_MS + 10),
    ] {
        let found = snapshot.kept_answer(author, key, now_ms).await.unwrap();
        assert!(found.is_none(), "{author} {key} {now_ms}");
    }
    drop(snapshot);
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    assert_eq!(edit.forget_answers(NOW_MS + 9).await.unwrap(), 0);
    assert_eq!(edit.forget_answers(NOW_MS + 10).await.unwrap(), 1);
}
