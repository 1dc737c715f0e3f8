//! A control plane that answers as a test says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use portcullis_feed::{GatewayReport, REPORT_HEADER};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What was asked, and by whom.
#[derive(Debug)]
pub struct Asked {
    pub method: Method,
    pub target: String,
    pub report: Option<GatewayReport>,
}

/// What is answered.
#[derive(Debug, Default)]
pub struct Said {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// A running server. It ends when this is dropped.
pub struct Scripted {
    pub address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Asked {
    /// A member of the query.
    pub fn member(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .find_map(|member| member.strip_prefix(name)?.strip_prefix('='))
    }

    pub fn after(&self) -> u64 {
        self.member("after")
            .and_then(|after| after.parse().ok())
            .unwrap_or(0)
    }
}

impl Scripted {
    pub fn start(answer: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::spawn(serve(listener, answer));
                stopped.await.ok();
            });
        });
        Ok(Self {
            address,
            _stop: stop,
        })
    }
}

async fn serve(
    listener: std::net::TcpListener,
    answer: Arc<impl Fn(&Asked) -> Said + Send + Sync + 'static>,
) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = Arc::clone(&answer);
        let service = service_fn(move |request| reply(request, Arc::clone(&answer)));
        tokio::spawn(async move {
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}

async fn reply(
    request: Request<Incoming>,
    answer: Arc<impl Fn(&Asked) -> Said>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let header = head
        .headers
        .get(REPORT_HEADER)
        .map(|header| Bytes::copy_from_slice(header.as_bytes()));
    let asked = Asked {
        method: head.method,
        target: head.uri.to_string(),
        report: serde_json::from_slice(&header.unwrap_or(body)).ok(),
    };
    let said = answer(&asked);
    let mut response = Response::new(Full::from(said.body));
    *response.status_mut() = said.status.try_into().unwrap_or_default();
    for (name, value) in said.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}
