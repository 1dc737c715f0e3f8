//! Writing: one edit is one transaction, with the write lock from its first statement, and takes the revisions of
//! what it changes. What can be written stands with its kind of record. Each change of a record is entered in the audit
//! by what writes it (`audit.rs`).

use std::sync::Arc;
use std::time::Instant;

use portcullis_feed::Revision;

use crate::audit::Journal;
use crate::history::{Course, History};
use crate::life::Lives;
use crate::statement::{Transaction, query};
use crate::topic::{Topic, Topics};
use crate::{SecretKey, Snapshot, StoreError, row};

/// A statement that gives each object which it selects the next revision. `$1` is the newest revision, `$2` what
/// picks the objects, `$3` when they were removed. SQLite and PostgreSQL both need the name of the kind as a literal
/// here.
macro_rules! mark {
    ($kind:literal, $objects:literal) => {
        concat!(
            "INSERT INTO changes (kind, object_id, revision, removed_at_ms) SELECT '",
            $kind,
            "', id, $1 + ROW_NUMBER() OVER (ORDER BY id), CAST($3 AS BIGINT) FROM ",
            $objects,
            " = $2 ON CONFLICT (kind, object_id) \
             DO UPDATE SET revision = excluded.revision, removed_at_ms = excluded.removed_at_ms"
        )
    };
}

pub(crate) const PROFILE: &str = mark!("profile", "access_profiles WHERE id");
pub(crate) const PROFILES_OF_CLIENT: &str = mark!("profile", "access_profiles WHERE client_id");
pub(crate) const PROFILES_OF_POLICY: &str = mark!("profile", "access_profiles WHERE policy_id");
pub(crate) const PROFILES_FOLLOWING: &str = mark!("profile", "access_profiles WHERE key_set");
pub(crate) const COLLECTION: &str = mark!("collection", "collections WHERE id");

/// Changes that are kept together or not at all. Dropped without [`Edit::commit`], it leaves nothing behind.
pub struct Edit {
    snapshot: Snapshot,
    revision: Revision,
    begun_at: Revision,
    topics: Topics,
    history: Arc<History>,
    turn: Option<Turn>,
    pub(crate) journal: Journal,
}

/// What an edit finds when the history of the database is not what this process knew.
struct Turn {
    lives: Lives,
    /// In which copy of the database the edit begins a life, if it does.
    copy: Option<String>,
}

impl Edit {
    pub(crate) async fn begin(
        mut transaction: Transaction,
        history: Arc<History>,
        secret_key: SecretKey,
        journal: Journal,
    ) -> Result<Self, StoreError> {
        // An update, though it changes nothing: it takes the lock before anything is read.
        query("UPDATE state SET revision = revision")
            .execute(&mut transaction)
            .await?;
        let place = transaction.place_in_history().await?;
        let (revision, copy) = (place.revision, place.copy);
        let course = history.course(&copy, &place.life, revision);
        // Another process may have sealed all secrets under another key.
        let secret_key = secret_key.sealing_as(&place.secret_check);
        let secret_key = secret_key.ok_or(StoreError::KeyRotated)?;
        let mut edit = Self {
            snapshot: Snapshot::of(transaction, secret_key),
            revision,
            begun_at: revision,
            topics: Topics::default(),
            history,
            turn: None,
            journal,
        };
        let copy = match course {
            Course::Same => {
                // Another process may have committed it, and its word may still be on its way.
                edit.history.note_revision(revision);
                return Ok(edit);
            }
            Course::Continued => None,
            Course::Diverted => {
                edit.begin_life().await?;
                Some(copy)
            }
        };
        let lives = edit.snapshot.lives().await?;
        edit.turn = Some(Turn { lives, copy });
        Ok(edit)
    }

    async fn begin_life(&mut self) -> Result<(), StoreError> {
        let life = (self.history.new_life)().ok_or(StoreError::NoNonce)?;
        self.put_life(&life.epoch, life.begun_at_ms).await
    }

