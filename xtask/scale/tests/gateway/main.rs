//! Sentences about gateways without an Envoy, before a control plane that answers as the test says.

mod scripted;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use hyper::Method;
use portcullis_feed::{
    ChangePage, FeedSigningKey, GatewayReport, Position, REPORT_PATH, Revision, SIGNATURE_HEADER,
};
use portcullis_registry::View;
use scale::gateway::Settings;
use scale::{Applying, Fleet, Gateway, Memory, Population, pages};

use scripted::{Asked, Said, Scripted};

const POPULATION: Population = Population {
    seed: 5,
    profiles: 400,
};
const HEAD: Revision = 448;
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers as a control plane that holds the population, in a life of this name.
fn told(asked: &Asked, epoch: &str) -> Said {
    if asked.method == Method::POST {
        return Said {
            status: 204,
            ..Said::default()
        };
    }
    let is_known = asked
        .member("epoch")
        .map_or(asked.after() == 0, |known| known == epoch);
    if !is_known {
        return Said {
            status: 410,
            ..Said::default()
        };
    }
    let page =
        pages::pages(POPULATION, epoch.to_owned(), 100).find(|page| page.after == asked.after());
    match page {
        Some(page) => Said {
            status: 200,
            body: serde_json::to_vec(&page).unwrap_or_default(),
            ..Said::default()
        },
        None => Said {
            status: 204,
            ..Said::default()
        },
    }
}

fn complete(epoch: &str) -> Option<Position> {
    Some(Position {
        epoch: epoch.into(),
        revision: HEAD,
    })
}

fn gateway(control_plane: &Scripted, change: impl FnOnce(&mut Settings)) -> Gateway {
    let mut settings = Settings::of(7, control_plane.address, "a token");
    settings.wait_s = 1;
    change(&mut settings);
    Gateway::new(settings)
}

#[test]
fn a_gateway_takes_everything_into_a_registry_as_envoys_vms_read_it() -> Result<()> {
    let control_plane = Scripted::start(|asked| told(asked, "e"))?;
    let memory = Memory::default();
    let kept = memory.clone();
    let fleet = Fleet::start(vec![gateway(&control_plane, |it| it.memory = Some(kept))])?;

    fleet.wait(PATIENCE, "everything", |status| {
        status.position == complete("e")
    })?;

    let view = View::new(memory, 1_000_000);
    view.refresh();
    assert_eq!(view.state(|state| state.revision), Some(HEAD));
    let status = fleet.status(0)?;
    assert_eq!(
        (status.pages, status.changes, status.failures),
        (5, HEAD, 0),
        "{status:?}"
    );
    Ok(())
}

#[test]
fn what_cannot_be_served_is_asked_again_after_a_pause() -> Result<()> {
    let asked_for = AtomicUsize::new(0);
    let control_plane =
        Scripted::start(
            move |asked| match asked_for.fetch_add(1, Ordering::Relaxed) {
                0 => Said {
                    status: 500,
                    ..Said::default()
                },
                1 => Said {
                    status: 200,
                    body: b"{\"format\":".to_vec(),
                    ..Said::default()
                },
                _ => told(asked, "e"),
            },
        )?;
    let fleet = Fleet::start(vec![gateway(&control_plane, |_| {})])?;
    fleet.wait(PATIENCE, "everything", |status| {
        status.position == complete("e")
    })?;
    assert_eq!(fleet.status(0)?.failures, 2);
    Ok(())
}

