//! What gateways hear: the changes after a revision, in pages of bounded size. Gateways who ask the same at the same time
//! get the same page, which is made once.

mod page;
mod pages;

use portcullis_feed::{Epoch, Position, Revision};
use tokio::sync::watch;

use super::{App, Refusal};

pub use page::WrittenPage;
pub(super) use pages::Pages;

use page::Draft;
use pages::Key;

/// How many changes are read first, and how many at most: an upper bound of what is in memory and might not fit the
/// page. Records differ in length, so it is the first that tell how many more will fit.
const READ_FIRST: u32 = 100;
const READ_AT_ONCE: u32 = 1_000;

/// For how long a page is kept that still answers the question: what it says of spent keys depends on the time.
const KEPT_MS: u64 = 60_000;

/// The answer.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These changes.
    Page(WrittenPage),
    /// Nothing so far.
    Nothing,
    /// The gateway has to begin again from nothing.
    Gone,
}

impl App {
    /// Tells a gateway what changed after a revision: so many changes at most. What names its place together with the
    /// revision, it says in `epoch`.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn changes(
        &self,
        epoch: Option<&Epoch>,
        after: Revision,
        limit: u32,
    ) -> Result<Answer, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let key = Key {
            epoch: epoch.cloned(),
            after,
            limit,
            head: *self.newest().borrow(),
            time: now_ms / KEPT_MS,
        };
        let mut is_made = false;
        let made = async {
            is_made = true;
            self.make(epoch, after, limit, now_ms).await
        };
        let answer = self.pages.get(key, made).await?;
        if matches!(answer, Some(Answer::Page(_))) {
            self.meters.count_page(is_made);
        }
        Ok(answer.unwrap_or(Answer::Gone))
    }

    /// Whether a gateway has all that is known to be. That costs no look at the database, and is so while that is out of
    /// reach too.
    #[must_use]
    pub fn is_up_to_date(&self, position: &Position) -> bool {
        self.store.is_at_head(position)
    }

    /// Wakes whoever waits for a newer revision.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<Revision> {
        self.store.subscribe()
    }

    /// Nothing, where the gateway has to begin again.
    async fn make(
        &self,
        epoch: Option<&Epoch>,
        after: Revision,
        limit: u32,
        now_ms: u64,
    ) -> Result<Option<Answer>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let Some(mut standing) = snapshot.standing(epoch, after).await? else {
            return Ok(None);
        };
        let mut draft = Draft::default();
        let mut wanted = limit;
        while wanted > 0 && standing.after < standing.head {
            let asked = wanted.min(
                draft
                    .room()
                    .map_or(READ_FIRST, |room| room.min(READ_AT_ONCE)),
            );
            let changes = snapshot.changes(&standing, asked, now_ms).await?;
            let is_end = u32::try_from(changes.len()).is_ok_and(|read| read < asked);
            wanted = wanted.saturating_sub(asked);
            for change in &changes {
                if !draft.add(change) {
                    wanted = 0;
                    break;
                }
                standing.after = change.revision;
            }
            if is_end && wanted > 0 {
                standing.after = standing.head;
            }
        }
        let epoch_now = standing.epoch_at(standing.after);
        // Who does not know the name of its place learns it at once, even where there is nothing else to tell.
        if standing.after == after && epoch == Some(&epoch_now) {
            return Ok(Some(Answer::Nothing));
        }
        let page = draft.finished(epoch_now, after, standing.after, standing.head);
        Ok(Some(Answer::Page(page)))
    }
}
