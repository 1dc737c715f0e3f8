//! How documents refer to policies and collections: by id or by name. Whatever could mean two of them is refused.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::hash::Hash;
use std::str::FromStr;

use portcullis_feed::{CollectionId, PolicyId};
use portcullis_store::{Collection, Policy};

use super::document::RecordReference;

/// The policies and the collections that there are, and what they are called.
#[derive(Default)]
pub(super) struct Labels {
    policies: Names<PolicyId>,
    collections: Names<CollectionId>,
}

/// Records of one kind by their names.
struct Names<I> {
    meant_by: HashMap<String, Vec<I>>,
    /// The whole name of each.
    of: BTreeMap<I, String>,
}

impl<I> Default for Names<I> {
    fn default() -> Self {
        Self {
            meant_by: HashMap::new(),
            of: BTreeMap::new(),
        }
    }
}

impl Labels {
    pub(super) fn of<'a>(
        policies: impl IntoIterator<Item = &'a Policy>,
        collections: impl IntoIterator<Item = &'a Collection>,
    ) -> Self {
        let mut labels = Self::default();
        for policy in policies {
            labels.policies.add(policy.id, policy.name.clone());
        }
        for collection in collections {
            let whole = format!("{} {}", collection.name, collection.version);
            labels.collections.add(collection.id, whole);
            labels
                .collections
                .also_means(collection.id, &collection.name);
        }
        labels
    }

    /// The policy that is meant.
    pub(super) fn policy(&self, reference: &RecordReference) -> Result<PolicyId, String> {
        self.policies.meant("policy", "policies", reference)
    }

    /// The collection that is meant.
    pub(super) fn collection(&self, reference: &RecordReference) -> Result<CollectionId, String> {
        self.collections
            .meant("collection", "collections", reference)
    }

    /// How documents refer to a policy.
    pub(super) fn to_policy(&self, id: PolicyId) -> RecordReference {
        self.policies.reference(id)
    }

    /// How documents refer to a collection.
    pub(super) fn to_collection(&self, id: CollectionId) -> RecordReference {
        self.collections.reference(id)
    }
}

impl<I: Copy + Ord + Hash + Display + FromStr> Names<I> {
    fn add(&mut self, id: I, name: String) {
        self.also_means(id, &name);
        self.of.insert(id, name);
    }

    fn also_means(&mut self, id: I, name: &str) {
        let meant = self.meant_by.entry(name.to_owned()).or_default();
        if !meant.contains(&id) {
            meant.push(id);
        }
    }

    fn meant(&self, one: &str, many: &str, reference: &RecordReference) -> Result<I, String> {
        let text = reference.as_str();
        if let Ok(id) = text.parse::<I>() {
            let known = self.of.contains_key(&id).then_some(id);
            return known.ok_or_else(|| format!("there is no {one} `{id}`"));
        }
        match self.meant_by.get(text).map(Vec::as_slice) {
            Some([id]) => Ok(*id),
            None | Some([]) => Err(format!("there is no {one} `{text}`")),
            Some(several) => {
                let ids: Vec<_> = several.iter().map(|id| format!("`{id}`")).collect();
                let ids = ids.join(", ");
                Err(format!(
                    "`{text}` may be any of the {many} {ids}: give the id"
                ))
            }
        }
    }

    /// By its name, as long as nothing else can be meant.
    fn reference(&self, id: I) -> RecordReference {
        let is_plain = |name: &&String| {
            let meant = self.meant_by.get(*name).map(Vec::as_slice);
            meant == Some(&[id]) && name.parse::<I>().is_err()
        };
        let name = self.of.get(&id).filter(is_plain);
        name.map_or_else(|| RecordReference::to(id.to_string()), RecordReference::to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(number: u128, name: &str, version: &str) -> Collection {
        Collection {
            id: CollectionId::from_parts(0, number),
            name: name.into(),
            version: version.into(),
            description: None,
            endpoints: Vec::new(),
            public: false,
            allows_dubious_paths: false,
            created_at_ms: 0,
            updated_at_ms: 0,
        }
    }

    fn meant(labels: &Labels, text: &str) -> Result<CollectionId, String> {
        labels.collection(&RecordReference::try_from(text.to_owned()).unwrap())
    }

    #[test]
    fn a_collection_is_meant_by_its_id_its_name_and_its_name_with_its_version() {
        let known = [collection(1, "orders", "v1"), collection(2, "stock", "v1")];
        let labels = Labels::of([], &known);
        for text in [known[0].id.to_string().as_str(), "orders", "orders v1"] {
            assert_eq!(meant(&labels, text), Ok(known[0].id), "{text}");
        }
        let unknown = meant(&labels, "orders v2").unwrap_err();
        assert_eq!(unknown, "there is no collection `orders v2`");
    }

    #[test]
    fn a_name_that_may_mean_two_collections_is_refused() {
        let known = [
            collection(1, "orders", "v1"),
            collection(2, "orders", "v2"),
            collection(3, "orders v1", "beta"),
        ];
        let labels = Labels::of([], &known);
        assert!(
            meant(&labels, "orders")
                .unwrap_err()
                .contains("give the id")
        );
        assert!(meant(&labels, "orders v1").is_err());
        assert_eq!(meant(&labels, "orders v2"), Ok(known[1].id));
        // What is written of them says so too.
        assert_eq!(
            labels.to_collection(known[0].id).as_str(),
            known[0].id.to_string()
        );
        assert_eq!(labels.to_collection(known[1].id).as_str(), "orders v2");
    }
}
