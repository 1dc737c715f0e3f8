//! `portcullis health`: for health checks where nothing else can ask, such as in an image without `curl`.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::{Position, Url};

use super::{Exit, Failure, output};

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is read of an answer: it is one sentence.
const LARGEST_ANSWER_BYTES: usize = 1024;

/// Ask a control plane whether it can work: ends with 0 when it can, with 1 when it says why not, and with 6 when it does
/// not answer.
#[derive(clap::Args)]
pub struct Health {
    /// Where to ask, over HTTP. `/healthz` instead asks only whether the process lives.
    #[arg(
        env = "PORTCULLIS_HEALTH_URL",
        default_value = "http://127.0.0.1:8080/readyz"
    )]
    url: Url,
}

impl Health {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let asked = runtime.block_on(async { timeout(PATIENCE, ask(&self.url)).await });
        let unreachable = |error: anyhow::Error| {
            let url = &self.url;
            Failure::of(
                Exit::Unreachable,
                error.context(format!("`{url}` does not answer")),
            )
        };
        let too_slow = |_| {
            unreachable(anyhow!(
                "it took longer than {} seconds",
                PATIENCE.as_secs()
            ))
        };
        let (status, said) = asked.map_err(too_slow)?.map_err(unreachable)?;
        if status == StatusCode::OK {
            output::print(&said)?;
            return Ok(Exit::Done);
        }
        let said = said.trim_end().to_owned();
        Err(anyhow!(said)
            .context(format!("`{}` answers {}", self.url, status.as_u16()))
            .into())
    }
}

async fn ask(url: &Url) -> anyhow::Result<(StatusCode, String)> {
    if url.scheme() != "http" {
        return Err(anyhow!("only `http` is spoken here"));
    }
    let addresses = url.socket_addrs(|| None)?;
    let stream = TcpStream::connect(&addresses[..]).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with this question.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .body(Empty::<Bytes>::new())?;
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER_BYTES).collect().await;
    let said = body.map_err(|error| anyhow!(error))?.to_bytes();
    Ok((parts.status, String::from_utf8_lossy(&said).into_owned()))
}
