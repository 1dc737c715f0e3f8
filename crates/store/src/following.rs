//! Hearing what other processes write to the same database: they tell it when they commit.

use std::time::Duration;

use portcullis_feed::Revision;
use sqlx::postgres::PgListener;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::database::Books;
use crate::history::Course;
use crate::postgres::PostgresBooks;
use crate::topic::{Topic, Topics};
use crate::{Snapshot, Store, StoreError};

/// How long it is waited before the server is asked for a connection again.
const PAUSE: Duration = Duration::from_millis(500);

/// The task that listens. It ends with the store.
#[derive(Default)]
pub(crate) struct Following(Option<AbortHandle>);

/// Begins to listen, where there is something to hear.
pub(crate) async fn begin(store: &Store) -> Result<Following, StoreError> {
    let Books::Postgres(books) = &store.books else {
        return Ok(Following(None));
    };
    let listener = books.listen().await?;
    catch_up(store).await?;
    let task = tokio::spawn(listen(listener, books.clone(), store.clone()));
    Ok(Following(Some(task.abort_handle())))
}

impl Following {
    pub(crate) fn end(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn listen(mut listener: PgListener, books: PostgresBooks, store: Store) {
    loop {
        while let Ok(Some(told)) = listener.try_recv().await {
            let topics = Topics::from_text(told.payload());
            // What cannot be read now is read after the next word, or when there is a connection again.
            let _ = catch_up(&store).await;
            store.history.note_topics(topics.iter());
        }
        // Whatever was told meanwhile was not heard.
        listener = loop {
            sleep(PAUSE).await;
            if let Ok(listener) = books.listen().await
                && catch_up(&store).await.is_ok()
            {
                break listener;
            }
        };
        store.history.note_topics(Topic::all());
    }
}

/// Learns which revision is the newest, and of lives that others have begun.
async fn catch_up(store: &Store) -> Result<(), StoreError> {
    let mut snapshot = store.read().await?;
    let (revision, life, copy) = snapshot.place_in_history().await?;
    match store.history.course(&copy, &life, revision) {
        Course::Same => store.history.note_revision(revision),
        Course::Continued => {
            let lives = snapshot.lives().await?;
            store.history.note_lives(lives, revision);
        }
        Course::Diverted => {
            let lives = snapshot.lives().await?;
            store.history.note_lives(lives, revision);
            store.history.doubt_copy();
        }
    }
    Ok(())
}

impl Snapshot {
    /// The newest revision, the epoch of the newest life, and which copy of the database this is.
    pub(crate) async fn place_in_history(
        &mut self,
    ) -> Result<(Revision, String, String), StoreError> {
        self.transaction.place_in_history().await
    }
}
