//! What a control plane is started with: from its flags, its environment, and a file.

mod file;
mod sources;
mod table;
mod told;

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_store::{PostgresUrl, Role};

pub use file::{InvalidFile, SettingsFile};
pub use sources::{InvalidNumber, InvalidSetting, Sources};
pub use table::*;
pub use told::ToldSetting;

use crate::app::feed_key::ChosenFeedKey;
use crate::app::key_set::Networks;
use crate::app::public_url::PublicUrl;
use crate::app::removals::Days;
use crate::app::single_sign_on::ProviderSettings;
use crate::app::token::{ChosenToken, ChosenTokens};
use crate::app::usage::{InvalidSpan, Keeping, Span};
use crate::listener::Limits;
use crate::log::LogSettings;
use crate::secret_key::ChosenSecretKey;

/// What a control plane is started with.
pub struct Settings {
    /// Where it listens, such as `127.0.0.1:8080`. Port 0 is a free one.
    pub listen: String,
    /// By what it proves itself to those who connect, if it speaks TLS.
    pub tls: Option<TlsFiles>,
    /// Where those who watch over it may ask, if they may.
    pub metrics_listen: Option<String>,
    /// What is logged.
    pub log: LogSettings,
    /// How much callers may take.
    pub limits: Limits,
    /// How long requests may take to end when the process is asked to stop.
    pub stop_timeout: Duration,
    /// Where its database is.
    pub data: PathBuf,
    /// The PostgreSQL database that holds the records instead.
    pub database: Option<PostgresUrl>,
    /// By which URL browsers reach it. The address on which it listens, when absent.
    pub public_url: Option<PublicUrl>,
    /// By which identity provider operators may log in.
    pub single_sign_on: Option<ProviderSettings>,
    /// What its keys name.
    pub key_environment: String,
    /// From which networks that are not public keys may be fetched.
    pub key_set_networks: Networks,
    /// Whose certificates are believed when keys are fetched, besides those of the public authorities: a PEM file.
    pub key_set_ca: Option<PathBuf>,
    /// The key for secrets that the environment gives.
    pub secret_key: Option<ChosenSecretKey>,
    /// The tokens that the environment gives.
    pub tokens: ChosenTokens,
    /// The key that the environment gives to sign what gateways are told.
    pub feed_key: Option<ChosenFeedKey>,
    /// For how long gateways are told what was removed.
    pub keep_removals: Days,
    /// For how long usage is kept.
    pub keep_usage: Keeping,
    /// All of them, as operators may see them.
    pub told: Vec<ToldSetting>,
}

/// PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those up to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Settings {
    /// What is said about them.
    ///
    /// # Errors
    /// When a value has another form, or one is missing beside another.
    pub fn of(sources: &Sources) -> Result<Self, InvalidSetting> {
        let text = |setting| Ok::<_, InvalidSetting>(sources.text(setting)?.unwrap_or_default());
        let path = |setting| sources.value(setting, |text| Ok::<_, Infallible>(text.into()));
        let token = |setting| sources.value(setting, |text| ChosenToken::try_from(text.to_owned()));
        let seconds = |setting, least| {
            let seconds = sources.number(setting, least..=3_600)?;
            Ok::<_, InvalidSetting>(Duration::from_secs(seconds))
        };
        let count = |setting| {
            let count = sources.number(setting, 1..=1_000_000)?;
            Ok::<_, InvalidSetting>(usize::try_from(count).unwrap_or(usize::MAX))
        };
        let days = sources.number(&KEEP_REMOVALS_DAYS, 1..=3650)?;
        Ok(Self {
            listen: text(&LISTEN)?,
            tls: match (path(&TLS_CERTIFICATE)?, path(&TLS_KEY)?) {
                (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
                (None, None) => None,
                (Some(_), None) => return Err(alone(&TLS_CERTIFICATE, &TLS_KEY)),
                (None, Some(_)) => return Err(alone(&TLS_KEY, &TLS_CERTIFICATE)),
            },
            metrics_listen: sources.text(&METRICS_LISTEN)?,
            log: LogSettings {
                directives: sources.parsed(&LOG)?,
                format: sources.parsed(&LOG_FORMAT)?,
            },
            limits: Limits {
                connections: count(&MAX_CONNECTIONS)?,
                connections_per_address: count(&MAX_CONNECTIONS_PER_ADDRESS)?,
                streams: u32::try_from(sources.number(&MAX_STREAMS, 1..=10_000)?).unwrap_or(1),
                head: seconds(&HEADER_TIMEOUT_S, 1)?,
                request: seconds(&REQUEST_TIMEOUT_S, 1)?,
            },
            stop_timeout: seconds(&STOP_TIMEOUT_S, 0)?,
            data: path(&DATA)?.unwrap_or_default(),
            database: sources.value(&DATABASE_URL, str::parse)?,
            public_url: sources.value(&PUBLIC_URL, str::parse)?,
            single_sign_on: provider(sources)?,
            key_environment: text(&KEY_ENVIRONMENT)?,
            key_set_networks: sources.parsed(&KEY_SET_NETWORKS)?,
            key_set_ca: path(&KEY_SET_CA)?,
            secret_key: sources.value(&SECRET_KEY, |text| ChosenSecretKey::try_from(text))?,
            tokens: ChosenTokens {
                operator: token(&OPERATOR_TOKEN)?,
                gateway: token(&GATEWAY_TOKEN)?,
            },
            feed_key: sources.value(&FEED_SIGNING_KEY, |text| ChosenFeedKey::try_from(text))?,
            keep_removals: Days(u32::try_from(days).unwrap_or(u32::MAX)),
            keep_usage: keeping(sources)?,
            told: sources.told()?,
        })
    }
}

/// For how long usage is kept.
fn keeping(sources: &Sources) -> Result<Keeping, InvalidSetting> {
    let span = |setting, least: Span, most: Span, default: Span| {
        let read = |text: &str| {
            let span: Span = text
                .parse()
                .map_err(|invalid: InvalidSpan| invalid.to_string())?;
            if (least..=most).contains(&span) {
                return Ok(span);
            }
            Err(format!("`{text}` is not from {least} to {most}"))
        };
        Ok::<_, InvalidSetting>(sources.value(setting, read)?.unwrap_or(default))
    };
    let default = Keeping::default();
    let (hours, days) = (Span::of_hours, Span::of_days);
    Ok(Keeping {
        minutes: span(&KEEP_USAGE_MINUTES, hours(1), days(31), default.minutes)?,
        hours: span(&KEEP_USAGE_HOURS, days(1), days(3_650), default.hours)?,
        days: span(&KEEP_USAGE_DAYS, days(2), days(36_500), default.days)?,
        refusals: span(&KEEP_REFUSALS, hours(1), days(366), default.refusals)?,
    })
}

/// The identity provider, if one is named.
fn provider(sources: &Sources) -> Result<Option<ProviderSettings>, InvalidSetting> {
    let (issuer, client_id) = match (sources.text(&SSO_ISSUER)?, sources.text(&SSO_CLIENT_ID)?) {
        (Some(issuer), Some(client_id)) => (issuer, client_id),
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(alone(&SSO_ISSUER, &SSO_CLIENT_ID)),
        (None, Some(_)) => return Err(alone(&SSO_CLIENT_ID, &SSO_ISSUER)),
    };
    let domains = sources.text(&SSO_DOMAINS)?.unwrap_or_default();
    let domains = domains.split(',').map(str::trim);
    Ok(Some(ProviderSettings {
        issuer,
        client_id,
        client_secret: sources.text(&SSO_CLIENT_SECRET)?,
        domains: domains
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect(),
        roles: sources.parsed(&SSO_ROLES)?,
        default_role: sources.value(&SSO_DEFAULT_ROLE, |text| {
            Role::from_text(text).ok_or_else(|| format!("`{text}` is no role"))
        })?,
    }))
}

const fn alone(one: &Setting, other: &Setting) -> InvalidSetting {
    InvalidSetting::Alone {
        one: one.key,
        other: other.key,
    }
}
