//! The parameters that the query of each operation may have, as the description of the interface lists them. Whatever
//! else a query says is refused, so that a misspelt filter does not quietly find everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;
use url::form_urlencoded;

use crate::problem::{Kind, Problem};

/// The names of the parameters of each operation, by its path and method.
pub struct Parameters(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Parameters {
    /// As a document (OpenAPI) lists them.
    #[must_use]
    pub fn of(document: &Value) -> Arc<Self> {
        let mut all = BTreeMap::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let mut methods = BTreeMap::new();
            for (method, operation) in item.as_object().into_iter().flatten() {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let names = parameters
                    .filter(|parameter| parameter["in"] == "query")
                    .filter_map(|parameter| parameter["name"].as_str());
                let names = names.map(str::to_owned).collect();
                methods.insert(method.to_uppercase(), names);
            }
            all.insert(path.clone(), methods);
        }
        Arc::new(Self(all))
    }

    /// Those of an operation: `HEAD` asks what `GET` does.
    fn of_operation(&self, path: &str, method: &Method) -> Option<&BTreeSet<String>> {
        let method = match *method {
            Method::HEAD => &Method::GET,
            _ => method,
        };
        self.0.get(path)?.get(method.as_str())
    }
}

/// Refuses what an operation has no parameter for, and what stands there twice.
pub async fn known_only(
    State(parameters): State<Arc<Parameters>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(known) = parameters.of_operation(path.as_str(), request.method()) {
        refuse_unknown(known, request.uri().query().unwrap_or_default())?;
    }
    Ok(next.run(request).await)
}

fn refuse_unknown(known: &BTreeSet<String>, query: &str) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        if !known.contains(name.as_ref()) {
            let detail = match known.is_empty() {
                true => format!("there is no parameter `{name}` here, nor any other"),
                false => {
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    let known = known.join("`, `");
                    format!("there is no parameter `{name}` here: there are `{known}`")
                }
            };
            return Err(malformed(&name, &detail));
        }
        if !seen.insert(name.clone()) {
            return Err(malformed(&name, &format!("`{name}` stands there twice")));
        }
    }
    Ok(())
}

/// A parameter is not as it has to be.
pub(super) fn malformed(name: &str, detail: &str) -> Problem {
    Problem::new(Kind::MalformedRequest, detail).with_error(format!("?{name}"), detail)
}

/// The same where the detail does not name the parameter by itself.
pub(super) fn malformed_value(name: &str, detail: &str) -> Problem {
    let text = format!("`{name}`: {detail}");
    Problem::new(Kind::MalformedRequest, text).with_error(format!("?{name}"), detail)
}
