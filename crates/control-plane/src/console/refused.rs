//! Forms that are refused: they are shown again as they were filled in, with what is wrong beside the fields.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::design::Filled;
use super::entered::Sent;
use crate::app::{Refusal, Violation};
use crate::problem::Problem;

/// A form that is shown again.
pub(super) struct Again {
    /// With which status.
    pub(super) status: StatusCode,
    /// As it was sent, and what is wrong with it.
    pub(super) filled: Filled,
}

impl Again {
    /// What became different meanwhile, where that is why the form is shown again.
    pub(super) fn when_overtaken(&self, differences: impl FnOnce(&Filled) -> Markup) -> Markup {
        if self.status == StatusCode::PRECONDITION_FAILED {
            return differences(&self.filled);
        }
        html! {}
    }
}

/// Two parts of a form: what is wrong with either, if anything is.
///
/// # Errors
/// When one of them is refused, or both are.
pub(super) fn both<A, B>(
    first: Result<A, Refusal>,
    second: Result<B, Refusal>,
) -> Result<(A, B), Refusal> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(Refusal::Invalid(mut violations)), Err(Refusal::Invalid(further))) => {
            violations.extend(further);
            Err(Refusal::Invalid(violations))
        }
        (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
    }
}

/// What becomes of a form that was refused: it is shown again, if mending it helps.
///
/// # Errors
/// When nothing in the form is wrong.
pub(super) fn again(sent: &Sent, refusal: Refusal) -> Result<Again, Problem> {
    let violations = match &refusal {
        Refusal::Invalid(violations) => violations.clone(),
        Refusal::Changed { kind } => {
            let text = format!(
                "somebody else has changed the {kind} since you opened this form. What is different is shown below: \
                 save again to have it as you have filled it in"
            );
            vec![Violation::new("", text)]
        }
        refusal => vec![Violation::new("", refusal)],
    };
    let problem = Problem::from(refusal);
    match problem.status() {
        status @ (StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::CONFLICT
        | StatusCode::PRECONDITION_FAILED) => Ok(Again {
            status,
            filled: Filled::sent(sent, violations),
        }),
        _ => Err(problem),
    }
}
