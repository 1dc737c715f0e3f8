//! The gateways: what each is and has, by its own words, and which of them have applied a change.

mod applied;
mod believers;
mod commits;
mod fleet;
mod others;
mod report;
mod saving;
mod standing;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_feed::{GatewayReport, GatewayTokenId, Revision};
use portcullis_store::{Author, Gateway, Share, Store, TokenName};
use tokio::sync::watch;

use super::page::Page;
use super::{App, Clock, Refusal};
use commits::Commits;
use fleet::{Fleet, Member, Word};
use others::{Learned, Others};
use report::Said;

pub use applied::{Applied, Laggard};
pub use believers::{Believers, GatewayName};
pub use fleet::{GatewayState, InvalidState};
pub use report::{Instance, InvalidInstance, InvalidReport};
pub use standing::Standing;

/// What is known of the gateways.
pub(super) struct Gateways {
    store: Store,
    clock: Clock,
    fleet: Mutex<Fleet>,
    /// The other processes over the same records. Locked before the fleet, where both are.
    others: Mutex<Others>,
    /// Held from before what others have saved is read until memory says it.
    learned: tokio::sync::Mutex<Learned>,
    commits: Mutex<Commits>,
    /// Rises whenever a gateway has applied something else than before, wherever it said so.
    reported: watch::Sender<u64>,
    /// Rises whenever other processes have to hear soon of what a gateway said here.
    urgent: watch::Sender<u64>,
    is_saving_failing: AtomicBool,
    lowest: Mutex<Option<applied::Lowest>>,
    /// How many questions are open whose askers did not say who they are.
    unidentified: AtomicUsize,
    /// Whose reports could not be read: said once for each token.
    complained_of: Mutex<HashSet<GatewayTokenId>>,
}

/// A question that a gateway has open, until this is dropped.
pub struct OpenQuestion {
    gateways: Arc<Gateways>,
    instance: Option<Instance>,
}

/// A gateway as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    /// What it said last.
    pub gateway: Gateway,
    /// How it stands with it.
    pub state: GatewayState,
    /// Whether it asks at this moment.
    pub is_asking: bool,
    /// For how long it has not been heard of, in milliseconds.
    pub staleness_ms: u64,
    /// By how much the newest revision is greater than what it has applied. Absent when it has applied nothing of the
    /// history of this database.
    pub lag: Option<u64>,
    /// Since when there has been something that it has not applied, roughly: milliseconds since 1970, UTC.
    pub behind_since_ms: Option<u64>,
    /// Whether its token opens the feed still.
    pub is_token_accepted: bool,
}

impl App {
    /// Notes that a gateway asks what came after a revision, and what it says of itself with that.
    #[must_use]
    pub fn note_question(
        &self,
        token: &TokenName,
        report: Option<&[u8]>,
        after: Revision,
    ) -> OpenQuestion {
        let said = report.map(Said::read);
        let instance = match said {
            Some(Ok(said)) => self.gateways.note(said, token, Some(after)),
            Some(Err(invalid)) => {
                self.gateways.complain(token, &invalid);
                None
            }
            None => None,
        };
        if instance.is_none() {
            self.gateways.unidentified.fetch_add(1, Ordering::Relaxed);
        }
        OpenQuestion {
            gateways: Arc::clone(&self.gateways),
            instance,
        }
    }

    /// Notes what a gateway says of itself between its questions.
    ///
    /// # Errors
    /// When it is no report.
    pub fn note_report(&self, token: &TokenName, json: &[u8]) -> Result<(), InvalidReport> {
        let said = Said::read(json).inspect_err(|invalid| self.gateways.complain(token, invalid));
        self.gateways.note(said?, token, None);
        Ok(())
    }

    /// A page of the gateways, in the order of their instances.
    #[must_use]
    pub fn gateways(
        &self,
        state: Option<GatewayState>,
        after: Option<Instance>,
        limit: u32,
    ) -> Page<GatewayStatus> {
        let now_ms = self.gateways.clock.now_ms();
        let tokens = self.admissions.accepted(now_ms);
        let head = self.gateways.note_head(now_ms);
        let commits = lock(&self.gateways.commits);
        let fleet = lock(&self.gateways.fleet);
        let wanted = fleet
            .after(after)
            .map(|(_, member)| member)
            .filter(|member| state.is_none_or(|state| member.state(now_ms) == state));
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = wanted
            .take(most.saturating_add(1))
            .map(|member| member.status(head, &commits, &tokens, now_ms));
        Page::cut_by(found.collect(), limit, |status: &GatewayStatus| {
            status.gateway.report.instance.clone()
        })
    }

    /// A gateway.
    ///
    /// # Errors
    /// When none is known by that name.
    pub fn gateway(&self, instance: Instance) -> Result<GatewayStatus, Refusal> {
        let now_ms = self.gateways.clock.now_ms();
        let tokens = self.admissions.accepted(now_ms);
        let head = self.gateways.note_head(now_ms);
        let commits = lock(&self.gateways.commits);
        let fleet = lock(&self.gateways.fleet);
        let member = fleet.get(instance).ok_or_else(|| unknown(instance))?;
        Ok(member.status(head, &commits, &tokens, now_ms))
    }

