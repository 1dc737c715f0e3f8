//! One kept connection to the control plane, and an exchange over it at a time.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection that is made when it is needed, and made again when the other side has ended it.
#[derive(Debug)]
pub struct Connection {
    to: SocketAddr,
    authorization: String,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Bytes,
}

impl Connection {
    /// To a control plane, with a token for every request.
    #[must_use]
    pub fn new(to: SocketAddr, token: &str) -> Self {
        Self {
            to,
            authorization: format!("Bearer {token}"),
            sender: None,
        }
    }

    /// Sends a request and reads its answer to the end. A body is JSON; without bytes there is none.
    ///
    /// # Errors
    /// When no answer comes in time.
    pub async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "portcullis")
            .header(AUTHORIZATION, &self.authorization);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::from(body))?;
        let answered = timeout(patience, self.send(request)).await;
        match answered {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                self.sender = None;
                Err(error)
            }
            Err(_) => {
                self.sender = None;
                Err(anyhow!("no answer within {patience:?}"))
            }
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let is_usable = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_usable {
            self.sender = Some(connect(self.to).await?);
        }
        let sender = self.sender.as_mut().context("there is no connection")?;
        let response = sender
            .send_request(request)
            .await
            .context("the connection ended")?;
        let (head, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .context("the answer was cut off")?
            .to_bytes();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }
}

async fn connect(to: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(to)
        .await
        .with_context(|| format!("nothing listens on {to}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Its end shows at the sender.
        connection.await.ok();
    });
    Ok(sender)
}
