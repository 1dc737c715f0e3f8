//! Keys and quotas that somebody should look at, with whose they are.

use portcullis_feed::{ClientId, ProfileId};

use crate::statement::{Draft, Row, Value};
use crate::{QuotaStanding, Snapshot, StoreError, quota, row};

/// A key, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttentionKey {
    /// Its public id.
    pub id: String,
    /// When it stops working, if it does: milliseconds since 1970, UTC.
    pub expires_at_ms: Option<u64>,
    /// Its profile.
    pub profile_id: ProfileId,
    /// What people call that.
    pub profile: String,
    /// Whose that is.
    pub client_id: ClientId,
    /// What people call it.
    pub client: String,
}

/// A profile that has used much of its quota, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttentionQuota {
    /// What was judged last.
    pub standing: QuotaStanding,
    /// The profile.
    pub profile_id: ProfileId,
    /// What people call that.
    pub profile: String,
    /// Whose that is.
    pub client_id: ClientId,
    /// What people call it.
    pub client: String,
}

/// What is told of keys. They are picked first, and looked up afterwards: databases would rather begin with the clients.
const TOLD: &str = "SELECT k.id AS id, k.expires_at_ms AS expires_at_ms, p.id AS profile_id, p.name AS profile, \
                    c.id AS client_id, c.name AS client FROM (SELECT k.id, k.profile_id, k.expires_at_ms, \
                    k.created_at_ms FROM api_keys k WHERE k.revoked_at_ms IS NULL";

impl Snapshot {
    /// The keys that stop working between two moments and were neither revoked nor replaced, the next first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys_ending(
        &mut self,
        from_ms: u64,
        until_ms: u64,
        limit: u32,
    ) -> Result<Vec<AttentionKey>, StoreError> {
        let mut draft = Draft::new(TOLD);
        draft.push(" AND k.deprecated_at_ms IS NULL AND k.expires_at_ms > ");
        draft.push_bind(row::stored(from_ms));
        draft.push(" AND k.expires_at_ms <= ");
        draft.push_bind(row::stored(until_ms));
        self.first_keys(draft, " ORDER BY k.expires_at_ms, k.id", limit)
            .await
    }

    /// The keys that work, were made before a moment and were not used since then, the oldest first: of all, or of those
    /// with some public ids. Where nearly all keys are used, all of them are looked at until enough are found.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys_unused(
        &mut self,
        since_ms: u64,
        now_ms: u64,
        among: Option<&[String]>,
        limit: u32,
    ) -> Result<Vec<AttentionKey>, StoreError> {
        let mut draft = Draft::new(TOLD);
        if let Some(ids) = among {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            draft.push(" AND k.id IN ");
            draft.push_list(ids.iter().map(Value::from));
        }
        draft.push(" AND k.created_at_ms < ");
        draft.push_bind(row::stored(since_ms));
        draft.push(" AND (k.expires_at_ms IS NULL OR k.expires_at_ms > ");
        draft.push_bind(row::stored(now_ms));
        draft.push(
            ") AND NOT EXISTS (SELECT 1 FROM usage_series s WHERE s.profile_id = k.profile_id \
             AND s.key_id = k.id AND s.last_minute >= ",
        );
        draft.push_bind(row::stored(since_ms / 60_000));
        draft.push(")");
        self.first_keys(draft, " ORDER BY k.created_at_ms, k.id", limit)
            .await
    }

    /// The profiles whose quota was found to be nearly or wholly used up in a window that is still open, the latter first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quotas_running_out(
        &mut self,
        now_ms: u64,
        limit: u32,
    ) -> Result<Vec<AttentionQuota>, StoreError> {
        // What was judged by another quota than the present one says nothing. In this order, since there are few standings.
        let mut draft = Draft::new(
            "SELECT q.quota AS quota, q.until_ms AS until_ms, q.percent AS percent, p.id AS profile_id, \
             p.name AS profile, c.id AS client_id, c.name AS client FROM quota_standings q \
             CROSS JOIN access_profiles p CROSS JOIN policies o CROSS JOIN clients c \
             WHERE p.id = q.profile_id AND o.id = p.policy_id AND o.quota = q.quota \
             AND c.id = p.client_id AND q.until_ms > ",
        );
        draft.push_bind(row::stored(now_ms));
        draft.push(" ORDER BY q.percent DESC, p.id LIMIT ");
        draft.push_bind(i64::from(limit));
        let found = draft.kept().fetch_all(&mut self.transaction).await?;
        let read = |row: &Row| {
            Ok(AttentionQuota {
                standing: quota::from_row(row)?,
                profile_id: row::parsed(row, "profile_id")?,
                profile: row.try_get("profile")?,
                client_id: row::parsed(row, "client_id")?,
                client: row.try_get("client")?,
            })
        };
        found.iter().map(read).collect()
    }

    async fn first_keys(
        &mut self,
        mut draft: Draft,
        order: &'static str,
        limit: u32,
    ) -> Result<Vec<AttentionKey>, StoreError> {
        draft
            .push(order)
            .push(" LIMIT ")
            .push_bind(i64::from(limit));
        draft.push(
            ") k JOIN access_profiles p ON p.id = k.profile_id JOIN clients c ON c.id = p.client_id",
        );
        draft.push(order);
        let found = draft.kept().fetch_all(&mut self.transaction).await?;
        found.iter().map(from_row).collect()
    }
}

fn from_row(found: &Row) -> Result<AttentionKey, StoreError> {
    Ok(AttentionKey {
        id: found.try_get("id")?,
        expires_at_ms: row::number_if_any(found, "expires_at_ms")?,
        profile_id: row::parsed(found, "profile_id")?,
        profile: found.try_get("profile")?,
        client_id: row::parsed(found, "client_id")?,
        client: found.try_get("client")?,
    })
}
