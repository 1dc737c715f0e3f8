//! The audit as a file: written page by page as it is read, so that its length costs no memory.

use std::str::FromStr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::channel::{Channel, Sender};
use portcullis_store::{AuditFilter, AuditRecord};
use serde_json::{Map, Value};

use super::AuditEntry;
use crate::api::csv::{harmless, line as csv_line};
use crate::app::{App, Refusal};

/// How many changes are read at once.
const AT_ONCE: u32 = 500;

/// How many parts may wait for who reads them.
const WAITING: usize = 2;

/// The names of the columns of CSV.
const COLUMNS: [&str; 13] = [
    "number",
    "at",
    "author_kind",
    "author_id",
    "author_name",
    "request_id",
    "kind",
    "object_id",
    "object_name",
    "action",
    "before",
    "after",
    "revision",
];

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    JsonLines,
}

/// A text names no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`csv` or `jsonl`")]
pub(super) struct InvalidFormat;

/// The file breaks off: whoever reads it sees that the connection did.
#[derive(Debug, thiserror::Error)]
#[error("the audit cannot be read to its end")]
struct BrokenOff;

impl FromStr for Format {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Self, InvalidFormat> {
        match text {
            "csv" => Ok(Self::Csv),
            "jsonl" => Ok(Self::JsonLines),
            _ => Err(InvalidFormat),
        }
    }
}

impl Format {
    fn begin(self) -> Vec<u8> {
        match self {
            Self::Csv => csv_line(COLUMNS.map(str::to_owned)),
            Self::JsonLines => Vec::new(),
        }
    }

    fn line(self, record: AuditRecord) -> Vec<u8> {
        match self {
            Self::Csv => csv_line(fields(record).map(harmless)),
            Self::JsonLines => {
                let mut line = serde_json::to_vec(&AuditEntry::from(record)).unwrap_or_default();
                line.push(b'\n');
                line
            }
        }
    }

    const fn terms(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => (
                "text/csv; charset=utf-8; header=present",
                "attachment; filename=\"audit.csv\"",
            ),
            Self::JsonLines => ("application/jsonl", "attachment; filename=\"audit.jsonl\""),
        }
    }
}

/// Answers with the file. What cannot be read at all is refused; what cannot be read to its end breaks off.
pub(super) async fn answer(
    app: Arc<App>,
    filter: AuditFilter,
    format: Format,
) -> Result<Response, Refusal> {
    let first = app.audit(&filter, None, AT_ONCE).await?;
    let (mut sender, body) = Channel::<Bytes, BrokenOff>::new(WAITING);
    tokio::spawn(async move {
        let mut part = format.begin();
        let mut page = first;
        loop {
            let last = page.items.last().map(|record| record.ordinal);
            for record in page.items {
                part.extend(format.line(record));
            }
            if send(&mut sender, &mut part).await.is_err() || page.next.is_none() {
                return;
            }
            match app.audit(&filter, last, AT_ONCE).await {
                Ok(next) => page = next,
                Err(refusal) => {
                    let error: &dyn std::error::Error = &refusal;
                    tracing::error!(error, "an export of the audit breaks off");
                    sender.abort(BrokenOff);
                    return;
                }
            }
        }
    });
    let (content_type, disposition) = format.terms();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static(disposition),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    Ok((headers, Body::new(body)).into_response())
}

async fn send(sender: &mut Sender<Bytes, BrokenOff>, part: &mut Vec<u8>) -> Result<(), ()> {
    if part.is_empty() {
        return Ok(());
    }
    let part = Bytes::from(std::mem::take(part));
    sender.send_data(part).await.map_err(drop)
}

fn fields(record: AuditRecord) -> [String; 13] {
    let entry = AuditEntry::from(record);
    let json = |state: Option<Map<String, Value>>| {
        state.map_or_else(String::new, |state| Value::Object(state).to_string())
    };
    [
        entry.number.to_string(),
        entry.at.to_string(),
        entry.author.kind,
        entry.author.id.unwrap_or_default(),
        entry.author.name,
        entry.request_id.unwrap_or_default(),
        entry.kind,
        entry.object_id,
        entry.object_name.unwrap_or_default(),
        entry.action,
        json(entry.before),
        json(entry.after),
        entry.revision.to_string(),
    ]
}
