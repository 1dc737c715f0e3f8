//! Key sets: from where the keys of access profiles are fetched, how often, and what is known of each. How they are
//! fetched stands outside.

pub mod address;
pub mod source;
pub mod state;

mod schedule;

use portcullis_feed::ProfileId;
use portcullis_store::{Author, KeySet, KeySetSource, SetKey, SetVersion};
use tokio::sync::futures::Notified;

pub use address::Networks;
pub use source::{InvalidSource, Location};
pub use state::KeySetState;

use super::{App, Refusal};

/// How many sets are looked at in one round.
const MOST_AT_ONCE: u32 = 64;

/// What fetching a key set brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The keys, unless they are as they were.
    pub keys: Option<Vec<SetKey>>,
    /// By what the server knows this version of them.
    pub version: Option<SetVersion>,
    /// For how long the server calls its answer good, in seconds.
    pub lifetime_s: Option<u64>,
}

/// Which sets are to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// These, now.
    pub now: Vec<KeySet>,
    /// The next one then, in so many milliseconds.
    pub next_in_ms: Option<u64>,
}

impl App {
    /// Permits keys to be fetched from networks that are not public.
    #[must_use]
    pub fn with_key_set_networks(mut self, networks: Networks) -> Self {
        self.key_set_networks = networks;
        self
    }

    /// The sets that are due.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn due_key_sets(&self) -> Result<Due, Refusal> {
        let now_ms = self.world.clock.now_ms();
        if self.store.read().await?.has_other_key_sets().await? {
            let mut edit = self.edit(&Author::system("fetch key sets")).await?;
            edit.follow_key_sets(now_ms).await?;
            edit.commit().await?;
        }
        let mut snapshot = self.store.read().await?;
        let mut now = snapshot.key_sets_by_due(MOST_AT_ONCE).await?;
        let later = now.split_off(now.partition_point(|set| set.due_at_ms <= now_ms));
        let next = later.first().map(|set| set.due_at_ms);
        Ok(Due {
            now,
            next_in_ms: next.map(|at| at.saturating_sub(now_ms)),
        })
    }

    /// Notes what fetching a set brought, or in a sentence why it failed. What was known stays in force then.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn note_fetched(
        &self,
        source: &KeySetSource,
        asked_at_ms: u64,
        outcome: Result<Fetched, String>,
    ) -> Result<(), Refusal> {
        self.meters.count_fetch(outcome.is_ok());
        let now_ms = self.world.clock.now_ms();
        let chance = u64::from_be_bytes(self.world.entropy.bytes()?);
        let mut edit = self.edit(&Author::system("fetch key sets")).await?;
        let Some(mut set) = edit.read().key_set(source).await? else {
            return Ok(());
        };
        set.asked_at_ms = Some(asked_at_ms);
        match outcome {
            Ok(fetched) => {
                if let Some(keys) = fetched.keys {
                    set.keys = keys;
                }
                set.version = fetched.version;
                set.fetched_at_ms = Some(now_ms);
                set.due_at_ms = schedule::after_success(now_ms, fetched.lifetime_s, chance);
                set.failures = 0;
                set.failure = None;
            }
            Err(sentence) => {
                set.failures = set.failures.saturating_add(1);
                set.due_at_ms = schedule::after_failure(now_ms, set.failures, chance);
                set.failure = Some(sentence);
            }
        }
        edit.change_key_set(&set).await?;
        edit.commit().await?;
        Ok(())
    }

    /// Has the key set of a profile fetched soon, since a token named a key that is not in it.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn want_newer_keys(&self, profile: ProfileId) -> Result<(), Refusal> {
        let now_ms = self.world.clock.now_ms();
        // Most questions are repetitions, and need no lock.
        let mut snapshot = self.store.read().await?;
        let Some(profile) = snapshot.profile(profile).await? else {
            return Ok(());
        };
        let Some(source) = profile.key_set() else {
            return Ok(());
        };
        let Some(known) = snapshot.key_set(source).await? else {
            return Ok(());
        };
        drop(snapshot);
        let due_at_ms = |set: &KeySet| schedule::sooner(set.due_at_ms, set.asked_at_ms, now_ms);
        if due_at_ms(&known) == known.due_at_ms {
            return Ok(());
        }
        let mut edit = self.edit(&Author::system("fetch key sets")).await?;
        if let Some(mut set) = edit.read().key_set(source).await? {
            set.due_at_ms = due_at_ms(&set);
            edit.change_key_set(&set).await?;
            edit.commit().await?;
            self.key_sets_wanted.notify_one();
        }
        Ok(())
    }

    /// Ends when a set is due sooner than it was.
    pub fn key_sets_wanted(&self) -> Notified<'_> {
        self.key_sets_wanted.notified()
    }

    /// The time, for those who fetch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.world.clock.now_ms()
    }
}
