//! An operator who manages records over REST.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use serde_json::Value;

use super::wire::Wire;

/// An operator with a connection of its own.
#[derive(Debug)]
pub struct Operator {
    wire: Wire,
    token: String,
}

impl Operator {
    /// Connects to a control plane.
    pub fn connect(to: SocketAddr, token: &str) -> Result<Self> {
        Ok(Self {
            wire: Wire::connect(to)?,
            token: token.to_owned(),
        })
    }

    /// A request that must succeed; `path` follows `/api/v1`, and a body of null is none.
    pub fn call(&mut self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: portcullis\r\nauthorization: Bearer {}\r\n",
            self.token,
        );
        if !body.is_null() {
            request.push_str("content-type: application/json\r\n");
        }
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        let (status, body) = self.wire.exchange(request.as_bytes())?;
        if !(200..300).contains(&status) {
            let body = String::from_utf8_lossy(body);
            bail!("{method} {path} was refused with {status}: {body}");
        }
        Ok(serde_json::from_slice(body).unwrap_or_default())
    }

    /// Replaces the keys of a profile.
    pub fn refresh_key(&mut self, profile: impl std::fmt::Display) -> Result<()> {
        self.call(
            "POST",
            &format!("/access-profiles/{profile}/key/refresh"),
            &Value::Null,
        )?;
        Ok(())
    }

    /// Enables or disables a client.
    pub fn enable_client(&mut self, client: impl std::fmt::Display, enabled: bool) -> Result<()> {
        let body = serde_json::json!({"enabled": enabled});
        self.call("PATCH", &format!("/clients/{client}"), &body)?;
        Ok(())
    }
}
