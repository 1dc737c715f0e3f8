//! One question over HTTP: to addresses that were judged, and to no others; bounded in time and size.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, HOST, HeaderMap, IF_NONE_MATCH,
    USER_AGENT,
};
use hyper::http::request;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use url::{Host, Position};

use super::{FetchFailure, Fetcher};
use crate::app::key_set::Location;

/// How many addresses of a name are tried.
const MOST_ADDRESSES: usize = 4;

/// How many bytes the head of an answer may have.
const LONGEST_HEAD_BYTES: usize = 32 * 1024;

/// How long an exchange may take and how much it may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until the whole answer is there.
    pub overall: Duration,
    /// Of an answer, whatever it says of its length.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            overall: Duration::from_secs(10),
            body_bytes: 64 * 1024,
        }
    }
}

/// What a server answers that is not a failure.
pub(super) enum Reply {
    /// Nothing newer than what is known.
    Unchanged(HeaderMap),
    /// This.
    Content(HeaderMap, Vec<u8>),
}

impl Fetcher {
    /// Asks for what is at a URL, if it is another version than the one that is named.
    pub(super) async fn get(
        &self,
        location: &Location,
        etag: Option<&str>,
    ) -> Result<Reply, FetchFailure> {
        self.send(location, request(location, etag)?).await
    }

    /// Sends a request to where a URL leads.
    pub(super) async fn send(
        &self,
        location: &Location,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply, FetchFailure> {
        let asked = timeout(self.limits.overall, self.ask(location, request));
        asked.await.unwrap_or(Err(FetchFailure::TooSlow {
            seconds: self.limits.overall.as_secs(),
        }))
    }

    async fn ask(
        &self,
        location: &Location,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply, FetchFailure> {
        let stream = self.connected(location).await?;
        if !location.is_secure() {
            return self.exchanged(stream, request).await;
        }
        let untrusted = |source| FetchFailure::Untrusted {
            host: host(location),
            source,
        };
        let name = match location.url().host() {
            Some(Host::Ipv4(address)) => ServerName::from(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => ServerName::from(IpAddr::from(address)),
            _ => ServerName::try_from(host(location)).map_err(|invalid| {
                untrusted(io::Error::new(io::ErrorKind::InvalidInput, invalid))
            })?,
        };
        let secured = TlsConnector::from(self.trust.0.clone()).connect(name, stream);
        self.exchanged(secured.await.map_err(untrusted)?, request)
            .await
    }

    /// A connection to one of the addresses that were judged. The name is not resolved again for it: a second answer
    /// could be another one (DNS rebinding).
    async fn connected(&self, location: &Location) -> Result<TcpStream, FetchFailure> {
        let unreachable = |source| FetchFailure::Unreachable {
            host: host(location),
            source,
        };
        let addresses = self.judged_addresses(location).await?;
        let port = location.url().port_or_known_default().unwrap_or(443);
        let connecting = async {
            let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
            for address in addresses.into_iter().take(MOST_ADDRESSES) {
                match TcpStream::connect(SocketAddr::new(address, port)).await {
                    Ok(stream) => return Ok(stream),
                    Err(source) => failure = source,
                }
            }
            Err(failure)
        };
        timeout(self.limits.connect, connecting)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(unreachable)
    }

    /// The addresses of a URL: one that may not be asked makes all of them suspicious.
    async fn judged_addresses(&self, location: &Location) -> Result<Vec<IpAddr>, FetchFailure> {
        let addresses = match location.url().host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            _ => self
                .resolver
                .addresses(&host(location))
                .await
                .map_err(|source| FetchFailure::Unresolved {
                    host: host(location),
                    source,
                })?,
        };
        for address in &addresses {
            location.refuse_address(*address, &self.networks)?;
        }
        Ok(addresses)
    }

    async fn exchanged(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply, FetchFailure> {
        let is_conditional = request.headers().contains_key(IF_NONE_MATCH);
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(LONGEST_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(FetchFailure::Broken)?;
        // Ends with this exchange, however that ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender
            .send_request(request)
            .await
            .map_err(FetchFailure::Broken)?;
        match response.status() {
            StatusCode::OK => self.content(response).await,
            StatusCode::NOT_MODIFIED if is_conditional => {
                Ok(Reply::Unchanged(response.into_parts().0.headers))
            }
            status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                Err(FetchFailure::Redirected {
                    status: status.as_u16(),
                })
            }
            status => Err(FetchFailure::Status {
                status: status.as_u16(),
            }),
        }
    }

    async fn content(&self, response: Response<Incoming>) -> Result<Reply, FetchFailure> {
        let limit = self.limits.body_bytes;
        let too_large = FetchFailure::TooLarge { bytes: limit };
        let (parts, mut body) = response.into_parts();
        let encoding = parts.headers.get(CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(FetchFailure::Compressed);
        }
        if usize::try_from(body.size_hint().lower()).is_ok_and(|announced| announced > limit) {
            return Err(too_large);
        }
        let mut content = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(FetchFailure::Broken)?;
            let Some(bytes) = frame.data_ref() else {
                continue;
            };
            if content.len().saturating_add(bytes.len()) > limit {
                return Err(too_large);
            }
            content.extend_from_slice(bytes);
        }
        Ok(Reply::Content(parts.headers, content))
    }
}

fn request(location: &Location, etag: Option<&str>) -> Result<Request<Full<Bytes>>, FetchFailure> {
    let mut request = headed(Method::GET, location);
    if let Some(etag) = etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    Ok(request.body(Full::default())?)
}

/// A request with what all have in common.
pub(super) fn headed(method: Method, location: &Location) -> request::Builder {
    let url = location.url();
    Request::builder()
        .method(method)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(ACCEPT, "application/json, application/jwk-set+json")
        .header(ACCEPT_ENCODING, "identity")
        .header(
            USER_AGENT,
            concat!("portcullis/", env!("CARGO_PKG_VERSION")),
        )
        .header(CONNECTION, "close")
}

fn host(location: &Location) -> String {
    location.url().host_str().unwrap_or_default().to_owned()
}
