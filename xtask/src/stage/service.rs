//! The service behind the gate: it answers each request with what arrived of it, and remembers it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::sync::oneshot;

/// How many requests it remembers: the latest.
const REMEMBERED: usize = 10_000;
/// More headers than Envoy lets through.
const MOST_HEADERS: usize = 4096;

/// A running service. It ends when this is dropped.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    memory: Memory,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A request as it reached the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenRequest {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers in their order, with lower-case names; what is not UTF-8 is replaced.
    pub headers: Vec<(String, String)>,
}

impl SeenRequest {
    /// All values of a header.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(candidate, _)| candidate == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

type Memory = Arc<Mutex<VecDeque<SeenRequest>>>;

impl Service {
    /// Starts a service on a free port.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start() -> Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Starts a service on an address.
    ///
    /// # Errors
    /// When the address is in use.
    pub fn start_on(address: SocketAddr) -> Result<Self> {
        let listener =
            TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let memory = Memory::default();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let memory = Arc::clone(&memory);
            move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        () = serve(listener, &memory) => {}
                    }
                });
            }
        });
        Ok(Self {
            address,
            memory,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that reached it, from the oldest that it remembers to the latest.
    #[must_use]
    pub fn seen(&self) -> Vec<SeenRequest> {
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// Forgets the requests that reached it so far.
    pub fn forget(&self) {
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Waits until the service ends, which it does only when the process does.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Without a receiver the service has ended already.
        self.stop.take().map(|stop| stop.send(()).ok());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

async fn serve(listener: TcpListener, memory: &Memory) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, say: give the connections that there are a chance to end.
            tokio::task::yield_now().await;
            continue;
        };
        let memory = Arc::clone(memory);
        let echo = hyper::service::service_fn(move |request| {
            let mut answer = echo(&request, &memory);
            if request.headers().contains_key(UPGRADE) {
                switch(&mut answer, &request);
            }
            async move { Ok::<_, Infallible>(answer) }
        });
        tokio::spawn(async move {
            // A caller that hangs up is no concern of the service.
            hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .max_headers(MOST_HEADERS)
                .serve_connection(TokioIo::new(stream), echo)
                .with_upgrades()
                .await
                .ok();
        });
    }
}

/// Agrees to speak what the caller wants to, and then says no more.
fn switch(answer: &mut Response<http_body_util::Full<Bytes>>, request: &Request<Incoming>) {
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *answer.body_mut() = http_body_util::Full::default();
    let headers = answer.headers_mut();
    headers.clear();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = request.headers().get(UPGRADE) {
        headers.insert(UPGRADE, protocol.clone());
    }
}

fn echo(request: &Request<Incoming>, memory: &Memory) -> Response<http_body_util::Full<Bytes>> {
    let seen = SeenRequest {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
    };
    let body = serde_json::to_vec_pretty(&seen).unwrap_or_default();
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    if memory.len() >= REMEMBERED {
        memory.pop_front();
    }
    memory.push_back(seen);
    let mut response = Response::new(http_body_util::Full::new(Bytes::from(body)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
