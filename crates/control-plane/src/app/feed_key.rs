//! The keys that sign what gateways are told: the one that the environment gives, and those that are kept in the
//! database. All of them sign, so that gateways may come to believe a new one before an old one goes.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_feed::Digest;
use portcullis_feed::signature::{FeedKey, FeedKeyId, FeedSigningKey};
use portcullis_store::{Author, Edit, FeedKey as StoredKey};
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::gateway::Believers;
use super::once::Once;
use super::{App, Entropy, NoEntropy, Refusal};

/// How many keys there are at most: each signs every answer.
const MOST_KEYS: usize = 8;

/// A key that the environment gives. Its `Debug` form does not show the secret half.
#[derive(Debug, Clone)]
pub struct ChosenFeedKey(FeedSigningKey);

/// A text is not the secret half of a feed key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the secret half of a feed key is 32 bytes: 43 characters of base64url, or 64 hexadecimal digits"
)]
pub struct InvalidFeedSeed;

/// A new key in the one moment when its secret half is known, as `portcullis feed-key` prints it.
pub struct NewFeedKey {
    seed: [u8; 32],
}

/// A key as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFeedKey {
    /// The half that gateways need.
    pub public: FeedKey,
    /// When it was made: milliseconds since 1970, UTC. Absent for the key of the environment.
    pub created_at_ms: Option<u64>,
    /// Who believes it.
    pub believers: Believers,
}

/// The keys that sign at this moment, and those they come from.
#[derive(Default)]
pub(super) struct FeedKeys {
    known: watch::Sender<Arc<Known>>,
    /// Held from before an edit until memory says what the database does.
    turn: Arc<Mutex<()>>,
}

#[derive(Default)]
struct Known {
    chosen: Option<FeedSigningKey>,
    stored: Vec<StoredKey>,
    signing: Vec<FeedSigningKey>,
}

impl TryFrom<&str> for ChosenFeedKey {
    type Error = InvalidFeedSeed;

    fn try_from(text: &str) -> Result<Self, InvalidFeedSeed> {
        let seed = match text.to_ascii_lowercase().parse() {
            Ok(Digest(seed)) => Some(seed),
            Err(_) => URL_SAFE_NO_PAD
                .decode(text)
                .ok()
                .and_then(|bytes| bytes.try_into().ok()),
        };
        let seed = seed.ok_or(InvalidFeedSeed)?;
        Ok(Self(FeedSigningKey::from_seed(&seed)))
    }
}

impl NewFeedKey {
    /// One that nobody can guess.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn draw(entropy: &Entropy) -> Result<Self, NoEntropy> {
        Ok(Self {
            seed: entropy.bytes()?,
        })
    }

    fn public(&self) -> FeedKey {
        FeedSigningKey::from_seed(&self.seed).public()
    }
}

impl fmt::Display for NewFeedKey {
    /// Two lines for environments: that of the control plane, and that of the gateways.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = self.public();
        let secret = URL_SAFE_NO_PAD.encode(self.seed);
        writeln!(f, "PORTCULLIS_FEED_SIGNING_KEY={secret}")?;
        writeln!(f, "PORTCULLIS_FEED_KEYS={public}")
    }
}

impl Serialize for NewFeedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut halves = serializer.serialize_struct("NewFeedKey", 2)?;
        halves.serialize_field("signing_key", &URL_SAFE_NO_PAD.encode(self.seed))?;
        halves.serialize_field("public_key", &self.public().to_string())?;
        halves.end()
    }
}

impl App {
    /// Settles which keys sign: the one that the environment gives, and all that are kept. Where there would be none, a
    /// new one is made. Tells their public halves.
    ///
    /// # Errors
    /// When the records are out of reach, or there is no randomness.
    pub async fn settle_feed_keys(
        &self,
        chosen: Option<ChosenFeedKey>,
    ) -> Result<Vec<FeedKey>, Refusal> {
        let mut edit = self.edit(&Author::system("start")).await?;
        if chosen.is_none() && edit.read().feed_keys().await?.is_empty() {
            self.insert_feed_key(&mut edit).await?;
        }
        let stored = edit.read().feed_keys().await?;
        edit.commit().await?;
        let known = Known::of(chosen.map(|ChosenFeedKey(key)| key), stored);
        let public = known.signing.iter().map(FeedSigningKey::public).collect();
        self.feed_keys.replace(known);
        Ok(public)
    }

    /// Takes in which keys sign by now: other processes may have made or removed some.
    pub(super) async fn learn_of_feed_keys(&self) -> Result<(), Refusal> {
        let _turn = self.feed_keys.turn.lock().await;
        let stored = self.store.read().await?.feed_keys().await?;
        let chosen = self.feed_keys.known().chosen.clone();
        self.feed_keys.replace(Known::of(chosen, stored));
        Ok(())
    }

    /// The signatures of an answer, by all keys, as its header takes them.
    #[must_use]
    pub fn sign(&self, status: u16, nonce: &str, body: Digest) -> String {
        let keys = self.feed_keys.known();
        FeedSigningKey::sign_digest(&keys.signing, status, nonce, body)
    }

    /// The keys that sign: that of the environment first, then in the order of their making.
    #[must_use]
    pub fn feed_keys(&self) -> Vec<KnownFeedKey> {
        self.with_believers(&self.feed_keys.known())
    }

    fn with_believers(&self, known: &Known) -> Vec<KnownFeedKey> {
        let made = known.stored.iter().map(|stored| Some(stored.created_at_ms));
        let created_at_ms = known.chosen.iter().map(|_| None).chain(made);
        let keys = known.signing.iter().zip(created_at_ms);
        keys.zip(self.gateways.believers(&known.ids()))
            .map(|((key, created_at_ms), believers)| KnownFeedKey {
                public: key.public(),
                created_at_ms,
                believers,
            })
            .collect()
    }

