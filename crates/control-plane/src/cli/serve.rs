//! `portcullis serve`.

use std::convert::Infallible;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use portcullis_store::{PostgresUrl, Role};
use tracing_subscriber::EnvFilter;

use super::{Exit, Failure};
use crate::app::World;
use crate::app::feed_key::ChosenFeedKey;
use crate::app::key_set::Networks;
use crate::app::public_url::PublicUrl;
use crate::app::removals::Days;
use crate::app::single_sign_on::{ProviderSettings, RoleRules};
use crate::app::token::{ChosenToken, ChosenTokens};
use crate::secret_key::ChosenSecretKey;
use crate::serve::{Settings, serve};

/// Run the control plane.
///
/// Tokens come from the environment variables PORTCULLIS_OPERATOR_TOKEN and PORTCULLIS_GATEWAY_TOKEN (at least 32
/// characters). Without them the first start makes new ones and prints them once; further ones for gateways are
/// made over REST. The key under which secrets are stored comes from PORTCULLIS_SECRET_KEY (64 hexadecimal digits; several,
/// with a comma between them, while it is replaced), or from the file `secret.key` in the data folder, which the first
/// start makes. What gateways are told is signed
/// with the key that PORTCULLIS_FEED_SIGNING_KEY gives, and with those that are made over REST; the first start
/// makes one if it is given none.
#[derive(clap::Args)]
pub struct Serve {
    /// Where to listen. Port 0 is a free one.
    #[arg(long, env = "PORTCULLIS_LISTEN", default_value = "127.0.0.1:8080")]
    listen: String,
    /// The folder of the database. It is made when it is missing.
    #[arg(long, env = "PORTCULLIS_DATA", default_value = "./data")]
    data: PathBuf,
    /// The PostgreSQL database that holds the records instead of one in the folder, such as
    /// `postgres://portcullis:PASSWORD@db.example/portcullis`. Better given by the environment, since it has a password.
    #[arg(long, env = "PORTCULLIS_DATABASE_URL", hide_env_values = true)]
    database: Option<PostgresUrl>,
    /// By which URL browsers and operators reach the control plane, such as `https://portcullis.example.com`, when that is
    /// not the address on which it listens. With `https`, cookies travel over TLS only.
    #[arg(long, env = "PORTCULLIS_PUBLIC_URL")]
    public_url: Option<String>,
    #[command(flatten)]
    single_sign_on: SingleSignOnArguments,
    /// What new API keys name: 1 to 12 of a-z and 0-9.
    #[arg(long, env = "PORTCULLIS_KEY_ENVIRONMENT", default_value = "live")]
    key_environment: String,
    /// From which networks keys of tokens may be fetched though they are not public, such as `10.0.0.0/8,fd00::/8`.
    /// Only there `http` will do.
    #[arg(long, env = "PORTCULLIS_KEY_SET_NETWORKS", default_value = "")]
    key_set_networks: Networks,
    /// A PEM file with the certificates of authorities that are believed besides the public ones when keys are fetched.
    #[arg(long, env = "PORTCULLIS_KEY_SET_CA")]
    key_set_ca: Option<PathBuf>,
    /// For how many days gateways are told what was removed. Those that were away for longer fetch everything again.
    #[arg(long, env = "PORTCULLIS_KEEP_REMOVALS_DAYS", default_value_t = 7,
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    keep_removals_days: u32,
    /// What to log on the standard error, such as `info` or `portcullis_control_plane=debug`.
    #[arg(long, env = "PORTCULLIS_LOG", default_value = "info")]
    log: String,
}

