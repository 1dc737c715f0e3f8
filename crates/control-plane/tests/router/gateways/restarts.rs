//! What is known of gateways while the control plane is away, and afterwards.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{instance, report, tending};
use crate::stage::open;

#[tokio::test]
async fn only_a_lost_gateway_can_be_forgotten_and_it_may_come_back() {
    let stage = open().await;
    let path = format!("/api/v1/gateways/{}", instance(1));
    stage.gateway().reports(&report(1, 0)).await.is(204);
    let refused = stage.operator().deletes(&path).await.is(409);
    assert!(refused.text("detail").contains("connected"));
    stage.pass_ms(60_000);
    let refused = stage.operator().deletes(&path).await.is(409);
    assert!(refused.text("detail").contains("silent"));
    stage.app.save_gateways().await.unwrap();
    stage.pass_ms(1);
    stage.operator().deletes(&path).await.is(204);
    stage.operator().gets(&path).await.is(404);

    let stage = stage.reopened().await;
    stage.operator().gets(&path).await.is(404);
    stage.gateway().reports(&report(1, 0)).await.is(204);
    let stage = stage.reopened().await;
    assert_eq!(stage.listed("").await, [1]);
}

#[tokio::test]
async fn gateways_are_known_after_a_restart_and_nobody_is_lost_by_it() {
    let stage = open().await;
    if stage.ground.has_a_clock() {
        // How long nobody was there goes by the clock of the server, which these tests cannot turn.
        return;
    }
    let (_, _, profile) = stage.operator().creates_access("acme").await;
    let head = profile.revision();
    stage.gateway().reports(&report(1, head)).await.is(204);
    stage.pass_ms(90_000);
    stage.gateway().reports(&report(2, head)).await.is(204);
    stage.pass_ms(2_000);
    let before = stage.told_of(2).await;

    // Nobody is there who could hear them.
    stage.app.close().await;
    stage.pass_ms(600_000);
    let stage = stage.killed().await;

    assert_eq!(stage.listed("state=lost").await, [1]);
    let after = stage.told_of(2).await;
    for member in [
        "name",
        "applied",
        "lag",
        "token",
        "first_contact_at",
        "last_contact_at",
    ] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(after["staleness_s"], 602);
    stage.pass_ms(60_000);
    assert_ne!(stage.told_of(2).await["state"], "lost");
    stage.pass_ms(1);
    assert_eq!(stage.told_of(2).await["state"], "lost");
}

#[tokio::test]
async fn what_is_known_of_gateways_is_saved_while_the_control_plane_runs() {
    let mut stage = open().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut pause = Duration::from_millis(20);
    loop {
        stage.gateway().reports(&report(1, 0)).await.is(204);
        let tending = tending(&stage);
        sleep(pause).await;
        tending.abort();
        assert!(tending.await.unwrap_err().is_cancelled());
        stage = stage.killed().await;
        let tokens = stage.operator().gets("/api/v1/gateway-tokens").await;
        let is_used = tokens["items"][0]["last_used_at"] == "2027-01-15T08:00:00Z";
        if is_used && stage.listed("").await == [1] {
            return;
        }
        assert!(Instant::now() < deadline, "{}", tokens.body);
        pause *= 2;
    }
}
