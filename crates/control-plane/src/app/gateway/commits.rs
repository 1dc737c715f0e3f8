//! When the latest revisions came to be, so that a gateway which is behind can be told since when.

use std::collections::VecDeque;

use portcullis_feed::Revision;

/// How many commits are remembered at most.
const MOST: usize = 16_384;

/// The latest commits, the oldest first.
#[derive(Default)]
pub(super) struct Commits(VecDeque<(Revision, u64)>);

impl Commits {
    /// Notes the newest revision, when it is new.
    pub(super) fn note(&mut self, head: Revision, now_ms: u64) {
        if self.0.back().is_some_and(|(newest, _)| *newest >= head) {
            return;
        }
        self.0.push_back((head, now_ms));
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// Since when there has been something newer than a revision, as far as that is remembered: where it is not, since
    /// the first commit that is.
    pub(super) fn newer_since_ms(&self, revision: Revision) -> Option<u64> {
        let first = self.0.partition_point(|(newest, _)| *newest <= revision);
        self.0.get(first).map(|(_, at_ms)| *at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_behind_since_the_first_commit_that_it_has_not_seen() {
        let mut commits = Commits::default();
        for (head, now_ms) in [(3, 10), (3, 11), (5, 12), (4, 13), (9, 14)] {
            commits.note(head, now_ms);
        }
        let since = [0, 2, 3, 4, 5, 8, 9].map(|revision| commits.newer_since_ms(revision));
        let expected = [10, 10, 12, 12, 14, 14].map(Some);
        assert_eq!(since[..6], expected);
        assert_eq!(since[6], None);
    }

    #[test]
    fn only_so_many_commits_are_remembered() {
        let mut commits = Commits::default();
        let most = u64::try_from(MOST).unwrap();
        for revision in 1..=most + 10 {
            commits.note(revision, revision * 1_000);
        }
        assert_eq!(commits.0.len(), MOST);
        assert_eq!(commits.newer_since_ms(most), Some((most + 1) * 1_000));
        assert_eq!(commits.newer_since_ms(0), Some(11_000));
    }
}
