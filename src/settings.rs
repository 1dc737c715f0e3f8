//! The plugin configuration: JSON in a `google.protobuf.StringValue`. What can never work is refused with one sentence;
//! a control plane that is away is no such thing.

use std::collections::BTreeMap;

use portcullis_engine::{Gate, GateSettings, IdentityHeaders, InvalidName};
use portcullis_feed::FeedKey;
use portcullis_registry::labels::Bounds;
use serde::Deserialize;

/// Which environment variable of the VM holds the gateway's token. Not a part of the configuration, since Envoy's admin
/// page shows that.
pub(crate) const TOKEN_VARIABLE: &str = "PORTCULLIS_GATEWAY_TOKEN";

/// Which one holds the public keys of the control plane, when the configuration says that the environment does.
pub(crate) const FEED_KEYS_VARIABLE: &str = "PORTCULLIS_FEED_KEYS";

/// What the filter works with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) gate: Gate,
    pub(crate) control_plane: ControlPlane,
    pub(crate) cache_bytes: usize,
    /// How much metrics tell apart.
    pub(crate) told_apart: Bounds,
    pub(crate) choices: Choices,
}

/// What is done with each request besides deciding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choices {
    /// For how long what is known stays in force while the control plane is away, in milliseconds. None: for ever.
    pub(crate) max_staleness_ms: Option<u64>,
    /// Whether requests are counted for the control plane.
    pub(crate) counts_usage: bool,
    /// Whether callers who are let through are told how things stand with their limit.
    pub(crate) tells_limits: bool,
    /// Whether the access log is told of requests that are let through, too.
    pub(crate) logs_permitted: bool,
}

/// Where the records come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlPlane {
    /// A cluster of this Envoy.
    pub(crate) cluster: String,
    /// What is sent as `:authority`.
    #[serde(default = "default_authority")]
    pub(crate) authority: String,
    /// How long the control plane may hold a question when nothing has changed, in seconds.
    #[serde(default = "default_wait_s")]
    pub(crate) wait_s: u32,
    /// Whose signatures are believed. None: answers need no signature.
    feed_keys: Option<FeedKeys>,
}

/// Where the public keys of the control plane stand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum FeedKeys {
    /// Here.
    Listed(Vec<String>),
    /// Elsewhere: `environment` is the only such place.
    Elsewhere(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    control_plane: ControlPlane,
    credential_header: Option<String>,
    query_parameter: Option<String>,
    #[serde(default)]
    identity_headers: Names,
    /// Headers and the claims that they tell.
    #[serde(default)]
    claim_headers: BTreeMap<String, String>,
    limit_header: Option<String>,
    #[serde(default)]
    token_identity: TokenIdentity,
    #[serde(default)]
    forward_credential: bool,
    #[serde(default)]
    pass_preflight: bool,
    #[serde(default)]
    observe: bool,
    #[serde(default = "default_cache_mib")]
    cache_mib: usize,
    max_staleness_s: Option<u64>,
    #[serde(default = "yes")]
    usage: bool,
    #[serde(default = "yes")]
    tell_limits: bool,
    #[serde(default)]
    metrics: Metrics,
    #[serde(default)]
    log_permitted: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Names {
    client_id: Option<String>,
    client_name: Option<String>,
    access_profile_id: Option<String>,
    api_collection: Option<String>,
}

/// How many of what metrics tell apart.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Metrics {
    profiles: usize,
    collections: usize,
}

impl Metrics {
    const MOST: Bounds = Bounds {
        profiles: 10_000,
        collections: 1_000,
    };

    fn bounds(&self) -> Result<Bounds, InvalidSettings> {
        let too_many = |field, most| Err(InvalidSettings::Metrics { field, most });
        if self.profiles > Self::MOST.profiles {
            return too_many("profiles", Self::MOST.profiles);
        }
        if self.collections > Self::MOST.collections {
            return too_many("collections", Self::MOST.collections);
        }
        Ok(Bounds {
            profiles: self.profiles,
            collections: self.collections,
        })
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            profiles: 100,
            collections: 50,
        }
    }
}

