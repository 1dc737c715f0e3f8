//! The rate limits of policies, in the words of the servers that count them over all gateways: what the shipped
//! `fleet-limits.yaml` has Envoy ask about (`policy` and `caller` of the domain `portcullis`), they know by a file.

use std::fmt::Write as _;

use clap::ValueEnum;
use portcullis_engine::limit::window;
use portcullis_feed::{PolicyId, RateWindow};
use serde::{Deserialize, Serialize};

use crate::app::policy::RateLimit;
use crate::cli::{Failure, Output};
use crate::client::{Client, ClientError};

/// As in `fleet-limits.yaml`.
const DOMAIN: &str = "portcullis";
const POLICY: &str = "policy";
const CALLER: &str = "caller";

/// Which server reads the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LimitServer {
    /// The `ratelimit` of the Envoy project, with Redis behind it.
    Ratelimit,
    /// Limitador, from version 2 on.
    Limitador,
}

/// The policies that have a rate limit, in the order of their ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Limits(Vec<LimitedPolicy>);

#[derive(Debug, PartialEq, Eq)]
struct LimitedPolicy {
    id: PolicyId,
    name: String,
    limit: RateLimit,
}

/// A page of all policies, as the control plane tells them.
#[derive(Deserialize)]
struct PolicyPage {
    items: Vec<ToldPolicy>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct ToldPolicy {
    id: PolicyId,
    name: String,
    rate_limit: Option<RateLimit>,
}

/// A file of the `ratelimit` server.
#[derive(Serialize)]
struct RatelimitFile {
    domain: &'static str,
    descriptors: Vec<PolicyDescriptor>,
}

#[derive(Serialize)]
struct PolicyDescriptor {
    key: &'static str,
    value: PolicyId,
    descriptors: [CallerDescriptor; 1],
}

/// Without a value: each one counts for itself.
#[derive(Serialize)]
struct CallerDescriptor {
    key: &'static str,
    rate_limit: UnitLimit,
}

#[derive(Serialize)]
struct UnitLimit {
    unit: RateWindow,
    requests_per_unit: u32,
}

/// An entry of a file of Limitador.
#[derive(Serialize)]
struct LimitadorLimit {
    namespace: &'static str,
    name: PolicyId,
    max_value: u32,
    seconds: u64,
    conditions: [String; 1],
    variables: [String; 1],
}

impl Limits {
    /// Asks the control plane.
    ///
    /// # Errors
    /// When it is not reached or refuses.
    pub(super) fn ask(client: &Client) -> Result<Self, ClientError> {
        let mut policies = Vec::new();
        let mut path = "/policies?limit=1000".to_owned();
        loop {
            let page: PolicyPage = client.ask(&path).read_json()?;
            policies.extend(page.items.into_iter().filter_map(|told| {
                Some(LimitedPolicy {
                    id: told.id,
                    name: told.name,
                    limit: told.rate_limit?,
                })
            }));
            let Some(cursor) = page.next_cursor else {
                break;
            };
            path = format!("/policies?limit=1000&cursor={cursor}");
        }
        policies.sort_by_key(|policy| *policy.id.as_bytes());
        // A policy that moved from page to page while they were read.
        policies.dedup_by_key(|policy| policy.id);
        Ok(Self(policies))
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    /// The file of a server. It is YAML, with what it cannot say as comments; for programs it is JSON, which servers read
    /// as well.
    pub(super) fn written_for(
        &self,
        server: LimitServer,
        output: Output,
    ) -> Result<String, Failure> {
        let policies = self.0.iter();
        match (server, output) {
            (LimitServer::Ratelimit, Output::Json) => json(&RatelimitFile {
                domain: DOMAIN,
                descriptors: policies.map(PolicyDescriptor::of).collect(),
            }),
            (LimitServer::Limitador, Output::Json) => {
                json(&policies.map(LimitadorLimit::of).collect::<Vec<_>>())
            }
            (LimitServer::Ratelimit, Output::Text) => {
                let list = if self.0.is_empty() { " []" } else { "" };
                let head = format!("domain: {DOMAIN}\ndescriptors:{list}\n");
                yaml("ratelimit", head, &self.0, PolicyDescriptor::of)
            }
            (LimitServer::Limitador, Output::Text) => {
                let head = if self.0.is_empty() { "[]\n" } else { "" };
                yaml("limitador", head.to_owned(), &self.0, LimitadorLimit::of)
            }
        }
    }
}

impl PolicyDescriptor {
    fn of(policy: &LimitedPolicy) -> Self {
        let rate_limit = UnitLimit {
            unit: policy.limit.per,
            requests_per_unit: policy.limit.requests.get(),
        };
        let caller = CallerDescriptor {
            key: CALLER,
            rate_limit,
        };
        Self {
            key: POLICY,
            value: policy.id,
            descriptors: [caller],
        }
    }
}

impl LimitadorLimit {
    fn of(policy: &LimitedPolicy) -> Self {
        Self {
            namespace: DOMAIN,
            name: policy.id,
            max_value: policy.limit.requests.get(),
            seconds: window(policy.limit.per).as_secs(),
            conditions: [format!("descriptors[0]['{POLICY}'] == '{}'", policy.id)],
            variables: [format!("descriptors[0]['{CALLER}']")],
        }
    }
}

impl LimitedPolicy {
    /// What people call it, and what no server counts.
    fn comment(&self) -> String {
        // As a literal: a name must not end the comment.
        let mut comment = format!("# {:?}", self.name);
        if let Some(burst) = self.limit.burst.filter(|it| *it != self.limit.requests) {
            let _ = write!(
                comment,
                ", of which {burst} may come at once: each Envoy sees to that for itself"
            );
        }
        comment
    }
}

fn yaml<T: Serialize>(
    server: &str,
    head: String,
    policies: &[LimitedPolicy],
    entry: impl Fn(&LimitedPolicy) -> T,
) -> Result<String, Failure> {
    let mut text = format!(
        "# Written by `portcullis export --limits {server}`: docs/limits.md says what stands here.\n{head}"
    );
    for policy in policies {
        text.push_str(&policy.comment());
        text.push('\n');
        text.push_str(&serde_saphyr::to_string(&[entry(policy)])?);
    }
    Ok(text)
}

fn json(file: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(file)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn limits() -> Limits {
        let policy = |number: u64, name: &str, limit: Value| LimitedPolicy {
            id: PolicyId::from_parts(number, 0),
            name: name.to_owned(),
            limit: serde_json::from_value(limit).unwrap(),
        };
        Limits(vec![
            policy(
                1,
                "gold",
                json!({"requests": 100, "per": "minute", "burst": 20}),
            ),
            policy(
                2,
                "a\nb\u{2028}- c\u{85}\"",
                json!({"requests": 5, "per": "day", "scope": "client"}),
            ),
        ])
    }

    #[test]
    fn ratelimit_counts_each_caller_of_a_policy() {
        let [gold, other] = [1, 2].map(|number| PolicyId::from_parts(number, 0));
        let text = limits()
            .written_for(LimitServer::Ratelimit, Output::Text)
            .unwrap();
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        let descriptor = |policy: PolicyId, unit: &str, requests: u32| {
            json!({"key": "policy", "value": policy, "descriptors": [
                {"key": "caller", "rate_limit": {"unit": unit, "requests_per_unit": requests}},
            ]})
        };
        let expected = json!({"domain": "portcullis", "descriptors": [
            descriptor(gold, "minute", 100), descriptor(other, "day", 5),
        ]});
        assert_eq!(read, expected, "{text}");
        assert!(
            text.contains("# \"gold\", of which 20 may come at once"),
            "{text}"
        );
        let text = limits()
            .written_for(LimitServer::Ratelimit, Output::Json)
            .unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }

    #[test]
    fn limitador_counts_each_caller_of_a_policy() {
        let text = limits()
            .written_for(LimitServer::Limitador, Output::Text)
            .unwrap();
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        let entry = |number: u64, requests: u32, seconds: u64| {
            let policy = PolicyId::from_parts(number, 0);
            json!({
                "namespace": "portcullis", "name": policy, "max_value": requests, "seconds": seconds,
                "conditions": [format!("descriptors[0]['policy'] == '{policy}'")],
                "variables": ["descriptors[0]['caller']"],
            })
        };
        let expected = json!([entry(1, 100, 60), entry(2, 5, 86_400)]);
        assert_eq!(read, expected, "{text}");
        let text = limits()
            .written_for(LimitServer::Limitador, Output::Json)
            .unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }

    #[test]
    fn without_limits_both_files_are_empty_lists_and_no_mistakes() {
        let none = Limits(Vec::new());
        let read = |server| {
            let text = none.written_for(server, Output::Text).unwrap();
            serde_saphyr::from_str::<Value>(&text).unwrap()
        };
        let empty = json!({"domain": "portcullis", "descriptors": []});
        assert_eq!(read(LimitServer::Ratelimit), empty);
        assert_eq!(read(LimitServer::Limitador), json!([]));
    }
}
