//! A kept connection over which one thread sends a request at a time: nothing stands between a request and the clock.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects.
    pub fn connect(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).with_context(|| format!("nothing listens on {to}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(8_192),
        })
    }

    /// Sends a request as it is, and tells the status of its answer.
    pub fn status(&mut self, request: &[u8]) -> Result<u16> {
        Ok(self.exchange(request)?.0)
    }

    /// Sends a request as it is, and tells the status and the body of its answer.
    pub fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let (status, body, end) = loop {
            if let Some(head) = head(&self.buffer)? {
                break head;
            }
            self.read()?;
        };
        while self.buffer.len() < end {
            self.read()?;
        }
        Ok((status, self.buffer.get(body..end).unwrap_or_default()))
    }

    fn read(&mut self) -> Result<()> {
        let mut bytes = [0; 8_192];
        let count = self.stream.read(&mut bytes).context("no answer")?;
        (count > 0).then_some(()).context("the connection ended")?;
        self.buffer
            .extend_from_slice(bytes.get(..count).unwrap_or_default());
        Ok(())
    }
}

/// The status of an answer, where its body begins and where it ends, once its head is there.
fn head(answer: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let Some(end) = answer.windows(4).position(|it| it == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(answer.get(..end).unwrap_or_default())?;
    let status = head
        .split(' ')
        .nth(1)
        .context("an answer without status")?
        .parse()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let length = match status {
        204 | 304 => 0,
        _ => length.context("an answer without length")?,
    };
    Ok(Some((status, end + 4, end + 4 + length)))
}

/// What callers of the benchmarks send: a GET with as many headers as a client library has.
pub fn call(path: &str, key: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nhost: gateway.test\r\nuser-agent: orders-client/4.2 (linux; x86_64)\r\n\
         accept: application/json\r\naccept-encoding: gzip, deflate, br\r\naccept-language: en-GB,en;q=0.8\r\n\
         cache-control: no-cache\r\ncontent-type: application/json\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nx-tenant: acme-europe-west\r\n\
         api-token: {key}\r\n\r\n"
    )
    .into_bytes()
}
