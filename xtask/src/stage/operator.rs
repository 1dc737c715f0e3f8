//! An operator: someone who manages records over REST.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Someone who manages records over REST.
#[derive(Debug, Clone)]
pub struct Operator {
    agent: ureq::Agent,
    base: String,
    token: String,
}

/// What the control plane answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, or null when there is none.
    pub body: Value,
}

/// An access profile in the moment in which its key is known.
#[derive(Debug, Clone)]
pub struct NewProfile {
    /// Its public id.
    pub id: String,
    /// The whole key. Empty, when its callers prove themselves by tokens.
    pub api_key: String,
}

/// An API key in the moment in which it is known.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its public id.
    pub id: String,
    /// The whole key. Empty, when it came from elsewhere.
    pub api_key: String,
}

impl Operator {
    /// An operator of the control plane at an address.
    #[must_use]
    pub fn new(control_plane: SocketAddr, token: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build();
        Self {
            agent: agent.into(),
            base: format!("http://{control_plane}/api/v1"),
            token: token.to_owned(),
        }
    }

    /// Creates a client, and returns its id.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn create_client(&self, name: &str) -> Result<String> {
        text(
            &self.done("POST", "/clients", &json!({"name": name}))?,
            "id",
        )
    }

    /// Creates a collection in version `v1` of endpoints such as `{"method": "GET", "path": "/orders/{id}"}`, and
    /// returns its id.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn create_collection(&self, name: &str, endpoints: &Value) -> Result<String> {
        let collection = json!({"name": name, "version": "v1", "endpoints": endpoints});
        text(&self.done("POST", "/collections", &collection)?, "id")
    }

    /// Creates an access profile with an API key.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn create_profile(
        &self,
        client: &str,
        name: &str,
        collections: &[&str],
    ) -> Result<NewProfile> {
        self.create_profile_with(client, name, collections, &json!({}))
    }

    /// Creates an access profile with further members, such as `{"addresses": {"allow": ["10.0.0.0/8"]}}`, or
    /// `{"access_method": "jwt", "jwt": {…}}`.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn create_profile_with(
        &self,
        client: &str,
        name: &str,
        collections: &[&str],
        further: &Value,
    ) -> Result<NewProfile> {
        let mut profile = json!({"client_id": client, "name": name, "collections": collections});
        for (member, value) in further.as_object().into_iter().flatten() {
            profile[member] = value.clone();
        }
        let created = self.done("POST", "/access-profiles", &profile)?;
        Ok(NewProfile {
            id: text(&created, "id")?,
            api_key: text_if_any(&created, "api_key"),
        })
    }

    /// Enables or disables a client.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn enable_client(&self, client: &str, enabled: bool) -> Result<()> {
        self.change("clients", client, &json!({"enabled": enabled}))
    }

    /// Changes some members of an access profile.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn change_profile(&self, profile: &str, members: &Value) -> Result<()> {
        self.change("access-profiles", profile, members)
    }

    /// Changes some members of a record: `kind` is `clients`, `access-profiles`, `collections` or `policies`.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn change(&self, kind: &str, id: &str, members: &Value) -> Result<()> {
        self.done("PATCH", &format!("/{kind}/{id}"), members)?;
        Ok(())
    }

    /// Replaces the key of an access profile, and returns the new one.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn refresh_key(&self, profile: &str) -> Result<String> {
        Ok(self.refresh_key_with(profile, &Value::Null)?.api_key)
    }

    /// Replaces the keys of an access profile as said, such as `{"overlap_s": 60}`.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn refresh_key_with(&self, profile: &str, how: &Value) -> Result<NewKey> {
        self.new_key(&format!("/access-profiles/{profile}/key/refresh"), how)
    }

    /// Gives an access profile a further key, such as `{"expires_at": "2027-01-31T12:00:00Z"}`, or one from elsewhere:
    /// `{"key": "…"}`.
    ///
    /// # Errors
    /// When the control plane refuses.
    pub fn issue_key(&self, profile: &str, key: &Value) -> Result<NewKey> {
        self.new_key(&format!("/access-profiles/{profile}/keys"), key)
    }

    fn new_key(&self, path: &str, body: &Value) -> Result<NewKey> {
        let issued = self.done("POST", path, body)?;
        Ok(NewKey {
            id: text(&issued["key"], "id")?,
            api_key: text_if_any(&issued, "api_key"),
        })
    }

    /// Any request; `path` follows `/api/v1`, and a body of null is none. Refusals are replies too.
    ///
    /// # Errors
    /// When there is no answer, or one that is not JSON.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<Reply> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token));
        let mut response = if body.is_null() {
            self.agent.run(request.body(())?)
        } else {
            let request = request.header("content-type", "application/json");
            self.agent.run(request.body(body.to_string())?)
        }
        .with_context(|| format!("{method} {path}"))?;
        let text = response.body_mut().read_to_string()?;
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text)
                .with_context(|| format!("{method} {path} answered no JSON: `{text}`"))?
        };
        Ok(Reply {
            status: response.status().as_u16(),
            body,
        })
    }

    /// A request that must succeed.
    fn done(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let reply = self.call(method, path, body)?;
        if !(200..300).contains(&reply.status) {
            bail!(
                "{method} {path} was refused with {}: {}",
                reply.status,
                reply.body
            );
        }
        Ok(reply.body)
    }
}

fn text(record: &Value, member: &str) -> Result<String> {
    record[member]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("the control plane answered without `{member}`"))
}

fn text_if_any(record: &Value, member: &str) -> String {
    record[member].as_str().unwrap_or_default().to_owned()
}