/// What names the profile of a token.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct TokenIdentity {
    /// The claims, the first of which that says something decides.
    claims: Option<Vec<String>>,
    /// Whether the name of the key does where no claim says anything.
    key_id: Option<bool>,
}

/// The plugin configuration can never work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidSettings {
    #[error(
        "there is none: give it as a google.protobuf.StringValue with JSON such as {{\"control_plane\": {{\"cluster\": \"portcullis\"}}}}"
    )]
    Missing,
    #[error("it is not JSON text: give it as a google.protobuf.StringValue, not as a Struct")]
    NotText,
    #[error("{0}")]
    Unreadable(serde_json::Error),
    #[error("`control_plane.{field}` {reason}")]
    ControlPlane {
        field: &'static str,
        reason: &'static str,
    },
    #[error("`cache_mib` is 1 to 512")]
    Cache,
    #[error("`metrics.{field}` is 0 to {most}")]
    Metrics { field: &'static str, most: usize },
    #[error(
        "`max_staleness_s` is at least {least}: twice `control_plane.wait_s`, since nothing is heard while a question is held"
    )]
    MaxStaleness { least: u64 },
    #[error(
        "`control_plane.feed_keys` is a list of public keys, or \"environment\" for those in the variable `{FEED_KEYS_VARIABLE}`"
    )]
    FeedKeys,
    #[error(
        "`control_plane.feed_keys` names no key: leave it out only if answers need no signature"
    )]
    NoFeedKey,
    #[error(
        "the environment variable `{FEED_KEYS_VARIABLE}` holds no feed key: set it for Envoy and name it in `vm_config.environment_variables.host_env_keys`"
    )]
    NoFeedKeyInEnvironment,
    #[error("`control_plane.feed_keys`: `{text}` is none: {source}")]
    FeedKey {
        text: String,
        source: portcullis_feed::InvalidFeedKey,
    },
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl Settings {
    pub(crate) fn parse(configuration: &[u8]) -> Result<Self, InvalidSettings> {
        if configuration.trim_ascii().is_empty() {
            return Err(InvalidSettings::Missing);
        }
        if configuration.trim_ascii().first() != Some(&b'{') {
            return Err(InvalidSettings::NotText);
        }
        let document: Document =
            serde_json::from_slice(configuration).map_err(InvalidSettings::Unreadable)?;
        let defaults = IdentityHeaders::default();
        let names = document.identity_headers;
        let identity_headers = IdentityHeaders {
            client_id: names.client_id.unwrap_or(defaults.client_id),
            client_name: names.client_name.unwrap_or(defaults.client_name),
            access_profile_id: names
                .access_profile_id
                .unwrap_or(defaults.access_profile_id),
            api_collection: names.api_collection.unwrap_or(defaults.api_collection),
        };
        let gate = GateSettings::default();
        let identity = document.token_identity;
        let gate = GateSettings {
            credential_header: document.credential_header.unwrap_or(gate.credential_header),
            query_parameter: document.query_parameter,
            identity_headers,
            claim_headers: document.claim_headers.into_iter().collect(),
            limit_header: document.limit_header,
            token_claims: identity.claims.unwrap_or(gate.token_claims),
            names_by_key_id: identity.key_id.unwrap_or(gate.names_by_key_id),
            forwards_credential: document.forward_credential,
            passes_preflight: document.pass_preflight,
            observe: document.observe,
        };
        document.control_plane.check()?;
        if !(1..=512).contains(&document.cache_mib) {
            return Err(InvalidSettings::Cache);
        }
        let least = u64::from(document.control_plane.wait_s).saturating_mul(2);
        if document.max_staleness_s.is_some_and(|most| most < least) {
            return Err(InvalidSettings::MaxStaleness { least });
        }
        Ok(Self {
            gate: Gate::new(gate)?,
            control_plane: document.control_plane,
            cache_bytes: document.cache_mib.saturating_mul(1 << 20),
            told_apart: document.metrics.bounds()?,
            choices: Choices {
                max_staleness_ms: document
                    .max_staleness_s
                    .map(|seconds| seconds.saturating_mul(1_000)),
                counts_usage: document.usage,
                tells_limits: document.tell_limits,
                logs_permitted: document.log_permitted,
            },
        })
    }
}

