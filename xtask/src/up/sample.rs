//! The sample: a client with three access profiles, one of them only for addresses that are elsewhere, one for tokens.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::secrets::{self, Secrets};
use crate::stage::{Operator, Signer, seconds_from_now};

/// What the sample client may call.
pub const PATH: &str = "/v1/orders/42";

/// The addresses of nobody (RFC 5737), and so never those of who tries the demo.
const ELSEWHERE: &str = "203.0.113.0/24";

/// What was put into the control plane, and the keys that it showed only then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    /// The client's id.
    pub client: String,
    /// The id of the profile for everywhere.
    pub profile: String,
    /// Its key.
    pub key: String,
    /// The id of the profile for elsewhere.
    pub foreign_profile: String,
    /// Its key.
    pub foreign_key: String,
    /// The id of the profile for tokens.
    pub token_profile: String,
    /// The secret with which its tokens are signed.
    pub token_secret: String,
}

impl Sample {
    /// The sample of an earlier run, with its client enabled; a new one when there is none.
    pub fn in_order(operator: &Operator, secrets: &Secrets) -> Result<Self> {
        if let Ok(text) = std::fs::read_to_string(&secrets.sample_file) {
            let file = secrets.sample_file.display();
            let sample: Self = serde_json::from_str(&text).with_context(|| {
                format!(
                    "`{file}` is not what this version writes: remove the data folder to begin anew"
                )
            })?;
            operator.enable_client(&sample.client, true)?;
            return Ok(sample);
        }
        let sample = Self::create(operator)?;
        sample.note(secrets)?;
        Ok(sample)
    }

    fn create(operator: &Operator) -> Result<Self> {
        let endpoints = json!([
            {"method": "GET", "path": "/v1/orders"},
            {"method": "GET", "path": "/v1/orders/{id}"},
            {"method": "POST", "path": "/v1/orders"},
        ]);
        let collection = operator.create_collection("Orders", &endpoints)?;
        let client = operator.create_client("Sample client")?;
        let usual = operator.create_profile(&client, "Everywhere", &[&collection])?;
        let rules = json!({"addresses": {"allow": [ELSEWHERE]}});
        let foreign =
            operator.create_profile_with(&client, "Only elsewhere", &[&collection], &rules)?;
        let token_secret = secrets::random()?;
        let jwt = Signer::hs256(&token_secret).jwt();
        let method = json!({"access_method": "jwt", "jwt": jwt});
        let tokens = operator.create_profile_with(&client, "Tokens", &[&collection], &method)?;
        Ok(Self {
            client,
            profile: usual.id,
            key: usual.api_key,
            foreign_profile: foreign.id,
            foreign_key: foreign.api_key,
            token_profile: tokens.id,
            token_secret,
        })
    }

    /// A token of the sample client that is good for a day.
    pub fn token(&self) -> Result<String> {
        let claims = json!({"sub": self.token_profile, "exp": seconds_from_now(86_400)});
        Signer::hs256(&self.token_secret).token(&claims)
    }

    /// New keys for both profiles.
    pub fn refresh_keys(&mut self, operator: &Operator, secrets: &Secrets) -> Result<()> {
        println!("the sample keys that were noted have been replaced since: refreshing them");
        self.key = operator.refresh_key(&self.profile)?;
        self.foreign_key = operator.refresh_key(&self.foreign_profile)?;
        self.note(secrets)
    }

    /// Keeps the keys, which the control plane shows only once.
    pub fn note(&self, secrets: &Secrets) -> Result<()> {
        secrets::write(&secrets.sample_file, &serde_json::to_string_pretty(self)?)
    }
}
