//! The leader's conversation with the control plane: one question at a time, held until there is news. While there is
//! more to come, the next one leaves before the answer is applied, so that neither side waits while the other works.

use portcullis_feed::{
    ChangePage, Epoch, FORMAT, GatewayReport, Position, ProfileId, Question, REPORT_PATH, Revision,
    UNKNOWN_KEY_PATH, UnknownKey,
};
use portcullis_registry::memory::QueueId;
use portcullis_registry::usage::Fallen;
use portcullis_registry::{RefusedPage, Writer, contact};

use crate::courier::Courier;
use crate::exchange::{self, Answer, Exchange, NoAnswer};
use crate::host::{self, Shared};
use crate::metrics::Metrics;

/// How many changes are asked for at once: applying them takes a few milliseconds of the VM that leads.
const PAGE_LIMIT: u32 = 1_000;
/// The same for a VM whose requests wait meanwhile.
const SMALL_PAGE_LIMIT: u32 = 50;
/// The first wait after a failure, in milliseconds. It doubles up to [`LONGEST_PAUSE_MS`].
const SHORTEST_PAUSE_MS: u64 = 200;
const LONGEST_PAUSE_MS: u64 = 2_000;
/// How many pages of an older generation are cleared away at once.
const TIDIED_AT_ONCE: u32 = 8_000;

/// Asks for changes while this VM leads.
pub(crate) struct Poller {
    exchange: Exchange,
    /// What tells this start of Envoy from others, should nobody have asked before.
    seed: u64,
    /// What Envoy is called.
    name: String,
    writer: Option<(u64, Writer<Shared>)>,
    open: Option<Open>,
    /// An answer that waits until the next question has left: Envoy sends when the callback is over that asked.
    unapplied: Option<ChangePage>,
    /// What the control plane was last told that all VMs have, and how many they are.
    reported: (Option<Position>, u32),
    failures: u32,
    pause_until_ms: u64,
    metrics: Metrics,
    courier: Courier,
}

/// A question that is not answered yet.
struct Open {
    call: u32,
    nonce: String,
    asked_ms: u64,
}

/// How things stand in this process.
pub(crate) struct Standing {
    /// Since when, by the clock that never jumps.
    pub(crate) now_ms: u64,
    /// The term of this VM, when it leads.
    pub(crate) term: Option<u64>,
    /// Whether requests wait while this VM works.
    pub(crate) serves_requests: bool,
    /// The queue of the VM to which the lead is to be given as soon as nothing is under way.
    pub(crate) heir: Option<QueueId>,
    /// How many VMs there are, and what all of them have applied.
    pub(crate) members: u32,
    pub(crate) applied: Option<Position>,
    /// Whether all of them look at the live generation.
    pub(crate) all_follow: bool,
}

/// What an answer led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Nothing,
    /// What is live is the newest.
    Current,
    /// There is something new for all VMs. It is the newest, or more is to come.
    Applied {
        is_current: bool,
    },
    LeadershipLost,
    /// The answer is to be applied by [`apply`](Poller::apply), once this callback is over.
    Later,
}

impl Poller {
    pub(crate) fn new(exchange: Exchange) -> Self {
        Self {
            exchange,
            seed: host::random(),
            name: GatewayReport::name(&host::node_id()),
            writer: None,
            open: None,
            unapplied: None,
            reported: (None, 0),
            failures: 0,
            pause_until_ms: 0,
            metrics: Metrics::default(),
            courier: Courier::default(),
        }
    }

    /// Whether it waits for an answer.
    pub(crate) fn is_waiting(&self) -> bool {
        self.open.is_some()
    }

    /// Asks, when this VM leads and is not waiting for anything, and says what all VMs have applied.
    pub(crate) fn tend(&mut self, standing: &Standing) -> Outcome {
        let Some(term) = standing.term else {
            self.stop();
            return Outcome::Nothing;
        };
        if self.writer.as_ref().is_none_or(|(known, _)| *known != term) {
            self.writer = Some((term, Writer::new(Shared, term)));
            (self.open, self.unapplied, self.reported) = (None, None, (None, 0));
        }
        if self.open.is_some() {
            let (applied, members) = &self.reported;
            let is_known = *applied == standing.applied || standing.applied.is_none();
            if !is_known || *members != standing.members {
                let _nothing_comes_of_it = self.exchange.tell(REPORT_PATH, &self.report(standing));
                self.reported = (standing.applied.clone(), standing.members);
            }
        } else if self.pause_until_ms <= standing.now_ms {
            match self.writer.as_mut().map(|(_, writer)| writer.position()) {
                Some(Ok((epoch, after))) => self.ask(epoch, after, standing),
                Some(Err(_)) => return self.lose(),
                None => {}
            }
        }
        Outcome::Nothing
    }

