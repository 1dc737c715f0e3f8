//! Opens the doors: the listening address, the tokens, what is printed, and the end.

use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_engine::api_key::InvalidEnvironment;
use portcullis_store::{Location, Store, StoreError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_rustls::rustls;

use crate::app::key_set::Networks;
use crate::app::link::ShownLink;
use crate::app::public_url::PublicUrl;
use crate::app::single_sign_on::SingleSignOn;
use crate::app::time::Moment;
use crate::app::token::NewTokens;
use crate::app::{App, NoEntropy, Refusal, World};
use crate::fetch::{self, Fetcher, InvalidTrust, Resolver, Rounds, Trust};
use crate::health::Health;
use crate::listener::{Certificates, InvalidCertificate, ListenError, Listener, ListenerMeters};
use crate::metrics::{self, Metrics};
use crate::requests::{RequestMeters, Watch};
use crate::router::{Terms, router};
use crate::secret_key::{SecretKeyError, SettledKey};
use crate::settings::Settings;
use crate::stops::Stops;
use crate::usage_export::UsageExport;

/// How long the database may take to close.
const CLOSING: Duration = Duration::from_secs(5);
/// How often it is said that the database is not open yet.
const STILL_OPENING: Duration = Duration::from_secs(10);

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
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] InvalidCertificate),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
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
    /// A part of it broke down.
    #[error("a part of the control plane broke down")]
    BrokenDown(#[source] io::Error),
    /// It was asked to stop, and then to stop at once.
    #[error("stopped at once: some requests were not answered")]
    StoppedAtOnce,
}

impl From<Refusal> for ServeError {
    fn from(refusal: Refusal) -> Self {
        Self::Tokens(refusal)
    }
}

