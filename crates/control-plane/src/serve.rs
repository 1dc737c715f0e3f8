//! Opens the doors: the listening address, the tokens, what is printed, and the end.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis_engine::api_key::InvalidEnvironment;
use portcullis_store::{Location, PostgresUrl, Store, StoreError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::app::feed_key::ChosenFeedKey;
use crate::app::key_set::Networks;
use crate::app::link::ShownLink;
use crate::app::public_url::PublicUrl;
use crate::app::removals::Days;
use crate::app::single_sign_on::{ProviderSettings, SingleSignOn};
use crate::app::time::Moment;
use crate::app::token::{ChosenTokens, NewTokens};
use crate::app::{App, NoEntropy, Refusal, World};
use crate::fetch::{Fetcher, InvalidTrust, Limits, Resolver, Rounds, Trust};
use crate::router::router;
use crate::secret_key::{ChosenSecretKey, SecretKeyError, SettledKey};

/// How long requests may take to end when the process is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// What a control plane is started with.
pub struct Settings {
    /// Where it listens, such as `127.0.0.1:8080`. Port 0 is a free one.
    pub listen: String,
    /// The folder of its files, and of its database, unless that is elsewhere.
    pub data: PathBuf,
    /// The PostgreSQL database that holds the records.
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
}

/// It does not start, or broke down.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The keys cannot be made.
    #[error("cannot put `{environment}` into keys")]
    KeyEnvironment {
        /// What was asked for.
        environment: String,
        /// Why.
        source: InvalidEnvironment,
    },
    /// There is no key for secrets.
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),
    /// Keys cannot be fetched over TLS.
    #[error(transparent)]
    Trust(#[from] InvalidTrust),
    /// The records cannot be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address is none.
    #[error("`{address}` is no address to listen on, such as `127.0.0.1:8080`")]
    NoAddress {
        /// What was asked for.
        address: String,
    },
    /// The address cannot be used.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// Which one.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Both tokens are the same, so a gateway could do what operators do.
    #[error("the operator token and the gateway token have to be different")]
    SameTokens,
    /// The tokens cannot be made or kept.
    #[error("cannot settle the tokens")]
    Tokens(#[source] Refusal),
    /// The link for the first operator cannot be made or kept.
    #[error("cannot make the link for the first operator")]
    FirstLink(#[source] Refusal),
    /// The keys that sign what gateways are told cannot be made or kept.
    #[error("cannot settle the feed keys")]
    FeedKeys(#[source] Refusal),
    /// What was known of the gateways cannot be read.
    #[error("cannot read what is known of the gateways")]
    Gateways(#[source] Refusal),
    /// Nobody sees what has to be seen.
    #[error("cannot write to the standard output")]
    Output(#[source] io::Error),
    /// The signals that stop it cannot be received.
    #[error("cannot receive signals")]
    Signals(#[source] io::Error),
    /// There is no randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The listener broke down.
    #[error("the listener broke down")]
    Listener(#[source] io::Error),
}

impl From<Refusal> for ServeError {
    fn from(refusal: Refusal) -> Self {
        Self::Tokens(refusal)
    }
}

/// Runs until a signal asks to stop.
///
/// # Errors
/// When it cannot start, or breaks down.
pub async fn serve(settings: Settings, world: World) -> Result<(), ServeError> {
    if settings.tokens.operator.is_some() && settings.tokens.operator == settings.tokens.gateway {
        return Err(ServeError::SameTokens);
    }
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let fetcher = Fetcher {
        resolver: Resolver::of_the_system(),
        trust: Trust::with(settings.key_set_ca.as_deref())?,
        networks: settings.key_set_networks,
        limits: Limits::default(),
    };
    let secret_key = SettledKey::settle(&settings.data, settings.secret_key, &world.entropy)?;
    let location = match settings.database {
        Some(url) => Location::Postgres(url),
        None => Location::Folder(settings.data.clone()),
    };
    let app = open(
        &location,
        &settings.key_environment,
        &secret_key,
        fetcher.networks.clone(),
        world,
    )
    .await?;
    app.remember_gateways()
        .await
        .map_err(ServeError::Gateways)?;
    for key in app
        .settle_feed_keys(settings.feed_key)
        .await
        .map_err(ServeError::FeedKeys)?
    {
        tracing::info!(id = %key.id(), public_key = %key, "answers to gateways are signed with this feed key");
    }
    let (listener, address) = listen(&settings.listen).await?;
    if let Some(provider) = settings.single_sign_on {
        app.set_single_sign_on(SingleSignOn::new(provider, Arc::new(fetcher.clone())));
    }
    let public_url = settings.public_url;
    app.set_public_url(public_url.unwrap_or_else(|| PublicUrl::of_address(address, false)));
    app.settle_tokens(settings.tokens, |new| {
        announce(address, new).map_err(ServeError::Output)
    })
    .await?;
    if let Some(link) = app.make_first_link().await.map_err(ServeError::FirstLink)? {
        invite(&app.link_url(&link), &link).map_err(ServeError::Output)?;
    }
    tracing::info!(%address, data = %settings.data.display(), "serving");

    let (stop, stopping) = watch::channel(false);
    let mut ending = stopping.clone();
    let router = router(&app, stopping.clone());
    let serving = axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(async move {
        let _ = ending.wait_for(|stopping| *stopping).await;
    });
    let mut serving = tokio::spawn(serving.into_future());
    let rounds = Rounds::new(Arc::clone(&app), fetcher);
    let rounds = tokio::spawn(rounds.run(stopping.clone()));
    let forgetting = Arc::clone(&app);
    let ending = stopping.clone();
    let forgetting = async move {
        let days = settings.keep_removals;
        tokio::join!(
            forgetting.keep_forgetting_removals(days, ending.clone()),
            forgetting.keep_forgetting_answers(ending),
        );
    };
    let forgetting = tokio::spawn(forgetting);
    let following = Arc::clone(&app);
    let ending = stopping.clone();
    let following = tokio::spawn(async move { following.follow_others(ending).await });
    let tending = tokio::spawn(Arc::clone(&app).tend_gateways(stopping));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        ended = &mut serving => return broken_down(ended),
    }
    tracing::info!("stopping");
    let _ = stop.send(true);
    if tokio::time::timeout(GRACE, &mut serving).await.is_err() {
        tracing::warn!("some requests did not end in time");
        serving.abort();
    }
    let _ = rounds.await;
    let _ = forgetting.await;
    let _ = following.await;
    let _ = tending.await;
    app.close().await;
    Ok(())
}

async fn open(
    location: &Location,
    environment: &str,
    secret_key: &SettledKey,
    networks: Networks,
    world: World,
) -> Result<Arc<App>, ServeError> {
    let lives = world.clone();
    let store = Store::open(location, move || lives.new_life(), secret_key.key.clone())
        .await
        .inspect_err(|error| {
            if let StoreError::OtherSecretKey { .. } = error {
                secret_key.withdraw();
            }
        })?;
    let app = App::new(store, world, environment).map_err(|source| ServeError::KeyEnvironment {
        environment: environment.to_owned(),
        source,
    })?;
    Ok(Arc::new(app.with_key_set_networks(networks)))
}

async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), ServeError> {
    let refused = |source: io::Error| {
        let address = address.to_owned();
        match source.kind() {
            io::ErrorKind::InvalidInput => ServeError::NoAddress { address },
            _ => ServeError::Listen { address, source },
        }
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// One line each, at once: scripts read them.
fn announce(address: SocketAddr, new: &NewTokens) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    if let Some(token) = &new.operator {
        writeln!(out, "operator token: {token}  (shown only now)")?;
    }
    if let Some(token) = &new.gateway {
        writeln!(out, "gateway token: {token}  (shown only now)")?;
    }
    out.flush()
}

/// One line: by which link the first operator comes.
fn invite(url: &str, link: &ShownLink) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let until = Moment::from_ms(link.expires_at_ms);
    writeln!(
        out,
        "set up the first operator: {url}  (works once, until {until})"
    )?;
    out.flush()
}

fn broken_down(ended: Result<io::Result<()>, tokio::task::JoinError>) -> Result<(), ServeError> {
    ended
        .map_err(io::Error::other)
        .flatten()
        .map_err(ServeError::Listener)
}