/// By which identity provider operators may log in (OpenID Connect). Its secret comes from PORTCULLIS_SSO_CLIENT_SECRET.
#[derive(clap::Args)]
struct SingleSignOnArguments {
    /// The identifier of the identity provider by which operators may log in, such as `https://id.example.com`.
    #[arg(long, env = "PORTCULLIS_SSO_ISSUER")]
    sso_issuer: Option<String>,
    /// The provider's name for the control plane.
    #[arg(long, env = "PORTCULLIS_SSO_CLIENT_ID")]
    sso_client_id: Option<String>,
    /// The domains of e-mail addresses from which operators may come, separated by commas. All, when absent.
    #[arg(long, env = "PORTCULLIS_SSO_DOMAINS", value_delimiter = ',')]
    sso_domains: Vec<String>,
    /// Which claims give which role, such as `groups:platform-team=admin,groups:api-owners=editor`.
    #[arg(long, env = "PORTCULLIS_SSO_ROLES", default_value = "")]
    sso_roles: RoleRules,
    /// The role of those to whom no claim gives one. Without it they have to be invited first.
    #[arg(long, env = "PORTCULLIS_SSO_DEFAULT_ROLE")]
    sso_default_role: Option<String>,
}

impl SingleSignOnArguments {
    fn settings(self) -> anyhow::Result<Option<ProviderSettings>> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (issuer, client_id) = match (given(self.sso_issuer), given(self.sso_client_id)) {
            (Some(issuer), Some(client_id)) => (issuer, client_id),
            (None, None) => return Ok(None),
            _ => bail!("PORTCULLIS_SSO_ISSUER and PORTCULLIS_SSO_CLIENT_ID belong together"),
        };
        let client_secret = chosen("PORTCULLIS_SSO_CLIENT_SECRET", Ok::<_, Infallible>)?;
        let domains = self.sso_domains.into_iter();
        let role = |text: String| {
            let role = Role::from_text(&text);
            role.with_context(|| format!("`{text}` in PORTCULLIS_SSO_DEFAULT_ROLE is no role"))
        };
        let default_role = given(self.sso_default_role).map(role).transpose()?;
        Ok(Some(ProviderSettings {
            issuer,
            client_id,
            client_secret,
            domains: domains.filter(|domain| !domain.is_empty()).collect(),
            roles: self.sso_roles,
            default_role,
        }))
    }
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        log_to_standard_error(&self.log)?;
        let settings = Settings {
            listen: self.listen,
            data: self.data,
            database: self.database,
            public_url: public_url(self.public_url)?,
            single_sign_on: self.single_sign_on.settings()?,
            key_environment: self.key_environment,
            key_set_networks: self.key_set_networks,
            // An empty variable counts as none here too.
            key_set_ca: self.key_set_ca.filter(|path| !path.as_os_str().is_empty()),
            secret_key: chosen_secret_key("PORTCULLIS_SECRET_KEY")?,
            tokens: ChosenTokens {
                operator: chosen_token("PORTCULLIS_OPERATOR_TOKEN")?,
                gateway: chosen_token("PORTCULLIS_GATEWAY_TOKEN")?,
            },
            feed_key: chosen("PORTCULLIS_FEED_SIGNING_KEY", |text| {
                ChosenFeedKey::try_from(text.as_str())
            })?,
            keep_removals: Days(self.keep_removals_days),
        };
        tokio::runtime::Runtime::new()
            .context("cannot start the runtime")?
            .block_on(serve(settings, World::of_the_system()))?;
        Ok(Exit::Done)
    }
}

fn public_url(text: Option<String>) -> anyhow::Result<Option<PublicUrl>> {
    let text = text.filter(|text| !text.is_empty());
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.context("cannot use PORTCULLIS_PUBLIC_URL")
}

fn log_to_standard_error(directives: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives)
        .with_context(|| format!("`{directives}` does not say what to log"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

fn chosen_token(variable: &str) -> anyhow::Result<Option<ChosenToken>> {
    chosen(variable, ChosenToken::try_from)
}

pub(super) fn chosen_secret_key(variable: &str) -> anyhow::Result<Option<ChosenSecretKey>> {
    chosen(variable, |text| ChosenSecretKey::try_from(text.as_str()))
}

/// An empty variable counts as none: that is how orchestrators leave one out.
fn chosen<T, E>(
    variable: &str,
    parse: impl FnOnce(String) -> Result<T, E>,
) -> anyhow::Result<Option<T>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let Some(text) = std::env::var_os(variable).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let parsed = parse(text.to_string_lossy().into_owned());
    Ok(Some(
        parsed.with_context(|| format!("cannot use {variable}"))?,
    ))
}
