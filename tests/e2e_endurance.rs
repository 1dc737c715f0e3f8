//! Records come and go by the hundred, and a gateway is left with what there was in the beginning.

use std::time::Duration;

use anyhow::{Result, ensure};
use portcullis_tests::{Play, until_answered};
use serde_json::Value;
use xtask::stage::within;

const SOON: Duration = Duration::from_secs(20);
const ROUNDS: u64 = 4;
const CLIENTS: u64 = 40;
/// An empty page keeps its header.
const HEADER_BYTES: u64 = 16;

/// How many profiles, credentials and bytes the gateway has.
fn held(play: &Play) -> Result<(u64, u64, u64)> {
    let count = |name: &str| {
        let envoy = &play.envoy;
        envoy.count(&format!("wasmcustom.portcullis.registry.{name}"))
    };
    Ok((count("profiles")?, count("credentials")?, count("bytes")?))
}

/// Clients come, each with a profile whose key is replaced twice, and go.
fn come_and_go(play: &Play) -> Result<()> {
    let operator = play.operator();
    let mut members = vec![];
    for number in 0..CLIENTS {
        let member = play.stranger(&format!("client {number}"), &Value::Null)?;
        for _ in 0..2 {
            operator.refresh_key(&member.profile.id)?;
        }
        members.push(member);
    }
    let last = members.len().saturating_sub(1);
    for (number, member) in members.iter().enumerate() {
        let wait = if number == last {
            "?wait=applied&timeout=30"
        } else {
            ""
        };
        let path = format!("/clients/{}{wait}", member.client);
        let reply = operator.call("DELETE", &path, &Value::Null)?;
        ensure!(reply.status == 200, "{}", reply.body);
    }
    Ok(())
}

#[test]
fn what_came_and_went_leaves_nothing_behind() {
    let play = Play::begin(2).unwrap();
    let member = play.member("Acme").unwrap();
    let first = within(SOON, "the gateway says what it has", || {
        held(&play).ok().filter(|(profiles, ..)| *profiles == 1)
    });
    let ((_, credentials, bytes), _) = first.unwrap();
    assert_eq!(credentials, 1);
    for round in 1..=ROUNDS {
        come_and_go(&play).unwrap();
        // Each client had a page for its profile and three for its keys.
        let most = bytes + round * CLIENTS * 4 * HEADER_BYTES;
        let settled = within(SOON, "only what was there is left", || {
            let (profiles, credentials, bytes) = held(&play).ok()?;
            ((profiles, credentials) == (1, 1) && bytes <= most).then_some(())
        });
        settled.unwrap_or_else(|error| panic!("{error}: {:?} of {most}", held(&play)));
    }
    until_answered(&mut play.caller().unwrap(), member.key(), "permitted").unwrap();
}
