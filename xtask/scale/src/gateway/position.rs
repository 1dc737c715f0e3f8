//! Where a gateway is in the history of a database, and which page may take it further.

use portcullis_feed::{ChangePage, Epoch, Position, Revision};
use portcullis_registry::RefusedPage;
use portcullis_registry::writer::check;

/// Where a gateway is, and how far it is with a new beginning.
#[derive(Debug, Default)]
pub(super) struct Progress {
    live: Option<Position>,
    building: Option<Building>,
}

/// What was taken since it began from nothing.
#[derive(Debug, Default)]
struct Building {
    epoch: Option<Epoch>,
    revision: Revision,
}

impl Progress {
    /// What to ask about: what came after this.
    pub(super) fn asked(&self) -> (Option<Epoch>, Revision) {
        match (&self.building, &self.live) {
            (Some(building), _) => (building.epoch.clone(), building.revision),
            (None, Some(live)) => (Some(live.epoch.clone()), live.revision),
            (None, None) => (None, 0),
        }
    }

    /// What is complete.
    pub(super) const fn live(&self) -> Option<&Position> {
        self.live.as_ref()
    }

    /// Begins again from nothing, beside what there is.
    pub(super) fn start_over(&mut self) {
        self.building = Some(Building::default());
    }

    /// Goes on to where a page leads.
    pub(super) fn take(&mut self, page: &ChangePage) -> Result<(), RefusedPage> {
        check(page, self.asked().1)?;
        let is_complete = page.revision >= page.head;
        if is_complete || (self.live.is_some() && self.building.is_none()) {
            self.building = None;
            self.live = Some(Position {
                epoch: page.epoch.clone(),
                revision: page.revision,
            });
        } else {
            self.building = Some(Building {
                epoch: Some(page.epoch.clone()),
                revision: page.revision,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use portcullis_feed::FORMAT;

    use super::*;

    fn page(after: Revision, revision: Revision, head: Revision) -> ChangePage {
        ChangePage {
            format: FORMAT,
            epoch: "e".into(),
            after,
            revision,
            head,
            changes: Vec::new(),
        }
    }

    fn at(progress: &Progress) -> Option<Revision> {
        progress.live().map(|live| live.revision)
    }

    #[test]
    fn a_first_sync_counts_when_it_is_complete() {
        let mut progress = Progress::default();
        progress.take(&page(0, 5, 9)).unwrap();
        assert_eq!(
            (at(&progress), progress.asked()),
            (None, (Some("e".into()), 5))
        );
        progress.take(&page(5, 9, 9)).unwrap();
        assert_eq!(at(&progress), Some(9));
        // From then on each page counts.
        progress.take(&page(9, 10, 12)).unwrap();
        assert_eq!(at(&progress), Some(10));
    }

    #[test]
    fn a_new_beginning_leaves_what_is_live_until_it_is_complete() {
        let mut progress = Progress::default();
        progress.take(&page(0, 9, 9)).unwrap();
        progress.start_over();
        assert_eq!(progress.asked(), (None, 0));
        progress.take(&page(0, 3, 4)).unwrap();
        assert_eq!(at(&progress), Some(9));
        progress.take(&page(3, 4, 4)).unwrap();
        assert_eq!(at(&progress), Some(4));
    }

    #[test]
    fn a_page_that_was_not_asked_for_or_leads_nowhere_changes_nothing() {
        let mut progress = Progress::default();
        progress.take(&page(0, 9, 9)).unwrap();
        assert_eq!(
            progress.take(&page(8, 10, 10)),
            Err(RefusedPage::NotAskedFor { after: 8 })
        );
        assert_eq!(
            progress.take(&page(9, 9, 10)),
            Err(RefusedPage::OutOfOrder { revision: 9 })
        );
        assert_eq!(
            progress.take(&page(9, 8, 10)),
            Err(RefusedPage::OutOfOrder { revision: 8 })
        );
        let newer = ChangePage {
            format: FORMAT + 1,
            ..page(9, 10, 10)
        };
        assert_eq!(
            progress.take(&newer),
            Err(RefusedPage::UnknownFormat { found: FORMAT + 1 })
        );
        assert_eq!(at(&progress), Some(9));
    }
}
