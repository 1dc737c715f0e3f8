//! Answers to creations that were asked for with a key of their author's: kept for a while, so that whoever asks again
//! gets the same answer and no second record. Sealed, since an answer may show a secret that nothing else knows.

use portcullis_feed::Digest;

use crate::statement::query;
use crate::{Edit, Snapshot, StoreError, row};

/// An answer that is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// What was asked: SHA-256 of the whole request.
    pub request: Digest,
    /// The answer, as whoever keeps it writes it.
    pub text: String,
    /// Until when it is kept: milliseconds since 1970, UTC.
    pub until_ms: u64,
}

impl Snapshot {
    /// The answer that an author got to a request with this key, unless it is not kept any more.
    ///
    /// # Errors
    /// When the database fails, or the answer was sealed under another key.
    pub async fn kept_answer(
        &mut self,
        author: &str,
        key: &str,
        now_ms: u64,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let id = id(author, key);
        let found = query(
            "SELECT request, answer, until_ms FROM kept_answers \
             WHERE id = $1 AND until_ms > $2",
        )
        .bind(&id)
        .bind(row::stored(now_ms))
        .fetch_optional(&mut self.transaction)
        .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let sealed: String = found.try_get("answer")?;
        let text = self.secret_key.open(&owner(&id), &sealed)?;
        Ok(Some(KeptAnswer {
            request: row::parsed(&found, "request")?,
            text: String::from_utf8(text)
                .map_err(|_| StoreError::Unreadable { column: "answer" })?,
            until_ms: row::number(&found, "until_ms")?,
        }))
    }
}

impl Edit {
    /// Keeps the answer that an author gets to a request with this key, in place of one that is not kept any more.
    ///
    /// # Errors
    /// When the database fails, or there are no random bytes to seal it.
    pub async fn keep_answer(
        &mut self,
        author: &str,
        key: &str,
        answer: &KeptAnswer,
    ) -> Result<(), StoreError> {
        let id = id(author, key);
        let sealed = self
            .read()
            .secret_key
            .seal(&owner(&id), answer.text.as_bytes())?;
        query(
            "INSERT INTO kept_answers (id, request, answer, until_ms) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET \
             request = excluded.request, answer = excluded.answer, until_ms = excluded.until_ms",
        )
        .bind(id)
        .bind(answer.request.to_string())
        .bind(sealed)
        .bind(row::stored(answer.until_ms))
        .execute(&mut self.read().transaction)
        .await?;
        Ok(())
    }

    /// Forgets the answers that are not kept any more, and tells how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_answers(&mut self, now_ms: u64) -> Result<u64, StoreError> {
        query("DELETE FROM kept_answers WHERE until_ms <= $1")
            .bind(row::stored(now_ms))
            .execute(&mut self.read().transaction)
            .await
    }
}

/// What an answer is found by.
fn id(author: &str, key: &str) -> String {
    format!("{author} {key}")
}

/// To what a sealed answer belongs.
pub(crate) fn owner(id: &str) -> String {
    format!("answer {id}")
}
