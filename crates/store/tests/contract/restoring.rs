//! Databases that are put back to an earlier time, and a model of readers who live through all of that: whatever
//! happens, a reader who is in step has exactly what there is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portcullis_feed::{ChangedObject, Position, Revision};
use portcullis_store::{Collection, Snapshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::books::{Books, Closed, NOW_MS, author, collection, open};
use crate::ground::{Ground, LIVES, STEPS};

/// A gateway as far as it matters here: it asks, applies, and begins again when it is told to.
#[derive(Default)]
struct Reader {
    position: Option<Position>,
    versions: BTreeMap<String, String>,
    begun_again: u32,
}

/// A look at the records. Who copies a database cuts off who uses it: the first look after that may fail.
async fn reading(books: &Books) -> Snapshot {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match books.store.read().await {
            Ok(snapshot) => return snapshot,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

impl Reader {
    /// Asks once. Tells whether there was something new.
    async fn ask(&mut self, books: &Books, limit: u32) -> bool {
        let (epoch, after) = match &self.position {
            Some(position) => (Some(&position.epoch), position.revision),
            None => (None, 0),
        };
        let mut snapshot = reading(books).await;
        let Some(standing) = snapshot.standing(epoch, after).await.unwrap() else {
            *self = Self {
                begun_again: self.begun_again + 1,
                ..Self::default()
            };
            return true;
        };
        let changes = snapshot.changes(&standing, limit, NOW_MS).await.unwrap();
        let is_last = changes.len() < usize::try_from(limit).unwrap();
        let revision = match changes.last() {
            Some(last) if !is_last => last.revision,
            _ => standing.head,
        };
        for change in changes {
            match change.object {
                ChangedObject::Collection(told) => {
                    self.versions.insert(told.id.to_string(), told.version);
                }
                ChangedObject::CollectionRemoved(id) => {
                    self.versions.remove(&id.to_string());
                }
                other => unreachable!("{other:?}"),
            }
        }
        let position = Position {
            epoch: standing.epoch_at(revision),
            revision,
        };
        let is_new = self.position.as_ref() != Some(&position);
        self.position = Some(position);
        is_new
    }

    async fn follow(&mut self, books: &Books) {
        while self.ask(books, 3).await {}
    }

    async fn has_followed(books: &Books) -> Self {
        let mut reader = Self::default();
        reader.follow(books).await;
        reader
    }
}

async fn change(books: &Books, changed: &mut Collection) -> Revision {
    changed.version.push('+');
    books.put_collection(changed).await
}

/// What there is, as a reader should have it.
async fn versions(books: &Books) -> BTreeMap<String, String> {
    let mut snapshot = reading(books).await;
    let all = snapshot.collections(None, 1_000).await.unwrap();
    let version = |one: Collection| (one.id.to_string(), one.version);
    all.into_iter().map(version).collect()
}

#[tokio::test]
async fn who_saw_what_a_restored_backup_lost_begins_again_though_its_revisions_were_overtaken() {
    let books = open().await;
    let mut orders = collection("orders");
    books.put_collection(&orders).await;
    let mut early = Reader::has_followed(&books).await;
    let closed = books.closed().await;
    let earlier = closed.ground.copied().await;

    let books = closed.opened_as("epoch-2").await;
    for _ in 0..3 {
        change(&books, &mut orders).await;
    }
    let mut late = Reader::has_followed(&books).await;
    let closed = books.closed().await;
    closed.ground.put_back(&earlier).await;
    let books = closed.opened_as("epoch-3").await;
    let mut other = collection("other");
    for _ in 0..9 {
        change(&books, &mut other).await;
    }
    assert!(books.head().await > late.position.as_ref().unwrap().revision);

    early.follow(&books).await;
    late.follow(&books).await;

    assert_eq!((early.begun_again, late.begun_again), (0, 1));
    assert_eq!(early.versions, versions(&books).await);
    assert_eq!(late.versions, versions(&books).await);
}

#[tokio::test]
async fn a_backup_of_the_life_that_went_on_is_noticed_too() {
    let books = open().await;
    let mut orders = collection("orders");
    books.put_collection(&orders).await;
    let earlier = books.ground.copied().await;
    let mut early = Reader::has_followed(&books).await;
    change(&books, &mut orders).await;
    let mut late = Reader::has_followed(&books).await;

    let closed = books.closed().await;
    closed.ground.put_back(&earlier).await;
    let books = closed.opened_as("epoch-2").await;
    books.put_collection(&collection("other")).await;

    early.follow(&books).await;
    late.follow(&books).await;
    assert_eq!((early.begun_again, late.begun_again), (0, 1));
    assert_eq!(early.versions, versions(&books).await);
    assert_eq!(late.versions, versions(&books).await);
}

#[tokio::test]
async fn who_read_a_part_of_what_was_lost_begins_again_though_its_revision_was_not() {
    let books = open().await;
    let mut first = collection("first");
    books.put_collection(&first).await;
    for name in ["second", "third", "fourth"] {
        books.put_collection(&collection(name)).await;
    }
    let earlier = books.ground.copied().await;
    // Now it stands behind the others, where the reader has not been yet.
    change(&books, &mut first).await;
    let mut reader = Reader::default();
    reader.ask(&books, 2).await;
    assert_eq!(reader.position.as_ref().unwrap().revision, 3);

    let closed = books.closed().await;
    closed.ground.put_back(&earlier).await;
    let books = closed.opened_as("epoch-2").await;
    reader.follow(&books).await;

    assert_eq!(reader.begun_again, 1);
    assert_eq!(reader.versions, versions(&books).await);
}

#[tokio::test]
async fn an_empty_database_in_the_place_of_a_full_one_is_noticed() {
    let books = open().await;
    books.put_collection(&collection("orders")).await;
    let mut reader = Reader::has_followed(&books).await;
    drop(books);
    let ground = Ground::new().await;
    let books = Closed { ground }.opened_as("epoch-2").await;

    reader.follow(&books).await;

    assert_eq!(reader.begun_again, 1);
    assert!(reader.versions.is_empty());
}

/// Numbers that look random and are the same for each run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One run of the model: whatever the dice say, and all readers in step at the end.
async fn live_through(seed: u64) {
    let mut dice = Dice(seed);
    let mut books = open().await;
    let mut readers: Vec<Reader> = (0..5).map(|_| Reader::default()).collect();
    let mut backups = Vec::new();
    let mut now_ms = NOW_MS;
    for step in 0..STEPS {
        now_ms += 1;
        let there: Vec<Collection> = {
            let mut snapshot = books.store.read().await.unwrap();
            snapshot.collections(None, 1_000).await.unwrap()
        };
        let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
        match dice.roll(13) {
            0..=3 => {
                let new = collection(&format!("{step} of {seed}"));
                edit.put_collection(&new).await.unwrap();
            }
            4 | 5 if !there.is_empty() => {
                let at = dice.roll(u64::try_from(there.len()).unwrap());
                let mut one = there[usize::try_from(at).unwrap()].clone();
                one.version.push('+');
                edit.put_collection(&one).await.unwrap();
            }
            6..=8 if !there.is_empty() => {
                let at = dice.roll(u64::try_from(there.len()).unwrap());
                let one = &there[usize::try_from(at).unwrap()];
                edit.delete_collection(one.id, now_ms).await.unwrap();
            }
            9 => {
                let most = 1 + u32::try_from(dice.roll(3)).unwrap();
                edit.forget_removals(now_ms - dice.roll(20), most)
                    .await
                    .unwrap();
            }
            10 => edit.forget_lives(now_ms - dice.roll(60)).await.unwrap(),
            11 => {
                drop(edit);
                backups.push(books.ground.copied().await);
                continue;
            }
            _ => {
                drop(edit);
                let closed = books.closed().await;
                if !backups.is_empty() && dice.roll(2) == 0 {
                    let at = dice.roll(u64::try_from(backups.len()).unwrap());
                    let backup = &backups[usize::try_from(at).unwrap()];
                    closed.ground.put_back(backup).await;
                }
                books = closed.opened_at(&format!("{seed} {step}"), now_ms).await;
                continue;
            }
        }
        edit.commit().await.unwrap();
        for reader in &mut readers {
            if dice.roll(4) == 0 {
                reader
                    .ask(&books, 1 + u32::try_from(dice.roll(3)).unwrap())
                    .await;
            }
        }
    }
    let there = versions(&books).await;
    for reader in &mut readers {
        reader.follow(&books).await;
        assert_eq!(reader.versions, there, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_happens_to_a_database_its_readers_end_with_what_there_is() {
    let mut lives = JoinSet::new();
    for seed in 1..=LIVES {
        lives.spawn(live_through(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    }
    lives.join_all().await;
}
