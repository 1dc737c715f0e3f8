//! The gateways that are known: what each said last, and how long ago. In memory, without clock and database: noting a
//! report takes the same short time however many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use portcullis_feed::Revision;
use portcullis_store::{Gateway, TokenName};

use super::report::{Instance, Said};

/// How long after its last word a gateway counts as connected, though it asks nothing at the moment.
const CONNECTED_MS: u64 = 5_000;

/// How long after its last word a gateway is expected to come back.
const EXPECTED_MS: u64 = 60_000;

/// How long after its last word a gateway is forgotten.
const FORGOTTEN_MS: u64 = 24 * 60 * 60 * 1_000;

/// How it stands with a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GatewayState {
    /// It asks at this moment, or has been heard of within a few seconds.
    Connected,
    /// It has not been heard of for a while, up to a minute: it is expected to come back.
    Silent,
    /// It has not been heard of for longer.
    Lost,
}

/// A text is not a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a state: it is `connected`, `silent` or `lost`")]
pub struct InvalidState;

/// A gateway in memory.
pub(super) struct Member {
    pub(super) seen: Gateway,
    /// What all its VMs have applied of the history of this database.
    pub(super) applied: Option<Revision>,
    /// How many questions it has open.
    pub(super) asking: u32,
    /// From when its silence counts: later than its last word where nobody could have heard it.
    silent_from_ms: u64,
}

/// What a gateway says, and when.
pub(super) struct Word {
    pub(super) said: Said,
    pub(super) token: TokenName,
    pub(super) applied: Option<Revision>,
    /// After which revision it asks, unless it asks nothing.
    pub(super) asks_after: Option<Revision>,
    pub(super) now_ms: u64,
}

/// All of them.
#[derive(Default)]
pub(super) struct Fleet {
    members: BTreeMap<Instance, Member>,
    unsaved: BTreeSet<Instance>,
    forgotten: BTreeSet<Instance>,
}

/// There are too many, and all of them are connected.
pub(super) struct FleetIsFull;

impl Fleet {
    /// How many are known at most.
    pub(super) const MOST: usize = 20_000;

    /// How many of those who are silent longest make room when there are too many: not one by one, since each look for
    /// them is one at all.
    const ROOM: usize = Self::MOST / 100;

    /// Takes in what was known when the control plane ended. Nobody's silence counts while it was away.
    pub(super) fn remember(
        &mut self,
        gateways: Vec<Gateway>,
        applied: impl Fn(&Gateway) -> Option<Revision>,
        now_ms: u64,
    ) {
        let ended_ms = gateways.iter().map(|gateway| gateway.last_contact_ms).max();
        let ended_ms = ended_ms.unwrap_or(now_ms);
        for gateway in gateways.into_iter().take(Self::MOST) {
            let Ok(instance) = gateway.report.instance.parse() else {
                continue;
            };
            let silence_ms = ended_ms.saturating_sub(gateway.last_contact_ms);
            let member = Member {
                applied: applied(&gateway),
                asking: 0,
                silent_from_ms: now_ms.saturating_sub(silence_ms),
                seen: gateway,
            };
            self.members.insert(instance, member);
        }
    }

    /// Notes what a gateway says; tells whether that changes what it has applied.
    pub(super) fn note(&mut self, word: Word) -> Result<bool, FleetIsFull> {
        let Word {
            said: Said { instance, report },
            now_ms,
            ..
        } = word;
        if !self.members.contains_key(&instance) {
            self.make_room(now_ms)?;
            self.forgotten.remove(&instance);
        }
        self.unsaved.insert(instance);
        let member = self.members.entry(instance).or_insert_with(|| Member {
            seen: Gateway {
                report: report.clone(),
                asked_after: None,
                token: word.token.clone(),
                first_contact_ms: now_ms,
                last_contact_ms: now_ms,
            },
            applied: None,
            asking: 0,
            silent_from_ms: now_ms,
        });
        let before = member.applied;
        // A question and a report may overtake each other.
        if report.at_us >= member.seen.report.at_us {
            member.seen.report = report;
            member.applied = word.applied;
        }
        member.seen.token = word.token;
        if word.asks_after.is_some() {
            member.seen.asked_after = word.asks_after;
            member.asking = member.asking.saturating_add(1);
        }
        member.heard_at(now_ms);
        Ok(member.applied != before)
    }

