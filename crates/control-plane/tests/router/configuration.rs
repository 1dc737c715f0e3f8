//! Configuration as documents: exported, planned and applied over REST.

mod applying;
mod callers;
mod made_up;
mod matching;
mod moving;
mod planning;
mod pruning;

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::{Value, json};

use crate::stage::{Answer, Caller};

const PATH: &str = "/api/v1/configuration";
const SECRETS_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A collection, a policy, and a client with two profiles: small, and all of it given by name.
fn small() -> Value {
    json!({
        "policies": [{"name": "gold", "rate_limit": {"requests": 100, "per": "minute"}}],
        "collections": [
            {"name": "orders", "version": "v1", "endpoints": [
                {"method": "GET", "path": "/orders/{id}"}, {"method": "POST", "path": "/orders"}]},
            {"name": "stock", "version": "v1", "endpoints": [{"method": "GET", "path": "/stock"}]},
        ],
        "clients": [{"name": "Acme", "access_profiles": [
            {"name": "live", "collections": ["orders", "stock v1"], "policy": "gold",
                "addresses": {"allow": ["10.0.0.0/8"]}},
            {"name": "test", "collections": ["orders v1"], "expires_at": "2030-01-01T00:00:00Z"},
        ]}],
    })
}

/// A body for plans and applications.
fn draft(configuration: Value) -> Value {
    json!({ "configuration": configuration })
}

async fn plan(operator: &Caller, configuration: Value) -> Answer {
    operator
        .posts(&format!("{PATH}/plan"), draft(configuration))
        .await
}

async fn apply(operator: &Caller, configuration: Value) -> Answer {
    operator
        .posts(&format!("{PATH}/apply"), draft(configuration))
        .await
}

/// All records, without secrets.
async fn export(operator: &Caller) -> Value {
    operator.gets(PATH).await.is(200).body
}

/// Asks with the key for secrets.
async fn with_secrets_key(operator: &Caller, method: Method, path: &str, body: &Value) -> Answer {
    let request = operator
        .request(method, path)
        .header(header::CONTENT_TYPE, "application/json")
        .header("portcullis-secrets-key", SECRETS_KEY);
    let request = request.body(Body::from(body.to_string())).unwrap();
    operator.sends(request).await
}

/// The changes of a plan: action, kind and name of each.
fn told(plan: &Answer) -> Vec<String> {
    let changes = plan["changes"].as_array().unwrap().iter();
    changes
        .map(|change| {
            let word = |member: &str| change[member].as_str().unwrap().to_owned();
            format!("{} {} {}", word("action"), word("kind"), word("name"))
        })
        .collect()
}

/// What a plan says about one record.
fn change<'a>(plan: &'a Answer, name: &str) -> &'a Value {
    let mut changes = plan["changes"].as_array().unwrap().iter();
    changes.find(|change| change["name"] == name).unwrap()
}
