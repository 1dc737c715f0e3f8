//! Requests for every reason that a gate refuses for, with what it has to answer: asked of Envoy, and of those who say
//! what it would answer.

use anyhow::Result;
use serde_json::json;

use crate::{Play, until_answered};

/// A `GET` request, and what is right about it.
#[derive(Debug, Clone)]
pub struct Case {
    /// The path.
    pub path: &'static str,
    /// Which key is presented, if any.
    pub key: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// `permitted`, or the code of the refusal.
    pub outcome: &'static str,
}

impl Play {
    /// Lets members appear in every state, and tells what each meets. The gate knows them all.
    ///
    /// # Errors
    /// When the control plane refuses one, or the gate does not hear of it.
    pub fn cases(&self) -> Result<Vec<Case>> {
        let with = |name, further| self.member_with(name, &further);
        let member = self.member("Acme")?;
        let foreign = with(
            "Elsewhere",
            json!({"addresses": {"allow": ["203.0.113.0/24"]}}),
        )?;
        let denied = with("Denied", json!({"addresses": {"deny": ["127.0.0.0/8"]}}))?;
        let near = json!({"addresses": {"allow": ["127.0.0.1"], "deny": ["203.0.113.0/24"]}});
        let near = with("Near", near)?;
        let disabled = with("Off", json!({"enabled": false}))?;
        let idle = self.member("Idle")?;
        self.operator().enable_client(&idle.client, false)?;
        until_answered(&mut self.caller()?, idle.key(), "client_disabled")?;
        let mistyped = format!("{}0", member.key());

        let case = |path, key: Option<&str>, status, outcome| Case {
            path,
            key: key.map(str::to_owned),
            status,
            outcome,
        };
        let acme = Some(member.key());
        let unknown = Some("from elsewhere");
        Ok(vec![
            case("/orders/7", acme, 200, "permitted"),
            case("/orders/7", Some(near.key()), 200, "permitted"),
            case("/orders/7", None, 401, "credential_missing"),
            case("/nowhere", None, 401, "credential_missing"),
            case("/orders/7", Some(&mistyped), 401, "credential_invalid"),
            case("/orders/7", unknown, 401, "credential_invalid"),
            case("/nowhere", unknown, 401, "credential_invalid"),
            case("/orders/7", Some(idle.key()), 403, "client_disabled"),
            case("/orders/7", Some(disabled.key()), 403, "profile_disabled"),
            case("/orders/7", Some(foreign.key()), 403, "address_not_allowed"),
            case("/orders/7", Some(denied.key()), 403, "address_not_allowed"),
            case("/stock", acme, 403, "collection_not_granted"),
            case("/nowhere", acme, 404, "endpoint_not_found"),
            case("/orders/archive", acme, 404, "endpoint_disabled"),
            case("/orders/7;x=1", acme, 400, "request_ambiguous"),
        ])
    }
}
