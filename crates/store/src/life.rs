//! The lives of the database, and which points in its history readers may go on from.
//!
//! A life begins whenever the database is opened, since a copy of an earlier time may have taken its place. A reader who
//! has seen all there was is told the epoch of the newest life: with its revision, that says of which history it is. A
//! reader who has seen a part has read it from a later state than its revision tells: what changed in between is not
//! where it was any more. So its epoch names that state too, and up to which revision removals are nothing to it because
//! it began after them.

use std::collections::HashMap;

use portcullis_feed::{Epoch, Position, Revision};

use crate::statement::query;
use crate::{Edit, Snapshot, StoreError, row};

/// From where a reader goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The newest revision.
    pub head: Revision,
    /// What the reader has seen.
    pub after: Revision,
    /// The newest life.
    life: String,
    /// It holds nothing that was removed up to here.
    holds_since: Revision,
}

impl Standing {
    /// That of nobody, who is told what became so with a revision and hears of no removals.
    pub(crate) const fn just_before(revision: Revision) -> Self {
        Self {
            head: revision,
            after: revision.saturating_sub(1),
            life: String::new(),
            holds_since: revision,
        }
    }

    /// What names its place to a reader who has seen the changes up to a revision.
    #[must_use]
    pub fn epoch_at(&self, revision: Revision) -> Epoch {
        if revision >= self.head {
            return self.life.clone();
        }
        format!("{}.{}.{}", self.life, self.head, self.holds_since)
    }

    /// Removals up to here are nothing to the reader: it knows of them, or began after them.
    pub(crate) fn removals_known(&self) -> Revision {
        self.after.max(self.holds_since)
    }
}

/// What a reader has of the history of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Nothing: it has not been there.
    Nothing,
    /// It is on its way through several pages, which were read from a later state: of what changed twice it has neither.
    /// What it had before, it has.
    Part,
    /// Everything up to a revision.
    All(Revision),
}

/// The lives that a database had when it was looked at last.
#[derive(Default)]
pub(crate) struct Lives {
    newest: String,
    ended: HashMap<String, Revision>,
}

impl Lives {
    /// The name of the newest.
    pub(crate) fn newest(&self) -> &str {
        &self.newest
    }

    /// Whether it is the name of the newest.
    pub(crate) fn is_newest(&self, epoch: &str) -> bool {
        self.newest == epoch
    }

    /// Whether the newest life of others is one of these.
    pub(crate) fn knows(&self, others: &Self) -> bool {
        self.is_newest(&others.newest) || self.has_ended(&others.newest)
    }

    /// Whether it is the name of one that has ended.
    pub(crate) fn has_ended(&self, epoch: &str) -> bool {
        self.ended.contains_key(epoch)
    }

    /// What a reader has who says that it is there, in the history up to `head`.
    pub(crate) fn share(&self, position: &Position, head: Revision) -> Share {
        let Some(place) = Place::parse(&position.epoch, position.revision) else {
            return Share::Nothing;
        };
        let ended = self.ended.get(place.life).copied();
        let end = ended.or((place.life == self.newest).then_some(head));
        match place.is_before(end) {
            false => Share::Nothing,
            true if place.seen > place.after => Share::Part,
            true => Share::All(place.after),
        }
    }
}

/// What an epoch says.
struct Place<'a> {
    life: &'a str,
    after: Revision,
    /// The newest state that the reader has read from.
    seen: Revision,
    holds_since: Revision,
}

impl<'a> Place<'a> {
    /// Of a reader who has seen the changes up to `after`.
    fn parse(epoch: &'a str, after: Revision) -> Option<Self> {
        let Some((life, rest)) = epoch.split_once('.') else {
            return Some(Self {
                life: epoch,
                after,
                seen: after,
                holds_since: after,
            });
        };
        let (seen, holds_since) = rest.split_once('.')?;
        Some(Self {
            life,
            after,
            seen: seen.parse().ok()?,
            holds_since: holds_since.parse().ok()?,
        })
    }

    /// Whether it is a place in a life that ended there.
    fn is_before(&self, end: Option<Revision>) -> bool {
        self.after <= self.seen && end.is_some_and(|end| self.seen <= end)
    }
}

