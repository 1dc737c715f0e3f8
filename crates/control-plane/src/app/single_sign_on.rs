//! Single sign-on by OpenID Connect: the authorization code flow with PKCE (RFC 7636), `state` and `nonce`. What the
//! browser keeps meanwhile is one random secret in a cookie; all three are digests of it, so that any process can go on.
//! The ID token is verified by the engine, as tokens of API clients are.

mod operators;
mod token;

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_engine::api_key::digest;
use portcullis_feed::Digest;
use portcullis_store::{LogInMethod, Role, SetKey};
use url::Url;

use super::session::{OpenedSession, Visitor};
use super::throttle::Wait;
use super::{App, Refusal};

pub use operators::InvalidRoleRules;
pub use token::InvalidIdToken;

/// Where identity providers send browsers back to.
pub const ANSWER_PATH: &str = "/console/single-sign-on/answer";

/// For how long is believed what a provider says of itself, in milliseconds.
const DESCRIPTION_LASTS_MS: u64 = 10 * 60 * 1000;

/// Which provider, and what follows from what it says.
#[derive(Clone)]
pub struct ProviderSettings {
    /// Its identifier, which is a URL.
    pub issuer: String,
    /// Its name for this control plane.
    pub client_id: String,
    /// By what this control plane proves itself to it, if it does.
    pub client_secret: Option<String>,
    /// The domains of e-mail addresses from which operators may come. All, when empty.
    pub domains: Vec<String>,
    /// Which claims give which role: the greatest of those that fit.
    pub roles: RoleRules,
    /// The role of those to whom no claim gives one. None: they have to be invited.
    pub default_role: Option<Role>,
}

/// Which claims give which role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleRules(pub Vec<RoleRule>);

/// A claim that gives a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRule {
    /// Its name.
    pub claim: String,
    /// What it says, alone or in a list.
    pub value: String,
    /// The role.
    pub role: Role,
}

/// What a provider says of itself (OpenID Connect Discovery 1.0 section 3), as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderDescription {
    /// Where browsers are sent.
    pub authorization_endpoint: Url,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
}

/// What the world answers, or in a sentence why it does not.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// The world where providers are: a port, so that no rule knows how they are reached.
pub trait Providers: Send + Sync {
    /// What a provider says of itself.
    fn describe<'a>(&'a self, issuer: &'a str) -> Asked<'a, ProviderDescription>;

    /// The ID token for a code.
    fn exchange<'a>(&'a self, exchange: CodeExchange<'a>) -> Asked<'a, String>;

    /// The keys of a provider.
    fn keys<'a>(&'a self, jwks_uri: &'a str) -> Asked<'a, Vec<SetKey>>;
}

/// A code that becomes tokens (RFC 6749 section 4.1.3).
#[derive(Clone, Copy)]
pub struct CodeExchange<'a> {
    /// Where.
    pub token_endpoint: &'a str,
    /// For whom.
    pub client_id: &'a str,
    /// By what it is proven.
    pub client_secret: Option<&'a str>,
    /// The code.
    pub code: &'a str,
    /// Where the browser was sent back to.
    pub redirect_uri: &'a str,
    /// What proves that the code was asked for here (RFC 7636).
    pub verifier: &'a str,
}

/// Single sign-on, where it is set up.
pub struct SingleSignOn {
    settings: ProviderSettings,
    providers: Arc<dyn Providers>,
    described: Mutex<Option<(u64, ProviderDescription)>>,
}

/// What a browser is sent away with.
pub struct Departure {
    /// Where to.
    pub url: Url,
    /// What it keeps until it comes back.
    pub secret: String,
}

/// What a browser comes back with.
pub struct Return<'a> {
    /// What it kept.
    pub secret: &'a str,
    /// What the provider repeats of what it was asked.
    pub state: &'a str,
    /// What becomes tokens.
    pub code: &'a str,
    /// Who the provider is, if it says so (RFC 9207).
    pub issuer: Option<&'a str>,
}

impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderSettings({})", self.issuer)
    }
}

impl SingleSignOn {
    /// With a provider.
    #[must_use]
    pub fn new(settings: ProviderSettings, providers: Arc<dyn Providers>) -> Self {
        Self {
            settings,
            providers,
            described: Mutex::default(),
        }
    }

