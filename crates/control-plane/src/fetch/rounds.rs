//! The one task that fetches: each followed set when it is due, no set twice at once, and few at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_store::{KeySet, KeySetSource, Work};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::sleep;

use super::Fetcher;
use crate::app::{App, Refusal};

/// How many sets are fetched at the same time.
const MOST_AT_ONCE: usize = 8;

/// How long nothing is looked for at most, whatever the clock of the machine does.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long nothing is done after the records could not be had.
const PAUSE_WITHOUT_RECORDS: Duration = Duration::from_secs(5);

/// Fetches what is due.
pub struct Rounds {
    app: Arc<App>,
    fetcher: Arc<Fetcher>,
    fetching: HashMap<Id, KeySetSource>,
    tasks: JoinSet<()>,
}

impl Rounds {
    /// For the sets of an app.
    #[must_use]
    pub fn new(app: Arc<App>, fetcher: Fetcher) -> Self {
        Self {
            app,
            fetcher: Arc::new(fetcher),
            fetching: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Fetches, in one process of all over the same records, until `stopping` becomes true.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let app = Arc::clone(&self.app);
        while let Some(mut claim) = app.claim(Work::KeySets, &mut stopping).await {
            tokio::select! {
                () = self.fetch_whenever_due() => return,
                () = claim.lost() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            // Another may be at it by now.
            self.tasks.shutdown().await;
            self.fetching.clear();
        }
    }

    async fn fetch_whenever_due(&mut self) {
        let app = Arc::clone(&self.app);
        let mut newest = app.newest();
        loop {
            // Before the look: what is committed or wanted in between wakes the wait that follows.
            newest.borrow_and_update();
            let pause = self.begin().await;
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => self.end(ended),
                () = app.key_sets_wanted() => {}
                changed = newest.changed() => if changed.is_err() { return },
                () = sleep(pause) => {}
            }
        }
    }

    /// Fetches until nothing is due any more.
    pub async fn fetch_due(&mut self) {
        loop {
            self.begin().await;
            let Some(ended) = self.tasks.join_next_with_id().await else {
                return;
            };
            self.end(ended);
        }
    }

    /// Begins with what is due, and tells how long nothing else is.
    async fn begin(&mut self) -> Duration {
        let due = match self.app.due_key_sets().await {
            Ok(due) => due,
            Err(refusal) => {
                complain(&refusal, "the key sets are out of reach");
                return PAUSE_WITHOUT_RECORDS;
            }
        };
        for set in due.now {
            if self.tasks.len() >= MOST_AT_ONCE {
                return LONGEST_PAUSE;
            }
            if self.fetching.values().any(|source| *source == set.source) {
                continue;
            }
            let source = set.source.clone();
            let task = fetch(Arc::clone(&self.app), Arc::clone(&self.fetcher), set);
            let id = self.tasks.spawn(task).id();
            self.fetching.insert(id, source);
        }
        due.next_in_ms
            .map_or(LONGEST_PAUSE, Duration::from_millis)
            .min(LONGEST_PAUSE)
    }

    fn end(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(failure) => failure.id(),
        };
        self.fetching.remove(&id);
    }
}

async fn fetch(app: Arc<App>, fetcher: Arc<Fetcher>, set: KeySet) {
    let began_at_ms = app.now_ms();
    let outcome = fetcher.fetch(&set, began_at_ms).await;
    let outcome = outcome.map_err(|failure| failure.sentence());
    match &outcome {
        Ok(fetched) => {
            let has_news = fetched.keys.as_ref().is_some_and(|keys| *keys != set.keys);
            tracing::debug!(source = %set.source, has_news, "fetched a key set");
        }
        // Once for each time that it begins to fail.
        Err(sentence) if set.failures == 0 => {
            tracing::warn!(source = %set.source, "cannot fetch a key set: {sentence}");
        }
        Err(sentence) => {
            tracing::debug!(source = %set.source, "still cannot fetch a key set: {sentence}");
        }
    }
    if let Err(refusal) = app.note_fetched(&set.source, began_at_ms, outcome).await {
        complain(&refusal, "cannot note what is known of a key set");
        // It is still due: not to be asked for again and again while nothing can be kept.
        sleep(PAUSE_WITHOUT_RECORDS).await;
    }
}

fn complain(refusal: &Refusal, of: &str) {
    let error: &dyn std::error::Error = refusal;
    tracing::error!(error, "{of}");
}
