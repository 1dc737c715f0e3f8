//! Processes and VMs that fall while requests come in: the control plane, Envoy, the VM of a worker.

use std::path::Path;

use anyhow::Result;
use portcullis_tests::{Conduct, Siege};
use xtask::stage::{Parts, address_to_return_to};

const WORKERS: usize = 2;
/// How often the gateway asks in vain before something counts as away.
const MEETINGS: usize = 3;

#[test]
fn what_a_control_plane_answered_before_it_was_killed_arrives_when_it_is_back() {
    let mut siege = Siege::begin(WORKERS).unwrap();
    for _ in 0..3 {
        siege.switch_off().unwrap();
        siege.play.control_plane.kill();
        siege.proxy.until_asked(MEETINGS).unwrap();
        siege.play.control_plane.restart().unwrap();
        siege.catch_up().unwrap();
    }
    siege.watch.end().unwrap().undisturbed().unwrap();
}

#[test]
fn a_control_plane_that_was_restored_from_a_backup_is_followed_back() {
    restore(false).unwrap();
}

#[test]
fn a_restored_control_plane_is_recognised_though_its_revisions_have_overtaken_the_gateway() {
    restore(true).unwrap();
}

/// Puts the database back to an older copy. What came after the copy is undone everywhere, and what comes after that is
/// obeyed.
fn restore(overtakes: bool) -> Result<()> {
    let mut siege = Siege::begin(WORKERS)?;
    let backup = tempfile::tempdir()?;
    siege.play.control_plane.stop();
    copy(siege.play.control_plane.data(), backup.path())?;
    siege.play.control_plane.restart()?;

    let late = siege.play.member("Late")?;
    let late_ward = siege.watch.follow(late.key(), "permitted");
    late_ward.may_turn("permitted");
    late_ward.until_turned(siege.envoy())?;
    siege.switch_off()?;
    siege.turning.ward.until_turned(siege.envoy())?;

    siege.proxy.conduct(Conduct::Away);
    siege.play.control_plane.stop();
    std::fs::remove_dir_all(siege.play.control_plane.data())?;
    copy(backup.path(), siege.play.control_plane.data())?;
    siege.turning.ward.may_turn("permitted");
    late_ward.may_turn("credential_invalid");
    siege.play.control_plane.restart()?;
    if overtakes {
        for number in 0..20 {
            siege.operator().create_client(&format!("Other {number}"))?;
            siege
                .play
                .stranger(&format!("Another {number}"), &serde_json::json!({}))?;
        }
    }
    siege.proxy.conduct(Conduct::Pass);

    siege.turning.ward.until_turned(siege.envoy())?;
    late_ward.until_turned(siege.envoy())?;
    siege.ensure_heard()?;
    siege.watch.end()?.undisturbed()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for file in std::fs::read_dir(from)? {
        let file = file?;
        std::fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

#[test]
fn an_envoy_that_is_restarted_lets_nobody_in_until_it_knows_its_clients() {
    let address = address_to_return_to().unwrap();
    let mut siege =
        Siege::begin_with(WORKERS, |bootstrap| bootstrap.listener("gateway", address)).unwrap();
    let wards = [&siege.kept, &siege.revoked, &siege.turning].map(|guarded| guarded.ward.clone());
    for ward in &wards {
        ward.may_turn("not_ready");
    }
    siege.proxy.conduct(Conduct::status(500));
    siege.play.envoy.restart().unwrap();
    for ward in &wards {
        ward.until_turned(siege.envoy()).unwrap();
    }

    siege.kept.ward.may_turn("permitted");
    siege.revoked.ward.may_turn("credential_revoked");
    siege.switch_off().unwrap();
    siege.proxy.conduct(Conduct::Pass);
    for ward in &wards {
        ward.until_turned(siege.envoy()).unwrap();
    }
    siege.catch_up().unwrap();
    let verdict = siege.watch.end().unwrap();
    assert_eq!(verdict.without_vm, 0, "{verdict:?}");
    assert!(verdict.unanswered > 0, "{verdict:?}");
}

#[test]
fn vms_of_workers_that_are_brought_down_again_and_again_miss_no_change() {
    let doors = Parts::from_environment().unwrap().filter_with_doors();
    let siege = Siege::begin_with(WORKERS, |bootstrap| {
        bootstrap.module("portcullis.wasm", &doors)
    })
    .unwrap();
    for _ in 0..3 {
        for caller in &mut siege.envoy().callers_on_every_worker().unwrap() {
            let request = caller.get("/orders/1").key(siege.kept.member.key());
            // It has no answer, or Envoy's.
            request.header("x-portcullis-trap", "1").send().ok();
        }
        siege.switch_off().unwrap();
        siege.catch_up().unwrap();
    }
    let verdict = siege.watch.end().unwrap();
    assert!(verdict.without_vm > 0, "{verdict:?}");
    assert_eq!(verdict.unanswered, 0, "{verdict:?}");
}
