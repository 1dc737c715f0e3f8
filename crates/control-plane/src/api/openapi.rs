//! The description of the REST interface (OpenAPI 3.1), made from the handlers.

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::Value;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa::{IntoParams as _, PartialSchema as _, ToSchema};

use super::applied::WaitQuery;
use crate::problem::ProblemDetails;

const DESCRIPTION: &str = "Clients, their access profiles and keys, the collections of endpoints that profiles grant, \
and the policies that say how much. Every edit tells its revision, in the header `portcullis-revision` and in the \
body: a gateway that has seen this revision has seen the edit. Refusals are problem details (RFC 9457).";

/// What stands around the paths.
pub fn frame() -> OpenApi {
    let mut schemas = Vec::new();
    ProblemDetails::schemas(&mut schemas);
    schemas.push((
        ProblemDetails::name().into_owned(),
        ProblemDetails::schema(),
    ));
    let mut components = ComponentsBuilder::new();
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let cookie = "The cookie that logging in sets: `__Host-portcullis` where browsers come over TLS. Requests that \
                  change something repeat the token of the session in `x-csrf-token`.";
    let cookie = ApiKeyValue::with_description("portcullis", cookie);
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Portcullis control plane")
                .description(Some(DESCRIPTION))
                .license(Some(
                    LicenseBuilder::new()
                        .name("Apache-2.0")
                        .identifier(Some("Apache-2.0"))
                        .build(),
                ))
                .version(env!("CARGO_PKG_VERSION"))
                .build(),
        )
        .components(Some(
            components
                .security_scheme("operator_token", token)
                .security_scheme("session", session)
                .build(),
        ))
        .security(Some(["operator_token", "session"].map(|scheme| {
            SecurityRequirement::new(scheme, Vec::<String>::new())
        })))
        .build()
}

/// The whole document as text.
#[must_use]
pub fn document() -> String {
    let document = super::routes(|records| records, |others| others, |known| known);
    completed(document.into_openapi())
}

/// The document with the schemas of the patches, those of the drafts in which nothing is required, and with the
/// parameters that all changes have.
pub fn completed(document: OpenApi) -> String {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    add_wait(&mut document);
    let mut drafts = Vec::new();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        let patches = paths.values_mut().filter_map(|path| path.get_mut("patch"));
        for content in patches.filter_map(|patch| patch.pointer_mut("/requestBody/content")) {
            drafts.extend(name_patch(content));
        }
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas") {
        for draft in drafts {
            if let Some(mut patch) = schemas.get(&draft).cloned() {
                if let Some(patch) = patch.as_object_mut() {
                    patch.remove("required");
                    patch.remove("description");
                }
                schemas[patch_of(&draft)] = patch;
            }
        }
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Adds the parameters of waiting to each operation that is answered with a revision.
fn add_wait(document: &mut Value) {
    let wait = WaitQuery::into_params(|| Some(ParameterIn::Query));
    let wait = wait.into_iter().map(serde_json::to_value);
    let wait: Vec<_> = wait.filter_map(Result::ok).collect();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let paths = paths.into_iter().flat_map(|paths| paths.values_mut());
    let operations = paths.filter_map(Value::as_object_mut);
    for operation in operations.flat_map(|path| path.values_mut()) {
        let is_edit = ["200", "201"].iter().any(|status| {
            let schema = format!("/responses/{status}/content/application~1json/schema/$ref");
            let schema = operation.pointer(&schema).and_then(Value::as_str);
            schema.is_some_and(|schema| schema.starts_with("#/components/schemas/Edited_"))
        });
        if !is_edit {
            continue;
        }
        let mut parameters = operation["parameters"].take();
        if !parameters.is_array() {
            parameters = Value::Array(Vec::new());
        }
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.extend(wait.iter().cloned());
        }
        operation["parameters"] = parameters;
    }
}

/// Answers with the document.
pub async fn answer(document: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document)
}

/// Lets the body of a patch refer to the schema of patches, and tells the name of the draft that it is made from.
fn name_patch(content: &mut Value) -> Option<String> {
    const SCHEMAS: &str = "#/components/schemas/";
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
