//! What has to be done with the answer of the service: what its caller is told, and what is counted of it.

use portcullis_engine::{Deprecation, Permit};

use crate::deprecation;
use crate::fleet::{Standing, ToldRequest};
use crate::host::HeaderPairs;
use crate::limits::ToldLimit;
use crate::usage::Counted;
use crate::vm::Vm;

/// Kept from the request until its answer. One of them is there at least.
pub(crate) struct Announcement {
    deprecation: Option<Deprecation>,
    limit: Option<ToldLimit>,
    counted: Option<Counted>,
    /// Where a service counts over the whole fleet.
    told: Option<Box<ToldRequest>>,
}

impl Announcement {
    /// What there is to be done, if anything.
    pub(crate) fn of(
        permit: &Permit<'_>,
        counted: Option<Counted>,
        limit: Option<ToldLimit>,
        told: Option<Box<ToldRequest>>,
    ) -> Option<Self> {
        let deprecation = permit.deprecation();
        let is_empty = deprecation.is_none() && limit.is_none() && counted.is_none();
        (!is_empty).then_some(Self {
            deprecation,
            limit,
            counted,
            told,
        })
    }

    /// Does it with the answer of the current callback.
    pub(crate) fn act(&self, vm: &Vm) {
        let needs_answer = self.counted.is_some() || self.told.is_some();
        let answer = needs_answer.then(HeaderPairs::of_response);
        let mut fleet = None;
        if let (Some(told), Some(answer)) = (&self.told, &answer) {
            let standing = Standing::of(answer);
            if standing.is_refused {
                told.note_refusal(vm, self.counted.is_some());
            }
            fleet = Some(standing);
        }
        if let (Some(counted), Some(answer)) = (&self.counted, &answer) {
            let is_refused = fleet.is_some_and(|standing| standing.is_refused);
            vm.usage.answer(counted, answer, is_refused);
        }
        if let Some(deprecation) = &self.deprecation {
            deprecation::announce(deprecation);
        }
        if let Some(limit) = &self.limit {
            limit.announce(fleet);
        }
    }
}
