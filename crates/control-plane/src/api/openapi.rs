//! The description of the REST interface (OpenAPI 3.1), made from the handlers.

mod completed;
mod identifiers;

use std::sync::Arc;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::Value;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema as _, ToSchema};

use super::parameters::Parameters;
use crate::problem::ProblemDetails;

const DESCRIPTION: &str = "Clients, their access profiles and keys, the collections of endpoints that profiles grant, \
and the policies that say how much. Every edit tells its revision, in the header `portcullis-revision` and in the \
body: a gateway that has seen this revision has seen the edit. Records have entity tags: by `If-Match`, nobody undoes \
what another has done meanwhile. A creation with an `Idempotency-Key` is done once, however often it is sent. Refusals \
are problem details (RFC 9457).";

/// The description, complete.
pub struct Document(Value);

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

/// The whole document.
#[must_use]
pub fn document() -> Document {
    let document = super::routes(|records| records, |others| others, |known| known);
    Document(completed::completed(document.into_openapi()))
}

impl Document {
    /// As it is served and kept in the repository.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.0).unwrap_or_default();
        text.push('\n');
        text
    }

    /// As JSON.
    #[must_use]
    pub const fn json(&self) -> &Value {
        &self.0
    }

    /// What the queries of the operations may say.
    #[must_use]
    pub fn parameters(&self) -> Arc<Parameters> {
        Parameters::of(&self.0)
    }
}

/// Answers with the document.
pub async fn answer(document: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document)
}
