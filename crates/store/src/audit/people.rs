//! How operators, their sessions and links, and the tokens of robots stand in the audit.

use serde_json::{Map, Value};

use super::audited::{Audited, hexadecimal, json, members, moment};
use crate::{Link, Operator, RobotToken, SecretKey, Session};

impl Audited for Operator {
    const KIND: &'static str = "operator";

    fn object_id(&self) -> String {
        self.id.to_string()
    }

    fn object_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        let password = self.password.as_ref();
        let provider = self.provider.as_ref().map(|provider| {
            Value::Object(members([
                ("issuer", provider.issuer.as_str().into()),
                ("subject", provider.subject.as_str().into()),
            ]))
        });
        members([
            ("email", self.email.as_str().into()),
            ("name", self.name.as_str().into()),
            ("role", self.role.as_text().into()),
            ("enabled", self.enabled.into()),
            (
                "password_changed_at",
                moment(password.map(|password| password.changed_at_ms)),
            ),
            ("single_sign_on", provider.unwrap_or_default()),
        ])
    }
}

impl Audited for Session {
    const KIND: &'static str = "session";

    fn object_id(&self) -> String {
        self.id.to_string()
    }

    fn object_name(&self) -> Option<String> {
        None
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([
            ("operator_id", json(&self.operator_id)),
            ("method", self.method.as_text().into()),
            ("address", json(&self.address)),
            ("user_agent", json(&self.user_agent)),
            ("expires_at", moment(Some(self.expires_at_ms))),
        ])
    }
}

impl Audited for Link {
    const KIND: &'static str = "link";

    /// Enough of the digest to tell it from others: what opens the link cannot be had from it.
    fn object_id(&self) -> String {
        hexadecimal(self.digest.0.iter().take(8))
    }

    fn object_name(&self) -> Option<String> {
        None
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([
            ("operator_id", json(&self.operator_id)),
            ("expires_at", moment(Some(self.expires_at_ms))),
        ])
    }
}

impl Audited for RobotToken {
    const KIND: &'static str = "token";

    fn object_id(&self) -> String {
        self.id.to_string()
    }

    fn object_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn state(&self, _: &SecretKey) -> Map<String, Value> {
        members([
            ("name", self.name.as_str().into()),
            ("description", json(&self.description)),
            ("role", self.role.as_text().into()),
            ("resources", json(&self.resources)),
            ("expires_at", moment(self.expires_at_ms)),
        ])
    }
}