impl ControlPlane {
    /// Whose signatures are believed: none when answers need no signature. `environment` is what the variable holds.
    pub(crate) fn feed_keys(
        &self,
        environment: Option<&str>,
    ) -> Result<Vec<FeedKey>, InvalidSettings> {
        let texts: Vec<&str> = match &self.feed_keys {
            None => return Ok(vec![]),
            Some(FeedKeys::Listed(texts)) if texts.is_empty() => {
                return Err(InvalidSettings::NoFeedKey);
            }
            Some(FeedKeys::Listed(texts)) => texts.iter().map(String::as_str).collect(),
            Some(FeedKeys::Elsewhere(place)) if place == "environment" => environment
                .filter(|keys| !keys.trim().is_empty())
                .ok_or(InvalidSettings::NoFeedKeyInEnvironment)?
                .split(',')
                .map(str::trim)
                .collect(),
            Some(FeedKeys::Elsewhere(_)) => return Err(InvalidSettings::FeedKeys),
        };
        let parsed = |text: &&str| {
            text.parse().map_err(|source| InvalidSettings::FeedKey {
                text: (*text).to_owned(),
                source,
            })
        };
        texts.iter().map(parsed).collect()
    }

    fn check(&self) -> Result<(), InvalidSettings> {
        let invalid = |field, reason| Err(InvalidSettings::ControlPlane { field, reason });
        if self.cluster.trim().is_empty() {
            return invalid(
                "cluster",
                "is empty: name the cluster of this Envoy that leads to the control plane",
            );
        }
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if self.authority.is_empty() || !self.authority.bytes().all(is_host) {
            return invalid("authority", "is not a host name, with or without port");
        }
        if !(1..=60).contains(&self.wait_s) {
            return invalid("wait_s", "is 1 to 60");
        }
        Ok(())
    }
}

fn default_authority() -> String {
    "portcullis".into()
}

fn default_wait_s() -> u32 {
    25
}

const fn yes() -> bool {
    true
}