    /// Says that it writes what other processes keep in memory.
    pub(crate) const fn touch(&mut self, topic: Topic) {
        self.topics.add(topic);
    }

    /// Reads with the changes that this edit has made so far.
    pub const fn read(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    /// Keeps the changes, wakes who waits for them, and tells the revision of the last: a gateway that has seen it
    /// has seen them all. An edit that changed nothing of the feed tells the newest revision there is.
    ///
    /// # Errors
    /// When the database fails: then nothing is kept.
    pub async fn commit(self) -> Result<Revision, StoreError> {
        self.commit_then(|| {}).await
    }

    /// The same, and does something as soon as the changes are kept: even when the caller has gone away by then.
    ///
    /// # Errors
    /// When the database fails: then nothing is kept, nor done.
    pub async fn commit_then(
        mut self,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<Revision, StoreError> {
        self.write_journal().await?;
        let transaction = &mut self.snapshot.transaction;
        if self.revision != self.begun_at {
            query("UPDATE state SET revision = $1")
                .bind(row::stored(self.revision))
                .execute(transaction)
                .await?;
        }
        let is_new_life = self.turn.as_ref().is_some_and(|turn| turn.copy.is_some());
        if self.revision != self.begun_at || is_new_life || !self.topics.is_empty() {
            transaction.tell_others(self.topics).await?;
        }
        // On a task of its own: a caller who goes away between the commit and the wake-up would leave readers asleep.
        let ending = tokio::spawn(async move {
            let began = Instant::now();
            self.snapshot.transaction.commit().await?;
            self.history.time_commit(began.elapsed());
            match self.turn {
                Some(Turn {
                    lives,
                    copy: Some(copy),
                }) => {
                    self.history.note_new_life(lives, copy, self.revision);
                }
                Some(Turn { lives, copy: None }) => {
                    self.history.note_lives(lives, self.revision);
                }
                None => self.history.note_revision(self.revision),
            }
            self.history.note_topics(self.topics.iter());
            then();
            Ok(self.revision)
        });
        ending
            .await
            .unwrap_or(Err(StoreError::Failed(sqlx::Error::WorkerCrashed)))
    }

    /// Writes what has been entered so far.
    pub(crate) async fn write_journal(&mut self) -> Result<(), StoreError> {
        self.journal.write(&mut self.snapshot.transaction).await
    }

    /// Takes so many revisions, and tells the first.
    pub(crate) fn take_revisions(&mut self, count: usize) -> Revision {
        let first = self.revision.saturating_add(1);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.revision = self.revision.saturating_add(count);
        first
    }

    /// The newest revision, with the changes that this edit has made so far.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// Gives each object that a statement of this file picks the next revision: it is different.
    pub(crate) async fn mark_changed(
        &mut self,
        statement: &'static str,
        object: &impl ToString,
    ) -> Result<(), StoreError> {
        self.mark(statement, object, None).await
    }

    /// The same, before they are removed.
    pub(crate) async fn mark_removed(
        &mut self,
        statement: &'static str,
        object: &impl ToString,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.mark(statement, object, Some(row::stored(now_ms)))
            .await
    }

    async fn mark(
        &mut self,
        statement: &'static str,
        object: &impl ToString,
        removed_at_ms: Option<i64>,
    ) -> Result<(), StoreError> {
        let marked = query(statement)
            .bind(row::stored(self.revision))
            .bind(object.to_string())
            .bind(removed_at_ms)
            .execute(&mut self.snapshot.transaction)
            .await?;
        self.revision = self.revision.saturating_add(marked);
        Ok(())
    }

    /// Runs a statement that is about one record, by its identifier alone.
    pub(crate) async fn run(
        &mut self,
        statement: &'static str,
        object: &impl ToString,
    ) -> Result<(), StoreError> {
        query(statement)
            .bind(object.to_string())
            .execute(&mut self.snapshot.transaction)
            .await?;
        Ok(())
    }
}
