//! Files of cases: requests, and what is expected to be decided about them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::app::explanation::{FilterDraft, Verdict};
use crate::cli::explain::secret;

/// A file of cases.
pub(super) struct CaseFile {
    pub(super) path: PathBuf,
    pub(super) cases: Vec<Case>,
    usual: Usual,
}

/// What stands in a file of cases.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// What the requests have in common: each may say it in another way.
    #[serde(default)]
    #[schema(required = false)]
    pub usual: Usual,
    /// The cases, one after the other.
    #[schema(min_items = 1)]
    pub cases: Vec<Case>,
}

/// What the requests of a file have in common.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Usual {
    /// The host, for requests of which only a path is given: with scheme, as in `https://api.example.com`.
    #[schema(example = "https://api.example.com")]
    pub host: Option<String>,
    /// From which address they come.
    #[schema(example = "192.0.2.1")]
    pub address: Option<String>,
    /// How many proxies before Envoy are believed in what `x-forwarded-for` says.
    pub trusted_hops: Option<u8>,
    /// When they are decided, as in RFC 3339.
    #[schema(example = "2027-01-31T12:00:00Z")]
    pub at: Option<String>,
    /// The settings of the filter that they meet.
    #[schema(value_type = Option<FilterDraft>)]
    pub filter: Option<Value>,
}

/// A case: a request, and what is expected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is about, in a sentence.
    #[schema(example = "partners may read orders")]
    pub name: String,
    /// The method and where it goes: a URL, or a path.
    #[schema(example = "GET /orders/7")]
    pub request: String,
    /// Its headers.
    #[serde(default)]
    #[schema(required = false, example = json!({"origin": "https://www.example.com"}))]
    pub headers: BTreeMap<String, String>,
    /// What it presents.
    #[serde(default)]
    pub credential: Option<CaseCredential>,
    /// From which address it comes.
    #[serde(default)]
    pub address: Option<String>,
    /// How many proxies before Envoy are believed in what `x-forwarded-for` says.
    #[serde(default)]
    pub trusted_hops: Option<u8>,
    /// When it is decided, as in RFC 3339. Now, when it is said nowhere.
    #[serde(default)]
    pub at: Option<String>,
    /// The settings of the filter that it meets.
    #[serde(default)]
    #[schema(value_type = Option<FilterDraft>)]
    pub filter: Option<Value>,
    /// What is expected to be decided.
    pub expect: Expectation,
}

/// What a request presents: exactly one of these. Files of cases are no place for keys.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum CaseCredential {
    /// The public id of an API key: as if that key was presented.
    KeyId(String),
    /// The environment variable that holds an API key.
    KeyVariable(String),
    /// The environment variable that holds a JSON Web Token.
    TokenVariable(String),
    /// A file with a JSON Web Token, from the folder of the file of cases.
    TokenFile(String),
}

/// What is expected to be decided.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Whether the request passes.
    pub decision: Verdict,
    /// Why it is refused, as a code. Any reason will do, when absent. Of a request that passes: why it would be refused
    /// if refusals were not just noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "address_not_allowed")]
    pub reason: Option<String>,
    /// By which access profile it calls: its id or its name. Any, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_profile: Option<String>,
    /// Which collection it calls: its id, or its name and version with a blank between. Any, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "orders v1")]
    pub collection: Option<String>,
}

impl CaseFile {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
        let Cases { usual, cases } = serde_saphyr::from_str(&text)
            .map_err(|error| anyhow::anyhow!("`{shown}` is no file of cases: {error}"))?;
        ensure!(!cases.is_empty(), "`{shown}` has no cases");
        Ok(Self {
            path: path.to_owned(),
            cases,
            usual,
        })
    }

    /// The requests of its cases, as the control plane takes them.
    pub(super) fn requests(&self) -> anyhow::Result<Vec<Value>> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let request = |case: &Case| {
            let asked = case.asked(&self.usual, folder);
            asked.with_context(|| format!("`{}`: the case `{}`", self.path.display(), case.name))
        };
        self.cases.iter().map(request).collect()
    }
}

impl Case {
    fn asked(&self, usual: &Usual, folder: &Path) -> anyhow::Result<Value> {
        let Some((method, target)) = self.request.split_once(' ') else {
            bail!("`request` is a method and a URL or path, such as `GET /orders/7`");
        };
        let target = target.trim();
        let host = usual.host.as_deref().filter(|_| target.starts_with('/'));
        let host = host.unwrap_or_default().trim_end_matches('/');
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| json!({"name": name, "value": value}));
        let filter = self.filter.as_ref().or(usual.filter.as_ref());
        let mut asked = Map::new();
        for (member, value) in [
            ("method", json!(method)),
            ("url", json!(format!("{host}{target}"))),
            ("headers", headers.collect()),
            (
                "address",
                json!(self.address.as_ref().or(usual.address.as_ref())),
            ),
            (
                "trusted_hops",
                json!(self.trusted_hops.or(usual.trusted_hops).unwrap_or(0)),
            ),
            ("at", json!(self.at.as_ref().or(usual.at.as_ref()))),
            ("filter", json!(filter)),
            ("credential", json!(self.presented(folder)?)),
        ] {
            asked.insert(member.to_owned(), value);
        }
        Ok(Value::Object(asked))
    }

    fn presented(&self, folder: &Path) -> anyhow::Result<Option<Value>> {
        let variable = |name: &str| {
            let text = env::var(name).ok().filter(|text| !text.is_empty());
            text.with_context(|| format!("the environment variable `{name}` is not set"))
        };
        Ok(match &self.credential {
            None => None,
            Some(CaseCredential::KeyId(id)) => Some(json!({"key_id": id})),
            Some(CaseCredential::KeyVariable(name)) => Some(json!({"key": variable(name)?})),
            Some(CaseCredential::TokenVariable(name)) => Some(json!({"token": variable(name)?})),
            Some(CaseCredential::TokenFile(path)) => {
                Some(json!({"token": secret(&folder.join(path))?}))
            }
        })
    }
}
