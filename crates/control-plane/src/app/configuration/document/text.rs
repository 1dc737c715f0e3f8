//! Texts and numbers that only configuration in files has: parsed once, valid ever after.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many characters a reference has at most: a name and a version.
const LONGEST: usize = 201;

/// The form of a document. There is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct FormVersion;

/// A number is no form of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the form of a configuration is 1")]
pub struct InvalidFormVersion;

/// How a profile refers to a policy or a collection: by its id, by its name, or a collection by its name and its
/// version with a blank in between.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 201, example = "orders v1")]
pub struct RecordReference(String);

/// A text refers to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id or a name is expected, and after the name of a collection perhaps a blank and its version"
)]
pub struct InvalidRecordReference;

/// The public id of an API key: 12 of `a-z` and `0-9`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9]{12}$", example = "k3x9m2p7q8r9")]
pub struct KeyId(String);

/// A text is no id of a key. It is not repeated: it may be a whole key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a key is 12 of `a-z` and `0-9`")]
pub struct InvalidKeyId;

impl TryFrom<u32> for FormVersion {
    type Error = InvalidFormVersion;

    fn try_from(number: u32) -> Result<Self, InvalidFormVersion> {
        (number == 1).then_some(Self).ok_or(InvalidFormVersion)
    }
}

impl From<FormVersion> for u32 {
    fn from(FormVersion: FormVersion) -> Self {
        1
    }
}

impl TryFrom<String> for RecordReference {
    type Error = InvalidRecordReference;

    fn try_from(text: String) -> Result<Self, InvalidRecordReference> {
        let name = text.trim();
        let is_one =
            (1..=LONGEST).contains(&name.chars().count()) && !name.contains(char::is_control);
        is_one
            .then(|| Self(name.to_owned()))
            .ok_or(InvalidRecordReference)
    }
}

impl From<RecordReference> for String {
    fn from(RecordReference(text): RecordReference) -> Self {
        text
    }
}

impl RecordReference {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// To something that exists, by its id or by names that were valid when they were stored.
    pub(in crate::app) fn to(label: impl Into<String>) -> Self {
        Self(label.into())
    }
}

impl TryFrom<String> for KeyId {
    type Error = InvalidKeyId;

    fn try_from(text: String) -> Result<Self, InvalidKeyId> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_id = text.len() == 12 && text.bytes().all(is_plain);
        is_id.then_some(Self(text)).ok_or(InvalidKeyId)
    }
}

impl From<KeyId> for String {
    fn from(KeyId(text): KeyId) -> Self {
        text
    }
}

impl KeyId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One that was valid when it was stored.
    pub(in crate::app) fn stored(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
