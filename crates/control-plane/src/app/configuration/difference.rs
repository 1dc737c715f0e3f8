//! What is different between two states of a record, field by field, in the words of documents.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// What an absent member means, where that is not nothing.
const ABSENT: [(&str, Value); 5] = [
    ("enabled", Value::Bool(true)),
    ("observe", Value::Bool(false)),
    ("public", Value::Bool(false)),
    ("allows_dubious_paths", Value::Bool(false)),
    ("allows_no_expiry", Value::Bool(false)),
];

/// Members that are compared as a whole though they are objects: what they hold has no meaning by itself.
const WHOLE: [&str; 4] = ["key", "rate_limit", "quota", "identity"];

/// One field that becomes different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// Where: a JSON pointer (RFC 6901) into the document of the record.
    #[schema(example = "/addresses/allow")]
    pub field: String,
    /// What it says now. Null, when it is absent.
    #[schema(value_type = Value)]
    pub before: Value,
    /// What it is to say. Null, when it is to be absent.
    #[schema(value_type = Value)]
    pub after: Value,
}

/// The fields of two documents that are different.
pub(super) fn between(before: &impl Serialize, after: &impl Serialize) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare("", &described(before), &described(after), &mut changes);
    changes
}

/// Keys are told by their ids, not by their places.
fn described(document: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(document).unwrap_or_default();
    if let Some(members) = value.as_object_mut()
        && let Some(Value::Array(keys)) = members.remove("keys")
    {
        let by_id = keys.into_iter().filter_map(|mut key| {
            let key = key.as_object_mut()?;
            let id = key.remove("id")?.as_str()?.to_owned();
            key.remove("digest");
            Some((id, Value::Object(std::mem::take(key))))
        });
        members.insert("keys".into(), Value::Object(by_id.collect()));
    }
    value
}

fn compare(place: &str, before: &Value, after: &Value, changes: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    let member = place.rsplit('/').next().unwrap_or_default();
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if !WHOLE.contains(&member) => {
            members(place, before, after, changes);
        }
        (before, after) => changes.push(FieldChange {
            field: place.to_owned(),
            before: before.clone(),
            after: after.clone(),
        }),
    }
}

fn members(
    place: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    changes: &mut Vec<FieldChange>,
) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let absent = ABSENT
            .into_iter()
            .find(|(known, _)| *known == name.as_str());
        let absent = match (absent, place, name.as_str()) {
            (Some((_, value)), ..) => value,
            (None, "", "addresses") => json!({"allow": [], "deny": []}),
            (None, "", "keys") => json!({}),
            _ => Value::Null,
        };
        let escaped = name.replace('~', "~0").replace('/', "~1");
        compare(
            &format!("{place}/{escaped}"),
            before.get(name).unwrap_or(&absent),
            after.get(name).unwrap_or(&absent),
            changes,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: Value, after: Value) -> Vec<(String, Value, Value)> {
        let changes = between(&before, &after);
        let told = |change: FieldChange| (change.field, change.before, change.after);
        changes.into_iter().map(told).collect()
    }

    #[test]
    fn a_field_is_told_by_its_place_with_both_values() {
        let before = json!({"name": "a", "addresses": {"allow": ["10.0.0.1"], "deny": []}});
        let after = json!({"name": "a", "addresses": {"allow": [], "deny": []}, "policy": "gold"});
        assert_eq!(
            told(before, after),
            [
                ("/addresses/allow".into(), json!(["10.0.0.1"]), json!([])),
                ("/policy".into(), Value::Null, json!("gold")),
            ]
        );
    }

    #[test]
    fn what_is_absent_is_told_as_what_it_means() {
        assert_eq!(
            told(json!({}), json!({"enabled": false})),
            [("/enabled".into(), json!(true), json!(false))]
        );
        let lists = json!({"addresses": {"allow": ["10.0.0.1"], "deny": []}});
        assert_eq!(
            told(json!({}), lists),
            [("/addresses/allow".into(), json!([]), json!(["10.0.0.1"]))]
        );
    }

    #[test]
    fn keys_are_told_by_their_ids_and_never_by_their_digests() {
        let key = json!({"id": "k1", "digest": "d1", "created_at": "t"});
        let mut revoked = key.clone();
        revoked["revoked_at"] = json!("t2");
        let told = told(
            json!({"keys": [key]}),
            json!({"keys": [{"id": "k2", "digest": "d2"}, revoked]}),
        );
        assert_eq!(
            told,
            [
                ("/keys/k1/revoked_at".into(), Value::Null, json!("t2")),
                ("/keys/k2".into(), Value::Null, json!({})),
            ]
        );
    }
}