impl Snapshot {
    /// Where a reader goes on from, if it may: it begins from nothing, or names a point in the history of this database
    /// from which all removals are still told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing(
        &mut self,
        epoch: Option<&Epoch>,
        after: Revision,
    ) -> Result<Option<Standing>, StoreError> {
        let state = query(
            "SELECT revision, horizon, \
             (SELECT epoch FROM lives ORDER BY ordinal DESC LIMIT 1) AS life FROM state",
        )
        .fetch_one(&mut self.transaction)
        .await?;
        let mut standing = Standing {
            head: row::number(&state, "revision")?,
            after,
            life: state.try_get("life")?,
            holds_since: 0,
        };
        let Some(epoch) = epoch else {
            standing.holds_since = standing.head;
            return Ok((after == 0).then_some(standing));
        };
        let Some(place) = Place::parse(epoch, after) else {
            return Ok(None);
        };
        standing.holds_since = place.holds_since;
        let end = if place.life == standing.life {
            Some(standing.head)
        } else {
            self.end_of_life(place.life).await?
        };
        let is_told = standing.removals_known() >= row::number(&state, "horizon")?;
        Ok((place.is_before(end) && is_told).then_some(standing))
    }

    /// How the lives that are remembered ended, except for the newest: its name comes with them.
    pub(crate) async fn lives(&mut self) -> Result<Lives, StoreError> {
        let rows = query(
            "SELECT epoch, LEAD(from_revision) OVER (ORDER BY ordinal) AS until_revision FROM lives",
        )
        .fetch_all(&mut self.transaction)
        .await?;
        let mut lives = Lives::default();
        for row in &rows {
            let epoch: String = row.try_get("epoch")?;
            match row::number_if_any(row, "until_revision")? {
                Some(end) => drop(lives.ended.insert(epoch, end)),
                None => lives.newest = epoch,
            }
        }
        Ok(lives)
    }

    /// The newest revision at the end of a life that is not the newest.
    async fn end_of_life(&mut self, epoch: &str) -> Result<Option<Revision>, StoreError> {
        let found = query(
            "SELECT next.from_revision FROM lives life \
             JOIN lives next ON next.ordinal > life.ordinal \
             WHERE life.epoch = $1 ORDER BY next.ordinal LIMIT 1",
        )
        .bind(epoch)
        .fetch_optional(&mut self.transaction)
        .await?;
        let end = |row| row::number(row, "from_revision");
        found.as_ref().map(end).transpose()
    }
}

impl Edit {
    /// Begins the next life here. Its epoch must be random.
    pub(crate) async fn put_life(&mut self, epoch: &str, now_ms: u64) -> Result<(), StoreError> {
        query(
            "INSERT INTO lives (ordinal, epoch, from_revision, begun_at_ms) \
             SELECT COALESCE(MAX(ordinal), 0) + 1, $1, $2, $3 FROM lives",
        )
        .bind(epoch)
        .bind(row::stored(self.revision()))
        .bind(row::stored(now_ms))
        .execute(&mut self.read().transaction)
        .await?;
        Ok(())
    }

    /// Forgets what was removed before a time, the oldest first and at most so many, and tells how many. Readers who
    /// hold any of it begin again from nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_removals(&mut self, before_ms: u64, most: u32) -> Result<u64, StoreError> {
        let forgotten = query(
            "DELETE FROM changes WHERE revision IN (SELECT revision FROM changes \
             WHERE removed_at_ms < $1 ORDER BY removed_at_ms LIMIT $2) RETURNING revision",
        )
        .bind(row::stored(before_ms))
        .bind(i64::from(most))
        .fetch_all(&mut self.read().transaction)
        .await?;
        let mut newest = 0;
        for row in &forgotten {
            newest = row::number(row, "revision")?.max(newest);
        }
        query("UPDATE state SET horizon = $1 WHERE horizon < $1")
            .bind(row::stored(newest))
            .execute(&mut self.read().transaction)
            .await?;
        Ok(u64::try_from(forgotten.len()).unwrap_or(u64::MAX))
    }

    /// Forgets the lives that ended before a time. Readers who have not asked since then begin again from nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_lives(&mut self, before_ms: u64) -> Result<(), StoreError> {
        query(
            "DELETE FROM lives WHERE ordinal < \
             (SELECT MAX(ordinal) FROM lives WHERE begun_at_ms < $1)",
        )
        .bind(row::stored(before_ms))
        .execute(&mut self.read().transaction)
        .await?;
        Ok(())
    }
}