#[test]
fn who_is_sent_away_begins_again_and_keeps_what_it_has_meanwhile() -> Result<()> {
    let asked_for = AtomicUsize::new(0);
    // After the first five pages, another database answers.
    let control_plane =
        Scripted::start(
            move |asked| match asked_for.fetch_add(1, Ordering::Relaxed) {
                0..5 => told(asked, "first"),
                _ => told(asked, "second"),
            },
        )?;
    let positions = std::sync::Arc::new(Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&positions);
    let gateway = gateway(&control_plane, |_| {}).witnessed_by(std::sync::Arc::new(
        move |page: &ChangePage, _| {
            if let Ok(mut heard) = heard.lock() {
                heard.push((page.epoch.clone(), page.revision));
            }
        },
    ));
    let fleet = Fleet::start(vec![gateway])?;
    fleet.wait(PATIENCE, "the second database", |status| {
        assert!(
            status
                .position
                .as_ref()
                .is_none_or(|it| it.revision == HEAD)
        );
        status.position == complete("second")
    })?;
    assert_eq!(fleet.status(0)?.restarts, 1);
    let first = ("first".to_owned(), HEAD);
    assert_eq!(
        positions
            .lock()
            .unwrap()
            .iter()
            .filter(|it| **it == first)
            .count(),
        1
    );
    Ok(())
}

#[test]
fn only_answers_with_a_believed_signature_of_this_very_question_are_taken() -> Result<()> {
    let [good, other] = [1, 2].map(|seed| FeedSigningKey::from_seed(&[seed; 32]));
    let believed = good.public();
    let asked_for = AtomicUsize::new(0);
    let control_plane = Scripted::start(move |asked| {
        let mut said = told(asked, "e");
        let nonce = asked.member("nonce").unwrap_or_default();
        let signed = |key: &FeedSigningKey, nonce| {
            FeedSigningKey::sign(std::slice::from_ref(key), said.status, nonce, &said.body)
        };
        let signature = match asked_for.fetch_add(1, Ordering::Relaxed) {
            0 => return said,
            1 => signed(&other, nonce),
            2 => signed(&good, "0123456789abcdef"),
            _ => signed(&good, nonce),
        };
        said.headers.push((SIGNATURE_HEADER, signature));
        said
    })?;
    let fleet = Fleet::start(vec![gateway(&control_plane, |it| {
        it.feed_keys = vec![believed]
    })])?;
    fleet.wait(PATIENCE, "everything", |status| {
        status.position == complete("e")
    })?;
    let status = fleet.status(0)?;
    assert_eq!(
        (status.signature_failures, status.failures),
        (3, 3),
        "{status:?}"
    );
    Ok(())
}

#[test]
fn a_gateway_says_what_its_workers_have_applied_when_they_have() -> Result<()> {
    let reports = std::sync::Arc::new(Mutex::new(Vec::<(String, GatewayReport)>::new()));
    let heard = std::sync::Arc::clone(&reports);
    let control_plane = Scripted::start(move |asked| {
        if let (Some(report), Ok(mut heard)) = (&asked.report, heard.lock()) {
            heard.push((asked.target.clone(), report.clone()));
        }
        told(asked, "e")
    })?;
    let late = gateway(&control_plane, |it| {
        it.applying = Applying::After(Duration::from_millis(50))
    });
    let stuck = gateway(&control_plane, |it| {
        it.instance = 8;
        it.applying = Applying::Never;
    });
    let fleet = Fleet::start(vec![late, stuck])?;
    fleet.wait(PATIENCE, "everything", |status| {
        status.position == complete("e")
    })?;

    let of = |instance: &str| -> Vec<(String, GatewayReport)> {
        let reports = reports.lock().unwrap();
        let is_its = |(_, report): &&(String, GatewayReport)| report.instance == instance;
        reports.iter().filter(is_its).cloned().collect()
    };
    let has_posted = || {
        of("0000000000000007")
            .iter()
            .any(|(target, report)| target == REPORT_PATH && report.applied == complete("e"))
    };
    // Five questions bring all pages: this one is asked by who has everything and has applied none of it.
    let has_asked_again = || of("0000000000000008").len() > 5;
    let begin = Instant::now();
    while !(has_posted() && has_asked_again()) {
        assert!(begin.elapsed() < PATIENCE, "{:?}", reports.lock().unwrap());
        std::thread::sleep(Duration::from_millis(1));
    }
    let of_stuck = of("0000000000000008");
    assert!(of_stuck.iter().all(|(_, report)| report.applied.is_none()));
    assert_eq!(fleet.status(1)?.applied, None);
    Ok(())
}
