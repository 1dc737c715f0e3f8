//! Keys that somebody should look at.

use portcullis_store::AttentionKey;

use super::{App, Refusal};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// How long before its end a key is told: 14 days.
const ENDING_MS: u64 = 14 * DAY_MS;

/// How long a key may be of no use: 90 days.
const UNUSED_MS: u64 = 90 * DAY_MS;

/// How many of each are told.
const MOST: u32 = 10;

/// What needs attention of keys: the first ten of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// Those that end within two weeks, the next first.
    pub ending: Vec<AttentionKey>,
    /// Those that were not used for ninety days, the oldest first.
    pub unused: Vec<AttentionKey>,
}

impl App {
    /// The keys that somebody should look at.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn attention(&self) -> Result<Attention, Refusal> {
        let now_ms = self.now_ms();
        let mut snapshot = self.store.read().await?;
        let until_ms = now_ms.saturating_add(ENDING_MS);
        let ending = snapshot.keys_ending(now_ms, until_ms, MOST).await?;
        let since_ms = now_ms.saturating_sub(UNUSED_MS);
        let unused = snapshot.keys_unused(since_ms, now_ms, MOST).await?;
        Ok(Attention { ending, unused })
    }
}
