//! Someone stands between a gateway and its control plane, and lies: what is not signed for this very question changes
//! nothing.

use anyhow::{Context as _, Result, ensure};
use portcullis_feed::{CHANGES_PATH, FeedSigningKey};
use portcullis_tests::{Asked, Conduct, Siege, believing_anyone, set, text};
use serde_json::{Value, json};
use xtask::stage::Answer;

const WORKERS: usize = 2;
const ERRORS: &str = "wasmcustom.portcullis.feed.signature_errors";
const RESYNCS: &str = "wasmcustom.portcullis.feed.resyncs";

fn key(seed: u8) -> FeedSigningKey {
    FeedSigningKey::from_seed(&[seed; 32])
}

/// A siege whose answers are signed by `signing`, before a gate that believes `believed`.
fn signed(signing: &[FeedSigningKey], believed: &[FeedSigningKey]) -> Result<Siege> {
    let believed: Vec<String> = believed
        .iter()
        .map(|key| key.public().to_string())
        .collect();
    let control_plane = json!({
        "cluster": "portcullis_control_plane", "authority": "portcullis", "wait_s": 5,
        "feed_keys": believed,
    });
    Siege::begin_before(
        WORKERS,
        |proxy| proxy.sign_with(signing),
        |bootstrap| set(bootstrap, &json!({"control_plane": control_plane})),
    )
}

/// The whole course of a lie: nothing of it is believed, and what was true arrives after it.
fn survive(lie: impl FnOnce(&Siege) -> Result<Conduct>) -> Result<()> {
    let siege = signed(&[key(1)], &[key(1)])?;
    let lie = lie(&siege)?;
    siege.survive_until(lie, |siege| {
        let errors = siege.envoy().count(ERRORS)?;
        ensure!(errors >= 2, "only {errors} signature errors were counted");
        let resyncs = siege.envoy().count(RESYNCS)?;
        ensure!(resyncs == 0, "the gate began anew");
        Ok(())
    })
}

/// Replaces some text in answers, where it stands.
fn replaced(mut answer: Answer, old: &str, new: &str) -> Answer {
    answer.body = answer.text().replace(old, new).into_bytes();
    answer
}

#[test]
fn a_page_that_was_altered_changes_nothing() {
    survive(|_| {
        Ok(Conduct::altered(|_, answer| {
            replaced(answer, r#""enabled":false"#, r#""enabled":true"#)
        }))
    })
    .unwrap();
}

#[test]
fn a_page_whose_revision_was_raised_changes_nothing() {
    survive(|_| {
        Ok(Conduct::altered(|_, mut answer| {
            if let Ok(mut page) = serde_json::from_slice::<Value>(&answer.body) {
                page["revision"] = json!(1_000_000);
                page["head"] = json!(1_000_000);
                answer.body = page.to_string().into_bytes();
            }
            answer
        }))
    })
    .unwrap();
}

#[test]
fn a_page_with_a_wrong_signature_changes_nothing() {
    survive(|_| {
        Ok(Conduct::altered(|asked, answer| {
            // A signature for another body.
            let other = Answer {
                body: b"{}".to_vec(),
                ..answer.clone()
            };
            Answer {
                headers: asked.signed(other, &[key(1)]).headers,
                ..answer
            }
        }))
    })
    .unwrap();
}

#[test]
fn a_page_signed_by_somebody_else_changes_nothing() {
    survive(|_| {
        Ok(Conduct::altered(|asked, answer| {
            asked.signed(answer, &[key(2)])
        }))
    })
    .unwrap();
}

#[test]
fn a_page_without_a_signature_changes_nothing() {
    survive(|_| Ok(Conduct::altered(|asked, answer| asked.signed(answer, &[])))).unwrap();
}

#[test]
fn an_older_answer_that_is_played_again_changes_nothing() {
    survive(|siege| {
        siege.ensure_heard()?;
        let older = latest_page(siege)?;
        ensure!(older.header("portcullis-signature").is_some());
        Ok(Conduct::Instead(older))
    })
    .unwrap();
}

#[test]
fn nobody_else_can_say_that_nothing_has_changed() {
    survive(|_| Ok(Conduct::status(204))).unwrap();
}

#[test]
fn nobody_else_can_have_a_gate_begin_from_nothing() {
    survive(|_| Ok(Conduct::status(410))).unwrap();
}

/// The latest page that the control plane has given.
fn latest_page(siege: &Siege) -> Result<Answer> {
    let asked = siege.proxy.asked_for_changes();
    let answer = asked.iter().rev().find_map(|asked| page_of(asked));
    let answer = answer.with_context(|| format!("no page among the answers of {CHANGES_PATH}"))?;
    Ok(answer.clone())
}

fn page_of(asked: &Asked) -> Option<&Answer> {
    asked.answer.as_ref().filter(|answer| answer.status == 200)
}

#[test]
fn without_signatures_an_older_page_that_is_played_again_changes_nothing_either() {
    let siege = Siege::begin_with(WORKERS, believing_anyone).unwrap();
    siege.ensure_heard().unwrap();
    let older = latest_page(&siege).unwrap();
    siege.survive(Conduct::Instead(older)).unwrap();
}

#[test]
fn the_key_of_the_feed_can_be_changed_under_traffic() {
    // The gate is told of the new key first, then the control plane signs with both, then with the new one alone.
    let siege = signed(&[key(1)], &[key(1), key(2)]).unwrap();
    for signing in [vec![key(1), key(2)], vec![key(2)]] {
        siege.proxy.sign_with(&signing);
        siege.ensure_heard().unwrap();
    }
    assert_eq!(siege.envoy().count(ERRORS).unwrap(), 0);
    siege.watch.end().unwrap().undisturbed().unwrap();
}

#[test]
fn a_gate_that_has_not_heard_of_the_new_key_yet_goes_on_as_long_as_the_old_one_signs_too() {
    let siege = signed(&[key(1)], &[key(1)]).unwrap();
    siege.proxy.sign_with(&[key(2), key(1)]);
    siege.ensure_heard().unwrap();
    assert_eq!(siege.envoy().count(ERRORS).unwrap(), 0);
    siege.watch.end().unwrap().undisturbed().unwrap();
}

#[test]
fn what_the_control_plane_itself_signs_is_believed_and_so_is_its_next_key() {
    let public = |key: &Value| text(key, "public_key").map(str::to_owned);
    let siege = Siege::begin_by(WORKERS, |operator, bootstrap| {
        let first = operator.call("GET", "/feed-keys", &json!(null))?.body;
        let next = operator.call("POST", "/feed-keys", &json!({}))?.body;
        // Signed with both, and read by who believes only the next one.
        ensure!(first.to_string().contains("public_key"), "{first}");
        let control_plane = json!({
            "cluster": "portcullis_control_plane", "authority": "portcullis",
            "feed_keys": [public(&next)?],
        });
        set(bootstrap, &json!({"control_plane": control_plane}))
    })
    .unwrap();
    siege.ensure_heard().unwrap();
    let keys = siege
        .operator()
        .call("GET", "/feed-keys", &json!(null))
        .unwrap();
    assert_eq!(siege.envoy().count(ERRORS).unwrap(), 0, "{}", keys.body);
    siege.watch.end().unwrap().undisturbed().unwrap();
}
