//! Clients made over REST, one after the other.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use super::{Records, ready};

/// Make so many clients.
#[derive(Debug, Deserialize)]
pub struct Create {
    control_plane: SocketAddr,
    token: String,
    records: Records,
    clients: usize,
}

impl Create {
    /// Tells how many were made each second.
    pub fn perform(self) -> Result<Value> {
        let mut operator = Operator::connect(self.control_plane, &self.token)?;
        let population = self.records.population();
        let drafts: Vec<Value> = (0..self.clients)
            .map(|number| {
                let client = population.client(number);
                json!({
                    "name": client.name,
                    "description": client.description,
                    "enabled": client.enabled,
                })
            })
            .collect();
        ready()?;
        let begin = Instant::now();
        for draft in &drafts {
            operator.call("POST", "/clients", draft)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody makes that many")]
        let clients = self.clients as f64;
        Ok(json!({"per_second": clients / begin.elapsed().as_secs_f64()}))
    }
}
