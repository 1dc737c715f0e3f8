//! Somebody who hears what a gate finds, and in particular why it refuses.

use portcullis_engine::gate::trace::{Check, Finding, Name, Trace};
use portcullis_engine::{DenialReason, Holder};

/// Hears why a request is refused.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) refused: Option<DenialReason>,
    is_open: bool,
}

impl Trace for Heard {
    fn judged(&mut self, finding: Finding<'_>, refused: Option<DenialReason>) {
        assert_eq!(self.refused, None, "something is judged after a refusal");
        self.is_open |= matches!(finding, Finding::Open(_));
        let names_only = self.is_open && finding.check() != Check::Endpoint;
        self.refused = refused.filter(|it| !names_only || *it == DenialReason::RequestAmbiguous);
    }

    fn sought(&mut self, _: Name<'_>) {}

    fn named(&mut self, _: &Holder) {}
}