    /// Notes that a question of a gateway has ended.
    pub(super) fn end_question(&mut self, instance: Instance, now_ms: u64) {
        if let Some(member) = self.members.get_mut(&instance) {
            member.asking = member.asking.saturating_sub(1);
            member.heard_at(now_ms);
            self.unsaved.insert(instance);
        }
    }

    pub(super) fn get(&self, instance: Instance) -> Option<&Member> {
        self.members.get(&instance)
    }

    /// All that are after one, in the order of their instances.
    pub(super) fn after(
        &self,
        instance: Option<Instance>,
    ) -> impl Iterator<Item = (&Instance, &Member)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = instance.map_or(Unbounded, Excluded);
        self.members.range((from, Unbounded))
    }

    pub(super) fn forget(&mut self, instance: Instance) {
        self.members.remove(&instance);
        self.unsaved.remove(&instance);
        self.forgotten.insert(instance);
    }

    /// Forgets those that have been lost for long, and holds everybody's last word to a clock that went back.
    pub(super) fn tend(&mut self, now_ms: u64) {
        let mut gone = Vec::new();
        for (instance, member) in &mut self.members {
            member.silent_from_ms = member.silent_from_ms.min(now_ms);
            member.seen.last_contact_ms = member.seen.last_contact_ms.min(now_ms);
            if member.asking == 0 && member.silence_ms(now_ms) > FORGOTTEN_MS {
                gone.push(*instance);
            }
        }
        for instance in gone {
            self.forget(instance);
        }
    }

    /// Hands over what the database does not know yet: those that changed, and those that are gone.
    pub(super) fn take_unsaved(&mut self) -> (Vec<Gateway>, Vec<Instance>) {
        let changed = std::mem::take(&mut self.unsaved);
        let changed = changed.iter().filter_map(|instance| self.get(*instance));
        let changed = changed.map(|member| member.seen.clone()).collect();
        let gone = std::mem::take(&mut self.forgotten);
        (changed, gone.into_iter().collect())
    }

    /// Takes back what could not be saved.
    pub(super) fn keep_unsaved(&mut self, changed: &[Gateway], gone: &[Instance]) {
        let changed = changed
            .iter()
            .map(|gateway| gateway.report.instance.parse());
        for instance in changed.filter_map(Result::ok) {
            if self.members.contains_key(&instance) {
                self.unsaved.insert(instance);
            }
        }
        for instance in gone {
            if !self.members.contains_key(instance) {
                self.forgotten.insert(*instance);
            }
        }
    }

    fn make_room(&mut self, now_ms: u64) -> Result<(), FleetIsFull> {
        if self.members.len() < Self::MOST {
            return Ok(());
        }
        let silent = |(instance, member): (&Instance, &Member)| {
            let is_silent = member.state(now_ms) != GatewayState::Connected;
            is_silent.then_some((member.silent_from_ms, *instance))
        };
        let mut silent: Vec<_> = self.members.iter().filter_map(silent).collect();
        if silent.is_empty() {
            return Err(FleetIsFull);
        }
        silent.sort_unstable();
        for (_, instance) in silent.into_iter().take(Self::ROOM) {
            self.forget(instance);
        }
        Ok(())
    }
}

impl Member {
    pub(super) fn state(&self, now_ms: u64) -> GatewayState {
        let silence_ms = self.silence_ms(now_ms);
        if self.asking > 0 || silence_ms <= CONNECTED_MS {
            GatewayState::Connected
        } else if silence_ms <= EXPECTED_MS {
            GatewayState::Silent
        } else {
            GatewayState::Lost
        }
    }

    fn heard_at(&mut self, now_ms: u64) {
        self.seen.last_contact_ms = now_ms;
        self.silent_from_ms = now_ms;
    }

    fn silence_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.silent_from_ms)
    }
}

impl GatewayState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Connected, Self::Silent, Self::Lost];
}

impl FromStr for GatewayState {
    type Err = InvalidState;

    fn from_str(text: &str) -> Result<Self, InvalidState> {
        let found = Self::ALL
            .into_iter()
            .find(|state| state.to_string() == text);
        found.ok_or(InvalidState)
    }
}

impl fmt::Display for GatewayState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connected => "connected",
            Self::Silent => "silent",
            Self::Lost => "lost",
        })
    }
}

#[cfg(test)]
mod tests;