    /// Forgets a gateway that is lost.
    ///
    /// # Errors
    /// When none is known by that name, it is not lost, or the records are out of reach.
    pub async fn forget_gateway(&self, author: &Author, instance: Instance) -> Result<(), Refusal> {
        let gateway = self.lost_gateway(instance)?;
        let mut edit = self.edit(author).await?;
        edit.forget_gateway(&gateway, self.now_ms()).await?;
        edit.commit().await?;
        // Unless it came back meanwhile.
        if self.lost_gateway(instance).is_ok() {
            lock(&self.gateways.fleet).forget(instance);
        }
        self.gateways.hurry();
        Ok(())
    }

    fn lost_gateway(&self, instance: Instance) -> Result<Gateway, Refusal> {
        let now_ms = self.gateways.clock.now_ms();
        let fleet = lock(&self.gateways.fleet);
        let member = fleet.get(instance).ok_or_else(|| unknown(instance))?;
        match member.state(now_ms) {
            GatewayState::Lost => Ok(member.seen.clone()),
            state => Err(Refusal::NotLost { state }),
        }
    }
}

impl Gateways {
    pub(super) fn new(store: Store, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            fleet: Mutex::default(),
            others: Mutex::default(),
            learned: tokio::sync::Mutex::default(),
            commits: Mutex::default(),
            reported: watch::Sender::new(0),
            urgent: watch::Sender::new(0),
            is_saving_failing: AtomicBool::new(false),
            lowest: Mutex::default(),
            unidentified: AtomicUsize::new(0),
            complained_of: Mutex::default(),
        })
    }

    fn note(&self, said: Said, token: &TokenName, after: Option<Revision>) -> Option<Instance> {
        let instance = said.instance;
        let now_ms = self.clock.now_ms();
        self.note_head(now_ms);
        let word = Word {
            applied: self.applied(&said.report),
            said,
            token: token.clone(),
            asks_after: after,
            now_ms,
        };
        let Ok(noted) = lock(&self.fleet).note(word) else {
            let most = Fleet::MOST;
            tracing::warn!("{most} gateways are connected: {instance} goes unnoticed");
            return None;
        };
        if noted.has_applied {
            self.reported.send_modify(|version| *version += 1);
        }
        if noted.has_applied || noted.is_back {
            self.hurry();
        }
        Some(instance)
    }

    /// Has other processes told soon.
    fn hurry(&self) {
        self.urgent.send_modify(|version| *version += 1);
    }

    /// Looks again where gateways are whose place in the history of the database was not known: they may have heard of
    /// more than this process.
    fn place(&self) {
        if self.store.is_shared() && lock(&self.fleet).place(|report| self.applied(report)) {
            self.reported.send_modify(|version| *version += 1);
        }
    }

    /// What a gateway has applied of the history of this database.
    fn applied(&self, report: &GatewayReport) -> Share {
        let position = report.applied.as_ref();
        position.map_or(Share::Nothing, |position| self.store.share(position))
    }

    /// Tells the newest revision, and remembers since when it is that.
    fn note_head(&self, now_ms: u64) -> Revision {
        let head = *self.store.subscribe().borrow();
        lock(&self.commits).note(head, now_ms);
        head
    }

    /// A gateway without a readable report is served all the same: it only cannot be told apart from others.
    fn complain(&self, token: &TokenName, invalid: &InvalidReport) {
        if lock(&self.complained_of).insert(token.id) {
            tracing::warn!(
                token = %token.id,
                "a gateway says of itself what cannot be read, and is not listed: {invalid}"
            );
        }
    }
}

impl Member {
    fn status(
        &self,
        head: Revision,
        commits: &Commits,
        tokens: &HashSet<GatewayTokenId>,
        now_ms: u64,
    ) -> GatewayStatus {
        let mut gateway = self.seen.clone();
        gateway.last_contact_ms = self.last_contact_ms(now_ms);
        let since = |applied| commits.newer_since_ms(applied);
        GatewayStatus {
            state: self.state(now_ms),
            is_asking: self.is_asking(now_ms),
            staleness_ms: now_ms.saturating_sub(gateway.last_contact_ms),
            lag: self.applied.map(|applied| head.saturating_sub(applied)),
            behind_since_ms: self.applied.and_then(since),
            is_token_accepted: tokens.contains(&gateway.token.id),
            gateway,
        }
    }
}

impl Drop for OpenQuestion {
    fn drop(&mut self) {
        match self.instance {
            Some(instance) => {
                let now_ms = self.gateways.clock.now_ms();
                lock(&self.gateways.fleet).end_question(instance, now_ms);
            }
            None => {
                self.gateways.unidentified.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

/// What a panic left behind is whole all the same: no change of these is made in two steps.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unknown(instance: Instance) -> Refusal {
    Refusal::NotFound {
        kind: "gateway",
        id: instance.to_string(),
    }
}
