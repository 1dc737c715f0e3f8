//! Sending a fixed number of requests, as fast as the other side answers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process;

/// How many connections send at once.
pub const CONNECTIONS: u32 = 64;

/// What each request asks for.
pub const PATH: &str = "/v1/orders/42";

/// What each request carries besides `host` and a credential, as a browser or a client library would.
pub const HEADERS: [(&str, &str); 8] = [
    ("user-agent", "orders-client/4.2 (linux; x86_64)"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate, br"),
    ("accept-language", "en-GB,en;q=0.8"),
    ("cache-control", "no-cache"),
    ("content-type", "application/json"),
    (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    ("x-tenant", "acme-europe-west"),
];

/// A header that carries a credential.
pub type Header = (&'static str, String);

/// What a measure sends.
pub enum Load {
    /// The same request again and again.
    Same(Option<Header>),
    /// Requests that differ, each of them once: so many as all turns together have.
    Different(Rc<[String]>),
}

/// A request as it is sent, in full.
pub fn request((name, value): &Header) -> String {
    let mut request = format!("GET {PATH} HTTP/1.1\r\nhost: gateway.test\r\n");
    for (name, value) in HEADERS {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request + &format!("{name}: {value}\r\n\r\n")
}

/// Sends requests with h2load for so long, as fast as they are answered, and tells how many were answered with 2xx, and
/// how many at all.
///
/// # Errors
/// When h2load does not tell.
pub fn flood(
    h2load: &Path,
    to: SocketAddr,
    credential: &Header,
    time: Duration,
) -> Result<(u32, u32)> {
    let duration = format!("--duration={}", time.as_secs());
    let codes = codes(h2load, to, Some(credential), &[duration])?;
    Ok((permitted(&codes)?, answered(&codes)?))
}

/// All of `9 2xx, 0 3xx, 1 4xx, 0 5xx`.
fn answered(codes: &str) -> Result<u32> {
    let counts = codes.split(", ").map(|code| {
        let (count, _) = code.split_once(' ').unwrap_or_default();
        count.parse::<u32>()
    });
    let counts: Result<Vec<u32>, _> = counts.collect();
    let counts = counts.with_context(|| format!("h2load reported {codes}"))?;
    Ok(counts.iter().sum())
}

fn permitted(codes: &str) -> Result<u32> {
    let permitted = codes.split_once(" 2xx,").map(|(count, _)| count);
    let permitted = permitted.with_context(|| format!("h2load reported {codes}"))?;
    Ok(permitted.parse()?)
}

/// Sends about so many requests a second with h2load for so long, and tells how many were answered with 2xx.
///
/// # Errors
/// When h2load does not tell.
pub fn flow(
    h2load: &Path,
    to: SocketAddr,
    credential: &Header,
    per_second: u32,
    time: Duration,
) -> Result<u32> {
    let by_each = f64::from(per_second) / f64::from(CONNECTIONS);
    let options = [
        format!("--duration={}", time.as_secs()),
        format!("--rps={by_each:.2}"),
    ];
    permitted(&codes(h2load, to, Some(credential), &options)?)
}

/// Sends `count` requests with h2load, and tells how many were answered with 2xx.
///
/// # Errors
/// When h2load does not tell.
pub fn send_any(h2load: &Path, to: SocketAddr, credential: &Header, count: u32) -> Result<u32> {
    let requests = format!("--requests={count}");
    permitted(&codes(h2load, to, Some(credential), &[requests])?)
}

/// Sends `count` requests with h2load.
///
/// # Errors
/// When not all of them are answered with 2xx.
pub fn send(h2load: &Path, to: SocketAddr, credential: Option<&Header>, count: u32) -> Result<()> {
    let codes = codes(h2load, to, credential, &[format!("--requests={count}")])?;
    if !codes.starts_with(&format!("{count} 2xx,")) {
        bail!("not all of {count} requests to {to} were answered with 2xx: {codes}");
    }
    Ok(())
}

/// The status codes of answers over HTTP/1.1, as h2load reports them.
fn codes(
    h2load: &Path,
    to: SocketAddr,
    credential: Option<&Header>,
    how_many: &[String],
) -> Result<String> {
    let mut command = Command::new(h2load);
    command
        .args(["--h1", "--threads=1"])
        .args(how_many)
        .arg(format!("--clients={CONNECTIONS}"))
        .args(HEADERS.map(|(name, value)| format!("--header={name}: {value}")));
    if let Some((name, value)) = credential {
        command.arg(format!("--header={name}: {value}"));
    }
    command.arg(format!("http://{to}{PATH}"));
    let printed = process::output(&mut command)?;
    let codes = printed
        .lines()
        .find_map(|line| line.strip_prefix("status codes: "));
    let codes = codes.with_context(|| format!("h2load reported no status codes:\n{printed}"))?;
    Ok(codes.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_h2load_reports_is_read() {
        let codes = "9 2xx, 0 3xx, 31 4xx, 2 5xx";
        assert_eq!(permitted(codes).unwrap(), 9);
        assert_eq!(answered(codes).unwrap(), 42);
        assert!(answered("none").is_err());
    }
}
