//! Gateways: what they said of themselves outlives the process.

use portcullis_feed::{GatewayReport, GatewayTokenId, Position};
use portcullis_store::{Edit, Gateway, TokenName};

use crate::books::{NOW_MS, open};

fn gateway(number: u32) -> Gateway {
    Gateway {
        report: GatewayReport {
            instance: format!("{number:016x}"),
            at_us: 0,
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

#[tokio::test]
async fn gateways_are_kept_changed_and_forgotten_many_at_a_time() {
    let books = open().await;
    let many = u32::try_from(Edit::MOST_GATEWAYS).unwrap();
    let mut gateways: Vec<_> = (0..many).map(gateway).collect();
    let keep = async |gateways: &[Gateway]| {
        books
            .edit(async |edit| edit.put_gateways(gateways).await.unwrap())
            .await
    };
    keep(&gateways).await;
    for gateway in &mut gateways {
        gateway.report.name = "renamed".into();
        gateway.report.applied = None;
        gateway.asked_after = None;
        gateway.last_contact_ms += 1;
    }
    keep(&gateways).await;
    keep(&[]).await;
    let gone: Vec<_> = gateways
        .drain(..3)
        .map(|gone| gone.report.instance)
        .collect();
    books
        .edit(async |edit| edit.delete_gateways(&gone).await.unwrap())
        .await;

    let books = books.reopened().await;

    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.gateways().await.unwrap(), gateways);
}

#[tokio::test]
async fn keeping_gateways_is_no_change_for_gateways() {
    let books = open().await;
    books.with_profile("acme").await;
    let head = books.head().await;
    let told = books
        .edit(async |edit| edit.put_gateways(&[gateway(1)]).await.unwrap())
        .await;
    assert_eq!((told, books.head().await), (head, head));
}
