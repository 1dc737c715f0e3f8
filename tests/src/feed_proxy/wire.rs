//! Questions and answers as they go over the wire.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use xtask::stage::{Answer, Headers};

use super::Asked;

/// Asks over a connection of its own, in HTTP/1.0, in which an answer ends with its connection.
pub(super) async fn ask(control_plane: SocketAddr, asked: &Asked) -> Result<Answer> {
    let mut stream = TcpStream::connect(control_plane).await?;
    let mut bytes = format!("{} {} HTTP/1.0\r\n", asked.method, asked.path).into_bytes();
    for (name, value) in &asked.headers {
        if name != "connection" {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
    }
    bytes.extend(b"\r\n");
    bytes.extend(&asked.body);
    stream.write_all(&bytes).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(&answer)? else {
        bail!("the answer ends within its head");
    };
    let status = response.code.context("the answer has no status")?;
    let headers = owned(response.headers);
    let body = answer.split_off(head);
    let answer = Answer {
        status,
        headers,
        body,
        closes: false,
    };
    let length = answer
        .header("content-length")
        .map(str::parse)
        .transpose()?;
    ensure!(
        length.is_none_or(|length: usize| length == answer.body.len()),
        "the answer is not whole"
    );
    Ok(answer)
}

pub(super) async fn read_question(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Result<Asked> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(head) = request.parse(unread)? {
            let mut asked = Asked {
                at: Instant::now(),
                method: request.method.unwrap_or_default().into(),
                path: request.path.unwrap_or_default().into(),
                headers: owned(request.headers),
                body: vec![],
                answer: None,
            };
            let length = asked.header("content-length").map_or(Ok(0), str::parse)?;
            while unread.len() < head.saturating_add(length) {
                more(stream, unread).await?;
            }
            let rest = unread.split_off(head.saturating_add(length));
            asked.body = unread.split_off(head);
            *unread = rest;
            return Ok(asked);
        }
        more(stream, unread).await?;
    }
}

/// Reads on. An error when the gateway has hung up.
pub(super) async fn more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Result<()> {
    let count = stream.read_buf(unread).await?;
    ensure!(count > 0, "the gateway has hung up");
    Ok(())
}

fn owned(headers: &[httparse::Header<'_>]) -> Headers {
    let headers = headers.iter();
    headers
        .map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec()))
        .collect()
}

/// An answer as it goes over the wire.
pub(super) fn written(answer: &Answer) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {} Whatever\r\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        if !["connection", "content-length"].contains(&name.as_str()) {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
    }
    let body: &[u8] = match answer.status {
        204 => &[],
        _ => &answer.body,
    };
    if answer.status != 204 {
        bytes.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}
