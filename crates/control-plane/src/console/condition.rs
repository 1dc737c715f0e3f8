//! That a record is what the operator saw who filled in a form: forms carry its tag.

use serde::Serialize;

use super::entered::Sent;
use crate::api::tag::Tag;
use crate::app::condition::Condition;

/// The field with the tag.
pub(super) const TAG: &str = "tag";

/// That the record still has the tag that the form carries. A form without one knows no record, and changes none.
pub(super) fn unchanged<R: 'static, T: Serialize>(
    sent: &Sent,
    representation: impl FnOnce(&R) -> T + Send + 'static,
) -> Condition<R> {
    let tag = sent.text(TAG).to_owned();
    Condition::that(move |record| Tag::of(&representation(record)).as_str() == tag)
}
