//! API collections in the database, with their endpoints.

use std::collections::HashSet;

use portcullis_feed::CollectionId;

use crate::batch::writing::Around;
use crate::edit::COLLECTION;
use crate::filter::{CollectionFilter, CollectionKey};
use crate::list::{Selection, Window, folded};
use crate::statement::{Row, Value, query};
use crate::{Collection, Edit, Snapshot, StoreError, row};

/// What collections are called among the changes.
pub(crate) const KIND: &str = "collection";

/// What stands around the [`values`] of collections.
pub(crate) const PUT: Around = [
    "INSERT INTO collections (id, name, version, description, endpoints, public, \
     allows_dubious_paths, created_at_ms, updated_at_ms, folded_name) ",
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, \
     description = excluded.description, endpoints = excluded.endpoints, \
     public = excluded.public, allows_dubious_paths = excluded.allows_dubious_paths, \
     updated_at_ms = excluded.updated_at_ms, folded_name = excluded.folded_name",
];

impl Snapshot {
    /// A collection, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn collection(&mut self, id: CollectionId) -> Result<Option<Collection>, StoreError> {
        let found = query("SELECT * FROM collections WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// The collections after one, in the order of their identifiers, which is that of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn collections(
        &mut self,
        after: Option<CollectionId>,
        limit: u32,
    ) -> Result<Vec<Collection>, StoreError> {
        let found = query("SELECT * FROM collections WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after.map_or_else(String::new, |id| id.to_string()))
            .bind(i64::from(limit))
            .fetch_all(&mut self.transaction)
            .await?;
        found.iter().map(from_row).collect()
    }

    /// A window of those collections that a filter leaves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_collections(
        &mut self,
        filter: &CollectionFilter,
        window: &Window<CollectionKey>,
    ) -> Result<Vec<Collection>, StoreError> {
        let mut selection = Selection::of("SELECT * FROM collections");
        selection.when_named(filter.name.as_deref());
        selection.when("version = ", filter.version.as_deref());
        selection.when("public = ", filter.public);
        let found = selection.rows(window, &mut self.transaction).await?;
        found.iter().map(from_row).collect()
    }

    /// What people call collections, each with its version, in the order of their names. However many endpoints they have,
    /// none of these is read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn collection_names(
        &mut self,
        limit: u32,
    ) -> Result<Vec<(CollectionId, String)>, StoreError> {
        let found = query(
            "SELECT id, name || ' ' || version AS name FROM collections \
             ORDER BY folded_name, version, id LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut self.transaction)
        .await?;
        found
            .iter()
            .map(|row| Ok((row::parsed(row, "id")?, row.try_get("name")?)))
            .collect()
    }

    /// Those of the collections which exist.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_collections(
        &mut self,
        ids: &[CollectionId],
    ) -> Result<HashSet<CollectionId>, StoreError> {
        let found = self
            .rows("SELECT id FROM collections WHERE id", ids)
            .await?;
        found.iter().map(|row| row::parsed(row, "id")).collect()
    }
}

impl Edit {
    /// Adds a collection, or gives it its new state.
    ///
    /// # Errors
    /// When the database fails, or another collection has its name and version.
    pub async fn put_collection(&mut self, collection: &Collection) -> Result<(), StoreError> {
        let before = self.read().collection(collection.id).await?;
        self.put_row(PUT, values(collection)?).await?;
        let is_told = |before: &Collection| before.as_carried() != collection.as_carried();
        if before.as_ref().is_none_or(is_told) {
            self.mark_changed(COLLECTION, &collection.id).await?;
        }
        self.enter(before.as_ref(), Some(collection)).await
    }

    /// Removes a collection that no profile grants.
    ///
    /// # Errors
    /// When the database fails, or a profile grants it.
    pub async fn delete_collection(
        &mut self,
        id: CollectionId,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let collection = self.read().collection(id).await?;
        self.mark_removed(COLLECTION, &id, now_ms).await?;
        self.run("DELETE FROM collections WHERE id = $1", &id)
            .await?;
        self.enter(collection.as_ref(), None).await
    }
}

pub(crate) fn values(collection: &Collection) -> Result<[Value; 10], StoreError> {
    Ok([
        collection.id.to_string().into(),
        (&collection.name).into(),
        (&collection.version).into(),
        (&collection.description).into(),
        row::to_json(&collection.endpoints, "endpoints")?.into(),
        collection.public.into(),
        collection.allows_dubious_paths.into(),
        row::stored(collection.created_at_ms).into(),
        row::stored(collection.updated_at_ms).into(),
        folded(&collection.name).into(),
    ])
}

pub(crate) fn from_row(row: &Row) -> Result<Collection, StoreError> {
    Ok(Collection {
        id: row::parsed(row, "id")?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        description: row.try_get("description")?,
        endpoints: row::from_json(row, "endpoints")?,
        public: row.try_get("public")?,
        allows_dubious_paths: row.try_get("allows_dubious_paths")?,
        created_at_ms: row::number(row, "created_at_ms")?,
        updated_at_ms: row::number(row, "updated_at_ms")?,
    })
}
