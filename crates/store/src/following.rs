//! Hearing what other processes write to the same database: they tell it when they commit.

use std::time::Duration;

use sqlx::Executor as _;
use sqlx::postgres::PgListener;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::database::Books;
use crate::history::Course;
use crate::postgres::PostgresBooks;
use crate::topic::{Topic, Topics};
use crate::{Store, StoreError};

/// How long it is waited before the server is asked for a connection again.
const PAUSE: Duration = Duration::from_millis(500);

/// After how much silence it is made sure that there is a connection still.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// How long the server may take to say anything.
const PATIENCE: Duration = Duration::from_secs(5);

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
        while let Some(topics) = hear(&mut listener).await {
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

/// What is told next; nothing when the connection has ended. One that is silent may have ended without a word.
async fn hear(listener: &mut PgListener) -> Option<Topics> {
    loop {
        match timeout(LONGEST_SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(told))) => return Some(Topics::from_text(told.payload())),
            Ok(Ok(None) | Err(_)) => return None,
            Err(_) => {
                let answers = timeout(PATIENCE, listener.execute("SELECT 1"));
                if !matches!(answers.await, Ok(Ok(_))) {
                    return None;
                }
            }
        }
    }
}

/// Learns which revision is the newest, and of lives that others have begun.
async fn catch_up(store: &Store) -> Result<(), StoreError> {
    let history = &store.history;
    loop {
        let version = history.version();
        let mut snapshot = store.read().await?;
        let place = snapshot.transaction.place_in_history().await?;
        let course = history.course(&place.copy, &place.life, place.revision);
        match course {
            Course::Same => history.note_revision(place.revision),
            // Only older than what this process has written since: it is looked at again.
            Course::Diverted if history.version() != version => continue,
            Course::Continued | Course::Diverted => {
                let lives = snapshot.lives().await?;
                history.note_lives(lives, place.revision);
            }
        }
        if course == Course::Diverted {
            history.doubt_copy();
        }
        return Ok(());
    }
}
