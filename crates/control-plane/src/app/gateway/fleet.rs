//! The gateways that are known: what each said last, and how long ago. In memory, without clock and database: noting a
//! report takes the same short time however many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use portcullis_feed::{GatewayReport, Revision};
use portcullis_store::{Gateway, Share, TokenName};

use super::others::Other;
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
    /// How many questions it has open here.
    pub(super) asking: u32,
    /// Where else it had one open, as far as that was told.
    asking_at: Option<Arc<Other>>,
    /// From when its silence counts: later than its last word where nobody could have heard it.
    silent_from_ms: u64,
}

/// What a gateway says, and when.
pub(super) struct Word {
    pub(super) said: Said,
    pub(super) token: TokenName,
    pub(super) applied: Share,
    /// After which revision it asks, unless it asks nothing.
    pub(super) asks_after: Option<Revision>,
    pub(super) now_ms: u64,
}

/// What becomes of the fleet by what a gateway says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    /// It has applied something else than before.
    pub(super) has_applied: bool,
    /// It is one that was not expected to apply anything.
    pub(super) is_back: bool,
}

/// A gateway as another process has seen it, or as it was known when this one began.
pub(super) struct Heard {
    pub(super) gateway: Gateway,
    pub(super) applied: Share,
    pub(super) asking_at: Option<Arc<Other>>,
    /// From when its silence counts.
    pub(super) silent_from_ms: u64,
}

/// What the database does not know yet.
#[derive(Default)]
pub(super) struct Unsaved {
    /// Those that changed, and whether each has a question open.
    pub(super) changed: Vec<(Gateway, bool)>,
    pub(super) gone: Vec<Instance>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Fleet {
    members: BTreeMap<Instance, Member>,
    unsaved: BTreeSet<Instance>,
    forgotten: BTreeSet<Instance>,
    /// Those whose place in the history of the database is not known here, or not yet.
    unplaced: BTreeSet<Instance>,
}

/// There are too many, and all of them are connected.
pub(super) struct FleetIsFull;

impl Fleet {
    /// How many are known at most.
    pub(super) const MOST: usize = 20_000;

    /// How many of those who are silent longest make room when there are too many: not one by one, since each look for
    /// them is one at all.
    const ROOM: usize = Self::MOST / 100;

    /// Notes what a gateway says.
    pub(super) fn note(&mut self, word: Word) -> Result<Noted, FleetIsFull> {
        let Word {
            said: Said { instance, report },
            now_ms,
            ..
        } = word;
        let is_known = self.members.contains_key(&instance);
        if !is_known {
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
            asking_at: None,
            silent_from_ms: now_ms,
        });
        let before = member.applied;
        let is_back = !is_known || member.state(now_ms) == GatewayState::Lost;
        // A question and a report may overtake each other.
        if report.at_us >= member.seen.report.at_us {
            let is_placed = member.says(report, word.applied);
            note_place(&mut self.unplaced, instance, is_placed);
        }
        member.seen.token = word.token;
        if word.asks_after.is_some() {
            member.seen.asked_after = word.asks_after;
            member.asking = member.asking.saturating_add(1);
        }
        member.heard_at(now_ms);
        Ok(Noted {
            has_applied: member.applied != before,
            is_back,
        })
    }

    /// Takes in what another process has seen of a gateway; tells whether it has applied something else than was known.
    pub(super) fn hear(&mut self, heard: Heard, now_ms: u64) -> bool {
        let Ok(instance) = heard.gateway.report.instance.parse() else {
            return false;
        };
        let Some(member) = self.members.get_mut(&instance) else {
            if self.make_room(now_ms).is_ok() {
                self.forgotten.remove(&instance);
                self.insert(instance, heard);
            }
            return true;
        };
        let before = member.applied;
        let seen = &mut member.seen;
        seen.first_contact_ms = seen.first_contact_ms.min(heard.gateway.first_contact_ms);
        if heard.gateway.last_contact_ms >= seen.last_contact_ms {
            seen.last_contact_ms = heard.gateway.last_contact_ms;
            seen.token = heard.gateway.token;
            seen.asked_after = heard.gateway.asked_after.or(seen.asked_after);
        }
        member.silent_from_ms = member.silent_from_ms.max(heard.silent_from_ms);
        member.asking_at = heard.asking_at;
        if heard.gateway.report.at_us > member.seen.report.at_us {
            let is_placed = member.says(heard.gateway.report, heard.applied);
            note_place(&mut self.unplaced, instance, is_placed);
        }
        // Who reads that it asks nothing there has to hear that it asks here.
        if member.asking > 0 && member.asking_at.is_none() {
            self.unsaved.insert(instance);
        }
        member.applied != before
    }

    /// Takes in that another process has forgotten a gateway: unless it was heard of here since.
    pub(super) fn hear_gone(&mut self, instance: Instance, now_ms: u64) {
        match self.members.get(&instance) {
            Some(member) if member.state(now_ms) == GatewayState::Lost => {
                self.members.remove(&instance);
                self.unsaved.remove(&instance);
                self.unplaced.remove(&instance);
            }
            Some(_) => drop(self.unsaved.insert(instance)),
            None => {}
        }
    }

