//! Long lists in pages: the cursor is the identifier of the last record seen.

/// How many records a page has at most.
pub const LONGEST: u32 = 1_000;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The records, in the order of their creation.
    pub items: Vec<T>,
    /// Whether there are more after the last of them.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Cuts a list, which was asked for one record more than the page has, to the length of the page.
    pub(super) fn cut(mut items: Vec<T>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        Self { items, has_more }
    }
}