    /// Makes another key, which signs from now on.
    ///
    /// # Errors
    /// When there are too many, the records are out of reach, or there is no randomness.
    pub async fn create_feed_key<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        once: Once<KnownFeedKey, A>,
    ) -> Result<A, Refusal> {
        let turn = Arc::clone(&self.feed_keys.turn).lock_owned().await;
        let now_ms = self.world.clock.now_ms();
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        if self.kept_feed_keys(&mut edit).await?.signing.len() >= MOST_KEYS {
            return Err(Refusal::TooManyFeedKeys { most: MOST_KEYS });
        }
        let made = self.insert_feed_key(&mut edit).await?;
        let answer = once.answer(&mut edit, made, Vec::new(), now_ms).await?;
        self.commit_feed_keys(edit, turn).await?;
        Ok(answer)
    }

    /// Removes a key: from now on it signs nothing. Unless by force, only when no gateway that was heard of lately would
    /// be left without a key that it believes.
    ///
    /// # Errors
    /// When there is none, it is the only one, it comes from the environment, or gateways rely on it.
    pub async fn delete_feed_key(
        &self,
        author: &Author,
        id: &FeedKeyId,
        by_force: bool,
    ) -> Result<(), Refusal> {
        let turn = Arc::clone(&self.feed_keys.turn).lock_owned().await;
        let mut edit = self.edit(author).await?;
        let keys = self.with_believers(&self.kept_feed_keys(&mut edit).await?);
        let Some(key) = keys.iter().find(|key| key.public.id() == *id) else {
            return Err(Refusal::NotFound {
                kind: "feed key",
                id: id.to_string(),
            });
        };
        if key.created_at_ms.is_none() {
            return Err(Refusal::OfEnvironment {
                what: "key",
                variable: "PORTCULLIS_FEED_SIGNING_KEY",
            });
        }
        if keys.len() == 1 {
            return Err(Refusal::LastFeedKey);
        }
        let relying = &key.believers.relying;
        if !relying.is_empty() && !by_force {
            return Err(Refusal::FeedKeyReliedOn {
                gateways: relying.clone(),
            });
        }
        edit.delete_feed_key(id.as_str()).await?;
        self.commit_feed_keys(edit, turn).await
    }

    async fn insert_feed_key(&self, edit: &mut Edit) -> Result<KnownFeedKey, Refusal> {
        let seed = self.world.entropy.bytes()?;
        let now_ms = self.world.clock.now_ms();
        edit.insert_feed_key(&seed, now_ms).await?;
        Ok(KnownFeedKey {
            public: FeedSigningKey::from_seed(&seed).public(),
            created_at_ms: Some(now_ms),
            believers: Believers::default(),
        })
    }

    async fn commit_feed_keys(
        &self,
        mut edit: Edit,
        turn: OwnedMutexGuard<()>,
    ) -> Result<(), Refusal> {
        let now = Arc::new(self.kept_feed_keys(&mut edit).await?);
        let known = self.feed_keys.known.clone();
        edit.commit_then(move || {
            known.send_replace(now);
            drop(turn);
        })
        .await?;
        Ok(())
    }

    /// Those that an edit sees: another process may have made or removed some just now.
    async fn kept_feed_keys(&self, edit: &mut Edit) -> Result<Known, Refusal> {
        let stored = edit.read().feed_keys().await?;
        let chosen = self.feed_keys.known().chosen.clone();
        Ok(Known::of(chosen, stored))
    }
}

impl FeedKeys {
    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.borrow())
    }

    fn replace(&self, known: Known) {
        self.known.send_replace(Arc::new(known));
    }
}

impl Known {
    /// A kept key that the environment gives as well is the environment's.
    fn of(chosen: Option<FeedSigningKey>, mut stored: Vec<StoredKey>) -> Self {
        let chosen_id = chosen.as_ref().map(|key| key.public().id());
        stored.retain(|stored| Some(stored.key.public().id()) != chosen_id);
        let kept = stored.iter().map(|stored| stored.key.clone());
        Self {
            signing: chosen.iter().cloned().chain(kept).collect(),
            chosen,
            stored,
        }
    }

    fn ids(&self) -> Vec<FeedKeyId> {
        self.signing.iter().map(|key| key.public().id()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_read_in_both_of_its_forms_and_nothing_else_is_one() {
        let seed: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 8).unwrap());
        let public = FeedSigningKey::from_seed(&seed).public();
        let hex = Digest(seed).to_string();
        let text = URL_SAFE_NO_PAD.encode(seed);
        for text in [&hex, &hex.to_uppercase(), &text] {
            let ChosenFeedKey(key) = ChosenFeedKey::try_from(text.as_str()).unwrap();
            assert_eq!(key.public(), public);
        }
        for text in [
            "",
            "canary",
            &hex[1..],
            &text[1..],
            &format!("{text}="),
            &format!("{hex}00"),
        ] {
            assert!(ChosenFeedKey::try_from(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_new_key_is_two_lines_that_fit_each_other() {
        let drawn = NewFeedKey { seed: [7; 32] }.to_string();
        let (secret, public) = drawn.trim_end().split_once('\n').unwrap();
        let secret = secret.strip_prefix("PORTCULLIS_FEED_SIGNING_KEY=").unwrap();
        let public = public.strip_prefix("PORTCULLIS_FEED_KEYS=").unwrap();
        let ChosenFeedKey(key) = ChosenFeedKey::try_from(secret).unwrap();
        assert_eq!(key.public(), public.parse().unwrap());
        let shown = format!("{:?}", ChosenFeedKey(key));
        assert!(
            !shown.contains(secret) && !shown.contains("7, 7"),
            "{shown}"
        );
    }
}
