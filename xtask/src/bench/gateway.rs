//! The Envoy of the benchmark: one process with a listener for each set of filters, all else the same.
//! The part that loads Portcullis is taken from the bootstrap that ships.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::native::Native;
use super::tokens::Issuer;
use crate::stage::{Bootstrap, Parts};

/// No filter but the router.
pub const PLAIN: &str = "plain";
/// Envoy's own `api_key_auth`.
pub const NATIVE_KEY: &str = "native_key";
/// Envoy's own `local_ratelimit`, which tells callers of the limit.
pub const NATIVE_LIMIT: &str = "native_limit";
/// Envoy's own `api_key_auth`, `rbac` on the address, and `local_ratelimit`.
pub const NATIVE_STACK: &str = "native_stack";
/// A Wasm filter that reads one header.
pub const EMPTY: &str = "empty";
/// Portcullis.
pub const PORTCULLIS: &str = "portcullis";

/// Envoy's own `jwt_authn` for one algorithm.
pub fn native_token(algorithm: &str, is_cached: bool) -> String {
    let cache = if is_cached { "_cached" } else { "" };
    format!("native_{algorithm}{cache}")
}

/// The bootstrap with all listeners. `keys` are those that the native filters know, and `issuers` those whose tokens.
pub fn bootstrap(
    parts: &Parts,
    keys: &[String],
    issuers: &[Issuer],
    control_plane: SocketAddr,
) -> Result<Bootstrap> {
    let sets = [
        (PLAIN, vec![]),
        (NATIVE_KEY, vec![api_key_auth(keys)]),
        (
            NATIVE_STACK,
            vec![api_key_auth(keys), rbac(), local_rate_limit()],
        ),
        (EMPTY, vec![empty(&parts.modules.join("empty.wasm"))]),
        (PORTCULLIS, vec![shipped_filter()?]),
    ];
    let mut listeners: Vec<Value> = sets
        .into_iter()
        .map(|(name, filters)| listener(name, filters))
        .collect();
    for issuer in issuers {
        for is_cached in [false, true] {
            let name = native_token(issuer.algorithm, is_cached);
            listeners.push(listener(&name, vec![jwt_authn(&issuer.key, is_cached)]));
        }
    }
    with_listeners(listeners, parts, control_plane)
}

/// The bootstrap with Portcullis alone, in a listener called `gateway` that spreads connections evenly over its workers.
pub fn alone(parts: &Parts, control_plane: SocketAddr) -> Result<Bootstrap> {
    let listeners = portcullis_set(&[("gateway", json!({}))])?;
    with_listeners(listeners, parts, control_plane)
}

/// A listener with Portcullis for each of these sets of members of its configuration, beside one without a filter and one
/// with Envoy's own limit.
pub fn beside_native_limit(
    parts: &Parts,
    control_plane: SocketAddr,
    sets: &[(&str, Value)],
) -> Result<Bootstrap> {
    let mut listeners = portcullis_set(sets)?;
    let mut limit = local_rate_limit();
    limit["typed_config"]["enable_x_ratelimit_headers"] = json!("DRAFT_VERSION_03");
    listeners.push(listener(PLAIN, vec![]));
    listeners.push(listener(NATIVE_LIMIT, vec![limit]));
    with_listeners(listeners, parts, control_plane)
}

fn portcullis_set(sets: &[(&str, Value)]) -> Result<Vec<Value>> {
    let listeners = sets.iter().map(|(name, members)| {
        let mut listener = listener(name, vec![filter_set(members)?]);
        listener["connection_balance_config"] = json!({"exact_balance": {}});
        Ok(listener)
    });
    listeners.collect()
}

fn filter_set(members: &Value) -> Result<Value> {
    let mut filter = shipped_filter()?;
    let configuration = filter
        .pointer_mut("/typed_config/config/configuration/value")
        .context("the filter of demo.yaml has no configuration")?;
    let mut settings: Value = serde_json::from_str(configuration.as_str().unwrap_or_default())
        .context("the configuration in demo.yaml is no JSON")?;
    for (name, value) in members.as_object().context("members of an object")? {
        settings[name] = value.clone();
    }
    *configuration = json!(settings.to_string());
    Ok(filter)
}

fn with_listeners(
    listeners: Vec<Value>,
    parts: &Parts,
    control_plane: SocketAddr,
) -> Result<Bootstrap> {
    Bootstrap::shipped("demo.yaml")?
        .at("/static_resources/listeners", |place| {
            *place = Value::Array(listeners)
        })?
        .on_free_ports()
        .module("portcullis.wasm", &parts.filter())?
        .cluster("portcullis_control_plane", control_plane)
}

/// The filter as `demo.yaml` configures it.
fn shipped_filter() -> Result<Value> {
    let mut filter = Value::Null;
    Bootstrap::shipped("demo.yaml")?.at(
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0",
        |place| filter = place.clone(),
    )?;
    (filter["name"] == "portcullis")
        .then_some(filter)
        .context("demo.yaml has another first filter")
}

fn listener(name: &str, mut filters: Vec<Value>) -> Value {
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    }));
    let route = json!({"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "ok"}}});
    json!({
        "name": name,
        "address": {},
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": name,
                "use_remote_address": true,
                "normalize_path": true,
                "merge_slashes": true,
                "path_with_escaped_slashes_action": "REJECT_REQUEST",
                "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"},
                "http_filters": filters,
                "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}]}
            }
        }]}]
    })
}

fn api_key_auth(keys: &[String]) -> Value {
    let credentials: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| json!({"key": key, "client": format!("client-{number}")}))
        .collect();
    json!({
        "name": "envoy.filters.http.api_key_auth",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
            "credentials": credentials,
            "key_sources": [{"header": "api-token"}]
        }
    })
}

/// Claims are checked as Portcullis checks them. The cache holds more tokens than are sent to it.
fn jwt_authn(key: &Value, is_cached: bool) -> Value {
    let mut provider = json!({
        "issuer": Native::ISSUER,
        "audiences": [Native::AUDIENCE],
        "local_jwks": {"inline_string": json!({"keys": [key]}).to_string()},
    });
    if is_cached {
        provider["jwt_cache_config"] = json!({"jwt_cache_size": 100});
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"issuer": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}]
        }
    })
}

fn rbac() -> Value {
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {"loopback": {
                "permissions": [{"any": true}],
                "principals": [{"remote_ip": {"address_prefix": "127.0.0.0", "prefix_len": 8}}]
            }}}
        }
    })
}

/// A limit that is never reached: what counting costs, not what refusing does.
fn local_rate_limit() -> Value {
    let always = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}});
    json!({
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "native",
            "token_bucket": {"max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "1s"},
            "filter_enabled": always,
            "filter_enforced": always
        }
    })
}

fn empty(module: &Path) -> Value {
    json!({
        "name": "empty",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "empty",
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "vm_id": "empty",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}}
                }
            }
        }
    })
}
