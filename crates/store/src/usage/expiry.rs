//! Forgetting what is old: sums in one piece for each moment, since they stand together.

use super::{Scope, UsageSince, UsageUnit};
use crate::statement::{Statement, query};
use crate::{Store, StoreError, row};

/// How much later than the last of its sums a series is forgotten.
const SERIES_LONGER_MIN: u64 = 2 * 24 * 60;

/// How many series, refusals, instances or events are forgotten at once.
const AT_ONCE: i64 = 1_000;

impl Store {
    /// Forgets the oldest sums that are not kept any more, those of one moment, or else series without any. Tells whether
    /// there may be more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_usage(&self, since: &UsageSince) -> Result<bool, StoreError> {
        // Before the days of the same week: what is told of it comes from those that are left.
        if self.expire_weeks(since.days).await? {
            return Ok(true);
        }
        for unit in UsageUnit::ALL {
            for scope in Scope::EACH.into_iter().filter(|scope| scope.has(unit)) {
                if self.expire_sums(unit, scope, since.of(unit)).await? {
                    return Ok(true);
                }
            }
        }
        let before = since.days.saturating_sub(SERIES_LONGER_MIN);
        self.forget(
            "DELETE FROM usage_series WHERE id IN \
             (SELECT id FROM usage_series WHERE last_minute < $1 ORDER BY last_minute LIMIT $2)",
            before,
        )
        .await
    }

    /// Forgets refusals that are older than that, and all but the newest so many. Tells whether there may be more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_refusals(&self, before_ms: u64, most: u64) -> Result<bool, StoreError> {
        let by_age = self.forget(
            "DELETE FROM usage_refusals WHERE id IN \
             (SELECT id FROM usage_refusals WHERE at_ms < $1 ORDER BY at_ms, id LIMIT $2)",
            before_ms,
        );
        let by_number = self.forget(
            "DELETE FROM usage_refusals WHERE id IN (SELECT id FROM usage_refusals \
             WHERE id <= (SELECT MAX(id) FROM usage_refusals) - $1 ORDER BY id LIMIT $2)",
            most,
        );
        Ok(by_age.await? || by_number.await?)
    }

    /// Forgets up to which batch gateways were counted that were not heard of since then. Tells whether there may be more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_instances(&self, before_ms: u64) -> Result<bool, StoreError> {
        self.forget(
            "DELETE FROM usage_instances WHERE instance IN (SELECT instance FROM usage_instances \
             WHERE heard_at_ms < $1 ORDER BY heard_at_ms LIMIT $2)",
            before_ms,
        )
        .await
    }

    /// Forgets what was told of quotas before then. Tells whether there may be more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_quota_events(&self, before_ms: u64) -> Result<bool, StoreError> {
        self.forget(
            "DELETE FROM quota_events WHERE id IN \
             (SELECT id FROM quota_events WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)",
            before_ms,
        )
        .await
    }

    async fn expire_weeks(&self, since: u64) -> Result<bool, StoreError> {
        let oldest = query("SELECT MIN(at) AS oldest FROM usage_weeks");
        let Some(at) = self.outdated(oldest, since).await? else {
            return Ok(false);
        };
        let mut transaction = self.books.write_beside().await?;
        query("DELETE FROM usage_weeks WHERE at = $1")
            .bind(row::stored(at))
            .execute(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn expire_sums(
        &self,
        unit: UsageUnit,
        scope: Scope,
        since: u64,
    ) -> Result<bool, StoreError> {
        let oldest =
            query("SELECT MIN(at) AS oldest FROM usage_sums WHERE unit = $1 AND scope = $2")
                .bind(unit.number())
                .bind(scope.number());
        let Some(at) = self.outdated(oldest, since).await? else {
            return Ok(false);
        };
        let mut transaction = self.books.write_beside().await?;
        for statement in [
            "DELETE FROM usage_sums WHERE unit = $1 AND scope = $2 AND at = $3",
            "DELETE FROM usage_denials WHERE unit = $1 AND scope = $2 AND at = $3",
        ] {
            query(statement)
                .bind(unit.number())
                .bind(scope.number())
                .bind(row::stored(at))
                .execute(&mut transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The `oldest` moment, if it is not kept any more.
    async fn outdated(&self, oldest: Statement, since: u64) -> Result<Option<u64>, StoreError> {
        let mut reading = self.books.read().await?;
        let found = oldest.fetch_one(&mut reading).await?;
        let oldest = row::number_if_any(&found, "oldest")?;
        Ok(oldest.filter(|at| *at < since))
    }

    async fn forget(&self, statement: &'static str, bound: u64) -> Result<bool, StoreError> {
        let mut transaction = self.books.write_beside().await?;
        let forgotten = query(statement)
            .bind(row::stored(bound))
            .bind(AT_ONCE)
            .execute(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok(forgotten >= AT_ONCE.unsigned_abs())
    }
}
