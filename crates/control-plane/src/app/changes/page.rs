//! A page as it is written: each change once, into the text that gateways get.

use std::sync::{Arc, OnceLock};

use portcullis_engine::api_key::digest;
use portcullis_feed::{Change, ChangePage, Digest, Epoch, FORMAT, Position, Revision};

/// How many bytes of changes a page holds at most, unless a single change is longer.
const LONGEST_BYTES: usize = 1_000_000;

/// The text of a page. Cheap to clone: whoever asks the same gets the same.
#[derive(Debug, Clone)]
pub struct WrittenPage(Arc<Written>);

#[derive(Debug)]
struct Written {
    json: Vec<u8>,
    digest: OnceLock<Digest>,
    next: Option<Position>,
}

/// A page that is being written.
#[derive(Default)]
pub(super) struct Draft {
    changes: Vec<u8>,
    count: usize,
}

impl Draft {
    /// How many more changes will fit, if they are as long as those before them on average.
    pub(super) fn room(&self) -> Option<u32> {
        let average = self.changes.len().checked_div(self.count)?;
        let left = LONGEST_BYTES.saturating_sub(self.changes.len());
        let room = left.checked_div(average)?.saturating_add(1);
        Some(u32::try_from(room).unwrap_or(u32::MAX))
    }

    /// Adds a change, unless it does not fit any more.
    pub(super) fn add(&mut self, change: &Change) -> bool {
        let length = self.changes.len();
        if self.count > 0 {
            self.changes.push(b',');
        }
        // Changes are made of what can always be written, into memory.
        let is_written = serde_json::to_writer(&mut self.changes, change).is_ok();
        let fits = self.changes.len() <= LONGEST_BYTES || self.count == 0;
        if is_written && fits {
            self.count = self.count.saturating_add(1);
        } else {
            self.changes.truncate(length);
        }
        is_written && fits
    }

    /// The page with what stands around its changes.
    pub(super) fn finished(
        self,
        epoch: Epoch,
        after: Revision,
        revision: Revision,
        head: Revision,
    ) -> WrittenPage {
        const END: &[u8] = b"]}";
        let frame = ChangePage {
            format: FORMAT,
            epoch,
            after,
            revision,
            head,
            changes: Vec::new(),
        };
        let next = (revision < head).then(|| Position {
            epoch: frame.epoch.clone(),
            revision,
        });
        let mut json = serde_json::to_vec(&frame).unwrap_or_default();
        json.truncate(json.len().saturating_sub(END.len()));
        json.reserve_exact(self.changes.len().saturating_add(END.len()));
        json.extend(self.changes);
        json.extend(END);
        WrittenPage(Arc::new(Written {
            json,
            digest: OnceLock::new(),
            next,
        }))
    }
}

impl WrittenPage {
    /// Where a gateway is that has applied it, when there is more to come.
    #[must_use]
    pub fn next(&self) -> Option<&Position> {
        self.0.next.as_ref()
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        *self.0.digest.get_or_init(|| digest(&self.0.json))
    }
}

impl AsRef<[u8]> for WrittenPage {
    /// The text: the JSON of a [`ChangePage`].
    fn as_ref(&self) -> &[u8] {
        &self.0.json
    }
}

#[cfg(test)]
mod tests {
    use portcullis_feed::{ChangedObject, CollectionId};

    use super::*;

    fn removal(revision: Revision) -> Change {
        Change {
            revision,
            object: ChangedObject::CollectionRemoved(CollectionId::from_parts(1, 1)),
        }
    }

    #[test]
    fn a_written_page_is_read_as_what_was_put_in() {
        for count in [0, 1, 3] {
            let changes: Vec<Change> = (1..=count).map(removal).collect();
            let mut draft = Draft::default();
            assert!(changes.iter().all(|change| draft.add(change)));

            let page = draft.finished("e1".into(), 0, count, 9);

            let read = ChangePage::from_json(page.as_ref()).unwrap();
            assert_eq!(read.changes, changes);
            assert_eq!((read.format, read.epoch.as_str()), (FORMAT, "e1"));
            assert_eq!((read.after, read.revision, read.head), (0, count, 9));
            assert_eq!(page.next().map(|next| next.revision), Some(count));
            assert_eq!(page.digest(), digest(page.as_ref()));
        }
    }

    #[test]
    fn a_page_takes_what_fits_and_says_how_much_more_will() {
        let mut draft = Draft::default();
        assert_eq!(draft.room(), None);
        let mut count = 0;
        let mut expected = Vec::new();
        while draft.add(&removal(1_000_000)) {
            count += 1;
            expected.push(count + usize::try_from(draft.room().unwrap()).unwrap());
        }
        assert!(
            expected
                .iter()
                .all(|expected| expected.abs_diff(count) < count / 20)
        );
        assert!(draft.changes.len() <= LONGEST_BYTES);
        let page = draft.finished("e1".into(), 0, 9, 9);
        assert_eq!(
            ChangePage::from_json(page.as_ref()).unwrap().changes.len(),
            count
        );
    }
}
