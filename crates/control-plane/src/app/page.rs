//! Long lists in pages.

use portcullis_store::{Bound, SortKey, Window};

/// How many records a page has at most.
pub const LONGEST: u32 = 1_000;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The records.
    pub items: Vec<T>,
    /// Where the next page begins. `None` on the last one.
    pub next: Option<Vec<Bound>>,
}

impl<T> Page<T> {
    /// Cuts a list, which was asked for one record more than the page has, to the length of the page.
    pub(super) fn cut<K: SortKey<Record = T>>(mut items: Vec<T>, window: &Window<K>) -> Self {
        let has_more = shorten(&mut items, window.limit);
        let last = items.last().filter(|_| has_more);
        Self {
            next: last.map(|last| window.bounds(last)),
            items,
        }
    }

    /// The same of a list that is sorted by the names of its records alone.
    pub(super) fn cut_by(mut items: Vec<T>, limit: u32, name: impl Fn(&T) -> String) -> Self {
        let has_more = shorten(&mut items, limit);
        let last = items.last().filter(|_| has_more);
        Self {
            next: last.map(|last| vec![Bound::Text(name(last))]),
            items,
        }
    }

    /// The page of what its records stand for.
    pub(super) fn map<U>(self, as_other: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(as_other).collect(),
            next: self.next,
        }
    }
}

/// A window that is one record longer, by which it is seen whether there are more.
pub(super) fn one_more<K: Clone>(window: &Window<K>) -> Window<K> {
    Window {
        limit: window.limit.saturating_add(1),
        ..window.clone()
    }
}

fn shorten<T>(items: &mut Vec<T>, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = items.len() > limit;
    items.truncate(limit);
    has_more
}