/// Runs until a signal asks to stop. Usage is exported where it is said how.
///
/// # Errors
/// When it cannot start, breaks down, or is asked to stop at once.
pub async fn serve(
    settings: Settings,
    world: World,
    export: Option<UsageExport>,
) -> Result<(), ServeError> {
    if settings.tokens.operator.is_some() && settings.tokens.operator == settings.tokens.gateway {
        return Err(ServeError::SameTokens);
    }
    let mut stops = Stops::listen().map_err(ServeError::Signals)?;
    let hangups = signal(SignalKind::hangup()).map_err(ServeError::Signals)?;
    let fetcher = Fetcher {
        resolver: Resolver::of_the_system(),
        trust: Trust::with(settings.key_set_ca.as_deref())?,
        networks: settings.key_set_networks,
        limits: fetch::Limits::default(),
    };
    let listener_meters = ListenerMeters::default();
    let certificates = settings
        .tls
        .map(|files| Certificates::load(files, listener_meters.clone()))
        .transpose()?;
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
    let tls = certificates
        .as_ref()
        .map(Certificates::acceptor)
        .transpose()?;
    let listener = Listener::bind(&settings.listen, settings.limits, listener_meters.clone())
        .await?
        .secured_by(tls);
    if let Some(provider) = settings.single_sign_on {
        app.set_single_sign_on(SingleSignOn::new(provider, Arc::new(fetcher.clone())));
    }
    let own_url = || PublicUrl::of_address(listener.address(), listener.is_secure());
    app.set_public_url(settings.public_url.unwrap_or_else(own_url));
    let watchers = match &settings.metrics_listen {
        // Whom they watch is not among what they are told, nor are they kept from watching by the others.
        Some(address) => {
            let unseen = ListenerMeters::default();
            Some(Listener::bind(address, settings.limits, unseen).await?)
        }
        None => None,
    };
    app.settle_tokens(settings.tokens, |new| {
        announce(&listener, watchers.as_ref(), new).map_err(ServeError::Output)
    })
    .await?;
    if let Some(link) = app.make_first_link().await.map_err(ServeError::FirstLink)? {
        invite(&app.link_url(&link), &link).map_err(ServeError::Output)?;
    }
    tracing::info!(address = %listener.address(), data = %settings.data.display(), "serving");

    let (stop, stopping) = watch::channel(false);
    let (_watch, watched) = watch::channel(false);
    let request_meters = RequestMeters::default();
    let mut work = JoinSet::new();
    if let Some(watchers) = watchers {
        let metrics = Metrics::of(Arc::clone(&app), &listener_meters, &request_meters);
        let health = Health {
            app: Arc::clone(&app),
            stopping: stopping.clone(),
        };
        // Until all the rest has ended: those who watch want to see that too.
        tokio::spawn(watchers.serve(metrics::router(metrics, health), watched));
    }
    let (end_export, ending) = watch::channel(false);
    let export = export.map(|export| {
        app.collect_usage();
        tokio::spawn(export.run(Arc::clone(&app), ending))
    });
    let terms = Terms {
        watch: Watch::new(request_meters),
        longest_request: settings.limits.request,
        settings: settings.told,
    };
    work.spawn(listener.serve(router(&app, stopping.clone(), terms), stopping.clone()));
    work.spawn(Rounds::new(Arc::clone(&app), fetcher).run(stopping.clone()));
    if let Some(certificates) = certificates {
        work.spawn(certificates.follow(hangups, stopping.clone()));
    }
    let (forgetting, ending) = (Arc::clone(&app), stopping.clone());
    work.spawn(async move {
        let days = settings.keep_removals;
        tokio::join!(
            forgetting.keep_forgetting_removals(days, ending.clone()),
            forgetting.keep_forgetting_answers(ending),
        );
    });
    app.set_usage_keeping(settings.keep_usage);
    let (tending, ending) = (Arc::clone(&app), stopping.clone());
    work.spawn(async move { tending.tend_usage(settings.keep_usage, ending).await });
    let (following, ending) = (Arc::clone(&app), stopping.clone());
    work.spawn(async move { following.follow_others(ending).await });
    work.spawn(Arc::clone(&app).tend_gateways(stopping));

    tokio::select! {
        () = stops.next() => {}
        failure = failure(&mut work) => {
            return Err(ServeError::BrokenDown(io::Error::other(failure)));
        }
    }
    tracing::info!("stopping");
    let _ = stop.send(true);
    let all_done = async { while work.join_next().await.is_some() {} };
    tokio::select! {
        done = timeout(settings.stop_timeout, all_done) => {
            if done.is_err() {
                tracing::warn!("some requests did not end in time");
            }
        }
        () = stops.next() => return Err(ServeError::StoppedAtOnce),
    }
    let _ = end_export.send(true);
    if let Some(export) = export
        && timeout(CLOSING, export).await.is_err()
    {
        tracing::warn!("the last usage was not exported");
    }
    // What did not end holds the database, perhaps.
    if timeout(CLOSING, app.close()).await.is_err() {
        tracing::warn!("the database did not close in time");
    }
    Ok(())
}

/// Waits until a part of the work breaks down. One that finds nothing to do may end.
async fn failure(work: &mut JoinSet<()>) -> JoinError {
    loop {
        match work.join_next().await {
            Some(Err(failure)) => return failure,
            Some(Ok(())) => {}
            None => std::future::pending().await,
        }
    }
}

async fn open(
    location: &Location,
    environment: &str,
    secret_key: &SettledKey,
    networks: Networks,
    world: World,
) -> Result<Arc<App>, ServeError> {
    let lives = world.clone();
    let opening = Store::open(location, move || lives.new_life(), secret_key.key.clone());
    let store = patiently(opening).await.inspect_err(|error| {
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

/// Waits for a database, which may take minutes once after an upgrade, and says so as long as it does.
async fn patiently<T>(opening: impl Future<Output = T>) -> T {
    let (mut opening, begun) = (pin!(opening), Instant::now());
    loop {
        if let Ok(opened) = timeout(STILL_OPENING, &mut opening).await {
            return opened;
        }
        tracing::info!(
            seconds = begun.elapsed().as_secs(),
            "the database is not open yet: after an upgrade, its tables are brought to their new form first"
        );
    }
}

/// One line each, at once: scripts read them.
fn announce(listener: &Listener, watchers: Option<&Listener>, new: &NewTokens) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "listening on {}://{}",
        listener.scheme(),
        listener.address()
    )?;
    if let Some(watchers) = watchers {
        writeln!(out, "metrics on http://{}/metrics", watchers.address())?;
    }
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
