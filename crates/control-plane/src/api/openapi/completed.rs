//! What the handlers cannot say of themselves, because it is the same for many: the schemas of patches, the parameters of
//! waiting, the headers of answers, and the refusals that every operation may give.

use serde_json::{Map, Value, json};
use utoipa::IntoParams as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::ParameterIn;

use super::identifiers;
use crate::api::applied::WaitQuery;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

const SCHEMAS: &str = "#/components/schemas/";

/// The whole document.
pub fn completed(document: OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    add_patches(&mut document);
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                complete(operation, method);
                identifiers::add_to_parameters(operation, path);
            }
        }
    }
    let schemas = document.pointer_mut("/components/schemas");
    for (_, schema) in schemas.and_then(Value::as_object_mut).into_iter().flatten() {
        identifiers::add_to_members(schema);
    }
    document
}

fn complete(operation: &mut Value, method: &str) {
    let is_edit = has_answer(operation, "Edited_");
    if is_edit {
        add_wait(operation);
    }
    let is_tagged = has_header(operation, "If-Match") || has_header(operation, "If-None-Match");
    let is_repeatable = has_header(operation, "Idempotency-Key");
    for (status, answer) in answers(operation) {
        if !status.starts_with('2') {
            continue;
        }
        let mut headers = Map::new();
        if is_edit {
            let revision = header("integer", "The revision of the edit, as in the body.");
            headers.insert("Portcullis-Revision".to_owned(), revision);
        }
        if (is_tagged && matches!(method, "get" | "patch" | "put")) || (is_edit && status == "201")
        {
            let tag = "The tag of the record, for `If-Match` and `If-None-Match`.";
            headers.insert("ETag".to_owned(), header("string", tag));
        }
        if status == "201" && is_repeatable {
            let location = header("string", "Where the record is to be found.");
            headers.insert("Location".to_owned(), location);
        }
        if !headers.is_empty() {
            answer["headers"] = Value::Object(headers);
        }
    }
    if method == "get" && is_tagged {
        let unmodified = "The reader has this version already: `If-None-Match` names it.";
        operation["responses"]["304"] = json!({"description": unmodified});
    }
    let headers = "WWW-Authenticate";
    add_problem(operation, "401", "There is no token, or it is not known.");
    let challenge = header("string", "What kind of credential is needed (RFC 6750).");
    operation["responses"]["401"]["headers"] = json!({headers: challenge});
    add_problem(
        operation,
        "503",
        "The records are out of reach. Nothing was changed.",
    );
    let pause = header("integer", "After how many seconds to try again.");
    operation["responses"]["503"]["headers"] = json!({"Retry-After": pause});
}

fn answers(operation: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    let answers = operation.get_mut("responses");
    answers
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|answers| answers.iter_mut())
}

fn header(kind: &str, description: &str) -> Value {
    json!({"description": description, "schema": {"type": kind}})
}

fn add_problem(operation: &mut Value, status: &str, description: &str) {
    let schema = json!({"$ref": format!("{SCHEMAS}ProblemDetails")});
    operation["responses"][status] = json!({
        "description": description,
        "content": {"application/problem+json": {"schema": schema}},
    });
}

/// Whether a success is told in a schema whose name begins like this.
fn has_answer(operation: &Value, prefix: &str) -> bool {
    let reference = format!("\"{SCHEMAS}{prefix}");
    ["200", "201"].iter().any(|status| {
        let schema = format!("/responses/{status}/content/application~1json/schema");
        let schema = operation.pointer(&schema).map(Value::to_string);
        schema.is_some_and(|schema| schema.contains(&reference))
    })
}

fn has_header(operation: &Value, name: &str) -> bool {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .into_iter()
        .any(|parameter| parameter["in"] == "header" && parameter["name"] == name)
}

/// Adds the parameters of waiting.
fn add_wait(operation: &mut Value) {
    let wait = WaitQuery::into_params(|| Some(ParameterIn::Query));
    let wait = wait.into_iter().map(serde_json::to_value);
    let mut parameters = match operation["parameters"].take() {
        Value::Array(parameters) => parameters,
        _ => Vec::new(),
    };
    parameters.extend(wait.filter_map(Result::ok));
    operation["parameters"] = Value::Array(parameters);
}

/// Adds the schemas of the patches, those of the drafts in which nothing is required.
fn add_patches(document: &mut Value) {
    let mut drafts = Vec::new();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        let patches = paths.values_mut().filter_map(|path| path.get_mut("patch"));
        for content in patches.filter_map(|patch| patch.pointer_mut("/requestBody/content")) {
            drafts.extend(name_patch(content));
        }
    }
    let Some(schemas) = document.pointer_mut("/components/schemas") else {
        return;
    };
    for draft in drafts {
        let Some(mut patch) = schemas.get(&draft).cloned() else {
            continue;
        };
        if let Some(patch) = patch.as_object_mut() {
            patch.remove("required");
            patch.remove("description");
        }
        schemas[patch_of(&draft)] = patch;
    }
}

/// Lets the body of a patch refer to the schema of patches, and tells the name of the draft that it is made from.
fn name_patch(content: &mut Value) -> Option<String> {
    let reference = content.pointer_mut("/application~1json/schema/$ref")?;
    let draft = reference.as_str()?.strip_prefix(SCHEMAS)?.to_owned();
    *reference = Value::from(format!("{SCHEMAS}{}", patch_of(&draft)));
    let merge_patch = content.get("application/json")?.clone();
    content["application/merge-patch+json"] = merge_patch;
    Some(draft)
}

fn patch_of(draft: &str) -> String {
    format!("{}Patch", draft.trim_end_matches("Draft"))
}
