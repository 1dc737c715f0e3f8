//! What is written down of the work, on the standard error: as text for people, or as one JSON object a line for programs.

use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::traces::Traces;

/// What is written down, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Directives such as `info` or `portcullis_control_plane=debug`.
    pub directives: Directives,
    /// The form.
    pub format: LogFormat,
}

/// Directives that can be understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives(String);

/// In which form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// A text does not say what to log.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` does not say what to log")]
pub struct InvalidDirectives {
    text: String,
    source: ParseError,
}

/// There is no such form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no form of a log: there are `text` and `json`")]
pub struct InvalidFormat(String);

/// Begins to write down. May be called once in a process.
pub fn begin(settings: &LogSettings, traces: Option<&Traces>) {
    // They were understood when they were read.
    let filter = EnvFilter::new(&settings.directives.0);
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match settings.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(traces.map(Traces::layer))
        .init();
}

impl FromStr for Directives {
    type Err = InvalidDirectives;

    fn from_str(text: &str) -> Result<Self, InvalidDirectives> {
        match EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(source) => Err(InvalidDirectives {
                text: text.to_owned(),
                source,
            }),
        }
    }
}

impl FromStr for LogFormat {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Self, InvalidFormat> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(InvalidFormat(text.to_owned())),
        }
    }
}
