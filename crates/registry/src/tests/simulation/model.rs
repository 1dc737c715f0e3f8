//! The control plane of the simulation: a history that branches when a backup is put back, and pages of it as a real one
//! answers with.

use portcullis_feed::{Change, ChangePage, ChangedObject, Digest, Epoch, FORMAT, Revision};

use super::chance::Chance;
use super::keys::{Keys, OBJECTS, PROFILES};
use crate::tests::sync::{collection, profile};

/// What an object is: the number of the change that made it so. Nothing: it does not exist.
pub(super) type Version = Option<u64>;

/// A point of the history: what every object was after a change.
#[derive(Debug, Clone)]
struct Point {
    before: Option<usize>,
    revision: Revision,
    objects: [Version; OBJECTS],
}

/// The records as a backup holds them.
#[derive(Debug, Clone)]
struct Database {
    point: usize,
    revision: Revision,
    /// When each object became what it is. 0: it never was anything, or nobody remembers that it was removed.
    changed: [Revision; OBJECTS],
    /// Removals up to here are forgotten.
    horizon: Revision,
    lives: Vec<Life>,
}

#[derive(Debug, Clone)]
struct Life {
    name: String,
    end: Option<Revision>,
}

/// The control plane.
#[derive(Debug)]
pub(super) struct Model {
    keys: &'static Keys,
    points: Vec<Point>,
    database: Database,
    backup: Database,
    versions: u64,
    lives: u64,
}

/// What a question is answered with.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// A page, and at which point is who has applied it, when that is the newest of that moment.
    Page(ChangePage, Option<usize>),
    StartOver,
    Nothing,
}

impl Model {
    pub(super) fn new(keys: &'static Keys) -> Self {
        let database = Database {
            point: 0,
            revision: 0,
            changed: [0; OBJECTS],
            horizon: 0,
            lives: vec![],
        };
        let mut model = Self {
            keys,
            points: vec![Point {
                before: None,
                revision: 0,
                objects: [None; OBJECTS],
            }],
            backup: database.clone(),
            database,
            versions: 0,
            lives: 0,
        };
        model.open();
        model
    }

    /// Something happens to the records.
    pub(super) fn act(&mut self, chance: &mut Chance, restores: bool) {
        match chance.below(40) {
            0 if restores => {
                self.database = self.backup.clone();
                self.open();
            }
            1 => self.open(),
            2 | 3 => self.backup = self.database.clone(),
            4 => self.forget_removals(),
            _ => {
                for _ in 0..=chance.below(3) {
                    self.change(chance);
                }
            }
        }
    }

    /// The database is opened: another life begins.
    fn open(&mut self) {
        if let Some(last) = self.database.lives.last_mut() {
            last.end = Some(self.database.revision);
        }
        self.lives += 1;
        self.database.lives.push(Life {
            name: format!("life{}", self.lives),
            end: None,
        });
    }

    fn change(&mut self, chance: &mut Chance) {
        let object = match chance.below(12) {
            0 => PROFILES,
            _ => chance.below(PROFILES as u64) as usize,
        };
        self.versions += 1;
        let version = (chance.below(4) > 0).then_some(self.versions);
        let mut objects = self.points[self.database.point].objects;
        objects[object] = version;
        self.database.revision += 1;
        self.database.changed[object] = self.database.revision;
        self.points.push(Point {
            before: Some(self.database.point),
            revision: self.database.revision,
            objects,
        });
        self.database.point = self.points.len() - 1;
    }

    fn forget_removals(&mut self) {
        let objects = self.points[self.database.point].objects;
        for (version, changed) in objects.iter().zip(&mut self.database.changed) {
            if version.is_none() {
                self.database.horizon = self.database.horizon.max(*changed);
                *changed = 0;
            }
        }
    }

