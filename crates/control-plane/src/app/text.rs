//! Texts that operators give: parsed once, valid ever after.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What people call a record: 1 to 100 characters without control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 100, example = "Acme")]
pub struct Name(String);

/// A part of a name, by which names are found: 1 to 100 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePart(String);

/// More about a record: up to 2,000 characters without control characters other than line breaks and tabs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 2000)]
pub struct Description(String);

/// A text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 100 characters and no control characters")]
pub struct InvalidName;

/// A text is not a part of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a part of a name has 1 to 100 characters and no control characters")]
pub struct InvalidNamePart;

/// A text is not a description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a description has at most 2,000 characters and no control characters but line breaks and tabs"
)]
pub struct InvalidDescription;

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let name = text.trim();
        let is_name = (1..=100).contains(&name.chars().count()) && !name.contains(char::is_control);
        is_name.then(|| Self(name.to_owned())).ok_or(InvalidName)
    }
}

impl TryFrom<String> for NamePart {
    type Error = InvalidNamePart;

    fn try_from(text: String) -> Result<Self, InvalidNamePart> {
        let is_part = (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control);
        is_part.then_some(Self(text)).ok_or(InvalidNamePart)
    }
}

impl TryFrom<String> for Description {
    type Error = InvalidDescription;

    fn try_from(text: String) -> Result<Self, InvalidDescription> {
        let is_stray = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.chars().count() > 2_000 || text.contains(is_stray) {
            return Err(InvalidDescription);
        }
        Ok(Self(text))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl From<NamePart> for String {
    fn from(part: NamePart) -> Self {
        part.0
    }
}

impl From<Description> for String {
    fn from(description: Description) -> Self {
        description.0
    }
}

impl Name {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that was valid when it was stored.
pub(super) fn stored_name(name: &str) -> Name {
    Name(name.to_owned())
}

/// A description that was valid when it was stored.
pub(super) fn stored_description(description: Option<&str>) -> Option<Description> {
    description.map(|description| Description(description.to_owned()))
}