fn default_cache_mib() -> usize {
    16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(configuration: &str) -> Option<String> {
        let outcome = Settings::parse(configuration.as_bytes());
        outcome.err().map(|invalid| invalid.to_string())
    }

    #[test]
    fn a_cluster_is_enough() {
        let settings = Settings::parse(br#" {"control_plane": {"cluster": "c"}} "#).unwrap();
        assert_eq!(settings.control_plane.cluster, "c");
        assert_eq!(settings.control_plane.wait_s, 25);
        assert_eq!(settings.gate.identity_headers().client_id, "x-client-id");
        assert_eq!(settings.cache_bytes, 16 << 20);
    }

    #[test]
    fn metrics_tell_a_hundred_profiles_apart_unless_another_number_is_given() {
        let told_apart = |further: &str| {
            let text = format!(r#"{{"control_plane": {{"cluster": "c"}}{further}}}"#);
            let bounds = Settings::parse(text.as_bytes()).unwrap().told_apart;
            (bounds.profiles, bounds.collections)
        };
        assert_eq!(told_apart(""), (100, 50));
        assert_eq!(told_apart(r#", "metrics": {"profiles": 0}"#), (0, 50));
        assert_eq!(told_apart(r#", "metrics": {"collections": 7}"#), (100, 7));
    }

    #[test]
    fn identity_headers_can_be_renamed_one_by_one() {
        let settings = Settings::parse(
            br#"{"control_plane": {"cluster": "c"}, "identity_headers": {"client_id": "X-Who"}}"#,
        )
        .unwrap();
        let names = settings.gate.identity_headers();
        assert_eq!(
            (names.client_id.as_str(), names.client_name.as_str()),
            ("x-who", "x-client-name")
        );
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_member_and_the_reason() {
        for (configuration, sentence) in [
            ("", "give it as a google.protobuf.StringValue"),
            ("\u{1}\u{2}", "not as a Struct"),
            ("{", "EOF"),
            ("{}", "missing field `control_plane`"),
            (
                r#"{"control_plane": {"cluster": "c", "x": 1}}"#,
                "unknown field `x`",
            ),
            (
                r#"{"control_plane": {"cluster": " "}}"#,
                "`control_plane.cluster` is empty",
            ),
            (
                r#"{"control_plane": {"cluster": "c", "authority": "a b"}}"#,
                "`control_plane.authority` is not a host name",
            ),
            (
                r#"{"control_plane": {"cluster": "c", "wait_s": 61}}"#,
                "`control_plane.wait_s` is 1 to 60",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "cache_mib": 0}"#,
                "`cache_mib`",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "metrics": {"profiles": 10001}}"#,
                "`metrics.profiles` is 0 to 10000",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "metrics": {"collections": 1001}}"#,
                "`metrics.collections` is 0 to 1000",
            ),
            (
                r#"{"control_plane": {"cluster": "c", "wait_s": 10}, "max_staleness_s": 19}"#,
                "`max_staleness_s` is at least 20",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "identity_headers": {"client": "x"}}"#,
                "unknown field `client`",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "claim_headers": {"x-client-id": "email"}}"#,
                "another setting uses the same header",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "claim_headers": {"x-mail": ""}}"#,
                "a claim has a name",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "limit_header": "a b"}"#,
                "`a b` cannot be used here",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "token_identity": {"claim": "sub"}}"#,
                "unknown field `claim`",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "query_parameter": "a=b"}"#,
                "`a=b` cannot be used here",
            ),
            (
                r#"{"control_plane": {"cluster": "c"}, "credential_header": "x-client-id"}"#,
                "another setting uses the same header",
            ),
        ] {
            let refusal = refusal(configuration).unwrap();
            assert!(refusal.contains(sentence), "{configuration}: {refusal}");
        }
    }

    #[test]
    fn feed_keys_stand_in_the_configuration_or_in_the_environment() {
        const ONE: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let keys = |feed_keys: &str, environment: Option<&str>| {
            let text = format!(r#"{{"control_plane": {{"cluster": "c"{feed_keys}}}}}"#);
            let settings = Settings::parse(text.as_bytes()).unwrap();
            let keys = settings.control_plane.feed_keys(environment);
            keys.map(|keys| keys.len()).map_err(|it| it.to_string())
        };
        let listed = format!(r#", "feed_keys": ["{ONE}", "{ONE}"]"#);
        let elsewhere = r#", "feed_keys": "environment""#;
        assert_eq!(keys("", Some(ONE)), Ok(0), "nobody has to sign");
        assert_eq!(keys(&listed, None), Ok(2));
        assert_eq!(keys(elsewhere, Some(&format!(" {ONE} , {ONE}"))), Ok(2));
        for (feed_keys, environment, sentence) in [
            (r#", "feed_keys": []"#, None, "names no key"),
            (r#", "feed_keys": ["abc"]"#, None, "`abc` is none"),
            (r#", "feed_keys": "file""#, None, "or \"environment\""),
            (elsewhere, None, "holds no feed key"),
            (elsewhere, Some(" "), "holds no feed key"),
            (elsewhere, Some("abc"), "`abc` is none"),
        ] {
            let refusal = keys(feed_keys, environment).unwrap_err();
            assert!(refusal.contains(sentence), "{feed_keys}: {refusal}");
        }
    }
}
