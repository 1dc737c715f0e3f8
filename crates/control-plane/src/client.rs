//! How the command line speaks to a control plane: REST over HTTP or HTTPS, with the token of an operator. It waits for
//! each answer; what is asked, its callers know.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ureq::Agent;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use url::Url;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Large changes take the control plane a while, and gateways may be waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);
/// What is read of the answer that says why something was refused.
const LONGEST_PROBLEM_BYTES: u64 = 16 * 1024 * 1024;

/// The token of an operator or a robot. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// A way to one control plane.
pub struct Client {
    agent: Agent,
    server: Url,
    token: Token,
}

/// A question to the control plane, before it is sent.
pub struct Question<'a> {
    client: &'a Client,
    path: String,
    headers: Vec<(&'static str, String)>,
}

/// Why a request was refused (RFC 9457), as far as it was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of problem: a name that stays.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The status of the answer.
    #[serde(default)]
    pub status: u16,
    /// What is wrong with this request.
    #[serde(default)]
    pub detail: String,
    /// What is wrong field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into what was sent.
    pub pointer: String,
    /// What, and how it should be.
    pub detail: String,
}

/// The control plane was not reached, or refused.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody says which token.
    #[error("there is no token: set PORTCULLIS_TOKEN, or name a file with --token-file")]
    NoToken,
    /// The token is none.
    #[error("the token is empty, or holds characters that no header takes")]
    InvalidToken,
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of certificates holds none, or something else.
    #[error("`{}` holds no certificates in PEM", path.display())]
    NoCertificates {
        /// Which one.
        path: PathBuf,
    },
    /// The address is none.
    #[error("`{server}` is no URL of a control plane, such as `https://portcullis.example.com`")]
    NoServer {
        /// What was asked for.
        server: String,
    },
    /// There is no answer.
    #[error("cannot reach the control plane at `{server}`")]
    Unreached {
        /// Where.
        server: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// The answer broke off.
    #[error("the answer of the control plane broke off")]
    BrokenOff(#[source] io::Error),
    /// The answer is another one than a control plane gives.
    #[error("the answer is not that of a control plane of this version")]
    Unexpected(#[source] serde_json::Error),
    /// The question cannot be written.
    #[error("the request cannot be written as JSON")]
    Unwritable(#[source] serde_json::Error),
    /// The control plane refused.
    #[error("the control plane refused: {0}")]
    Refused(Box<Problem>),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The token that the environment gives, or else that of a file.
    ///
    /// # Errors
    /// When neither gives one, or it cannot travel in a header.
    pub fn settle(given: Option<String>, file: Option<&Path>) -> Result<Self, ClientError> {
        let text = match (given.filter(|text| !text.is_empty()), file) {
            (Some(text), _) => text,
            (None, Some(path)) => {
                fs::read_to_string(path).map_err(|source| ClientError::Unreadable {
                    path: path.to_owned(),
                    source,
                })?
            }
            (None, None) => return Err(ClientError::NoToken),
        };
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ClientError::InvalidToken);
        }
        Ok(Self(token.to_owned()))
    }
}

impl Client {
    /// A way to the control plane at a URL. Over TLS its certificate has to be from an authority that browsers believe,
    /// or from one of the PEM file, which then stands for all of them.
    ///
    /// # Errors
    /// When the URL is none, or the file cannot be used.
    pub fn new(server: &str, token: Token, ca: Option<&Path>) -> Result<Self, ClientError> {
        let url = Url::parse(server).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.query().is_none()
        });
        let server = url.ok_or_else(|| ClientError::NoServer {
            server: server.to_owned(),
        })?;
        let roots = match ca {
            Some(path) => RootCerts::from(certificates(path)?),
            None => RootCerts::WebPki,
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_WITHIN))
            .timeout_recv_response(Some(ANSWER_WITHIN))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build()
            .new_agent();
        Ok(Self {
            agent,
            server,
            token,
        })
    }

    /// A question about a path below `/api/v1`, such as `/clients?limit=10`.
    #[must_use]
    pub fn ask(&self, path: &str) -> Question<'_> {
        Question {
            client: self,
            path: path.to_owned(),
            headers: vec![(
                header::AUTHORIZATION.as_str(),
                format!("Bearer {}", self.token.0),
            )],
        }
    }

    fn url(&self, path: &str) -> String {
        let base = self.server.as_str().trim_end_matches('/');
        format!("{base}/api/v1{path}")
    }
}

impl Question<'_> {
    /// With a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Reads: the answer as it comes.
    ///
    /// # Errors
    /// When the control plane is not reached, or refuses.
    pub fn read(self) -> Result<impl Read + use<>, ClientError> {
        let mut request = self.client.agent.get(self.client.url(&self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = self.settled(request.call())?;
        Ok(answer
            .into_body()
            .into_with_config()
            .limit(u64::MAX)
            .reader())
    }

    /// Reads: the answer as what it stands for.
    ///
    /// # Errors
    /// When the control plane is not reached or refuses, or the answer is something else.
    pub fn read_json<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        understood(self.read()?)
    }

    /// Sends something, and tells the answer.
    ///
    /// # Errors
    /// When the control plane is not reached or refuses, or the answer is something else.
    pub fn send<T: DeserializeOwned>(self, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(ClientError::Unwritable)?;
        let mut request = self.client.agent.post(self.client.url(&self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let answer = self.settled(request.send(&body))?;
        understood(
            answer
                .into_body()
                .into_with_config()
                .limit(u64::MAX)
                .reader(),
        )
    }

    /// The answer, if it is not a refusal.
    fn settled(
        &self,
        sent: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Response<ureq::Body>, ClientError> {
        let answer = sent.map_err(|source| ClientError::Unreached {
            server: self.client.server.to_string(),
            source: Box::new(source),
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let mut text = Vec::new();
        let body = answer.into_body().into_reader();
        body.take(LONGEST_PROBLEM_BYTES)
            .read_to_end(&mut text)
            .map_err(ClientError::BrokenOff)?;
        Err(ClientError::Refused(Box::new(problem(status, &text))))
    }
}

fn understood<T: DeserializeOwned>(answer: impl Read) -> Result<T, ClientError> {
    serde_json::from_reader(io::BufReader::new(answer)).map_err(|error| {
        if error.is_io() {
            return ClientError::BrokenOff(error.into());
        }
        ClientError::Unexpected(error)
    })
}

/// What a refusal says. One that comes from something on the way, such as a proxy, has only its status.
fn problem(status: StatusCode, text: &[u8]) -> Problem {
    let said: Problem = serde_json::from_slice(text).unwrap_or_default();
    let detail = if said.detail.is_empty() {
        format!("status {status}")
    } else {
        said.detail
    };
    Problem {
        status: status.as_u16(),
        detail,
        ..said
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, ClientError> {
    let text = fs::read(path).map_err(|source| ClientError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let found: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        let path = path.to_owned();
        return Err(ClientError::NoCertificates { path });
    }
    Ok(found)
}
