//! Brings what was counted to the control plane, while this VM leads: one batch at a time, the same until it is taken.

use portcullis_feed::usage::{MOST_ROWS, USAGE_PATH, UsageBatch, UsageRow};
use portcullis_registry::quotas;
use portcullis_registry::usage::{Ended, Fallen, Outbox};

use crate::exchange::Exchange;
use crate::host::Shared;
use crate::metrics::Counter;

/// How often a batch is sent, in milliseconds.
const SENT_EVERY_MS: u64 = 5_000;
/// How often, when there is much to tell of a quota.
const HURRIED_EVERY_MS: u64 = 1_000;
/// How long the next attempt waits after a failure, in milliseconds.
const PAUSE_MS: u64 = 5_000;

/// What is on its way.
pub(crate) struct Courier {
    sent: Option<Sent>,
    /// What became of the one before.
    ended: Option<Ended>,
    next_ms: u64,
    /// From when on it is sent sooner when a VM hurries, and how often any has.
    hurried_ms: u64,
    hurries: u64,
    is_failing: bool,
    batches: Counter,
    errors: Counter,
}

struct Sent {
    call: u32,
    number: u64,
    is_full: bool,
}

impl Default for Courier {
    fn default() -> Self {
        Self {
            sent: None,
            ended: None,
            next_ms: 0,
            hurried_ms: 0,
            hurries: 0,
            is_failing: false,
            batches: Counter::named("portcullis.usage.batches"),
            errors: Counter::named("portcullis.usage.errors"),
        }
    }
}

impl Courier {
    /// Whether it is time to send.
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        let hurries = || now_ms >= self.hurried_ms && self.hurries != quotas::hurries(&Shared);
        self.sent.is_none() && (now_ms >= self.next_ms || hurries())
    }

    /// Sends what is to be sent, as an instance with a name.
    pub(crate) fn send(
        &mut self,
        exchange: &Exchange,
        (instance, name): (&str, &str),
        fallen: &[Fallen],
        now_ms: u64,
    ) {
        self.next_ms = now_ms.saturating_add(SENT_EVERY_MS);
        self.hurried_ms = now_ms.saturating_add(HURRIED_EVERY_MS);
        self.hurries = quotas::hurries(&Shared);
        self.batches.show();
        self.errors.show();
        let Some(batch) = Outbox::turn(&Shared, self.ended.take(), fallen) else {
            return;
        };
        let tallies = batch.parcel.tallies();
        let told = UsageBatch {
            instance: instance.to_owned(),
            name: name.to_owned(),
            number: batch.number,
            rows: tallies.iter().map(UsageRow::from).collect(),
            refusals: batch.parcel.refused.iter().map(Into::into).collect(),
            lost: batch.parcel.lost,
        };
        match exchange.tell(USAGE_PATH, &told) {
            Some(call) => {
                self.sent = Some(Sent {
                    call,
                    number: batch.number,
                    is_full: told.rows.len() >= MOST_ROWS,
                });
            }
            None => self.fail("it cannot be reached", now_ms),
        }
    }

    /// Whoever leads next sends it again.
    pub(crate) fn stop(&mut self) {
        (self.sent, self.ended) = (None, None);
    }

    /// Takes an answer, if it is one to a batch. `status` is none where there was no answer.
    pub(crate) fn receive(
        &mut self,
        call: u32,
        status: impl FnOnce() -> Option<u16>,
        now_ms: u64,
    ) -> bool {
        let Some(sent) = self.sent.take_if(|sent| sent.call == call) else {
            return false;
        };
        match status() {
            Some(204) => {
                self.ended = Some(Ended::Taken(sent.number));
                self.batches.count(1);
                if sent.is_full {
                    self.next_ms = now_ms;
                }
                if self.is_failing {
                    log::info!("portcullis: the control plane takes what was counted again");
                    self.is_failing = false;
                }
            }
            // It would be refused again.
            Some(status @ (400 | 413)) => {
                self.ended = Some(Ended::Refused(sent.number));
                self.fail(
                    &format!("it refuses the batch for good: status {status}"),
                    now_ms,
                );
            }
            Some(status) => self.fail(&format!("status {status}"), now_ms),
            None => self.fail("no answer", now_ms),
        }
        true
    }

    /// Said once, until it works again.
    fn fail(&mut self, sentence: &str, now_ms: u64) {
        self.errors.count(1);
        self.next_ms = now_ms.saturating_add(PAUSE_MS);
        self.hurried_ms = self.next_ms;
        if !self.is_failing {
            log::warn!(
                "portcullis: the control plane does not take what was counted, which waits: {sentence}"
            );
            self.is_failing = true;
        }
    }
}
