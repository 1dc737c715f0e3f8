//! The JSON Schema (draft 2020-12) of configuration in files, made from its types.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::document::Configuration;

/// Where OpenAPI has schemas, and where a JSON Schema has them.
const OF_OPENAPI: &str = "#/components/schemas/";
const OF_THIS: &str = "#/$defs/";

/// The whole schema as text.
#[must_use]
pub fn document() -> String {
    let mut schemas = Vec::new();
    Configuration::schemas(&mut schemas);
    let definitions: Map<_, _> = schemas
        .into_iter()
        .filter_map(|(name, schema)| Some((name, serde_json::to_value(schema).ok()?)))
        .collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Portcullis configuration",
    });
    let own = serde_json::to_value(Configuration::schema()).unwrap_or_default();
    if let (Some(schema), Value::Object(own)) = (schema.as_object_mut(), own) {
        schema.extend(own);
        schema.insert("$defs".into(), Value::Object(definitions));
    }
    refer_within(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn refer_within(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(name) = reference.strip_prefix(OF_OPENAPI)
            {
                *reference = format!("{OF_THIS}{name}");
            }
            members.values_mut().for_each(refer_within);
        }
        Value::Array(entries) => entries.iter_mut().for_each(refer_within),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_defines_all_that_it_refers_to() {
        fn check(value: &Value, definitions: &Map<String, Value>) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref") {
                        let name = reference.strip_prefix(OF_THIS).unwrap();
                        assert!(definitions.contains_key(name), "{reference}");
                    }
                    members.values().for_each(|value| check(value, definitions));
                }
                Value::Array(entries) => entries.iter().for_each(|value| check(value, definitions)),
                _ => {}
            }
        }
        let schema: Value = serde_json::from_str(&document()).unwrap();
        let definitions = schema["$defs"].as_object().unwrap();
        assert!(definitions.contains_key("ProfileDocument"));
        check(&schema, definitions);
        assert_eq!(
            schema["properties"]["clients"]["items"]["$ref"],
            "#/$defs/ClientDocument"
        );
        assert_eq!(schema["additionalProperties"], false);
    }
}
