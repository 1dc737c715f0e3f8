//! A server that counts for all gateways, as they see one: it speaks `envoy.service.ratelimit.v3` over gRPC, counts by
//! descriptors, and knows its limits by a file in the form of the Redis-backed `ratelimit`, or by the question itself.

mod file;
mod messages;

use std::collections::HashMap;
use std::convert::Infallible;
use std::future;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, ensure};
use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use messages::{DescriptorStatus, RateLimit, RateLimitRequest, RateLimitResponse};
use prost::Message as _;
use tokio::sync::oneshot;

/// What gRPC calls it.
const SHOULD_RATE_LIMIT: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
const OK: i32 = 1;
const OVER_LIMIT: i32 = 2;

/// What was asked about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedLimit {
    /// Within which limits.
    pub domain: String,
    /// Keys and values.
    pub entries: Vec<(String, String)>,
    /// How many requests in which unit, where the question says so.
    pub limit: Option<(u32, i32)>,
}

/// Where a server has its limits from.
#[derive(Debug, Clone)]
pub enum KnownLimits {
    /// From each question.
    Asked,
    /// From this file, which it reads each time. What the question says is ignored.
    File(PathBuf),
}

/// A running server. Windows never end for it. It ends when this is dropped.
#[derive(Debug)]
pub struct RateLimitServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    limits: KnownLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: HashMap<Vec<(String, String)>, u32>,
    asked: Vec<AskedLimit>,
    is_silent: bool,
}

impl RateLimitServer {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(limits: KnownLimits) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let state = Mutex::default();
        let shared = Arc::new(Shared { limits, state });
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        () = serve(listener, &shared) => {}
                    }
                });
            }
        });
        Ok(Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<AskedLimit> {
        self.shared.state().asked.clone()
    }

    /// Begins all counts anew, and forgets what it was asked.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.counts.clear();
        state.asked.clear();
    }

    /// Takes questions and never answers them, or answers again.
    pub fn be_silent(&self, is_silent: bool) {
        self.shared.state().is_silent = is_silent;
    }

    /// Ends, as a crash would.
    pub fn end(&mut self) {
        // Without a receiver it has ended already.
        self.stop.take().map(|stop| stop.send(()).ok());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for RateLimitServer {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None while it is silent.
    fn answer(&self, question: RateLimitRequest) -> Result<Option<RateLimitResponse>> {
        let mut state = self.state();
        let mut statuses = Vec::new();
        for descriptor in question.descriptors {
            let entries = descriptor.entries.into_iter();
            let asked = AskedLimit {
                domain: question.domain.clone(),
                entries: entries.map(|entry| (entry.key, entry.value)).collect(),
                limit: descriptor.limit.map(|it| (it.requests_per_unit, it.unit)),
            };
            state.asked.push(asked.clone());
            let limit = match &self.limits {
                KnownLimits::Asked => asked.limit,
                KnownLimits::File(path) => file::limit(path, &asked)?,
            };
            statuses.push(state.count(asked.entries, limit));
        }
        if state.is_silent {
            return Ok(None);
        }
        let is_over = statuses.iter().any(|status| status.code == OVER_LIMIT);
        Ok(Some(RateLimitResponse {
            overall_code: if is_over { OVER_LIMIT } else { OK },
            statuses,
        }))
    }
}

impl State {
    fn count(
        &mut self,
        entries: Vec<(String, String)>,
        limit: Option<(u32, i32)>,
    ) -> DescriptorStatus {
        let Some((requests_per_unit, unit)) = limit else {
            return DescriptorStatus {
                code: OK,
                ..DescriptorStatus::default()
            };
        };
        let count = self.counts.entry(entries).or_default();
        *count = count.saturating_add(1);
        DescriptorStatus {
            code: if *count > requests_per_unit {
                OVER_LIMIT
            } else {
                OK
            },
            current_limit: Some(RateLimit {
                requests_per_unit,
                unit,
            }),
            limit_remaining: requests_per_unit.saturating_sub(*count),
            duration_until_reset: Some(messages::Duration { seconds: 42 }),
        }
    }
}

async fn serve(listener: TcpListener, shared: &Arc<Shared>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(shared);
        let service = hyper::service::service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move {
                let answer = respond(request, &shared).await;
                match answer {
                    Ok(Some(answer)) => Ok::<_, Infallible>(grpc(&answer.encode_to_vec(), "0")),
                    Ok(None) => future::pending().await,
                    // Of google/rpc/code.proto: unknown.
                    Err(_) => Ok(grpc(&[], "2")),
                }
            }
        });
        tokio::spawn(async move {
            // A gateway that hangs up asks again.
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}

async fn respond(request: Request<Incoming>, shared: &Shared) -> Result<Option<RateLimitResponse>> {
    ensure!(request.uri().path() == SHOULD_RATE_LIMIT, "another method");
    let body = request.into_body().collect().await?.to_bytes();
    // A byte that says whether it is compressed, and four for the length.
    let message = body.get(5..).context("no message")?;
    shared.answer(RateLimitRequest::decode(message)?)
}

type Trailers = future::Ready<Option<Result<HeaderMap, Infallible>>>;

fn grpc(message: &[u8], status: &'static str) -> Response<WithTrailers<Full<Bytes>, Trailers>> {
    let mut framed = vec![0];
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    framed.extend(length.to_be_bytes());
    framed.extend(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let body = Full::new(Bytes::from(framed));
    let mut response = Response::new(body.with_trailers(future::ready(Some(Ok(trailers)))));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
