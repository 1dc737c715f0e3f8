//! The JSON Schema of files of cases, made from the types that read them.

use serde_json::{Value, json};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::cases::Cases;

/// The schema as text (JSON Schema, draft 2020-12).
#[must_use]
pub fn schema() -> String {
    let mut schemas = Vec::new();
    Cases::schemas(&mut schemas);
    let written = |schema| serde_json::to_value(schema).unwrap_or_default();
    let definitions = schemas
        .into_iter()
        .map(|(name, schema)| (name, written(schema)));
    let mut document = written(Cases::schema());
    document["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    document["title"] = json!("Cases of Portcullis");
    document["$defs"] = Value::Object(definitions.collect());
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    // The types describe themselves for an OpenAPI document, where definitions stand elsewhere.
    let mut text = text.replace("#/components/schemas/", "#/$defs/");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let committed = include_str!("../../../../../docs/cases.schema.json");
        assert!(
            committed == schema(),
            "docs/cases.schema.json is out of date: `portcullis check --schema` prints the present one"
        );
    }

    #[test]
    fn every_reference_in_the_schema_leads_somewhere() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        let mut unvisited = vec![&schema];
        let mut references = 0;
        while let Some(value) = unvisited.pop() {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref") {
                        let pointer = reference.strip_prefix('#').unwrap();
                        assert!(schema.pointer(pointer).is_some(), "{reference}");
                        references += 1;
                    }
                    unvisited.extend(members.values());
                }
                Value::Array(items) => unvisited.extend(items),
                _ => {}
            }
        }
        assert!(references > 3, "{references}");
    }
}
