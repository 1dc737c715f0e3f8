//! An API client on a connection of its own, which can also send what no decent client would.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Answer;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An API client with one connection, which it keeps and renews when the other side ends it.
#[derive(Debug)]
pub struct Caller {
    to: SocketAddr,
    connection: BufReader<TcpStream>,
}

/// A request in the making.
#[derive(Debug)]
pub struct Request<'a> {
    caller: &'a mut Caller,
    method: Vec<u8>,
    bytes: Vec<u8>,
}

impl Caller {
    /// Connects to a gateway.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn connect(to: SocketAddr) -> Result<Self> {
        Ok(Self {
            to,
            connection: connect(to)?,
        })
    }

    /// A GET request, to be sent once it has its headers.
    pub fn get(&mut self, path: &str) -> Request<'_> {
        self.request("GET", path)
    }

    /// A request for a host called `gateway.test`, to be sent once it has its headers.
    pub fn request(&mut self, method: &str, path: &str) -> Request<'_> {
        self.request_line(format!("{method} {path} HTTP/1.1\r\nhost: gateway.test\r\n").as_bytes())
    }

    /// A request that begins with these bytes: a request line, with its end, and perhaps headers.
    pub fn request_line(&mut self, bytes: &[u8]) -> Request<'_> {
        let method = bytes
            .split(|&byte| byte == b' ')
            .next()
            .unwrap_or_default()
            .to_vec();
        Request {
            caller: self,
            method,
            bytes: bytes.to_vec(),
        }
    }

    fn exchange(&mut self, bytes: &[u8], has_body: bool) -> Result<Answer> {
        // The gateway may answer and hang up before it has read everything: the answer is what counts.
        let written = self.connection.get_mut().write_all(bytes);
        let answer = Answer::read(&mut self.connection, has_body)
            .with_context(|| format!("no answer (the request was written: {written:?})"));
        if answer.as_ref().map_or(true, |answer| answer.closes) {
            self.connection = connect(self.to)?;
        }
        answer
    }
}

impl Request<'_> {
    /// With one more header. The value is sent as it is, whatever it holds.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(value.as_ref());
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// With an API key in its usual header.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("api-token", key)
    }

    /// Sends the request and waits for its answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(self) -> Result<Answer> {
        self.send_with_body(b"")
    }

    /// Sends the request with a body and waits for its answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send_with_body(mut self, body: &[u8]) -> Result<Answer> {
        if !body.is_empty() {
            self = self.header("content-length", body.len().to_string());
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes.extend_from_slice(body);
        self.caller.exchange(&self.bytes, self.method != b"HEAD")
    }
}

fn connect(to: SocketAddr) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(to).with_context(|| format!("nothing listens on {to}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}
