//! The readable form of the description: one page, made here from the document. No scripts, nothing from elsewhere.

mod schema;
mod text;

use std::collections::BTreeMap;

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use schema::{about, definition, kind};
use text::prose;

const STYLE: &str = include_str!("reference/style.css");

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page, and what browsers may do with it.
pub struct Reference {
    page: String,
    policy: HeaderValue,
}

impl Reference {
    /// Of a document (OpenAPI 3.1).
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let style = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        Self {
            page: page(document).into_string(),
            policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("sandbox")),
        }
    }
}

impl IntoResponse for &'static Reference {
    fn into_response(self) -> axum::response::Response {
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        let headers = [
            (header::CONTENT_TYPE, html),
            (header::CONTENT_SECURITY_POLICY, self.policy.clone()),
            (
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
            (
                header::REFERRER_POLICY,
                HeaderValue::from_static("no-referrer"),
            ),
        ];
        (headers, self.page.as_str()).into_response()
    }
}

/// An operation with where it is.
struct Operation<'a> {
    method: &'static str,
    path: &'a str,
    says: &'a Value,
}

fn page(document: &Value) -> Markup {
    let title = document["info"]["title"].as_str().unwrap_or_default();
    let groups = groups(document);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                nav aria-label="Contents" { (contents(document, &groups)) }
                main {
                    h1 { (title) " " small { (text_of(&document["info"]["version"])) } }
                    (prose(text_of(&document["info"]["description"])))
                    p { "The same for programs: " a href="openapi.json" { "openapi.json" } "." }
                    @for (tag, operations) in &groups {
                        section {
                            h2 id=(anchor("tag", tag)) { (tag) }
                            @for operation in operations { (described(operation)) }
                        }
                    }
                    section {
                        h2 id="schemas" { "Schemas" }
                        @for (name, schema) in entries(&document["components"]["schemas"]) {
                            article {
                                h3 id=(anchor("schema", name)) { code { (name) } }
                                (definition(schema))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn contents(document: &Value, groups: &BTreeMap<&str, Vec<Operation>>) -> Markup {
    html! {
        @for (tag, operations) in groups {
            p { a href=(format!("#{}", anchor("tag", tag))) { (tag) } }
            ul {
                @for operation in operations {
                    li { a href=(format!("#{}", operation.id())) { (operation.summary()) } }
                }
            }
        }
        p { a href="#schemas" { "Schemas" } }
        ul {
            @for (name, _) in entries(&document["components"]["schemas"]) {
                li { a href=(format!("#{}", anchor("schema", name))) { (name) } }
            }
        }
    }
}

fn described(operation: &Operation) -> Markup {
    let says = operation.says;
    html! {
        article {
            h3 id=(operation.id()) {
                span class=(format!("method {}", operation.method)) { (operation.method.to_uppercase()) }
                " " code { (operation.path) }
            }
            p.summary { (operation.summary()) }
            (prose(text_of(&says["description"])))
            (parameters(&says["parameters"]))
            @if says["requestBody"].is_object() {
                h4 { "Body" }
                (contents_of(&says["requestBody"]["content"]))
            }
            h4 { "Answers" }
            table {
                tbody {
                    @for (status, answer) in entries(&says["responses"]) {
                        tr {
                            th scope="row" { (status) }
                            td {
                                (prose(text_of(&answer["description"])))
                                (contents_of(&answer["content"]))
                                @for (name, header) in entries(&answer["headers"]) {
                                    p.header { code { (name) } ": " (text_of(&header["description"])) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn parameters(parameters: &Value) -> Markup {
    let parameters = parameters.as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        @if !parameters.is_empty() {
            h4 { "Parameters" }
            table {
                thead { tr { th scope="col" { "name" } th scope="col" { "in" } th scope="col" { "means" } } }
                tbody {
                    @for parameter in parameters {
                        tr {
                            th scope="row" { code { (text_of(&parameter["name"])) } }
                            td { (text_of(&parameter["in"])) }
                            td {
                                p.kind {
                                    (kind(&parameter["schema"]))
                                    @if parameter["required"] == true { ", required" }
                                    (about(&parameter["schema"]))
                                }
                                (prose(text_of(&parameter["description"])))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a body may be: by its types, those that are the same together.
fn contents_of(content: &Value) -> Markup {
    let mut kinds: Vec<(Vec<&str>, &Value)> = Vec::new();
    for (media, says) in entries(content) {
        let schema = &says["schema"];
        match kinds.iter_mut().find(|(_, known)| *known == schema) {
            Some((types, _)) => types.push(media),
            None => kinds.push((vec![media], schema)),
        }
    }
    html! {
        @for (types, schema) in kinds {
            p.kind {
                @for (index, media) in types.iter().enumerate() {
                    @if index > 0 { ", " }
                    code { (media) }
                }
                ": " (kind(schema))
            }
        }
    }
}

impl Operation<'_> {
    fn id(&self) -> &str {
        self.says["operationId"].as_str().unwrap_or_default()
    }

    fn summary(&self) -> &str {
        self.says["summary"].as_str().unwrap_or_else(|| self.id())
    }
}

fn groups(document: &Value) -> BTreeMap<&str, Vec<Operation<'_>>> {
    let mut groups: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (path, item) in entries(&document["paths"]) {
        for method in METHODS {
            let says = &item[method];
            if says.is_object() {
                let tag = says["tags"][0].as_str().unwrap_or("other");
                let operation = Operation { method, path, says };
                groups.entry(tag).or_default().push(operation);
            }
        }
    }
    groups
}

fn entries(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = object.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.as_str(), value))
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn anchor(kind: &str, name: &str) -> String {
    format!("{kind}-{}", name.replace(' ', "-"))
}
