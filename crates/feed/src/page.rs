//! Changes, and the pages in which they travel.

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::{Collection, CollectionId, Profile, ProfileId};

/// The number of a committed change, strictly increasing from 1.
///
/// The changes of one transaction have consecutive numbers, and transactions are ordered as they commit: a reader who
/// has seen R has seen everything up to R. 0 is the state before the first change.
pub type Revision = u64;

/// Names, together with a revision, a point in the history of one database. Readers keep it and give it back as it is:
/// at most 80 characters of `0-9`, `a-z`, `.` and `-`.
///
/// It begins with the name of a life of the database, from one opening of it to the next: 32 hexadecimal digits. A life
/// goes on from the revision at which the one before it ended. A database that was restored from a copy ends a life
/// earlier than a gateway has seen it, which is how it notices that the gateway knows of things that never were. To a
/// gateway that has seen a part only, more is said, since it has read that part from a later state than its revision
/// tells: `LIFE.HEAD.SINCE`, with the newest revision of that state, and up to which revision removals are nothing to
/// the gateway because it began after them.
pub type Epoch = String;

/// The answer to *what changed after revision `after`?*
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePage {
    /// The language of this page: see [`FORMAT`](crate::FORMAT).
    pub format: u32,
    /// What names the point at which a reader is who has applied this page. Where it is not what was asked about, it
    /// goes on from there.
    pub epoch: Epoch,
    /// The revision that was asked about.
    pub after: Revision,
    /// What a reader has seen who has applied this page: ask for what comes after it.
    pub revision: Revision,
    /// The newest revision there is. More pages follow while it is greater than `revision`.
    pub head: Revision,
    /// What changed, in order of revision: the newest state of each object only.
    pub changes: Vec<Change>,
}

/// A text is not a page.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct InvalidPage(#[from] serde_json::Error);

impl ChangePage {
    /// Reads a page.
    ///
    /// # Errors
    /// When the text is no JSON, or not that of a page.
    pub fn from_json(text: &[u8]) -> Result<Self, InvalidPage> {
        Ok(serde_json::from_slice(text)?)
    }
}

/// One object as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenChange")]
pub struct Change {
    /// When it became so.
    pub revision: Revision,
    /// What became so.
    pub object: ChangedObject,
}

/// The new state of an object, or that it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedObject {
    /// An access profile was created or is different, or something that it carries is.
    Profile(Box<Profile>),
    /// An access profile is gone.
    ProfileRemoved(ProfileId),
    /// A collection was created or is different.
    Collection(Box<Collection>),
    /// A collection is gone.
    CollectionRemoved(CollectionId),
}

/// A change as it stands in JSON: the revision beside exactly one of the others. Serde's own way to that, flattening,
/// would hold every profile twice while it is read.
#[derive(Deserialize)]
struct WrittenChange {
    revision: Revision,
    #[serde(default)]
    profile: Option<Box<Profile>>,
    #[serde(default)]
    profile_removed: Option<ProfileId>,
    #[serde(default)]
    collection: Option<Box<Collection>>,
    #[serde(default)]
    collection_removed: Option<CollectionId>,
}

/// A change is about nothing that is known, or about more than one object.
#[derive(Debug, thiserror::Error)]
#[error("a change is about exactly one object")]
struct InvalidChange;

impl TryFrom<WrittenChange> for Change {
    type Error = InvalidChange;

    fn try_from(written: WrittenChange) -> Result<Self, InvalidChange> {
        let objects = [
            written.profile.map(ChangedObject::Profile),
            written.profile_removed.map(ChangedObject::ProfileRemoved),
            written.collection.map(ChangedObject::Collection),
            written
                .collection_removed
                .map(ChangedObject::CollectionRemoved),
        ];
        let mut objects = objects.into_iter().flatten();
        match (objects.next(), objects.next()) {
            (Some(object), None) => Ok(Self {
                revision: written.revision,
                object,
            }),
            _ => Err(InvalidChange),
        }
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut written = serializer.serialize_struct("Change", 2)?;
        written.serialize_field("revision", &self.revision)?;
        match &self.object {
            ChangedObject::Profile(profile) => written.serialize_field("profile", profile)?,
            ChangedObject::ProfileRemoved(id) => written.serialize_field("profile_removed", id)?,
            ChangedObject::Collection(collection) => {
                written.serialize_field("collection", collection)?;
            }
            ChangedObject::CollectionRemoved(id) => {
                written.serialize_field("collection_removed", id)?;
            }
        }
        written.end()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_change_is_about_exactly_one_object() {
        for change in [
            r#"{"revision": 1}"#,
            r#"{"revision": 1, "unheard_of": {}}"#,
            r#"{"revision": 1, "profile_removed": "ap_00000000010000000000000001",
                "collection_removed": "co_00000000010000000000000003"}"#,
        ] {
            let refusal = serde_json::from_str::<Change>(change).unwrap_err();
            assert!(refusal.to_string().contains("exactly one object"));
        }
    }

    use super::*;
    use crate::{AccessMethod, AddressLists, ApiKey, Client, ClientId, Digest, KeyState};

    #[test]
    fn a_page_is_this_json() {
        let page = ChangePage {
            format: 2,
            epoch: "e1".into(),
            after: 6,
            revision: 8,
            head: 8,
            changes: vec![
                Change {
                    revision: 7,
                    object: ChangedObject::Profile(Box::new(Profile {
                        id: ProfileId::from_parts(1, 1),
                        client: Client {
                            id: ClientId::from_parts(1, 2),
                            name: "Acme".into(),
                            enabled: true,
                        },
                        enabled: true,
                        expires_at_ms: None,
                        access: AccessMethod::ApiKey {
                            keys: vec![ApiKey {
                                id: "8fk2".into(),
                                digest: Digest([0xab; 32]),
                                expires_at_ms: Some(9),
                                deprecated_at_ms: None,
                                state: KeyState::Active,
                            }],
                        },
                        addresses: AddressLists {
                            allow: vec!["10.0.0.0/8".into()],
                            deny: vec![],
                        },
                        collections: vec![CollectionId::from_parts(1, 3)],
                        policy: None,
                        observe: false,
                    })),
                },
                Change {
                    revision: 8,
                    object: ChangedObject::CollectionRemoved(CollectionId::from_parts(1, 4)),
                },
            ],
        };
        let json = serde_json::json!({
            "format": 2, "epoch": "e1", "after": 6, "revision": 8, "head": 8,
            "changes": [
                {"revision": 7, "profile": {
                    "id": "ap_00000000010000000000000001",
                    "client": {"id": "cl_00000000010000000000000002", "name": "Acme", "enabled": true},
                    "enabled": true,
                    "access": {"api_key": {"keys": [
                        {"id": "8fk2", "digest": "ab".repeat(32), "expires_at_ms": 9, "state": "active"}]}},
                    "addresses": {"allow": ["10.0.0.0/8"]},
                    "collections": ["co_00000000010000000000000003"]}},
                {"revision": 8, "collection_removed": "co_00000000010000000000000004"}
            ]
        });
        assert_eq!(serde_json::to_value(&page).unwrap(), json);
        assert_eq!(serde_json::from_value::<ChangePage>(json).unwrap(), page);
    }
}
