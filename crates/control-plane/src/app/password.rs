//! Passwords of operators: what they are like, and how they are kept and checked. Checking is slow on purpose and takes
//! memory, so it is done beside the tasks that answer, a few at a time.

use std::fmt;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::Deserialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::{App, Refusal};

/// How many are checked at the same time: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;

/// How many may wait for their turn. Whoever comes then has to come again.
const MOST_WAITING: usize = 64;

/// Memory in KiB, passes and lanes: the first choice of the OWASP Password Storage Cheat Sheet.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// What the password of nobody is checked against, so that an answer takes as long whether there is an account or not.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ib2R5$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password that somebody chooses: 12 to 256 characters. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
pub struct NewPassword(String);

/// A password that somebody enters. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = Password, min_length = 1, max_length = 256)]
pub struct EnteredPassword(String);

/// A text is too weak or too long for a password. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// It is too short or too long.
    #[error("a password has 12 to 256 characters")]
    Length,
    /// It is one character again and again, or only a few.
    #[error("a password has at least five different characters")]
    Monotonous,
}

/// Whose turn it is to have a password checked.
pub(super) struct Turns {
    running: Semaphore,
    waiting: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            running: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(AT_ONCE + MOST_WAITING),
        }
    }
}

impl TryFrom<String> for NewPassword {
    type Error = InvalidPassword;

    fn try_from(text: String) -> Result<Self, InvalidPassword> {
        if !(12..=256).contains(&text.chars().count()) {
            return Err(InvalidPassword::Length);
        }
        let mut different: Vec<char> = text.chars().collect();
        different.sort_unstable();
        different.dedup();
        if different.len() < 5 {
            return Err(InvalidPassword::Monotonous);
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for EnteredPassword {
    type Error = InvalidPassword;

    fn try_from(text: String) -> Result<Self, InvalidPassword> {
        let is_possible = (1..=256).contains(&text.chars().count());
        is_possible
            .then_some(Self(text))
            .ok_or(InvalidPassword::Length)
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword")
    }
}

impl fmt::Debug for EnteredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnteredPassword")
    }
}

impl NewPassword {
    /// Whether it is a text that others can know: then it is no secret.
    pub(super) fn is(&self, text: &str) -> bool {
        self.0.trim().eq_ignore_ascii_case(text.trim())
    }
}

impl App {
    /// What a chosen password is checked against from now on: a PHC string.
    pub(super) async fn hashed(
        &self,
        NewPassword(password): NewPassword,
    ) -> Result<String, Refusal> {
        let salt: [u8; 16] = self.world.entropy.bytes()?;
        self.in_turn(move || {
            let hash = hasher()?.hash_password_with_salt(password.as_bytes(), &salt);
            hash.ok().map(|hash| hash.to_string())
        })
        .await?
        .ok_or(Refusal::NoHash)
    }

    /// Whether a password is the one that was chosen. Without one it takes as long, and is not.
    pub(super) async fn is_password(
        &self,
        EnteredPassword(password): EnteredPassword,
        hash: Option<String>,
    ) -> Result<bool, Refusal> {
        self.in_turn(move || {
            let hash = hash.unwrap_or_else(|| NOBODYS.to_owned());
            let checked =
                hasher().map(|hasher| hasher.verify_password(password.as_bytes(), hash.as_str()));
            checked.is_some_and(|checked| checked.is_ok())
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        const BUSY: Refusal = Refusal::TooManyAttempts { retry_after_s: 1 };
        let _waiting = self.passwords.waiting.try_acquire().map_err(|_| BUSY)?;
        let _running = self.passwords.running.acquire().await.map_err(|_| BUSY)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| BUSY)
    }
}

fn hasher() -> Option<Argon2<'static>> {
    let (memory_kib, passes, lanes) = COST;
    let params = Params::new(memory_kib, passes, lanes, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_password_is_long_and_varied_enough() {
        for text in [
            "correct horse battery",
            "ünïcödé pässwörd",
            &"abcde".repeat(50),
        ] {
            assert!(NewPassword::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for (text, flaw) in [
            ("", InvalidPassword::Length),
            ("short pass1", InvalidPassword::Length),
            (&"abcde".repeat(52), InvalidPassword::Length),
            ("aaaaaaaaaaaaaaaa", InvalidPassword::Monotonous),
            ("abababababcd", InvalidPassword::Monotonous),
        ] {
            assert_eq!(NewPassword::try_from(text.to_owned()), Err(flaw), "{text}");
        }
    }

    #[test]
    fn a_password_does_not_show_itself_in_debug_output() {
        let chosen = NewPassword::try_from("canary canary canaries".to_owned()).unwrap();
        let entered = EnteredPassword::try_from("canary".to_owned()).unwrap();
        assert!(!format!("{chosen:?} {entered:?}").contains("canary"));
    }
}
