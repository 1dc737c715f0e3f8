//! On which condition a record is changed or removed: that it still is what its author has seen.

use super::Refusal;

/// What a record has to be for something to be done to it. It is examined inside the edit, where nobody else can change
/// the record any more.
pub struct Condition<T>(Option<Box<Holds<T>>>);

type Holds<T> = dyn FnOnce(&T) -> bool + Send;

impl<T> Condition<T> {
    /// Whatever the record is.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// That this is true of the record.
    pub fn that(holds: impl FnOnce(&T) -> bool + Send + 'static) -> Self {
        Self(Some(Box::new(holds)))
    }

    /// Whether anything is asked of the record.
    pub(super) const fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Refuses what is asked for, when the record is another one by now.
    pub(super) fn examine(self, kind: &'static str, record: &T) -> Result<(), Refusal> {
        if self.0.is_none_or(|holds| holds(record)) {
            return Ok(());
        }
        Err(Refusal::Changed { kind })
    }
}
