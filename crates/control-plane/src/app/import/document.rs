//! A document as it is written, in JSON or YAML: only what endpoints are made of. All else is passed over, save that it
//! has to be well-formed, of limited depth, and without aliases that multiply.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_saphyr::{Options, budget, options};

use super::entries::Entries;
use crate::app::draft::{Object, object_if_any, objects, violation};
use crate::app::text::Description;
use crate::app::{Refusal, Violation};

/// How deep the members of a document may be nested.
const DEEPEST: usize = 100;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// JSON.
    Json,
    /// YAML 1.2.
    Yaml,
}

/// An OpenAPI document.
#[derive(Deserialize, Serialize)]
pub(super) struct Document {
    pub(super) openapi: String,
    #[serde(deserialize_with = "object")]
    pub(super) info: Info,
    #[serde(
        default,
        deserialize_with = "objects::<1_000, _, _>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) servers: Vec<Server>,
    #[serde(default)]
    pub(super) paths: Entries<PathItem>,
    #[serde(default, deserialize_with = "object")]
    pub(super) components: Components,
}

/// What it says of itself.
#[derive(Deserialize, Serialize)]
pub(super) struct Info {
    pub(super) title: String,
    pub(super) version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
}

/// Where an API is.
#[derive(Deserialize, Serialize)]
pub(super) struct Server {
    pub(super) url: String,
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub(super) variables: Entries<Variable>,
}

/// A part of the URL of a server.
#[derive(Deserialize, Serialize)]
pub(super) struct Variable {
    pub(super) default: String,
}

/// What other parts refer to.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Components {
    #[serde(
        default,
        rename = "pathItems",
        skip_serializing_if = "Entries::is_empty"
    )]
    pub(super) path_items: Entries<PathItem>,
}

/// A path with its methods.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct PathItem {
    #[serde(default, rename = "$ref", skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    #[serde(
        default,
        deserialize_with = "servers",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) servers: Option<Vec<Server>>,
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    get: Option<Operation>,
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    put: Option<Operation>,
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    post: Option<Operation>,
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    delete: Option<Operation>,
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    options: Option<Operation>,
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    head: Option<Operation>,
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    patch: Option<Operation>,
    #[serde(
        default,
        deserialize_with = "object_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    trace: Option<Operation>,
}

/// A method of a path.
#[derive(Deserialize, Serialize)]
pub(super) struct Operation {
    #[serde(
        default,
        deserialize_with = "servers",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) servers: Option<Vec<Server>>,
}

impl PathItem {
    /// The methods that it has, as the document calls them.
    pub(super) fn operations(&self) -> impl Iterator<Item = (&'static str, &Operation)> {
        let operations = [
            ("get", &self.get),
            ("put", &self.put),
            ("post", &self.post),
            ("delete", &self.delete),
            ("options", &self.options),
            ("head", &self.head),
            ("patch", &self.patch),
            ("trace", &self.trace),
        ];
        operations
            .into_iter()
            .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
    }
}

impl Document {
    /// The document without what no endpoint is made of, as JSON.
    pub(super) fn reduced(mut self) -> Result<String, serde_json::Error> {
        let about = self.info.summary.take().or(self.info.description.take());
        // One that is too long for a collection is none.
        self.info.description = about.filter(|it| Description::try_from(it.clone()).is_ok());
        serde_json::to_string(&self)
    }
}

fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<T, D::Error> {
    Object::deserialize(reader).map(|Object(value)| value)
}

fn servers<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Vec<Server>>, D::Error> {
    objects::<1_000, _, _>(reader).map(Some)
}

/// Reads a document.
pub(super) fn read(text: &[u8], language: Language) -> Result<Document, Refusal> {
    let text = std::str::from_utf8(text)
        .map_err(|_| Refusal::Malformed("the document is not UTF-8".to_owned()))?;
    let document: Document = match language {
        Language::Json => json(text)?,
        Language::Yaml => yaml(text)?,
    };
    let is_known = ["3.0.", "3.1."]
        .iter()
        .any(|version| document.openapi.starts_with(version));
    if is_known {
        return Ok(document);
    }
    let detail = format!(
        "a document of OpenAPI 3.0 or 3.1 is expected, not `{}`",
        document.openapi
    );
    Err(Refusal::Invalid(vec![Violation::new("/openapi", detail)]))
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut reader);
    let Object(document) = read.map_err(|error| match error.inner().classify() {
        serde_json::error::Category::Data => flaw(&error),
        _ => Refusal::Malformed(error.inner().to_string()),
    })?;
    reader
        .end()
        .map_err(|error| Refusal::Malformed(error.to_string()))?;
    Ok(document)
}

fn yaml<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    let mut flaws = None;
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, reading(), |reader| {
        serde_path_to_error::deserialize(reader).map_err(|error| {
            flaws = Some(flaw(&error));
            error.into_inner()
        })
    });
    read.map(|Object(document)| document).map_err(|error| {
        if error.to_string().contains("budget breached") {
            let detail = "the document is too large, too deep, or has aliases that multiply";
            return Refusal::Malformed(detail.to_owned());
        }
        // What is wrong with the text, and not with what it says, has no place but a line.
        let has_place = |flaws: &Refusal| match flaws {
            Refusal::Invalid(flaws) => flaws.iter().any(|flaw| !flaw.pointer.is_empty()),
            _ => false,
        };
        let malformed = || Refusal::Malformed(error.to_string());
        flaws.filter(has_place).unwrap_or_else(malformed)
    })
}

fn reading() -> Options {
    options! {
        budget: budget! {
            max_depth: DEEPEST,
            max_documents: 1,
        },
        with_snippet: false,
    }
}

fn flaw<E: std::error::Error>(error: &serde_path_to_error::Error<E>) -> Refusal {
    Refusal::Invalid(vec![violation(error.path(), &error.inner().to_string())])
}
