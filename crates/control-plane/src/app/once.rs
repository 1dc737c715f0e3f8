//! What is done once, however often it is asked for: creations that come with a key of their author's. The answer is
//! kept in the edit that creates the record, for a day, and whoever asks again by that key gets it again.

use std::time::Duration;

use portcullis_feed::Digest;
use portcullis_store::{Author, Edit, KeptAnswer, Snapshot};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::sleep;

use super::{App, Committed, Notice, Refusal};

/// For how long answers are kept: a day.
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// How often it is looked for answers that are not kept any more.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// A request as its author would recognise it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks: keys of different authors have nothing to do with each other.
    pub author: String,
    /// By which key.
    pub key: String,
    /// What for: SHA-256 of the whole request.
    pub digest: Digest,
}

/// A creation, and how it is answered. The answer is the door's: it is kept as JSON, without a look at what it says.
pub struct Once<T, A> {
    request: Option<Request>,
    answer: Box<dyn FnOnce(Committed<T>) -> A + Send + Sync>,
}

impl<T, A: Serialize + DeserializeOwned> Once<T, A> {
    /// By a key, if there is one.
    pub fn new(
        request: Option<Request>,
        answer: impl FnOnce(Committed<T>) -> A + Send + Sync + 'static,
    ) -> Self {
        Self {
            request,
            answer: Box::new(answer),
        }
    }

    /// The answer that was given to this request before. Asked inside the edit: of two who ask at the same time, the
    /// second waits here until the first is done.
    pub(super) async fn earlier(&self, edit: &mut Edit, now_ms: u64) -> Result<Option<A>, Refusal> {
        match &self.request {
            Some(request) => earlier(edit.read(), request, now_ms).await,
            None => Ok(None),
        }
    }

    /// The answer for a record that was created, kept when the edit is.
    pub(super) async fn answer(
        self,
        edit: &mut Edit,
        record: T,
        notices: Vec<Notice>,
        now_ms: u64,
    ) -> Result<A, Refusal> {
        let committed = Committed {
            record,
            revision: edit.revision(),
            notices,
        };
        let answer = (self.answer)(committed);
        if let Some(request) = self.request {
            let kept = KeptAnswer {
                request: request.digest,
                text: serde_json::to_string(&answer)
                    .map_err(|error| Refusal::Malformed(error.to_string()))?,
                until_ms: now_ms.saturating_add(KEPT_MS),
            };
            edit.keep_answer(&request.author, &request.key, &kept)
                .await?;
        }
        Ok(answer)
    }

    /// The same, and ends the edit.
    pub(super) async fn commit(
        self,
        mut edit: Edit,
        record: T,
        notices: Vec<Notice>,
        now_ms: u64,
    ) -> Result<A, Refusal> {
        let answer = self.answer(&mut edit, record, notices, now_ms).await?;
        edit.commit().await?;
        Ok(answer)
    }
}

impl App {
    /// The answer that was given to a request before, if it was.
    ///
    /// # Errors
    /// When its key belongs to another request, or the records are out of reach.
    pub async fn earlier_answer<A: DeserializeOwned>(
        &self,
        request: &Request,
    ) -> Result<Option<A>, Refusal> {
        let mut snapshot = self.store.read().await?;
        earlier(&mut snapshot, request, self.world.clock.now_ms()).await
    }

    /// Forgets the answers that were kept for long enough, and tells how many.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn forget_answers(&self) -> Result<u64, Refusal> {
        let mut edit = self.edit(&Author::system("forget answers")).await?;
        let forgotten = edit.forget_answers(self.world.clock.now_ms()).await?;
        edit.commit().await?;
        Ok(forgotten)
    }

    /// Forgets them now and every ten minutes, until `stopping` becomes true.
    pub async fn keep_forgetting_answers(&self, mut stopping: watch::Receiver<bool>) {
        loop {
            match self.forget_answers().await {
                Ok(0) => {}
                Ok(forgotten) => tracing::debug!(forgotten, "answers are not kept any more"),
                Err(refusal) => {
                    let error: &dyn std::error::Error = &refusal;
                    tracing::error!(error, "cannot forget old answers");
                }
            }
            tokio::select! {
                () = sleep(EVERY) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }
}

async fn earlier<A: DeserializeOwned>(
    snapshot: &mut Snapshot,
    request: &Request,
    now_ms: u64,
) -> Result<Option<A>, Refusal> {
    let kept = snapshot
        .kept_answer(&request.author, &request.key, now_ms)
        .await?;
    let Some(kept) = kept else {
        return Ok(None);
    };
    if kept.request != request.digest {
        return Err(Refusal::KeyOfAnotherRequest);
    }
    // An answer of another version of this program, which cannot be read, was given all the same.
    let answer = serde_json::from_str(&kept.text);
    answer.map(Some).map_err(|_| Refusal::AnswerLost)
}
