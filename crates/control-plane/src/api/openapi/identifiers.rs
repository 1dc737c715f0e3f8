//! The forms of identifiers and the limits of lists, which is said of each by its name: in paths, in queries and in bodies.

use serde_json::{Value, json};

/// The forms, by the names of members and parameters.
const NAMED: [(&str, &str); 6] = [
    ("client_id", CLIENT),
    ("profile_id", PROFILE),
    ("collection_id", COLLECTION),
    ("policy_id", POLICY),
    ("key_id", "^[0-9A-Za-z]{12}$"),
    ("instance", "^[0-9a-f]{16}$"),
];

/// The forms of `id`, by what stands before it in the path.
const BELOW: [(&str, &str); 6] = [
    ("clients", CLIENT),
    ("access-profiles", PROFILE),
    ("collections", COLLECTION),
    ("policies", POLICY),
    ("gateway-tokens", "^gt_[0-7][0-9a-hjkmnp-tv-z]{25}$"),
    ("feed-keys", "^[0-9a-f]{16}$"),
];

/// Lists of texts: how many entries they have at most, and how many characters each.
const LISTS: [(&str, u32, u32); 4] = [
    ("issuers", 20, 1_000),
    ("audiences", 20, 1_000),
    ("allow", 10_000, 100),
    ("deny", 10_000, 100),
];

const CLIENT: &str = "^cl_[0-7][0-9a-hjkmnp-tv-z]{25}$";
const PROFILE: &str = "^ap_[0-7][0-9a-hjkmnp-tv-z]{25}$";
const COLLECTION: &str = "^co_[0-7][0-9a-hjkmnp-tv-z]{25}$";
const POLICY: &str = "^po_[0-7][0-9a-hjkmnp-tv-z]{25}$";

/// Says the forms of the parameters of an operation.
pub(super) fn add_to_parameters(operation: &mut Value, path: &str) {
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let form = match name {
            "id" => below(path),
            name => named(name),
        };
        if let Some(form) = form {
            parameter["schema"]["pattern"] = json!(form);
        }
    }
}

/// Says the forms of the members of a schema.
pub(super) fn add_to_members(schema: &mut Value) {
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, member) in members.into_iter().flatten() {
        if let Some(form) = named(name) {
            member["pattern"] = json!(form);
        }
        if name == "collections" && member["items"]["type"] == "string" {
            member["items"]["pattern"] = json!(COLLECTION);
        }
        let list = LISTS.iter().find(|(known, _, _)| *known == name);
        if let Some((_, most, longest)) = list {
            member["maxItems"] = json!(most);
            member["items"]["minLength"] = json!(1);
            member["items"]["maxLength"] = json!(longest);
        }
    }
}

fn named(name: &str) -> Option<&'static str> {
    let found = NAMED.iter().find(|(known, _)| *known == name);
    found.map(|(_, form)| *form)
}

fn below(path: &str) -> Option<&'static str> {
    let (before, _) = path.split_once("/{id}")?;
    let (_, last) = before.rsplit_once('/')?;
    let found = BELOW.iter().find(|(known, _)| *known == last);
    found.map(|(_, form)| *form)
}
