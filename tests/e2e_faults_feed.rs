//! A control plane that misbehaves, and a network before it that does: the gate decides by what it knew, and catches up.

use std::time::Duration;

use portcullis_tests::{Conduct, Siege, believing_anyone};
use serde_json::json;
use xtask::stage::within;

const WORKERS: usize = 2;
const SOON: Duration = Duration::from_secs(30);

#[test]
fn answers_of_500_change_nothing_and_delay_what_changes() {
    let siege = Siege::begin(WORKERS).unwrap();
    siege.survive(Conduct::status(500)).unwrap();
}

#[test]
fn answers_of_401_change_nothing_as_long_as_they_last() {
    let siege = Siege::begin(WORKERS).unwrap();
    siege.survive(Conduct::status(401)).unwrap();
}

#[test]
fn garbage_for_an_answer_changes_nothing() {
    let siege = Siege::begin(WORKERS).unwrap();
    siege.survive(Conduct::garbage()).unwrap();
}

#[test]
fn a_page_that_ends_in_the_middle_changes_nothing() {
    let siege = Siege::begin(WORKERS).unwrap();
    siege.survive(Conduct::truncated()).unwrap();
}

#[test]
fn a_connection_that_ends_in_the_middle_of_a_page_changes_nothing() {
    let siege = Siege::begin(WORKERS).unwrap();
    siege.survive(Conduct::CutOff).unwrap();
}

#[test]
fn connections_that_end_without_an_answer_change_nothing() {
    let siege = Siege::begin(WORKERS).unwrap();
    siege.survive(Conduct::HangUp).unwrap();
}

#[test]
fn a_page_that_is_too_large_for_envoy_changes_nothing() {
    let siege = Siege::begin(WORKERS).unwrap();
    siege.survive(Conduct::inflated(40_000_000)).unwrap();
}

#[test]
fn a_page_of_5_megabytes_is_applied_like_any_other_and_disturbs_no_request() {
    // Blanks would not pass for what was signed.
    let siege = Siege::begin_with(WORKERS, believing_anyone).unwrap();
    siege.proxy.conduct(Conduct::inflated(5_000_000));
    siege.switch_off().unwrap();
    siege.recover().unwrap().undisturbed().unwrap();
}

#[test]
fn slow_answers_arrive_late_and_disturb_no_request() {
    let siege = Siege::begin(WORKERS).unwrap();
    siege.proxy.conduct(Conduct::Late(Duration::from_secs(8)));
    siege.switch_off().unwrap();
    siege.ensure_unheard().unwrap();
    siege.recover().unwrap().undisturbed().unwrap();
}

#[test]
fn a_control_plane_that_takes_questions_and_never_answers_is_asked_again() {
    let control_plane = json!({
        "cluster": "portcullis_control_plane", "authority": "portcullis", "wait_s": 1,
    });
    let siege = Siege::begin_with(WORKERS, |bootstrap| {
        portcullis_tests::set(bootstrap, &json!({"control_plane": control_plane}))
    })
    .unwrap();
    siege.proxy.conduct(Conduct::Hold);
    siege.switch_off().unwrap();
    siege.proxy.until_asked(1).unwrap();
    siege.ensure_unheard().unwrap();
    siege.proxy.conduct(Conduct::Pass);
    siege.recover().unwrap().undisturbed().unwrap();
}

#[test]
fn a_control_plane_that_is_out_of_reach_is_found_again() {
    let siege = Siege::begin(WORKERS).unwrap();
    siege.proxy.conduct(Conduct::Away);
    siege.switch_off().unwrap();
    let refused = "cluster.portcullis_control_plane.upstream_cx_connect_fail";
    within(SOON, "connections are refused", || {
        (siege.play.envoy.count(refused).ok()? >= 2).then_some(())
    })
    .unwrap();
    siege.ensure_unheard().unwrap();
    siege.proxy.conduct(Conduct::Pass);
    siege.recover().unwrap().undisturbed().unwrap();
}

#[test]
fn an_envoy_of_many_workers_has_one_question_open_at_a_time() {
    let siege = Siege::begin(8).unwrap();
    let leaders = || {
        let changes = "wasmcustom.portcullis.leadership_changes";
        siege.envoy().count(changes).unwrap()
    };
    let before = leaders();
    // Whatever is still open of a VM that led before is answered with this.
    siege.ensure_heard().unwrap();
    siege.proxy.most_open();
    siege.ensure_heard().unwrap();
    let most_open = siege.proxy.most_open();
    // A VM that a busy machine keeps from its work loses the lead, and leaves its question open.
    let changes = usize::try_from(leaders() - before).unwrap();
    assert!(
        (1..=1 + changes).contains(&most_open),
        "{most_open} questions, {changes} changes"
    );
    siege.watch.end().unwrap().undisturbed().unwrap();
}