    /// Asks no more. An answer that is still to come will not be recognised.
    pub(crate) fn stop(&mut self) {
        (self.writer, self.open, self.unapplied) = (None, None, None);
        self.courier.stop();
    }

    /// Applies an answer that waits for it.
    pub(crate) fn apply(&mut self, standing: &Standing) -> Outcome {
        let leads = |(term, _): &(u64, _)| Some(*term) == standing.term;
        match self.unapplied.take() {
            Some(page) if self.writer.as_ref().is_some_and(leads) => {
                self.take_page(&page, standing)
            }
            Some(_) | None => Outcome::Nothing,
        }
    }

    /// Whether an answer waits to be applied.
    pub(crate) fn has_unapplied(&self) -> bool {
        self.unapplied.is_some()
    }

    /// Does what may be done little by little, and publishes how things are.
    pub(crate) fn tidy(&mut self, standing: &Standing) {
        if let Some((_, writer)) = &mut self.writer {
            writer.tidy(TIDIED_AT_ONCE, standing.all_follow);
            self.metrics.publish(standing.now_ms, standing.members);
        }
    }

    /// Whether it is time to send what was counted.
    pub(crate) fn sends_usage(&self, standing: &Standing) -> bool {
        self.writer.is_some() && self.courier.is_due(standing.now_ms)
    }

    /// Sends what was counted, by VMs that have fallen too.
    pub(crate) fn send_usage(&mut self, fallen: &[Fallen], standing: &Standing) {
        let (instance, name) = (self.instance(), &self.name);
        self.courier
            .send(&self.exchange, (&instance, name), fallen, standing.now_ms);
    }

    fn ask(&mut self, epoch: Option<Epoch>, after: Revision, standing: &Standing) {
        let nonce = format!("{:016x}{:016x}", host::random(), host::random());
        let limit = if standing.serves_requests {
            SMALL_PAGE_LIMIT
        } else {
            PAGE_LIMIT
        };
        let question = Question {
            epoch,
            after,
            limit: Some(limit),
            wait: self.exchange.wait_s(),
            nonce: Some(nonce.clone()),
        };
        let asked_ms = standing.now_ms;
        match self.exchange.ask(&question, &self.report(standing)) {
            Some(call) => {
                self.open = Some(Open {
                    call,
                    nonce,
                    asked_ms,
                });
                self.reported = (standing.applied.clone(), standing.members);
            }
            None => {
                let cluster = self.exchange.cluster();
                let sentence =
                    format!("cluster `{cluster}` is unknown to this Envoy or has no healthy host");
                self.fail(&sentence, asked_ms);
            }
        }
    }

    /// What this start of Envoy is called.
    fn instance(&self) -> String {
        format!("{:016x}", contact::instance(&Shared, self.seed))
    }

    fn report(&self, standing: &Standing) -> GatewayReport {
        GatewayReport {
            instance: self.instance(),
            at_us: host::monotonic_us(),
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            format: FORMAT,
            applied: standing.applied.clone(),
            workers: standing.members,
            feed_keys: self.exchange.feed_key_ids(),
        }
    }

    /// Says that a token named a key which a profile does not have. Newer keys come by the feed.
    pub(crate) fn tell_of_missing_key(&self, profile: ProfileId) {
        let unknown = UnknownKey { profile };
        let _nothing_comes_of_it = self.exchange.tell(UNKNOWN_KEY_PATH, &unknown);
    }

