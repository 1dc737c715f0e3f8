//! Waiting until the gateways have applied a change. One look over all of them serves all who wait, and looks follow
//! each other at a small distance: a thousand reports for a thousand gateways are a few looks.

use std::pin::pin;
use std::time::Duration;

use portcullis_feed::Revision;
use serde::Serialize;
use tokio::time::{Instant, sleep_until, timeout};
use utoipa::ToSchema;

use super::fleet::GatewayState;
use super::{App, Gateways, Ordering, lock};
use crate::app::time::Moment;

/// How many of those who are waited for an answer names.
const MOST_NAMED: usize = 100;

/// How far apart two looks are at least.
const PAUSE: Duration = Duration::from_millis(5);

/// After which time one looks again though no gateway said anything: some may be lost by then.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Which gateways have applied a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Applied {
    /// The revision of the change.
    #[schema(value_type = u64)]
    pub revision: Revision,
    /// How many gateways are connected or silent.
    pub gateways: usize,
    /// How many of these have applied it.
    pub applied: usize,
    /// How many milliseconds after the change that was so.
    pub after_ms: u64,
    /// Those of them that have not: the first hundred.
    pub waiting_for: Vec<Laggard>,
    /// How many gateways are lost. What these have is not known.
    pub lost: usize,
    /// How many questions are open whose askers do not say who they are. What these have is not known either.
    pub unidentified: usize,
}

/// A gateway that has not applied a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Laggard {
    /// Which one.
    #[schema(example = "9f86d081884c7d65")]
    pub instance: String,
    /// What Envoy calls itself.
    #[schema(example = "edge-1")]
    pub name: String,
    /// What it has applied. Null, when that is nothing of the history of this database.
    #[schema(value_type = Option<u64>)]
    pub revision: Option<Revision>,
    /// When it was heard of last.
    pub last_contact_at: Moment,
}

/// What all gateways have applied that are not lost.
#[derive(Clone, Copy)]
pub(super) struct Lowest {
    /// Absent when one of them has applied nothing, the greatest there is when there are none.
    revision: Option<Revision>,
    /// After which report one looked.
    version: u64,
    at: Instant,
}

impl App {
    /// Waits until all gateways but the lost ones have applied a revision, for so long and until `stopped` at most, and
    /// tells who has.
    pub async fn wait_applied(
        &self,
        revision: Revision,
        longest: Duration,
        stopped: impl Future<Output = ()>,
    ) -> Applied {
        let mut stopped = pin!(stopped);
        let gateways = &self.gateways;
        let began = Instant::now();
        let until = began + longest;
        let mut reported = gateways.reported.subscribe();
        loop {
            let version = *reported.borrow_and_update();
            let lowest = gateways.lowest();
            if lowest.revision.is_some_and(|lowest| lowest >= revision) {
                let applied = gateways.who_applied(revision, began);
                if applied.waiting_for.is_empty() {
                    return applied;
                }
            }
            let woken = async {
                // What was said since the last look is a reason for the next one.
                if lowest.version >= version {
                    let _ = timeout(LONGEST_PAUSE, reported.changed()).await;
                }
                sleep_until(lowest.at + PAUSE).await;
            };
            tokio::select! {
                () = woken => {}
                () = sleep_until(until) => return gateways.who_applied(revision, began),
                () = &mut stopped => return gateways.who_applied(revision, began),
            }
        }
    }
}

impl Gateways {
    /// What everybody has applied, as it was a few milliseconds ago at most.
    fn lowest(&self) -> Lowest {
        let mut known = lock(&self.lowest);
        if let Some(known) = known.as_ref().filter(|known| known.at.elapsed() < PAUSE) {
            return *known;
        }
        let version = *self.reported.borrow();
        let now_ms = self.clock.now_ms();
        let fleet = lock(&self.fleet);
        let expected = fleet
            .after(None)
            .filter(|(_, member)| member.state(now_ms) != GatewayState::Lost);
        let revision = expected
            .map(|(_, member)| member.applied)
            .min()
            .unwrap_or(Some(Revision::MAX));
        *known.insert(Lowest {
            revision,
            version,
            at: Instant::now(),
        })
    }

    fn who_applied(&self, revision: Revision, began: Instant) -> Applied {
        let now_ms = self.clock.now_ms();
        let elsewhere = lock(&self.others).unidentified(now_ms);
        let elsewhere = usize::try_from(elsewhere).unwrap_or(usize::MAX);
        let here = self.unidentified.load(Ordering::Relaxed);
        let fleet = lock(&self.fleet);
        let mut answer = Applied {
            revision,
            gateways: 0,
            applied: 0,
            after_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            waiting_for: Vec::new(),
            lost: 0,
            unidentified: here.saturating_add(elsewhere),
        };
        for (instance, member) in fleet.after(None) {
            if member.state(now_ms) == GatewayState::Lost {
                answer.lost += 1;
                continue;
            }
            answer.gateways += 1;
            if member.applied.is_some_and(|applied| applied >= revision) {
                answer.applied += 1;
            } else if answer.waiting_for.len() < MOST_NAMED {
                answer.waiting_for.push(Laggard {
                    instance: instance.to_string(),
                    name: member.seen.report.name.clone(),
                    revision: member.applied,
                    last_contact_at: Moment::from_ms(member.last_contact_ms(now_ms)),
                });
            }
        }
        answer
    }
}