    async fn description(&self, now_ms: u64) -> Result<ProviderDescription, Refusal> {
        let known = || {
            self.described
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let fresh = known()
            .clone()
            .filter(|(at_ms, _)| now_ms.saturating_sub(*at_ms) < DESCRIPTION_LASTS_MS);
        if let Some((_, description)) = fresh {
            return Ok(description);
        }
        let asked = self.providers.describe(&self.settings.issuer).await;
        let description = asked.map_err(Refusal::ProviderFailed)?;
        *known() = Some((now_ms, description.clone()));
        Ok(description)
    }
}

impl App {
    /// Sets single sign-on up. Only what is said first counts.
    pub fn set_single_sign_on(&self, single_sign_on: SingleSignOn) {
        let _ = self.single_sign_on.set(single_sign_on);
    }

    /// Single sign-on, where it is set up.
    #[must_use]
    pub fn single_sign_on(&self) -> Option<&SingleSignOn> {
        self.single_sign_on.get()
    }

    /// Sends a browser to the provider.
    ///
    /// # Errors
    /// When there is none, or it does not say where to.
    pub async fn depart(&self, address: Option<IpAddr>) -> Result<Departure, Refusal> {
        let single_sign_on = self.single_sign_on().ok_or(Refusal::NoSingleSignOn)?;
        self.begin_sign_on(address)?;
        let now_ms = self.world.clock.now_ms();
        let description = single_sign_on.description(now_ms).await?;
        let secret = self.world.new_token("")?;
        let challenge = challenge(&derived("verifier", &secret));
        let mut url = description.authorization_endpoint;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &single_sign_on.settings.client_id)
            .append_pair("redirect_uri", &self.answer_url())
            .append_pair("scope", "openid email profile")
            .append_pair("state", &derived("state", &secret))
            .append_pair("nonce", &derived("nonce", &secret))
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(Departure { url, secret })
    }

    /// Lets an operator in who comes back from the provider.
    ///
    /// # Errors
    /// When they come with another's answer, the provider does not vouch for them, or they may not come.
    pub async fn come_back(
        &self,
        came: Return<'_>,
        visitor: &Visitor,
    ) -> Result<OpenedSession, Refusal> {
        let single_sign_on = self.single_sign_on().ok_or(Refusal::NoSingleSignOn)?;
        let settings = &single_sign_on.settings;
        let is_ours = digest(came.state.as_bytes())
            == digest(derived("state", came.secret).as_bytes())
            && came.issuer.is_none_or(|issuer| issuer == settings.issuer);
        if !is_ours {
            return Err(Refusal::ForeignAnswer);
        }
        self.begin_sign_on(visitor.address)?;
        let now_ms = self.world.clock.now_ms();
        let description = single_sign_on.description(now_ms).await?;
        let exchange = CodeExchange {
            token_endpoint: &description.token_endpoint,
            client_id: &settings.client_id,
            client_secret: settings.client_secret.as_deref(),
            code: came.code,
            redirect_uri: &self.answer_url(),
            verifier: &derived("verifier", came.secret),
        };
        let providers = &single_sign_on.providers;
        let token = providers.exchange(exchange).await;
        let token = token.map_err(Refusal::ProviderFailed)?;
        let keys = providers.keys(&description.jwks_uri).await;
        let keys = keys.map_err(Refusal::ProviderFailed)?;
        let nonce = derived("nonce", came.secret);
        let claims = token::verified(&token, &keys, settings, &nonce, now_ms)
            .map_err(|invalid| Refusal::ProviderFailed(invalid.to_string()))?;
        let (edit, operator) = self.admitted(settings, &claims, visitor).await?;
        if let Some(address) = visitor.address {
            self.throttle
                .succeed(&sign_on_account(address), Some(address));
        }
        self.open_session(edit, operator, LogInMethod::SingleSignOn, visitor)
            .await
    }

    /// Whoever has no account here can have the provider asked: not as often as they like.
    fn begin_sign_on(&self, address: Option<IpAddr>) -> Result<(), Refusal> {
        let Some(address) = address else {
            return Ok(());
        };
        let now_ms = self.world.clock.now_ms();
        let begun = self
            .throttle
            .begin(&sign_on_account(address), Some(address), now_ms);
        begun.map_err(|Wait(wait_ms)| Refusal::TooManyAttempts {
            retry_after_s: wait_ms.div_ceil(1_000),
        })
    }

    fn answer_url(&self) -> String {
        format!("{}{ANSWER_PATH}", self.public_url())
    }
}

/// No operator's address: those have an `@`.
fn sign_on_account(address: IpAddr) -> String {
    format!("single sign-on from {address}")
}

/// What stands for a secret in one place, and tells nothing of what stands for it in others.
fn derived(purpose: &str, secret: &str) -> String {
    digest(format!("portcullis single sign-on {purpose} {secret}").as_bytes()).to_string()
}

/// The challenge of a verifier (RFC 7636 section 4.2).
fn challenge(verifier: &str) -> String {
    let Digest(bytes) = digest(verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}
