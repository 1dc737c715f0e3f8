//! The way to a collector of OpenTelemetry: one request for each batch, over HTTP or HTTPS, and under which name it files
//! what it gets.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_sdk::Resource;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::fetch::{InvalidTrust, Trust};
use crate::version;

/// How long a batch may take.
const LONGEST: Duration = Duration::from_secs(10);

/// What an answer may have: nobody needs more of it than whether all went well.
const LARGEST_ANSWER_BYTES: usize = 64 * 1024;

/// Sends what it is given. The library calls it on a thread of its own, where no runtime is.
#[derive(Clone)]
pub(crate) struct Exporter {
    runtime: Handle,
    trust: Trust,
}

impl Exporter {
    /// One that believes public authorities, and those of a file.
    pub(crate) fn new(
        runtime: Handle,
        certificate: Option<OsString>,
    ) -> Result<Self, InvalidTrust> {
        let certificate = certificate.filter(|path| !path.is_empty());
        let trust = Trust::with(certificate.as_deref().map(Path::new))?;
        Ok(Self { runtime, trust })
    }
}

/// Under which name everything is filed: as `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say, `portcullis` where
/// neither does.
pub(crate) fn resource() -> Resource {
    let builder = Resource::builder();
    let version = KeyValue::new("service.version", version::NUMBER);
    let is_named = |resource: &Resource| {
        let name = resource.get(&Key::from_static_str("service.name"));
        name.is_some_and(|name| name.as_str() != "unknown_service")
    };
    let builder = match is_named(&Resource::builder().build()) {
        true => builder,
        false => builder.with_service_name("portcullis"),
    };
    builder.with_attribute(version).build()
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exporter")
    }
}

#[async_trait]
impl HttpClient for Exporter {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let trust = self.trust.clone();
        // Begun there, too: the clock of a timeout is that of the runtime.
        let sending = async { timeout(LONGEST, send(trust, request)).await };
        self.runtime.spawn(sending).await??
    }
}

async fn send(trust: Trust, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let uri = request.uri().clone();
    let host = uri
        .host()
        .ok_or("the address of the collector has no host")?;
    let is_secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    request
        .headers_mut()
        .insert(HOST, HeaderValue::from_str(authority)?);
    *request.uri_mut() = Uri::builder()
        .path_and_query(uri.path_and_query().map_or("/", |path| path.as_str()))
        .build()?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, port)).await?;
    if !is_secure {
        return exchange(stream, request).await;
    }
    let name = ServerName::try_from(bare.to_owned())
        .map_err(|invalid| io::Error::new(io::ErrorKind::InvalidInput, invalid))?;
    let secured = TlsConnector::from(trust.tls())
        .connect(name, stream)
        .await?;
    exchange(secured, request).await
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with this exchange, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender.send_request(request.map(Full::new)).await?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER_BYTES).collect().await?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}
