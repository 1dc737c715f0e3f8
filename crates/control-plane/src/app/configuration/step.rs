//! What becomes of single records: the state before and after, before anything is written.

use portcullis_feed::ClientId;
use portcullis_store::{AccessProfile, ApiKey, Client, Collection, Logo, Policy};

use crate::app::Notice;

/// A record before and after. One of them may be absent, never both.
#[derive(Debug, Clone)]
pub(super) struct Step<R> {
    pub(super) before: Option<R>,
    pub(super) after: Option<R>,
    /// Whether the id of a new record was made up for this step: no document gives it.
    pub(super) has_made_up_id: bool,
}

/// A profile with all of its keys, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyed {
    pub(super) profile: AccessProfile,
    pub(super) keys: Vec<ApiKey>,
    pub(super) client_name: String,
}

/// All that becomes different.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) policies: Vec<Step<Policy>>,
    pub(super) collections: Vec<Step<Collection>>,
    pub(super) clients: Vec<Step<Client>>,
    pub(super) profiles: Vec<Step<Keyed>>,
    /// The logos that clients get. Clients themselves tell that they have them.
    pub(super) logos: Vec<(ClientId, Logo)>,
    /// How many records the documents speak of that stay as they are.
    pub(super) unchanged: usize,
    /// What became of documents that their author may not expect.
    pub(super) notices: Vec<Notice>,
}

impl<R> Step<R> {
    /// What becomes of a record, or a new one, which may have no id of its own yet.
    pub(super) const fn new(before: Option<R>, after: R, has_made_up_id: bool) -> Self {
        Self {
            before,
            after: Some(after),
            has_made_up_id,
        }
    }

    pub(super) const fn removal(before: R) -> Self {
        Self {
            before: Some(before),
            after: None,
            has_made_up_id: false,
        }
    }

    /// The record: as it becomes, or as it was.
    pub(super) fn record(&self) -> Option<&R> {
        self.after.as_ref().or(self.before.as_ref())
    }
}