    /// Takes an answer. Answers to questions of an earlier term are dropped.
    pub(crate) fn receive(
        &mut self,
        call: u32,
        header_count: usize,
        body_size: usize,
        standing: &Standing,
    ) -> Outcome {
        let status = || exchange::status(header_count);
        if self.courier.receive(call, status, standing.now_ms) {
            return Outcome::Nothing;
        }
        let Some(open) = self.open.take_if(|open| open.call == call) else {
            return Outcome::Nothing;
        };
        let now_ms = standing.now_ms;
        let Some((_, writer)) = self
            .writer
            .as_mut()
            .filter(|(known, _)| Some(*known) == standing.term)
        else {
            return Outcome::Nothing;
        };
        match self.exchange.answer(&open.nonce, header_count, body_size) {
            Ok(Answer::Page(page)) if page.revision < page.head && standing.heir.is_none() => {
                self.ask(Some(page.epoch.clone()), page.revision, standing);
                self.unapplied = Some(page);
                Outcome::Later
            }
            Ok(Answer::Page(page)) => self.take_page(&page, standing),
            Ok(Answer::Nothing) => {
                let Ok(is_visible) = writer.note_current() else {
                    return self.lose();
                };
                self.succeed();
                self.metrics.lag.set(0);
                if now_ms.abs_diff(open.asked_ms) < SHORTEST_PAUSE_MS {
                    // It did not hold the question. Asking again at once would keep both busy for nothing.
                    self.pause_until_ms = now_ms.saturating_add(SHORTEST_PAUSE_MS);
                }
                match is_visible {
                    true => Outcome::Applied { is_current: true },
                    false => Outcome::Current,
                }
            }
            Ok(Answer::StartOver) => match writer.position() {
                Ok((None, 0)) => {
                    self.fail("it refuses even to begin from nothing", now_ms);
                    Outcome::Nothing
                }
                Ok(_) if writer.start_over().is_ok() => {
                    log::info!(
                        "portcullis: the control plane asks to begin from nothing, beside what is known"
                    );
                    self.metrics.resyncs.count(1);
                    self.succeed();
                    Outcome::Nothing
                }
                Ok(_) | Err(_) => self.lose(),
            },
            Err(no_answer) => {
                if let NoAnswer::NotSigned(_) = no_answer {
                    self.metrics.signature_errors.count(1);
                }
                self.fail(&no_answer.to_string(), now_ms);
                Outcome::Nothing
            }
        }
    }

    fn take_page(&mut self, page: &ChangePage, standing: &Standing) -> Outcome {
        let Some((_, writer)) = &mut self.writer else {
            return Outcome::Nothing;
        };
        match writer.apply(page) {
            Ok(progress) => {
                for (profile, invalid) in &progress.unreadable {
                    log::error!("portcullis: access profile {profile} opens nothing: {invalid}");
                }
                self.succeed();
                self.metrics
                    .lag
                    .set(page.head.saturating_sub(page.revision));
                let is_current = !progress.is_behind;
                match progress.is_visible {
                    true => {
                        log::debug!("portcullis: applied revision {}", page.revision);
                        Outcome::Applied { is_current }
                    }
                    false if is_current => Outcome::Current,
                    false => Outcome::Nothing,
                }
            }
            Err(RefusedPage::LeadershipLost) => self.lose(),
            Err(refused) => {
                if refused == RefusedPage::InDoubt {
                    self.metrics.resyncs.count(1);
                }
                // What comes after a page that was not applied cannot be applied either.
                self.open = None;
                self.fail(&refused.to_string(), standing.now_ms);
                Outcome::Nothing
            }
        }
    }

    fn lose(&mut self) -> Outcome {
        self.stop();
        Outcome::LeadershipLost
    }

    fn succeed(&mut self) {
        if self.failures > 0 {
            log::info!("portcullis: the control plane answers again");
        }
        (self.failures, self.pause_until_ms) = (0, 0);
    }

    /// Keeps what is known and asks again after a pause. Said once, until it works again.
    fn fail(&mut self, sentence: &str, now_ms: u64) {
        self.metrics.errors.count(1);
        if self.failures == 0 {
            log::warn!(
                "portcullis: no news from the control plane, what is known stays in force: {sentence}"
            );
        }
        let pause_ms = SHORTEST_PAUSE_MS
            .checked_shl(self.failures)
            .unwrap_or(LONGEST_PAUSE_MS)
            .min(LONGEST_PAUSE_MS);
        self.failures = self.failures.saturating_add(1).min(16);
        self.pause_until_ms = now_ms.saturating_add(pause_ms);
    }
}
