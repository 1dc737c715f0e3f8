//! Somebody who hears what becomes of each check, and makes sure that it is what is decided: of every request in these
//! tests.

use portcullis_engine::gate::trace::{Check, Fault, Finding, Name, Trace};
use portcullis_engine::{Decision, DenialReason, Holder};

/// What was heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// The checks that were passed, in the order in which they were come to.
    pub passed: Vec<Check>,
    /// The one that refused the request.
    pub refused: Option<(Check, DenialReason)>,
    /// What is wrong about who calls, where that does not matter.
    pub waived: Option<(Check, DenialReason)>,
    /// Why the credential proves nothing.
    pub fault: Option<Fault>,
    is_open: bool,
}

impl Trace for Heard {
    fn judged(&mut self, finding: Finding<'_>, refused: Option<DenialReason>) {
        assert_eq!(self.refused, None, "nothing is judged after a refusal");
        let check = finding.check();
        if let Finding::Authentication(Err(fault)) = finding {
            self.fault = Some(fault);
        }
        self.is_open |= matches!(finding, Finding::Open(_));
        let names_only = self.is_open && check != Check::Endpoint;
        match refused {
            // A path is judged for proxies, and again for the service.
            None if self.passed.contains(&check) => assert_eq!(check, Check::Path),
            None => self.passed.push(check),
            Some(reason) if names_only && reason != DenialReason::RequestAmbiguous => {
                assert_eq!(self.waived.replace((check, reason)), None);
            }
            Some(reason) => self.refused = Some((check, reason)),
        }
    }

    fn sought(&mut self, _: Name<'_>) {}

    fn named(&mut self, _: &Holder) {}
}

impl Heard {
    /// Makes sure that it is the decision, and the same as the one that nobody heard.
    #[track_caller]
    pub fn agrees(&self, aloud: &Decision<'_>, silent: &Decision<'_>) {
        let told = match aloud {
            Ok(permit) => permit.observed().map(|denial| denial.reason),
            Err(denial) => Some(denial.reason),
        };
        assert_eq!(self.refused.map(|(_, reason)| reason), told);
        assert_eq!(format!("{aloud:?}"), format!("{silent:?}"));
    }
}
