//! Another key for secrets: all are opened and sealed again, in one edit.

use crate::statement::query;
use crate::{Author, Store, StoreError, answer, feed_key};

/// How many secrets are read at once.
const AT_ONCE: u32 = 1_000;

/// Where secrets stand: the statement that reads some after an id, the one that writes one, and whose each is in the words
/// of its seal.
type Place = (&'static str, &'static str, fn(&str) -> String);

const PLACES: [Place; 3] = [
    (
        "SELECT id, jwt_secret AS sealed FROM access_profiles \
         WHERE jwt_secret IS NOT NULL AND id > $1 ORDER BY id LIMIT $2",
        "UPDATE access_profiles SET jwt_secret = $1 WHERE id = $2",
        str::to_owned,
    ),
    (
        "SELECT id, secret AS sealed FROM feed_keys WHERE id > $1 ORDER BY id LIMIT $2",
        "UPDATE feed_keys SET secret = $1 WHERE id = $2",
        feed_key::owner,
    ),
    (
        "SELECT id, answer AS sealed FROM kept_answers WHERE id > $1 ORDER BY id LIMIT $2",
        "UPDATE kept_answers SET answer = $1 WHERE id = $2",
        answer::owner,
    ),
];

/// What became of the secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The public id of the key that sealed them.
    pub from: String,
    /// The public id of the key that seals them now. The same, where it did already: then nothing was done.
    pub to: String,
    /// How many secrets were sealed again.
    pub secrets: u64,
}

impl Store {
    /// Seals all secrets under the first of the keys that the database was opened with. From then on it is refused by
    /// processes that were not given that key.
    ///
    /// # Errors
    /// When the database fails, or a secret cannot be opened: then nothing is changed.
    pub async fn rotate_secret_key(&self, now_ms: u64) -> Result<Rotated, StoreError> {
        let author = Author::system("rotate-secret-key");
        let mut edit = self.edit(&author, now_ms).await?;
        let to = self.secret_key.clone();
        let snapshot = edit.read();
        let mut rotated = Rotated {
            from: snapshot.secret_key.id().to_owned(),
            to: to.id().to_owned(),
            secrets: 0,
        };
        if rotated.from == rotated.to {
            return Ok(rotated);
        }
        for (read, write, owner) in PLACES {
            let mut after = String::new();
            loop {
                let rows = query(read)
                    .bind(&after)
                    .bind(i64::from(AT_ONCE))
                    .fetch_all(&mut snapshot.transaction)
                    .await?;
                let Some(last) = rows.last() else { break };
                after = last.try_get("id")?;
                for row in &rows {
                    let id: &str = row.try_get("id")?;
                    let secret = to.open(&owner(id), row.try_get("sealed")?)?;
                    query(write)
                        .bind(to.seal(&owner(id), &secret)?)
                        .bind(id)
                        .execute(&mut snapshot.transaction)
                        .await?;
                    rotated.secrets = rotated.secrets.saturating_add(1);
                }
            }
        }
        query("UPDATE state SET secret_check = $1")
            .bind(to.check_value()?)
            .execute(&mut snapshot.transaction)
            .await?;
        edit.commit().await?;
        Ok(rotated)
    }
}