    fn insert(&mut self, instance: Instance, heard: Heard) {
        let mut member = Member {
            applied: None,
            asking: 0,
            asking_at: heard.asking_at,
            silent_from_ms: heard.silent_from_ms,
            seen: heard.gateway,
        };
        let is_placed = member.says(member.seen.report.clone(), heard.applied);
        note_place(&mut self.unplaced, instance, is_placed);
        self.members.insert(instance, member);
    }

    /// Looks again where those are whose place was not known: more of the history may be known by now. Tells whether one
    /// was found to have applied something else than was known.
    pub(super) fn place(&mut self, applied: impl Fn(&GatewayReport) -> Share) -> bool {
        let mut is_any = false;
        let members = &mut self.members;
        self.unplaced.retain(|instance| {
            let Some(member) = members.get_mut(instance) else {
                return false;
            };
            let before = member.applied;
            let share = applied(&member.seen.report);
            let is_placed = member.says(member.seen.report.clone(), share);
            is_any |= member.applied != before;
            !is_placed
        });
        is_any
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
        self.unplaced.remove(&instance);
        self.forgotten.insert(instance);
    }

    /// Forgets those that have been lost for long, and holds everybody's last word to a clock that went back.
    pub(super) fn tend(&mut self, now_ms: u64) {
        let mut gone = Vec::new();
        for (instance, member) in &mut self.members {
            member.silent_from_ms = member.silent_from_ms.min(now_ms);
            member.seen.last_contact_ms = member.seen.last_contact_ms.min(now_ms);
            if !member.is_asking(now_ms) && member.silence_ms(now_ms) > FORGOTTEN_MS {
                gone.push(*instance);
            }
        }
        for instance in gone {
            self.forget(instance);
        }
    }

    /// Of how many gateways, of either kind, the database does not know something yet.
    pub(super) fn count_unsaved(&self) -> usize {
        self.unsaved.len().max(self.forgotten.len())
    }

    /// Hands that over: so many gateways of each kind at most.
    pub(super) fn take_unsaved(&mut self, most: usize) -> Unsaved {
        let mut unsaved = Unsaved::default();
        for instance in take(&mut self.unsaved, most) {
            if let Some(member) = self.members.get(&instance) {
                unsaved
                    .changed
                    .push((member.seen.clone(), member.asking > 0));
            }
        }
        unsaved.gone = take(&mut self.forgotten, most);
        unsaved
    }

    /// Takes back what could not be saved.
    pub(super) fn keep_unsaved(&mut self, unsaved: Unsaved) {
        let changed = unsaved.changed.iter();
        let changed = changed.map(|(gateway, _)| gateway.report.instance.parse());
        for instance in changed.filter_map(Result::ok) {
            if self.members.contains_key(&instance) {
                self.unsaved.insert(instance);
            }
        }
        for instance in unsaved.gone {
            if !self.members.contains_key(&instance) {
                self.forgotten.insert(instance);
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
        if self.is_asking(now_ms) || silence_ms <= CONNECTED_MS {
            GatewayState::Connected
        } else if silence_ms <= EXPECTED_MS {
            GatewayState::Silent
        } else {
            GatewayState::Lost
        }
    }

    /// Whether it has a question open: here, or where somebody is known to live.
    pub(super) fn is_asking(&self, now_ms: u64) -> bool {
        let elsewhere = self.asking_at.as_ref();
        self.asking > 0 || elsewhere.is_some_and(|other| other.is_alive(now_ms))
    }

    /// When it was heard of last: where it asked elsewhere, it did as long as they lived there.
    pub(super) fn last_contact_ms(&self, now_ms: u64) -> u64 {
        if self.is_asking(now_ms) {
            return now_ms;
        }
        self.seen.last_contact_ms.max(self.beat_at_ms())
    }

    /// Takes in a report, with its place in the history of the database; tells whether that is known.
    fn says(&mut self, report: GatewayReport, applied: Share) -> bool {
        self.applied = match applied {
            Share::All(revision) => Some(revision),
            Share::Part => self.applied,
            Share::Nothing => None,
        };
        let is_placed = report.applied.is_none() || applied != Share::Nothing;
        self.seen.report = report;
        is_placed
    }

    fn heard_at(&mut self, now_ms: u64) {
        self.seen.last_contact_ms = now_ms;
        self.silent_from_ms = now_ms;
    }

    fn silence_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.silent_from_ms.max(self.beat_at_ms()))
    }

    fn beat_at_ms(&self) -> u64 {
        self.asking_at
            .as_ref()
            .map_or(0, |other| other.beat_at_ms())
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

fn note_place(unplaced: &mut BTreeSet<Instance>, instance: Instance, is_placed: bool) {
    if is_placed {
        unplaced.remove(&instance);
    } else {
        unplaced.insert(instance);
    }
}

/// Takes so many away at most.
fn take(set: &mut BTreeSet<Instance>, most: usize) -> Vec<Instance> {
    std::iter::from_fn(|| set.pop_first()).take(most).collect()
}

#[cfg(test)]
mod tests;
