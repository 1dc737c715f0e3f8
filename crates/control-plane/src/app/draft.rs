//! Drafts of records: what operators write, as JSON, read strictly and with the place of each mistake.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use super::{Refusal, Violation};

/// Members whose values may be secrets.
const CONFIDENTIAL: [&str; 3] = ["credential", "key", "secret"];

/// What should be different in a record: a JSON merge patch (RFC 7396). A member that is absent stays, `null` clears.
/// Its `Debug` form shows only the names of members: values may be secrets.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Patch(Map<String, Value>);

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads a draft.
///
/// # Errors
/// When the text is no JSON, or is not what the draft consists of.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Refusal> {
    let value: Value =
        serde_json::from_slice(json).map_err(|error| Refusal::Malformed(error.to_string()))?;
    read_object::<T, _>(value)?;
    // Once more from the text: of a member that stands there twice, the value above has kept only the last.
    read_object(&mut serde_json::Deserializer::from_slice(json))
}

/// Reads a draft that may be large: once only.
///
/// # Errors
/// When the text is no JSON, or is not what the draft consists of.
pub fn read_large<T: DeserializeOwned>(json: &[u8]) -> Result<T, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let draft = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let inner = error.inner();
        if inner.is_data() {
            let violation = violation(error.path(), &inner.to_string());
            return Refusal::Invalid(vec![violation]);
        }
        Refusal::Malformed(inner.to_string())
    });
    let Object(draft) = draft?;
    let ended = reader.end();
    ended.map_err(|error| Refusal::Malformed(error.to_string()))?;
    Ok(draft)
}

impl Patch {
    /// The draft with these changes made to it.
    ///
    /// # Errors
    /// When the outcome is not what the draft consists of.
    pub(super) fn applied_to<T: Serialize + DeserializeOwned>(
        self,
        draft: &T,
    ) -> Result<T, Refusal> {
        let mut value =
            serde_json::to_value(draft).map_err(|error| Refusal::Malformed(error.to_string()))?;
        merge(&mut value, Value::Object(self.0));
        read_object(value)
    }

    /// Whether it says anything about a member of a member.
    pub(super) fn mentions(&self, parent: &str, member: &str) -> bool {
        let parent = self.0.get(parent).and_then(Value::as_object);
        parent.is_some_and(|parent| parent.contains_key(member))
    }
}

/// Unlike in RFC 7396, `null` stays as a value: an unknown or a required field is refused for it, not ignored.
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, patch) in patch {
                merge(target.entry(name).or_insert(Value::Null), patch);
            }
        }
        (target, patch) => *target = patch,
    }
}

fn read_object<'de, T: DeserializeOwned, D: Deserializer<'de>>(reader: D) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(reader)
        .map(|Object(draft)| draft)
        .map_err(|error| {
            let detail = error.inner().to_string();
            Refusal::Invalid(vec![violation(error.path(), &detail)])
        })
}

/// What is wrong at a place, in the words of serde without the values that it repeats.
pub(crate) fn violation(path: &Path, message: &str) -> Violation {
    // The reader of JSON appends the position to the message, though the pointer says it better.
    let detail = message
        .rsplit_once(" at line ")
        .map_or(message, |(detail, _)| detail);
    let mut pointer = String::new();
    let mut is_confidential = false;
    for segment in path {
        match segment {
            // Whatever stands in there may be a secret in the wrong place, its names too.
            Segment::Map { .. } if is_confidential => break,
            Segment::Map { key } => {
                is_confidential = CONFIDENTIAL.contains(&key.as_str());
                pointer.push_str(&Violation::pointer(&[key]));
            }
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let detail = without_value(detail, is_confidential);
    // The path of a field that is absent, or there twice, ends before it: only the message says its name.
    let unnamed = ["missing field `", "duplicate field `"]
        .iter()
        .find_map(|beginning| detail.strip_prefix(beginning)?.strip_suffix('`'));
    if let Some(field) = unnamed {
        pointer.push_str(&Violation::pointer(&[field]));
    }
    Violation::new(pointer, detail)
}

/// A message of serde without the value that it repeats: of a value in the wrong place nobody knows what it is.
fn without_value(message: &str, is_confidential: bool) -> String {
    let Some((found, expected)) = message.rsplit_once(", expected ") else {
        return message.to_owned();
    };
    let found = match found.split_once(": ") {
        Some(("invalid type" | "invalid value", value)) => {
            let kind = value.split(['"', '`']).next().unwrap_or_default();
            let fault = found.split(':').next().unwrap_or_default();
            format!("{fault}: {}", kind.trim_end())
        }
        _ if is_confidential => match found.split_once(" `") {
            Some((kind, _)) => kind.to_owned(),
            None => found.to_owned(),
        },
        _ => return message.to_owned(),
    };
    format!("{found}, expected {expected}")
}

/// A JSON object. Serde reads its structs from arrays too, by position, which nobody means.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(ObjectVisitor(PhantomData))
            .map(Self)
    }
}

/// Reads a field that is an object, or `null`.
pub(super) fn object_if_any<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value: Option<Object<T>> = Option::deserialize(deserializer)?;
    Ok(value.map(|Object(value)| value))
}

/// Reads a field that is an object, or `null` for what it is when it is absent.
pub(super) fn object_or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    object_if_any(deserializer).map(Option::unwrap_or_default)
}

/// Reads a field that is a list of at most `LONGEST` objects.
pub(super) fn objects<'de, const LONGEST: usize, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let values: Vec<Object<T>> = list::<LONGEST, D, _>(deserializer)?;
    Ok(values.into_iter().map(|Object(value)| value).collect())
}

/// Reads a field that is a list of at most `LONGEST` values.
pub(super) fn list<'de, const LONGEST: usize, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    bounded::<LONGEST, D, T>(Vec::deserialize(deserializer)?)
}

/// Reads a field that is such a list, or `null` for an empty one.
pub(super) fn list_or_default<'de, const LONGEST: usize, D, T>(
    deserializer: D,
) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let values: Option<Vec<T>> = Option::deserialize(deserializer)?;
    bounded::<LONGEST, D, T>(values.unwrap_or_default())
}

fn bounded<'de, const LONGEST: usize, D: Deserializer<'de>, T>(
    values: Vec<T>,
) -> Result<Vec<T>, D::Error> {
    if values.len() > LONGEST {
        return Err(D::Error::custom(format!(
            "a list of at most {LONGEST} entries is expected"
        )));
    }
    Ok(values)
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}
