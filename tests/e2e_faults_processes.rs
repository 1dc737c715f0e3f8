//! Processes and VMs that fall while requests come in: the control plane, Envoy, the VM of a worker.

use std::path::Path;

use anyhow::Result;
use portcullis_tests::{Asked, Conduct, Siege, text, until_answered};
use serde_json::json;
use xtask::stage::{Parts, address_to_return_to};

const WORKERS: usize = 2;
/// Where the VM of the filter stands in a bootstrap.
const VM: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/vm_config";
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
                .stranger(&format!("Another {number}"), &json!({}))?;
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
fn a_gateway_whose_token_was_withdrawn_keeps_what_it_knows_and_learns_nothing_new() {
    let mut id = String::new();
    let siege = Siege::begin_by(WORKERS, |operator, bootstrap| {
        let made = operator.call("POST", "/gateway-tokens", &json!({"name": "Edge"}))?;
        text(&made.body, "id")?.clone_into(&mut id);
        Ok(bootstrap.started_where("PORTCULLIS_GATEWAY_TOKEN", text(&made.body, "token")?))
    })
    .unwrap();
    siege.ensure_heard().unwrap();
    let path = format!("/gateway-tokens/{id}");
    let withdrawn = siege
        .operator()
        .call("DELETE", &path, &json!(null))
        .unwrap();
    assert_eq!(withdrawn.status, 204, "{}", withdrawn.body);

    siege.switch_off().unwrap();
    siege.proxy.until_asked(MEETINGS).unwrap();
    siege.ensure_unheard().unwrap();
    let asked = siege.proxy.asked_for_changes();
    let refused = |asked: &&Asked| asked.answer.as_ref().is_some_and(|it| it.status == 401);
    assert!(asked.iter().filter(refused).count() >= MEETINGS - 1);
    siege.watch.end().unwrap().undisturbed().unwrap();
}

/// A siege before the filter with doors, which a test can bring down.
fn siege_with_doors(trap_after_writes: Option<u32>) -> Result<Siege> {
    let doors = Parts::from_environment()?.filter_with_doors();
    Siege::begin_with(WORKERS, |bootstrap| {
        let bootstrap = bootstrap.module("portcullis.wasm", &doors)?;
        bootstrap.at(VM, |vm| {
            if let Some(writes) = trap_after_writes {
                vm["environment_variables"]["key_values"] =
                    json!({"PORTCULLIS_TRAP_AFTER_WRITES": writes.to_string()});
            }
        })
    })
}

/// Brings the VM of every worker down, by requests that have no answer or Envoy's.
fn bring_down_workers(siege: &Siege) -> Result<()> {
    for caller in &mut siege.envoy().callers_on_every_worker()? {
        let request = caller.get("/orders/1").key(siege.kept.member.key());
        request.header("x-portcullis-trap", "1").send().ok();
    }
    Ok(())
}

#[test]
fn vms_of_workers_that_are_brought_down_again_and_again_miss_no_change() {
    let siege = siege_with_doors(None).unwrap();
    for _ in 0..3 {
        bring_down_workers(&siege).unwrap();
        siege.switch_off().unwrap();
        siege.catch_up().unwrap();
    }
    let verdict = siege.watch.end().unwrap();
    assert!(verdict.without_vm > 0, "{verdict:?}");
    assert_eq!(verdict.unanswered, 0, "{verdict:?}");
}

#[test]
fn a_leader_that_falls_in_the_middle_of_a_page_is_followed_by_another_that_ends_it() {
    const PROFILES: u32 = 60;
    // More writes than it takes to create them all, and less than it takes to change them all as well.
    let siege = siege_with_doors(Some(PROFILES + PROFILES / 2)).unwrap();
    let operator = siege.operator();
    let mut last_key = String::new();
    for number in 0..PROFILES {
        let (client, orders) = (&siege.turning.member.client, &siege.play.orders);
        let name = format!("Further {number}");
        let profile = operator.create_profile(client, &name, &[orders]).unwrap();
        last_key = profile.api_key;
    }
    for caller in &mut siege.envoy().callers_on_every_worker().unwrap() {
        until_answered(caller, &last_key, "permitted").unwrap();
    }
    let last = siege.watch.follow(&last_key, "permitted");
    let has_fallen = || siege.envoy().log().contains("a test asked for this after");
    assert!(!has_fallen(), "it fell before the page");

    // All profiles of the client are changed by one page.
    last.may_turn("client_disabled");
    siege.switch_off().unwrap();
    last.until_turned(siege.envoy()).unwrap();
    assert!(has_fallen(), "it did not fall");
    last.may_turn("permitted");
    siege.catch_up().unwrap();
    last.until_turned(siege.envoy()).unwrap();

    // The VM on Envoy's main thread, which led, is not made anew. One that a worker has leads now, and falls too.
    bring_down_workers(&siege).unwrap();
    last.may_turn("client_disabled");
    siege.switch_off().unwrap();
    last.until_turned(siege.envoy()).unwrap();
    last.may_turn("permitted");
    siege.catch_up().unwrap();
    last.until_turned(siege.envoy()).unwrap();
    assert_eq!(siege.watch.end().unwrap().unanswered, 0);
}
