//! What this process knows of the history of its database: the newest revision, the lives, and whether the database is
//! still the one that it was. Other processes may write to the same database, and somebody may put it back to an earlier
//! time while it is in use.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use portcullis_feed::{Position, Revision};
use tokio::sync::watch;

use crate::life::Lives;
use crate::{Share, Topic};

/// The name of a life that begins, which nobody can guess, and when it does: milliseconds since 1970, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLife {
    /// How it is called.
    pub epoch: String,
    /// When it begins.
    pub begun_at_ms: u64,
}

/// Names the lives that begin; nothing when there is no randomness.
pub(crate) type NewLives = Arc<dyn Fn() -> Option<NewLife> + Send + Sync>;

/// What is known, shared by all who use the database in this process.
pub(crate) struct History {
    head: watch::Sender<Revision>,
    topics: watch::Sender<[u64; Topic::COUNT]>,
    seen: RwLock<Seen>,
    pub(crate) new_life: NewLives,
    commit_watcher: OnceLock<CommitWatcher>,
}

/// What is told how long commits take.
pub(crate) type CommitWatcher = Box<dyn Fn(Duration) + Send + Sync>;

#[derive(Default)]
struct Seen {
    lives: Lives,
    /// The greatest revision since the newest life was begun or seen.
    greatest: Revision,
    /// Which copy of the database it was: another after a restart of the server, or after it was loaded again.
    copy: String,
    /// Rises whenever any of this is noted.
    version: u64,
}

/// How a database stands to what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// It goes on as it was.
    Same,
    /// Another process has begun a life.
    Continued,
    /// It may have been put back to an earlier time: what comes now is another history.
    Diverted,
}

impl History {
    pub(crate) fn new(new_life: NewLives) -> Self {
        Self {
            head: watch::Sender::new(0),
            topics: watch::Sender::new([0; Topic::COUNT]),
            seen: RwLock::default(),
            new_life,
            commit_watcher: OnceLock::new(),
        }
    }

    /// Has somebody told how long each commit takes. There is only one who is.
    pub(crate) fn watch_commits(&self, watcher: CommitWatcher) {
        let _ = self.commit_watcher.set(watcher);
    }

    pub(crate) fn time_commit(&self, duration: Duration) {
        if let Some(watcher) = self.commit_watcher.get() {
            watcher(duration);
        }
    }

    /// Tells the newest revision, whenever there is another.
    pub(crate) fn head(&self) -> watch::Receiver<Revision> {
        self.head.subscribe()
    }

    /// How often each topic was written, by any process, as far as it is known here.
    pub(crate) fn topics(&self) -> watch::Receiver<[u64; Topic::COUNT]> {
        self.topics.subscribe()
    }

    /// The name of the newest life.
    pub(crate) fn newest_life(&self) -> String {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.lives.newest().to_owned()
    }

    /// Whether a reader who is there has all that is known to be.
    pub(crate) fn is_at_head(&self, position: &Position) -> bool {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.lives.is_newest(&position.epoch) && position.revision == *self.head.borrow()
    }

    pub(crate) fn share(&self, position: &Position) -> Share {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.lives.share(position, *self.head.borrow())
    }

    /// Rises whenever something is noted: what was read before may be older than what is known.
    pub(crate) fn version(&self) -> u64 {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.version
    }

    /// What it means that the database, which is a certain copy, has this newest life and revision.
    pub(crate) fn course(&self, copy: &str, life: &str, revision: Revision) -> Course {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        if seen.copy != copy || seen.lives.has_ended(life) {
            return Course::Diverted;
        }
        if !seen.lives.is_newest(life) {
            return Course::Continued;
        }
        match revision < seen.greatest {
            true => Course::Diverted,
            false => Course::Same,
        }
    }

    /// Notes which lives there are, and where the newest of them is by now. Where the newest that was known is none of
    /// them, the database was put back: then its revision counts though it is smaller than one that was known.
    pub(crate) fn note_lives(&self, lives: Lives, revision: Revision) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        let was_put_back = !lives.knows(&seen.lives);
        seen.version = seen.version.wrapping_add(1);
        seen.lives = lives;
        if was_put_back {
            seen.greatest = revision;
            self.head.send_replace(revision);
        }
        drop(seen);
        self.note_revision(revision);
    }

    /// Has the next edit begin a life.
    pub(crate) fn doubt_copy(&self) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.copy.clear();
    }

    /// Notes a life that this process began in a copy that it did not know.
    pub(crate) fn note_new_life(&self, lives: Lives, copy: String, revision: Revision) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.version = seen.version.wrapping_add(1);
        seen.lives = lives;
        seen.copy = copy;
        seen.greatest = revision;
        self.head.send_replace(revision);
    }

    /// Notes a revision, and wakes who waits for it.
    pub(crate) fn note_revision(&self, revision: Revision) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if revision > seen.greatest {
            seen.version = seen.version.wrapping_add(1);
            seen.greatest = revision;
        }
        drop(seen);
        self.head.send_if_modified(|newest| {
            let is_newer = revision > *newest;
            *newest = revision.max(*newest);
            is_newer
        });
    }

    /// Notes that topics were written.
    pub(crate) fn note_topics(&self, topics: impl IntoIterator<Item = Topic>) {
        self.topics.send_if_modified(|counts| {
            let mut is_any = false;
            for topic in topics {
                if let Some(count) = counts.get_mut(topic.place()) {
                    *count = count.wrapping_add(1);
                    is_any = true;
                }
            }
            is_any
        });
    }
}
