//! Access policies in the database.

use portcullis_feed::PolicyId;

use crate::batch::writing::Around;
use crate::edit::PROFILES_OF_POLICY;
use crate::filter::{PolicyFilter, PolicyKey};
use crate::list::{Selection, Window, folded};
use crate::statement::{Row, Value, query};
use crate::{Edit, Policy, Snapshot, StoreError, row};

/// What stands around the [`values`] of policies.
pub(crate) const PUT: Around = [
    "INSERT INTO policies (id, name, description, rate_limit, quota, created_at_ms, updated_at_ms, \
     folded_name) ",
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, \
     rate_limit = excluded.rate_limit, quota = excluded.quota, \
     updated_at_ms = excluded.updated_at_ms, folded_name = excluded.folded_name",
];

impl Snapshot {
    /// A policy, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn policy(&mut self, id: PolicyId) -> Result<Option<Policy>, StoreError> {
        let found = query("SELECT * FROM policies WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// The policies after one, in the order of their identifiers, which is that of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn policies(
        &mut self,
        after: Option<PolicyId>,
        limit: u32,
    ) -> Result<Vec<Policy>, StoreError> {
        let found = query("SELECT * FROM policies WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after.map_or_else(String::new, |id| id.to_string()))
            .bind(i64::from(limit))
            .fetch_all(&mut self.transaction)
            .await?;
        found.iter().map(from_row).collect()
    }
}

impl Snapshot {
    /// A window of those policies that a filter leaves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_policies(
        &mut self,
        filter: &PolicyFilter,
        window: &Window<PolicyKey>,
    ) -> Result<Vec<Policy>, StoreError> {
        let mut selection = Selection::of("SELECT * FROM policies");
        selection.when_named(filter.name.as_deref());
        let found = selection.rows(window, &mut self.transaction).await?;
        found.iter().map(from_row).collect()
    }
}

impl Edit {
    /// Adds a policy, or gives it its new state. All profiles that have it change when their gateways can tell.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_policy(&mut self, policy: &Policy) -> Result<(), StoreError> {
        let before = self.read().policy(policy.id).await?;
        self.put_row(PUT, values(policy)?).await?;
        let is_told = |before: &Policy| before.as_carried() != policy.as_carried();
        if before.as_ref().is_some_and(is_told) {
            self.mark_changed(PROFILES_OF_POLICY, &policy.id).await?;
        }
        self.enter(before.as_ref(), Some(policy)).await
    }

    /// Removes a policy that no profile has.
    ///
    /// # Errors
    /// When the database fails, or a profile has it.
    pub async fn delete_policy(&mut self, id: PolicyId) -> Result<(), StoreError> {
        let policy = self.read().policy(id).await?;
        self.run("DELETE FROM policies WHERE id = $1", &id).await?;
        self.enter(policy.as_ref(), None).await
    }
}

pub(crate) fn values(policy: &Policy) -> Result<[Value; 8], StoreError> {
    let rate_limit = policy.rate_limit.as_ref();
    let rate_limit = rate_limit.map(|limit| row::to_json(limit, "rate_limit"));
    let quota = policy.quota.as_ref();
    let quota = quota.map(|quota| row::to_json(quota, "quota"));
    Ok([
        policy.id.to_string().into(),
        (&policy.name).into(),
        (&policy.description).into(),
        rate_limit.transpose()?.into(),
        quota.transpose()?.into(),
        row::stored(policy.created_at_ms).into(),
        row::stored(policy.updated_at_ms).into(),
        folded(&policy.name).into(),
    ])
}

pub(crate) fn from_row(row: &Row) -> Result<Policy, StoreError> {
    Ok(Policy {
        id: row::parsed(row, "id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        rate_limit: row::from_json_if_any(row, "rate_limit")?,
        quota: row::from_json_if_any(row, "quota")?,
        created_at_ms: row::number(row, "created_at_ms")?,
        updated_at_ms: row::number(row, "updated_at_ms")?,
    })
}
