//! Takes connections, with TLS or without, HTTP/1.1 and HTTP/2, and serves them within limits: how many there are, how long
//! they may take to say what they want. What is answered is the router's.

mod connections;
mod limits;
mod meters;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

pub use limits::Limits;
pub use meters::ListenerMeters;
pub use tls::{Certificates, InvalidCertificate};

use connections::{Connections, Place};

/// How many bytes the head of a request may have.
const LONGEST_HEAD_BYTES: u32 = 64 * 1024;

/// How often the other end of an HTTP/2 connection has to show that it is there.
const PINGED_EVERY: Duration = Duration::from_secs(30);

/// How long nothing is accepted after the system had nothing left for another connection.
const PAUSE_WITHOUT_RESOURCES: Duration = Duration::from_millis(200);

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is none.
    #[error("`{address}` is no address to listen on, such as `127.0.0.1:8080`")]
    NoAddress {
        /// What was asked for.
        address: String,
    },
    /// The address cannot be used.
    #[error("cannot listen on `{address}`")]
    Unusable {
        /// Which one.
        address: String,
        /// Why.
        source: io::Error,
    },
}

/// Where connections arrive.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    limits: Limits,
    meters: ListenerMeters,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// At an address such as `127.0.0.1:8080`. Port 0 is a free one.
    ///
    /// # Errors
    /// When it is no address, or cannot be used.
    pub async fn bind(
        address: &str,
        limits: Limits,
        meters: ListenerMeters,
    ) -> Result<Self, ListenError> {
        let refused = |source: io::Error| {
            let address = address.to_owned();
            match source.kind() {
                io::ErrorKind::InvalidInput => ListenError::NoAddress { address },
                _ => ListenError::Unusable { address, source },
            }
        };
        let socket = TcpListener::bind(address).await.map_err(refused)?;
        Ok(Self {
            address: socket.local_addr().map_err(refused)?,
            socket,
            limits,
            meters,
            tls: None,
        })
    }

    /// The same for those who speak TLS.
    #[must_use]
    pub fn secured_by(mut self, tls: Option<TlsAcceptor>) -> Self {
        self.tls = tls;
        self
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// What stands before its address in a URL.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.is_secure() { "https" } else { "http" }
    }

    /// Serves until `stopping` becomes true, and then until all requests that were begun are answered.
    pub async fn serve(self, router: Router, stopping: watch::Receiver<bool>) {
        let open = GracefulShutdown::new();
        let connections = Connections::within(self.limits, self.meters.clone());
        let door = Arc::new(Door {
            protocols: protocols(self.limits),
            router,
            tls: self.tls,
            limits: self.limits,
            meters: self.meters,
        });
        let mut ending = stopping.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = ending.wait_for(|stopping| *stopping) => break,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(place) = connections.enter(peer.ip()) else {
                        continue;
                    };
                    let guest = Guest {
                        door: Arc::clone(&door),
                        peer,
                        place,
                        watcher: open.watcher(),
                        stopping: stopping.clone(),
                    };
                    tokio::spawn(guest.welcome(stream));
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection");
                    sleep(PAUSE_WITHOUT_RESOURCES).await;
                }
            }
        }
        drop(self.socket);
        open.shutdown().await;
    }
}

/// What all connections have in common.
struct Door {
    protocols: Builder<TokioExecutor>,
    router: Router,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    meters: ListenerMeters,
}

/// A connection.
struct Guest {
    door: Arc<Door>,
    peer: SocketAddr,
    place: Place,
    watcher: Watcher,
    stopping: watch::Receiver<bool>,
}

impl Guest {
    async fn welcome(mut self, stream: TcpStream) {
        // Answers are written whole: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = self.door.tls.clone() else {
            return self.attend(stream).await;
        };
        let shaking_hands = timeout(self.door.limits.head, acceptor.accept(stream));
        let secured = tokio::select! {
            _ = self.stopping.wait_for(|stopping| *stopping) => return,
            secured = shaking_hands => secured,
        };
        match secured {
            Ok(Ok(stream)) => self.attend(stream).await,
            Ok(Err(error)) => {
                self.door.meters.failed_handshakes.inc();
                tracing::debug!(peer = %self.peer, %error, "no TLS connection came about");
            }
            Err(_) => self.door.give_up(self.peer),
        }
    }

    /// Serves until the other end is done. The first request has to be there in time, in whatever protocol; the ones after
    /// it are watched by the protocol.
    async fn attend(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self {
            door,
            peer,
            place,
            watcher,
            ..
        } = self;
        let has_begun = Arc::new(AtomicBool::new(false));
        let beginning = Arc::clone(&has_begun);
        let router = door.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            beginning.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let served = door
            .protocols
            .serve_connection(TokioIo::new(stream), service);
        let mut served = std::pin::pin!(watcher.watch(served));
        let ended = tokio::select! {
            ended = &mut served => ended,
            () = sleep(door.limits.head) => {
                if !has_begun.load(Ordering::Relaxed) {
                    return door.give_up(peer);
                }
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, error, "a connection broke down");
        }
        drop(place);
    }
}

impl Door {
    fn give_up(&self, peer: SocketAddr) {
        self.meters.silent.inc();
        tracing::debug!(%peer, "nothing was asked for in time");
    }
}

fn protocols(limits: Limits) -> Builder<TokioExecutor> {
    let mut protocols = Builder::new(TokioExecutor::new());
    protocols
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(LONGEST_HEAD_BYTES as usize);
    protocols
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(LONGEST_HEAD_BYTES)
        .keep_alive_interval(PINGED_EVERY)
        .keep_alive_timeout(limits.head);
    protocols
}

/// Others can still be accepted at once.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
