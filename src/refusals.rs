//! What operators learn of refusals: counters, a tag in the access log, and a sample in Envoy's log. Never a credential.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;

use portcullis_engine::{Denial, DenialReason};
use portcullis_feed::usage;
use portcullis_registry::usage::Refused;
use serde::Serialize;

use crate::host;
use crate::metrics::Counter;
use crate::usage::shortened;

/// Where the filter leaves what was decided for the access log: `%FILTER_STATE(wasm.portcullis.decision:PLAIN)%` shows
/// `refused` or `observed`, and `permitted` where that is wanted. Whom it concerned the identity headers say.
const DECISION: &str = "portcullis.decision";
/// The name of this one decision.
const DECISION_ID: &str = "portcullis.decision_id";
/// The code of the refusal, or of what is only noted.
const REASON: &str = "portcullis.reason";
/// The address that was judged and not allowed.
const ADDRESS: &str = "portcullis.address";
/// At most one refusal of each reason is sampled in this time, by each VM.
const SAMPLE_EVERY_MS: u64 = 1_000;
/// The longest path in a sample, in bytes.
const LONGEST_PATH: usize = 256;

/// What is counted and sampled in this VM.
#[derive(Debug)]
pub(crate) struct Refusals {
    seed: u64,
    decisions: Cell<u64>,
    kinds: RefCell<[Kind; DenialReason::ALL.len()]>,
}

/// What has been seen of one reason.
#[derive(Debug, Default)]
struct Kind {
    refused: Option<Counter>,
    observed: Option<Counter>,
    sampled_ms: Option<u64>,
    left_out: u64,
}

/// Names one refusal, in the answer, the access log and the sample: 16 hexadecimal characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecisionId(String);

/// A refusal as it stands in Envoy's log.
#[derive(Serialize)]
struct Sample<'a> {
    decision: &'a str,
    code: &'a str,
    observed: bool,
    method: String,
    /// Without the query.
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<&'a str>,
    /// How many of this kind were not sampled since the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
}

impl DecisionId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Refusals {
    /// Nothing seen yet. `seed` is random: it tells the decisions of this VM from those of others.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            decisions: Cell::new(0),
            kinds: RefCell::default(),
        }
    }

    /// Counts a refusal, leaves it for the access log, and perhaps samples it.
    /// Answers with the sample, too.
    #[inline(never)]
    pub(crate) fn note(
        &self,
        denial: &Denial<'_>,
        observed: bool,
        headers: &[(&[u8], &[u8])],
    ) -> (DecisionId, Option<Refused>) {
        let decision = self.next_decision();
        self.count(denial.reason, observed);
        log(if observed { "observed" } else { "refused" }, &decision);
        host::set_filter_state(REASON, denial.reason.code().as_bytes());
        if let Some(address) = denial.judged_address {
            host::set_filter_state(ADDRESS, address.to_string().as_bytes());
        }
        let sampled = self.is_due(denial.reason).map(|left_out| {
            let sample = sample(denial, observed, headers, decision.as_str(), left_out);
            // Only texts and numbers: writing them as JSON cannot fail.
            let json = serde_json::to_string(&sample).unwrap_or_default();
            log::info!("portcullis: refusal {json}");
            told(sample, denial)
        });
        (decision, sampled)
    }

    /// Leaves a request that is let through for the access log.
    pub(crate) fn note_permitted(&self) {
        log("permitted", &self.next_decision());
    }

    /// SplitMix64 (Steele, Lea and Flood 2014): a different number each time, and no two VMs in step.
    pub(crate) fn next_decision(&self) -> DecisionId {
        let count = self.decisions.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.decisions.set(count);
        let mut z = self.seed.wrapping_add(count);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        DecisionId(format!("{:016x}", z ^ (z >> 31)))
    }

    fn count(&self, reason: DenialReason, observed: bool) {
        self.with_kind(reason, |kind| {
            let (counter, word) = if observed {
                (&mut kind.observed, "observed")
            } else {
                (&mut kind.refused, "refused")
            };
            counter
                .get_or_insert_with(|| {
                    Counter::named(format!("portcullis.{word}.{}", reason.code()))
                })
                .count(1);
        });
    }

    /// How many of this kind were left out, when it is time for the next.
    fn is_due(&self, reason: DenialReason) -> Option<u64> {
        let now_ms = host::now_ms();
        self.with_kind(reason, |kind| {
            let is_due = |at_ms: u64| now_ms.abs_diff(at_ms) >= SAMPLE_EVERY_MS;
            if kind.sampled_ms.is_none_or(is_due) {
                kind.sampled_ms = Some(now_ms);
                return Some(std::mem::take(&mut kind.left_out));
            }
            kind.left_out = kind.left_out.saturating_add(1);
            None
        })
        .flatten()
    }

    fn with_kind<T>(&self, reason: DenialReason, act: impl FnOnce(&mut Kind) -> T) -> Option<T> {
        let place = DenialReason::ALL
            .iter()
            .position(|known| *known == reason)?;
        self.kinds.borrow_mut().get_mut(place).map(act)
    }
}

fn log(decision: &str, id: &DecisionId) {
    host::set_filter_state(DECISION, decision.as_bytes());
    host::set_filter_state(DECISION_ID, id.as_str().as_bytes());
}

fn sample<'s>(
    denial: &'s Denial<'_>,
    observed: bool,
    headers: &[(&[u8], &[u8])],
    decision: &'s str,
    left_out: u64,
) -> Sample<'s> {
    let header = |wanted: &[u8]| {
        let found = headers.iter().find(|(name, _)| *name == wanted);
        found.map_or(&[][..], |(_, value)| *value)
    };
    let path = header(b":path").split(|byte| *byte == b'?').next();
    let path = path.map(|path| path.get(..LONGEST_PATH).unwrap_or(path));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let holder = denial.holder.as_deref();
    Sample {
        decision,
        code: denial.reason.code(),
        observed,
        method: text(header(b":method")),
        path: text(path.unwrap_or_default()),
        address: denial.judged_address.or_else(host::source_address),
        client: holder.map(|holder| holder.client_id()),
        profile: holder.map(|holder| holder.profile_id()),
        key: holder.and_then(|holder| holder.key_id()),
        collection: denial.collection.as_ref().map(|it| it.label.as_ref()),
        left_out: (left_out > 0).then_some(left_out),
    }
}

/// The sample as the control plane is told it.
fn told(sample: Sample<'_>, denial: &Denial<'_>) -> Refused {
    let holder = denial.holder.as_deref();
    Refused {
        at_ms: host::now_ms(),
        reason: sample.code.to_owned(),
        status: denial.reason.status(),
        method: shortened(&sample.method, usage::LONGEST_TEXT).to_owned(),
        path: shortened(&sample.path, usage::LONGEST_PATH).to_owned(),
        address: sample.address.map(|address| address.to_string()),
        key_id: sample.key.map(str::to_owned),
        profile: holder.map(|holder| holder.profile()),
        collection: denial.collection.as_ref().map(|it| it.id),
        decision_id: sample.decision.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn decisions_have_names_of_their_own_in_each_vm() {
        let mut names = HashSet::new();
        for seed in [1, 2, u64::MAX] {
            let refusals = Refusals::new(seed);
            for _ in 0..1_000 {
                let decision = refusals.next_decision();
                assert_eq!(decision.as_str().len(), 16);
                assert!(names.insert(decision.as_str().to_owned()));
            }
        }
    }
}
