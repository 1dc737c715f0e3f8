//! An answer of HTTP/1.1, read off a connection.

use std::io::{BufRead, Read};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// More headers than any answer here has.
const MOST_HEADERS: usize = 256;

/// Headers in their order, with lower-case names.
pub type Headers = Vec<(String, Vec<u8>)>;

/// An answer of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the connection ends with this answer.
    pub closes: bool,
}

impl Answer {
    /// Reads one answer. `has_body` is false for the answer to a HEAD request.
    pub(super) fn read(connection: &mut impl BufRead, has_body: bool) -> Result<Self> {
        let (status, headers) = read_head(connection)?;
        let mut answer = Self {
            status,
            headers,
            body: Vec::new(),
            closes: false,
        };
        answer.closes = answer
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !has_body || matches!(status, 100..200 | 204 | 304) {
            return Ok(answer);
        }
        if answer.header("transfer-encoding").is_some() {
            answer.body = read_chunks(connection)?;
        } else if let Some(length) = answer.header("content-length") {
            answer.body = vec![0; length.parse().context("the answer has no valid length")?];
            connection.read_exact(&mut answer.body)?;
        } else {
            connection.read_to_end(&mut answer.body)?;
            answer.closes = true;
        }
        Ok(answer)
    }

    /// The first header of a name, when it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The body as JSON, or null.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The `code` of a refusal (RFC 9457), or nothing.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        self.json()["code"].as_str().map(str::to_owned)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn read_head(connection: &mut impl BufRead) -> Result<(u16, Headers)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if connection.read_until(b'\n', &mut head)? == 0 {
            bail!(
                "the connection ended before an answer: `{}`",
                String::from_utf8_lossy(&head)
            );
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(&head).context("the answer is no HTTP/1.1")?;
    let status = response.code.context("the answer has no status")?;
    let headers = response.headers.iter();
    Ok((
        status,
        headers
            .map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec()))
            .collect(),
    ))
}

fn read_chunks(connection: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).context("a chunk has no valid size")?;
        connection.by_ref().take(size).read_to_end(&mut body)?;
        line.clear();
        connection.read_line(&mut line)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> (Answer, &[u8]) {
        let answer = Answer::read(&mut bytes, true).unwrap();
        (answer, bytes)
    }

    #[test]
    fn an_answer_with_a_length_leaves_what_follows_it() {
        let (answer, rest) =
            read(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200");
        assert_eq!(
            (answer.status, answer.text().as_str(), answer.closes),
            (401, "{}", false)
        );
        assert_eq!(rest, b"HTTP/1.1 200");
    }

    #[test]
    fn a_chunked_answer_is_put_together() {
        let (answer, rest) =
            read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        assert_eq!((answer.text().as_str(), rest), ("abcde", &b""[..]));
    }

    #[test]
    fn an_answer_without_a_length_ends_with_its_connection() {
        let (answer, _) = read(b"HTTP/1.1 503 Service Unavailable\r\n\r\nlater");
        assert_eq!((answer.text().as_str(), answer.closes), ("later", true));
    }
}
