//! What a leader does not know about the pages that it takes over.
//!
//! The leader before it may have fallen in the middle of a page of the feed, or be held up there and go on with it yet:
//! some of its changes are written and told to nobody. All of them come again, since the ledger was not written. Until
//! they have, nobody may trust its cache. And they come again only if the control plane still knows of them: after a
//! backup was put back, what was half applied would stay for ever.

use portcullis_feed::{ChangePage, Epoch, Revision};
use serde::{Deserialize, Serialize};

/// Whether pages may hold what their ledger does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doubt {
    /// They do not.
    #[default]
    None,
    /// They may, and nothing was heard from the control plane yet.
    New,
    /// They may, until everything up to here has come.
    Until(Revision),
}

impl Doubt {
    /// Whether a page that follows a point of this name may lack what was half applied.
    pub(crate) fn is_fatal(self, epoch: Option<&Epoch>, page: &ChangePage) -> bool {
        self != Self::None && epoch.is_some_and(|epoch| life(epoch) != life(&page.epoch))
    }

    /// Once a page is applied.
    #[must_use]
    pub(crate) fn after(self, page: &ChangePage) -> Self {
        let until = match self {
            Self::None => return Self::None,
            // The control plane knew no more when the earlier leader asked it.
            Self::New => page.head,
            Self::Until(revision) => revision,
        };
        if page.revision >= until {
            return Self::None;
        }
        Self::Until(until)
    }
}

/// The life of a database that a name of a point begins with.
fn life(epoch: &Epoch) -> &str {
    epoch.split('.').next().unwrap_or_default()
}
