//! When sessions and tokens were used last: noted in memory, at most once a minute for each, and saved together, so that
//! reading costs no write.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portcullis_feed::{RobotTokenId, SessionId};
use portcullis_store::Author;

use super::{App, Refusal};

/// How much later a use has to be to count as another one.
const APART_MS: u64 = 60_000;

/// What is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Used {
    Session(SessionId),
    Token(RobotTokenId),
}

/// Uses that are not saved yet.
#[derive(Default)]
pub(super) struct Uses(Mutex<HashMap<Used, u64>>);

impl Uses {
    /// Notes a use of what was used before, as far as the database knows.
    pub(super) fn note(&self, used: Used, before_ms: u64, now_ms: u64) {
        if now_ms.saturating_sub(before_ms) >= APART_MS {
            self.lock().insert(used, now_ms);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Used, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Keeps when sessions and tokens were used last.
    ///
    /// # Errors
    /// When the records are out of reach: then it is noted again when they are used again.
    pub async fn save_uses(&self) -> Result<(), Refusal> {
        let uses = mem::take(&mut *self.uses.lock());
        if uses.is_empty() {
            return Ok(());
        }
        let mut edit = self.edit(&Author::system("save uses")).await?;
        for (used, at_ms) in uses {
            match used {
                Used::Session(id) => edit.note_session_used(id, at_ms).await?,
                Used::Token(id) => edit.note_robot_token_used(id, at_ms).await?,
            }
        }
        edit.commit().await?;
        Ok(())
    }
}