    /// Answers as the real one does: see `Epoch` for what it says of a reader who has seen a part.
    pub(super) fn answer(&self, epoch: Option<&Epoch>, after: Revision, limit: usize) -> Answer {
        let database = &self.database;
        let holds_since = match epoch {
            None => database.revision,
            Some(epoch) => match self.place(epoch, after) {
                Some(holds_since) if holds_since.max(after) >= database.horizon => holds_since,
                Some(_) | None => return Answer::StartOver,
            },
        };
        let mut changed: Vec<(Revision, usize)> = database
            .changed
            .iter()
            .zip(0..)
            .filter(|&(&revision, _)| revision > after)
            .map(|(&revision, object)| (revision, object))
            .collect();
        changed.sort_unstable();
        let is_cut = changed.len() > limit;
        changed.truncate(limit);
        let revision = match changed.last() {
            Some(&(last, _)) if is_cut => last,
            _ => database.revision,
        };
        let life = database.lives.last().map(|life| life.name.clone());
        let mut named = life.unwrap_or_default();
        if revision < database.revision {
            named = format!("{named}.{}.{holds_since}", database.revision);
        }
        if changed.is_empty() && epoch == Some(&named) {
            return Answer::Nothing;
        }
        let page = ChangePage {
            format: FORMAT,
            epoch: named,
            after,
            revision,
            head: database.revision,
            changes: changed
                .into_iter()
                .map(|(revision, object)| Change {
                    revision,
                    object: self.carried(object),
                })
                .collect(),
        };
        let is_newest = revision == database.revision;
        Answer::Page(page, is_newest.then_some(database.point))
    }

    /// Up to where removals are nothing to a reader, if it is on the history of this database.
    fn place(&self, epoch: &str, after: Revision) -> Option<Revision> {
        let mut parts = epoch.split('.');
        let life = parts.next()?;
        let mut number = || parts.next().map_or(Some(after), |part| part.parse().ok());
        let (seen, holds_since) = (number()?, number()?);
        let lives = &self.database.lives;
        let life = lives.iter().find(|known| known.name == life)?;
        let end = life.end.unwrap_or(self.database.revision);
        (after <= seen && seen <= end).then_some(holds_since)
    }

    fn carried(&self, object: usize) -> ChangedObject {
        let version = self.points[self.database.point].objects[object];
        if object == PROFILES {
            let id = match collection("/") {
                ChangedObject::Collection(collection) => collection.id,
                _ => unreachable!("it is one"),
            };
            return version.map_or(ChangedObject::CollectionRemoved(id), |version| {
                collection(&path(version))
            });
        }
        let number = self.keys.profile(object);
        let mut carried = profile(number, &self.keys.of(object, version));
        match version {
            None => ChangedObject::ProfileRemoved(carried.id),
            Some(version) => {
                carried.client.name = version.to_string();
                ChangedObject::Profile(Box::new(carried))
            }
        }
    }

    /// Whether an object was once like this, at a point or anywhere after it.
    pub(super) fn has_been(&self, object: usize, seen: Seen<'_>, since: usize) -> bool {
        let revision = self.points[since].revision;
        (since..self.points.len())
            .filter(|&point| self.follows(point, since, revision))
            .any(|point| seen.fits(object, self.points[point].objects[object], self.keys))
    }

    /// The newest state of all.
    pub(super) fn is(&self, object: usize, seen: Seen<'_>) -> bool {
        let now = self.points[self.database.point].objects[object];
        seen.fits(object, now, self.keys)
    }

    /// Whether what is live is the newest there is.
    pub(super) fn is_newest(&self, epoch: &str, revision: Revision) -> bool {
        let life = self.database.lives.last();
        revision == self.database.revision && life.is_some_and(|life| life.name == epoch)
    }

    /// How many versions there have been.
    pub(super) const fn versions(&self) -> u64 {
        self.versions
    }

    /// What a point is called in a failure.
    pub(super) fn describe(&self, object: usize) -> String {
        let mut line = vec![];
        let mut at = Some(self.database.point);
        while let Some(point) = at.map(|at| &self.points[at]) {
            line.push(format!("{}: {:?}", point.revision, point.objects[object]));
            at = point.before;
        }
        line.reverse();
        line.join(", ")
    }

    fn follows(&self, point: usize, since: usize, revision: Revision) -> bool {
        let mut at = point;
        while at != since {
            match self.points[at].before {
                Some(before) if self.points[at].revision > revision => at = before,
                Some(_) | None => return false,
            }
        }
        true
    }
}

/// What a view answered about an object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seen<'s> {
    /// For one key of a profile: the version of the record that it opens.
    Key(&'s Digest, Version),
    /// The version of the collection that there is.
    Collection(Version),
}

impl Seen<'_> {
    fn fits(self, object: usize, version: Version, keys: &Keys) -> bool {
        match self {
            Self::Collection(seen) => seen == version,
            Self::Key(key, seen) => seen == version.filter(|_| keys.opens(object, version, key)),
        }
    }
}

/// The path of the collection in a version.
pub(super) fn path(version: u64) -> String {
    format!("/v{version}")
}
