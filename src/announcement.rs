//! What has to be done with the answer of the service: what its caller is told, and what is counted of it.

use portcullis_engine::{Deprecation, Permit};

use crate::deprecation;
use crate::limits::ToldLimit;
use crate::usage::Counted;
use crate::vm::Vm;

/// Kept from the request until its answer. One of them is there at least.
pub(crate) struct Announcement {
    deprecation: Option<Deprecation>,
    limit: Option<ToldLimit>,
    counted: Option<Counted>,
}

impl Announcement {
    /// What there is to be done, if anything.
    pub(crate) fn of(permit: &Permit<'_>, counted: Option<Counted>) -> Option<Self> {
        let (deprecation, limit) = (permit.deprecation(), ToldLimit::of(permit));
        let is_empty = deprecation.is_none() && limit.is_none() && counted.is_none();
        (!is_empty).then_some(Self {
            deprecation,
            limit,
            counted,
        })
    }

    /// Does it with the answer of the current callback.
    pub(crate) fn act(&self, vm: &Vm) {
        if let Some(counted) = &self.counted {
            vm.usage.answer(counted);
        }
        if let Some(deprecation) = &self.deprecation {
            deprecation::announce(deprecation);
        }
        if let Some(limit) = &self.limit {
            limit.announce();
        }
    }
}
