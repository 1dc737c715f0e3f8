//! What a caller who is let through is told with the answer of the service.

use portcullis_engine::{Deprecation, Permit};

use crate::deprecation;
use crate::limits::ToldLimit;

/// Kept from the request until its answer. One of them is there at least.
pub(crate) struct Announcement {
    deprecation: Option<Deprecation>,
    limit: Option<ToldLimit>,
}

impl Announcement {
    /// What there is to be told, if anything.
    pub(crate) fn of(permit: &Permit<'_>) -> Option<Self> {
        let (deprecation, limit) = (permit.deprecation(), ToldLimit::of(permit));
        let is_empty = deprecation.is_none() && limit.is_none();
        (!is_empty).then_some(Self { deprecation, limit })
    }

    /// Adds it to the answer of the current callback.
    pub(crate) fn tell(&self) {
        if let Some(deprecation) = &self.deprecation {
            deprecation::announce(deprecation);
        }
        if let Some(limit) = &self.limit {
            limit.announce();
        }
    }
}
