//! What the form of an access profile says, as the REST interface would be told it.

use std::collections::BTreeMap;

use portcullis_feed::ClientId;
use serde_json::{Map, Value, json};

use crate::app::access_profile::AccessMethod;
use crate::app::policy::PolicyDraft;
use crate::app::{Refusal, Violation};
use crate::console::entered::Sent;
use crate::console::moment::moment;
use crate::console::policies::form::beside;

/// By what tokens are verified, as the form asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeySource {
    /// What is there already.
    Kept,
    /// A public key that is pasted.
    Key,
    /// A secret that is given.
    Secret,
    /// A secret that is made here.
    Generated,
    /// A key set at a URL.
    Set,
    /// An identity provider.
    Provider,
}

impl KeySource {
    pub(super) const ALL: [(Self, &'static str); 6] = [
        (Self::Kept, "kept"),
        (Self::Key, "key"),
        (Self::Secret, "secret"),
        (Self::Generated, "generated"),
        (Self::Set, "jwks_url"),
        (Self::Provider, "discover_from"),
    ];

    pub(super) fn of(text: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(_, name)| *name == text);
        found.map(|(source, _)| source)
    }
}

/// What the field for the policy says where one is made with the profile, and the field with the name of that.
pub(super) const NEW_POLICY: &str = "new";
pub(super) const POLICY_NAME: &str = "policy_name";

/// The policy that is made with the profile, if one is wanted.
pub(super) fn new_policy(sent: &Sent) -> Result<Option<PolicyDraft>, Refusal> {
    let is_wanted = sent.text("policy") == NEW_POLICY;
    is_wanted.then(|| beside(sent, POLICY_NAME)).transpose()
}

/// What the form says of a profile. `secret` is the one that was made for it, if it asks for one.
pub(super) fn draft(sent: &Sent, secret: Option<&str>) -> Result<Value, Violation> {
    let is_jwt = is_jwt(sent);
    let mut draft = json!({
        "name": sent.text("name"),
        "description": sent.given("description"),
        "collections": sent.all("collections").collect::<Vec<_>>(),
        "policy_id": sent.given("policy").filter(|it| *it != NEW_POLICY),
        "access_method": if is_jwt { AccessMethod::Jwt } else { AccessMethod::ApiKey },
        "jwt": if is_jwt { Value::Object(jwt(sent, secret)?) } else { Value::Null },
        "addresses": { "allow": sent.lines("allow"), "deny": sent.lines("deny") },
        "observe": sent.has("observe"),
        "expires_at": moment(sent, "expires_at", "/expires_at")?,
    });
    if let (Some(expires_at), Some(draft)) = (
        moment(sent, "key_expires_at", "/key_expires_at")?,
        draft.as_object_mut(),
    ) && !is_jwt
    {
        draft.insert("key_expires_at".to_owned(), Value::from(expires_at));
    }
    Ok(draft)
}

/// The same of a new profile of a client.
pub(super) fn new_draft(
    client: ClientId,
    sent: &Sent,
    secret: Option<&str>,
) -> Result<Value, Violation> {
    let mut draft = draft(sent, secret)?;
    if let Some(draft) = draft.as_object_mut() {
        draft.insert("client_id".to_owned(), Value::from(client.to_string()));
    }
    Ok(draft)
}

/// Whether callers prove themselves by tokens.
pub(super) fn is_jwt(sent: &Sent) -> bool {
    sent.text("access_method") == "jwt"
}

/// By what tokens are verified.
pub(super) fn key_source(sent: &Sent) -> KeySource {
    KeySource::of(sent.text("key_source")).unwrap_or(KeySource::Key)
}

fn jwt(sent: &Sent, secret: Option<&str>) -> Result<Map<String, Value>, Violation> {
    let mut jwt = Map::new();
    let mut put = |name: &str, value: Value| jwt.insert(name.to_owned(), value);
    put("algorithm", Value::from(sent.text("algorithm")));
    match key_source(sent) {
        KeySource::Kept => None,
        KeySource::Key => put("key", Value::from(sent.text("key").trim())),
        KeySource::Secret => put(
            "secret",
            json!({ "value": sent.text("secret"), "encoding": sent.given("encoding").unwrap_or("text") }),
        ),
        KeySource::Generated => put("secret", json!({ "value": secret, "encoding": "base64" })),
        KeySource::Set => put("jwks_url", Value::from(sent.text("jwks_url").trim())),
        KeySource::Provider => put(
            "discover_from",
            Value::from(sent.text("discover_from").trim()),
        ),
    };
    let identity = match (sent.given("identity_issuer"), sent.given("identity_client")) {
        (None, None) => Value::Null,
        (issuer, client) => json!({
            "issuer": issuer.unwrap_or_default(), "client": client.unwrap_or_default(),
        }),
    };
    put("identity", identity);
    put("issuers", Value::from(sent.lines("issuers")));
    put("audiences", Value::from(sent.lines("audiences")));
    put("required_claims", json!(claims(sent)?));
    let lifetime = sent.given("max_lifetime_s").map(|text| {
        let seconds = text.parse::<u64>();
        seconds.map_err(|_| {
            Violation::new(
                "/jwt/max_lifetime_s",
                "a whole number of seconds is expected",
            )
        })
    });
    put("max_lifetime_s", json!(lifetime.transpose()?));
    put(
        "allows_no_expiry",
        Value::from(sent.has("allows_no_expiry")),
    );
    Ok(jwt)
}

/// One on each line: `scope=orders`, or `email` alone where it does not matter what it says.
fn claims(sent: &Sent) -> Result<BTreeMap<String, Option<String>>, Violation> {
    let mut claims = BTreeMap::new();
    for line in sent.lines("required_claims") {
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().to_owned())),
            None => (line.as_str(), None),
        };
        if claims.insert(name.to_owned(), value).is_some() {
            let detail = format!("`{name}` stands there twice");
            return Err(Violation::new("/jwt/required_claims", detail));
        }
    }
    Ok(claims)
}
