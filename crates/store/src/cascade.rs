//! Taking a collection or a policy away from the access profiles that refer to it: profile by profile, since each of
//! them is a change of its own for gateways and for the audit.

use std::collections::HashMap;

use portcullis_feed::{CollectionId, PolicyId};

use crate::{AccessProfile, Edit, ProfileFilter, ProfileKey, Snapshot, StoreError, Window};

/// How many profiles are looked at together.
const AT_ONCE: u32 = 500;

/// What became of the profiles that referred to a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cascade {
    /// How many go on without it.
    pub changed_profiles: u64,
    /// How many went with it.
    pub removed_profiles: u64,
    /// How many API keys, which had not been revoked, went with these.
    pub removed_keys: u64,
}

impl Snapshot {
    /// How many access profiles grant each of these collections. Those that none grants are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn granting_counts(
        &mut self,
        collections: &[CollectionId],
    ) -> Result<HashMap<CollectionId, u64>, StoreError> {
        self.counts(
            "SELECT collection_id AS counted, COUNT(*) AS found FROM profile_collections WHERE collection_id",
            collections,
            " GROUP BY collection_id",
        )
        .await
    }

    /// How many access profiles have each of these policies. Those that none has are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn limited_counts(
        &mut self,
        policies: &[PolicyId],
    ) -> Result<HashMap<PolicyId, u64>, StoreError> {
        self.counts(
            "SELECT policy_id AS counted, COUNT(*) AS found FROM access_profiles WHERE policy_id",
            policies,
            " GROUP BY policy_id",
        )
        .await
    }

    /// What [`Edit::take_out_collection`] would do to profiles.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn foresee_taking_out(
        &mut self,
        collection: CollectionId,
    ) -> Result<Cascade, StoreError> {
        let granting = self
            .count(
                "SELECT COUNT(*) AS found FROM profile_collections WHERE collection_id = $1",
                &collection,
            )
            .await?;
        let removed_profiles = self
            .count(
                "SELECT COUNT(*) AS found FROM profile_collections g WHERE g.collection_id = $1 \
                 AND NOT EXISTS (SELECT 1 FROM profile_collections o \
                 WHERE o.profile_id = g.profile_id AND o.collection_id <> g.collection_id)",
                &collection,
            )
            .await?;
        let removed_keys = self
            .count(
                "SELECT COUNT(*) AS found FROM profile_collections g JOIN api_keys k \
                 ON k.profile_id = g.profile_id AND k.revoked_at_ms IS NULL \
                 WHERE g.collection_id = $1 AND NOT EXISTS (SELECT 1 FROM profile_collections o \
                 WHERE o.profile_id = g.profile_id AND o.collection_id <> g.collection_id)",
                &collection,
            )
            .await?;
        Ok(Cascade {
            changed_profiles: granting.saturating_sub(removed_profiles),
            removed_profiles,
            removed_keys,
        })
    }
}

impl Edit {
    /// Takes a policy off all profiles that have it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_off_policy(
        &mut self,
        policy: PolicyId,
        now_ms: u64,
    ) -> Result<Cascade, StoreError> {
        let mut filter = ProfileFilter::default();
        filter.grant.policy_id = Some(policy);
        let take_off = |profile: &mut AccessProfile| {
            profile.policy_id = None;
            true
        };
        self.take_away(&filter, now_ms, take_off).await
    }

    /// Takes a collection out of all profiles that grant it. Those that grant nothing else are removed with their keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_out_collection(
        &mut self,
        collection: CollectionId,
        now_ms: u64,
    ) -> Result<Cascade, StoreError> {
        let mut filter = ProfileFilter::default();
        filter.grant.collection_id = Some(collection);
        let take_out = |profile: &mut AccessProfile| {
            profile.collections.retain(|granted| *granted != collection);
            !profile.collections.is_empty()
        };
        self.take_away(&filter, now_ms, take_out).await
    }

    /// Takes something from all profiles that a filter leaves, which it then leaves no more. `take` says whether a profile
    /// is of any use without it; others are removed with their keys.
    async fn take_away(
        &mut self,
        filter: &ProfileFilter,
        now_ms: u64,
        take: impl Fn(&mut AccessProfile) -> bool,
    ) -> Result<Cascade, StoreError> {
        let mut cascade = Cascade::default();
        loop {
            let profiles = self.some_profiles(filter).await?;
            if profiles.is_empty() {
                return Ok(cascade);
            }
            for mut profile in profiles {
                if take(&mut profile) {
                    profile.updated_at_ms = now_ms;
                    self.put_profile(&profile).await?;
                    cascade.changed_profiles = cascade.changed_profiles.saturating_add(1);
                } else {
                    let keys = self.read().count_keys(profile.id).await?;
                    self.delete_profile(profile.id, now_ms).await?;
                    cascade.removed_profiles = cascade.removed_profiles.saturating_add(1);
                    cascade.removed_keys = cascade.removed_keys.saturating_add(keys);
                }
            }
        }
    }

    /// The first of those that a filter leaves: none of them are left to it once they are dealt with.
    async fn some_profiles(
        &mut self,
        filter: &ProfileFilter,
    ) -> Result<Vec<AccessProfile>, StoreError> {
        let window: Window<ProfileKey> = Window {
            order: Vec::new(),
            after: None,
            limit: AT_ONCE,
        };
        self.read().find_profiles(filter, &window).await
    }
}
