//! Gateways: what they said of themselves outlives the process.

use portcullis_feed::{GatewayReport, GatewayTokenId, Position};
use portcullis_store::{Edit, FleetNews, Gateway, Sighting, TokenName};

use crate::books::{Books, NOW_MS, author, open};

fn gateway(number: u32) -> Gateway {
    Gateway {
        report: GatewayReport {
            instance: format!("{number:016x}"),
            at_us: 7,
            name: format!("edge-{number}"),
            version: "0.1.0".into(),
            format: 2,
            applied: Some(Position {
                epoch: "epoch-1".into(),
                revision: u64::from(number),
            }),
            workers: 5,
            feed_keys: vec!["00112233".into()],
        },
        asked_after: Some(9),
        token: TokenName {
            id: GatewayTokenId::from_parts(NOW_MS, 1),
            name: "edge".into(),
        },
        first_contact_ms: NOW_MS,
        last_contact_ms: NOW_MS + 1,
    }
}

fn sighting(number: u32, by: &str) -> Sighting {
    Sighting {
        gateway: gateway(number),
        is_asking: number.is_multiple_of(2),
        by: by.into(),
    }
}

impl Books {
    async fn put(&self, sightings: &[Sighting]) -> u64 {
        let mut edit = self.store.edit(&author(), NOW_MS).await.unwrap();
        let stamp = edit.put_sightings(sightings, NOW_MS).await.unwrap();
        edit.commit().await.unwrap();
        stamp
    }

    async fn forget(&self, instances: &[String], now_ms: u64) -> u64 {
        let mut edit = self.store.edit(&author(), NOW_MS).await.unwrap();
        let stamp = edit.forget_gateways(instances, now_ms).await.unwrap();
        edit.commit().await.unwrap();
        stamp
    }

    /// Times may have moved a little with the clock of the server.
    async fn fleet_since(&self, stamp: u64) -> FleetNews {
        let mut snapshot = self.store.read().await.unwrap();
        let mut news = snapshot.fleet_since(stamp, NOW_MS).await.unwrap();
        for seen in &mut news.seen {
            let gateway = &mut seen.gateway;
            let contacts = [
                (&mut gateway.first_contact_ms, NOW_MS),
                (&mut gateway.last_contact_ms, NOW_MS + 1),
            ];
            for (contact_ms, said_ms) in contacts {
                assert!(contact_ms.abs_diff(said_ms) < 60_000, "{contact_ms}");
                *contact_ms = said_ms;
            }
        }
        news
    }
}

#[tokio::test]
async fn gateways_are_kept_changed_and_forgotten_many_at_a_time() {
    let books = open().await;
    let many = u32::try_from(Edit::MOST_GATEWAYS).unwrap();
    let mut sightings: Vec<_> = (0..many).map(|number| sighting(number, "one")).collect();
    books.put(&sightings).await;
    for sighting in &mut sightings {
        sighting.gateway.report.name = "renamed".into();
        sighting.gateway.report.applied = None;
        sighting.gateway.report.at_us += 1;
        sighting.gateway.asked_after = None;
    }
    books.put(&sightings).await;
    books.put(&[]).await;
    let gone: Vec<_> = sightings
        .drain(..3)
        .map(|gone| gone.gateway.report.instance)
        .collect();
    books.forget(&gone, NOW_MS).await;

    let books = books.reopened().await;

    let news = books.fleet_since(0).await;
    assert_eq!((news.seen, news.gone), (sightings, gone));
}

#[tokio::test]
async fn who_knows_a_stamp_is_told_only_what_is_newer() {
    let books = open().await;
    let first = books.put(&[sighting(1, "one"), sighting(2, "one")]).await;
    let second = books.put(&[sighting(2, "two"), sighting(3, "two")]).await;
    assert!(first < second);
    let told = books.fleet_since(first).await;
    assert_eq!(told.seen, [sighting(2, "two"), sighting(3, "two")]);
    assert_eq!((told.stamp, told.gone), (second, vec![]));

    let instance = gateway(1).report.instance;
    let third = books.forget(std::slice::from_ref(&instance), NOW_MS).await;
    let told = books.fleet_since(second).await;
    assert_eq!((told.stamp, told.seen), (third, vec![]));
    assert_eq!(told.gone, std::slice::from_ref(&instance));

    // It is back.
    let fourth = books.put(&[sighting(1, "two")]).await;
    let told = books.fleet_since(third).await;
    assert_eq!((told.stamp, told.gone), (fourth, vec![]));
    assert_eq!(told.seen, [sighting(1, "two")]);
    assert_eq!(books.fleet_since(fourth).await.seen, []);
}

#[tokio::test]
async fn processes_tell_that_they_live_and_what_they_told_last_counts() {
    let books = open().await;
    let beat = async |name: &str, unidentified, now_ms| {
        books
            .edit(async |edit| edit.beat(name, unidentified, now_ms).await.unwrap())
            .await
    };
    beat("one", 0, NOW_MS).await;
    beat("two", 1, NOW_MS).await;
    beat("two", 3, NOW_MS).await;
    let replicas = books.fleet_since(0).await.replicas;
    let told: Vec<_> = replicas
        .iter()
        .map(|replica| (replica.name.as_str(), replica.unidentified))
        .collect();
    assert_eq!(told, [("one", 0), ("two", 3)]);
    for replica in &replicas {
        assert!(replica.beat_at_ms.abs_diff(NOW_MS) < 60_000);
    }
}

#[tokio::test]
async fn keeping_gateways_is_no_change_for_gateways() {
    let books = open().await;
    books.with_profile("acme").await;
    let head = books.head().await;
    books.put(&[sighting(1, "one")]).await;
    books.forget(&[gateway(1).report.instance], NOW_MS).await;
    assert_eq!(books.head().await, head);
}
