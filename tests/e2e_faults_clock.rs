//! Clocks that jump by an hour while requests come in. What expires goes by the wall clock, and nothing else does.

use anyhow::{Result, ensure};
use portcullis_tests::{Siege, seconds_from_now};
use serde_json::json;
use xtask::stage::Clock;

const WORKERS: usize = 2;
const HOUR_S: i64 = 3_600;

/// One after the other: from the right time ahead, back behind it, and to it again.
const JUMPS_S: [i64; 4] = [HOUR_S, 0, -HOUR_S, 0];

#[test]
fn a_gateway_whose_clock_jumps_hears_of_every_change_and_forgets_nothing() {
    let clock = Clock::start().unwrap();
    let siege = Siege::begin_with(WORKERS, |bootstrap| {
        let environment = clock.environment()?;
        Ok(environment
            .iter()
            .fold(bootstrap, |bootstrap, (name, value)| {
                bootstrap.started_where(name, value)
            }))
    })
    .unwrap();
    // By which it shows that the clock has jumped: it is good for another half hour.
    let soon = jiff::Timestamp::from_second(seconds_from_now(HOUR_S / 2)).unwrap();
    let brief = siege
        .play
        .member_with("Brief", &json!({"expires_at": soon.to_string()}))
        .unwrap();
    let brief = siege.watch.follow(brief.key(), "permitted");
    brief.may_turn("permitted");
    brief.until_turned(siege.envoy()).unwrap();
    for jump_s in JUMPS_S {
        brief.may_turn(if jump_s > 0 {
            "credential_expired"
        } else {
            "permitted"
        });
        clock.jump(jump_s).unwrap();
        brief.until_turned(siege.envoy()).unwrap();
        siege.ensure_heard().unwrap();
    }
    siege.watch.end().unwrap().undisturbed().unwrap();
}

#[test]
fn a_control_plane_whose_clock_jumps_is_followed_as_before() {
    let clock = Clock::start().unwrap();
    let siege = Siege::begin_where(WORKERS, &clock.environment().unwrap()).unwrap();
    for jump_s in JUMPS_S {
        clock.jump(jump_s).unwrap();
        ensure_off_by(&siege, jump_s).unwrap();
        siege.ensure_heard().unwrap();
    }
    siege.watch.end().unwrap().undisturbed().unwrap();
}

/// The control plane goes by a clock that is off by so many seconds.
fn ensure_off_by(siege: &Siege, ahead_s: i64) -> Result<()> {
    let client = siege.operator().create_client("Of this hour")?;
    let reply = siege
        .operator()
        .call("GET", &format!("/clients/{client}"), &json!(null))?;
    let created: jiff::Timestamp = portcullis_tests::text(&reply.body, "created_at")?.parse()?;
    let off_s = created.as_second() - jiff::Timestamp::now().as_second();
    ensure!((off_s - ahead_s).abs() < 60, "it is off by {off_s} seconds");
    Ok(())
}
