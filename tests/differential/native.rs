//! A listener that decides by Envoy's own filters what Portcullis decides on the other one.

use anyhow::Result;
use serde_json::{Value, json};
use xtask::stage::Bootstrap;

use super::cases::Known;

const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// Adds the listener `native`. Both trust one proxy before them to say from which address a request comes.
pub fn with_native_listener(
    bootstrap: Bootstrap,
    known: &Known,
    keys: &[(&str, Value)],
) -> Result<Bootstrap> {
    let bootstrap = bootstrap.at(MANAGER, |manager| {
        manager["xff_num_trusted_hops"] = json!(1)
    })?;
    bootstrap.at("/static_resources/listeners", |listeners| {
        let mut native = listeners[0].clone();
        native["name"] = json!("native");
        let manager = &mut native["filter_chains"][0]["filters"][0]["typed_config"];
        manager["stat_prefix"] = json!("native");
        let router = manager["http_filters"][1].take();
        manager["http_filters"] = json!([api_key_auth(known), jwt_authn(keys), rbac(), router]);
        // Tokens are no keys.
        let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
        let mut tokens = routes[0].clone();
        tokens["match"] = json!({"prefix": "/tokens/"});
        tokens["typed_per_filter_config"] = json!({"envoy.filters.http.api_key_auth": {
            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true,
        }});
        if let Some(routes) = routes.as_array_mut() {
            routes.insert(0, tokens);
        }
        if let Some(listeners) = listeners.as_array_mut() {
            listeners.push(native);
        }
    })
}

fn api_key_auth(known: &Known) -> Value {
    json!({"name": "envoy.filters.http.api_key_auth", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
        "credentials": [
            {"key": known.anywhere, "client": "anywhere"},
            {"key": known.near, "client": "near"},
        ],
        "key_sources": [{"header": "api-token"}, {"header": "authorization"}],
        "forwarding": {"header": "x-native-client", "hide_credentials": true},
    }})
}

fn jwt_authn(keys: &[(&str, Value)]) -> Value {
    let provider = |(name, key): &(&str, Value)| {
        let provider = json!({
            "issuer": format!("https://{name}.test"),
            "audiences": ["orders"],
            "require_expiration": true,
            "local_jwks": {"inline_string": json!({"keys": [key]}).to_string()},
        });
        ((*name).to_owned(), provider)
    };
    let rule = |(name, _): &(&str, Value)| json!({"match": {"prefix": format!("/tokens/{name}/")}, "requires": {"provider_name": name}});
    json!({"name": "envoy.filters.http.jwt_authn", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": keys.iter().map(provider).collect::<serde_json::Map<_, _>>(),
        "rules": keys.iter().map(rule).collect::<Vec<_>>(),
    }})
}

fn rbac() -> Value {
    let range =
        |prefix, length| json!({"remote_ip": {"address_prefix": prefix, "prefix_len": length}});
    let path = json!({"path": {"safe_regex": {"regex": "/(keys|tokens/(hs|rs|es))/[^/]+"}}});
    let near = json!({"header": {"name": "x-native-client", "string_match": {"exact": "near"}}});
    json!({"name": "envoy.filters.http.rbac", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        "rules": {"action": "DENY", "policies": {
            "addresses": {
                "permissions": [near],
                "principals": [{"not_id": range("203.0.113.0", 24)}, range("203.0.113.128", 25)],
            },
            "paths": {
                "permissions": [{"not_rule": {"url_path": path}}],
                "principals": [{"any": true}],
            },
        }},
    }})
}
