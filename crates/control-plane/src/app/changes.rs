//! What gateways hear: the changes after a revision, in pages of bounded size.

use portcullis_feed::{ChangePage, Epoch, FORMAT, Revision};
use tokio::sync::watch;

use super::{App, Refusal};

/// How many bytes of changes a page holds at most, unless a single change is longer.
const LONGEST_PAGE_BYTES: usize = 1_000_000;

/// How many changes are read at once: an upper bound of what is in memory and might not fit the page.
const READ_AT_ONCE: u32 = 250;

/// *What changed after revision `after`?*
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// To which life of the database `after` belongs, as far as the gateway knows.
    pub epoch: Option<Epoch>,
    /// What the gateway has seen.
    pub after: Revision,
    /// How many changes it takes at once.
    pub limit: u32,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These changes.
    Page(ChangePage),
    /// Nothing so far.
    Nothing,
    /// The gateway has to begin again from nothing.
    Gone,
}

impl App {
    /// Answers a gateway.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn changes(&self, question: &Question) -> Result<Answer, Refusal> {
        let mut snapshot = self.store.read().await?;
        let head = snapshot.head().await?;
        let is_foreign = match &question.epoch {
            Some(epoch) => epoch != self.store.epoch(),
            None => question.after > 0,
        };
        if is_foreign || question.after > head {
            return Ok(Answer::Gone);
        }
        let mut page = ChangePage {
            format: FORMAT,
            epoch: self.store.epoch().to_owned(),
            after: question.after,
            revision: question.after,
            head,
            changes: Vec::new(),
        };
        let now_ms = self.world.clock.now_ms();
        let mut bytes = 0_usize;
        let mut wanted = question.limit;
        while wanted > 0 && page.revision < head {
            let asked = wanted.min(READ_AT_ONCE);
            let changes = snapshot.changes(page.revision, asked, now_ms).await?;
            if changes.is_empty() {
                page.revision = head;
            }
            for change in changes {
                bytes = bytes.saturating_add(length(&change));
                if bytes > LONGEST_PAGE_BYTES && !page.changes.is_empty() {
                    return Ok(Answer::Page(page));
                }
                page.revision = change.revision;
                page.changes.push(change);
            }
            wanted = wanted.saturating_sub(asked);
        }
        // Who has no epoch yet learns it at once, even where there is nothing to tell: it is in step from then on.
        Ok(if page.changes.is_empty() && question.epoch.is_some() {
            Answer::Nothing
        } else {
            Answer::Page(page)
        })
    }

    /// Wakes whoever waits for a newer revision.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<Revision> {
        self.store.subscribe()
    }
}

/// What a change adds to a page, with its comma.
fn length(change: &portcullis_feed::Change) -> usize {
    serde_json::to_vec(change).map_or(0, |json| json.len().saturating_add(1))
}
