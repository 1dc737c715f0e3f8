//! Usage for those who have their own tools: what gateways tell is exported as metrics of OpenTelemetry (OTLP over HTTP),
//! where the standard variables of OpenTelemetry name a collector.
//!
//! Each process exports what it has taken in. A batch of a gateway is counted as a new one by one process only, so each
//! request is in the sums of one, however many replicas there are, and none has to be chosen.

mod message;
mod variables;

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use opentelemetry::KeyValue as Attribute;
use opentelemetry_http::HttpClient as _;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::transform::common::tonic::Attributes;
use opentelemetry_sdk::Resource;
use prost::Message as _;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use crate::app::usage::{UsageAbout, UsageSums};
use crate::app::{App, NoEntropy, Refusal, World};
use crate::collector::{self, Exporter};
use crate::fetch::InvalidTrust;
use message::Series;
use variables::Variables;

/// How many sums one request tells: about a megabyte.
const AT_ONCE: usize = 1_000;

/// How often a request is sent at most, until the next interval.
const ATTEMPTS: u32 = 3;

/// How long the second attempt waits, where the collector says nothing of it. The next one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long an attempt waits at most, whatever the collector says.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What points tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Temporality {
    /// Everything since this process began. Whatever is sent twice, or lost, does no harm.
    Cumulative,
    /// What came since the last export that the collector took.
    Delta,
}

/// Usage is to be exported, and cannot be.
#[derive(Debug, thiserror::Error)]
pub enum InvalidUsageExport {
    /// The collector cannot be reached like this.
    #[error("`{name}`: `{text}` is no URL that begins with http:// or https://")]
    Endpoint {
        /// The variable.
        name: &'static str,
        /// What it holds.
        text: String,
    },
    /// The headers are none.
    #[error("`{name}` is not a list of name=value with commas between them")]
    Headers {
        /// The variable.
        name: &'static str,
    },
    /// There is no such protocol here.
    #[error(
        "`OTEL_EXPORTER_OTLP_METRICS_PROTOCOL`: `{text}` is not spoken here, only http/protobuf"
    )]
    Protocol {
        /// What the variable holds.
        text: String,
    },
    /// There is no such temporality.
    #[error(
        "`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`: `{text}` is none of cumulative, delta, lowmemory"
    )]
    Temporality {
        /// What the variable holds.
        text: String,
    },
    /// The interval is none.
    #[error(
        "`OTEL_METRIC_EXPORT_INTERVAL`: `{text}` is no number of milliseconds from 100 to 86400000"
    )]
    Interval {
        /// What the variable holds.
        text: String,
    },
    /// The collector cannot be believed.
    #[error("cannot believe the collector of metrics as `OTEL_EXPORTER_OTLP_CERTIFICATE` says")]
    Trust(#[from] InvalidTrust),
    /// There is no randomness to name this process by.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// An export did not succeed.
#[derive(Debug, thiserror::Error)]
enum NotExported {
    #[error("the collector cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    #[error("the collector cannot take it now: status {0}")]
    Busy(StatusCode),
    #[error("the collector refuses it for good: status {0}")]
    Refused(StatusCode),
    #[error("the names of what was counted cannot be read")]
    Names(#[source] Refusal),
}

/// Exports usage.
pub struct UsageExport {
    exporter: Exporter,
    endpoint: Uri,
    headers: HeaderMap,
    every: Duration,
    temporality: Temporality,
    resource: Vec<KeyValue>,
    sums: UsageSums,
    /// Since when each of them was counted, and what it is about.
    known: HashMap<UsageAbout, Known>,
    /// Up to when everything was taken that was counted: milliseconds since 1970, UTC.
    taken_ms: u64,
    is_failing: bool,
}

struct Known {
    since_ms: u64,
    attributes: Vec<KeyValue>,
}

impl UsageExport {
    /// As the variables of OpenTelemetry want it; nothing where they want none.
    ///
    /// # Errors
    /// When the variables make no sense.
    pub fn of_environment(
        runtime: Handle,
        world: &World,
    ) -> Result<Option<Self>, InvalidUsageExport> {
        let Some(variables) = Variables::read(|name| std::env::var(name).ok())? else {
            return Ok(None);
        };
        Ok(Some(Self {
            exporter: Exporter::new(runtime, variables.certificate)?,
            endpoint: variables.endpoint,
            headers: variables.headers,
            every: variables.every,
            temporality: variables.temporality,
            resource: resource(&collector::resource(), world)?,
            sums: UsageSums::default(),
            known: HashMap::new(),
            taken_ms: world.clock.now_ms(),
            is_failing: false,
        }))
    }

    /// Exports what is counted now and then until `ending` becomes true, and what is left then once more. What the collector
    /// is being sent then is waited for: it may have it, and with deltas it would count it twice.
    pub async fn run(mut self, app: Arc<App>, mut ending: watch::Receiver<bool>) {
        let mut is_last = false;
        while !is_last {
            is_last = is_ended(sleep(self.every), &mut ending).await;
            let outcome = self.export(&app, &mut ending).await;
            self.note(&app, outcome);
        }
    }

    async fn export(
        &mut self,
        app: &App,
        ending: &mut watch::Receiver<bool>,
    ) -> Result<(), NotExported> {
        let now_ms = app.now_ms();
        for (about, counts) in app.take_collected_usage() {
            self.sums.add(about, &counts);
        }
        self.name_all(app).await?;
        self.taken_ms = now_ms;
        let mut abouts: Vec<_> = self.sums.abouts().collect();
        abouts.sort_unstable();
        for abouts in abouts.chunks(AT_ONCE) {
            let sent = self.send(&self.message(abouts, now_ms), ending).await;
            let is_settled = matches!(sent, Ok(()) | Err(NotExported::Refused(_)));
            if is_settled && self.temporality == Temporality::Delta {
                for about in abouts {
                    self.sums.forget(about);
                    self.known.remove(about);
                }
            }
            sent?;
        }
        Ok(())
    }

    /// Finds out what new sums are about. Of those that are exported again and again, names stay as they were first: with
    /// another name they would be others.
    async fn name_all(&mut self, app: &App) -> Result<(), NotExported> {
        let is_new = |about: &UsageAbout| !self.known.contains_key(about);
        let new: Vec<_> = self.sums.abouts().filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let names = app.names_of_usage(&new).await.map_err(NotExported::Names)?;
        for about in new {
            let names = match about {
                UsageAbout::Of(..) => names.get(&about),
                UsageAbout::Others => None,
            };
            let known = Known {
                since_ms: self.taken_ms,
                attributes: message::attributes(names),
            };
            self.known.insert(about, known);
        }
        Ok(())
    }

    fn message(&self, abouts: &[UsageAbout], now_ms: u64) -> ExportMetricsServiceRequest {
        let series = abouts.iter().filter_map(|about| {
            let known = self.known.get(about)?;
            Some(Series {
                attributes: &known.attributes,
                counts: self.sums.of(about)?,
                from_ns: nanoseconds(known.since_ms),
                until_ns: nanoseconds(now_ms),
            })
        });
        let series: Vec<_> = series.collect();
        message::message(&self.resource, &series, self.temporality)
    }

    async fn send(
        &self,
        message: &ExportMetricsServiceRequest,
        ending: &mut watch::Receiver<bool>,
    ) -> Result<(), NotExported> {
        let body = axum::body::Bytes::from(message.encode_to_vec());
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let mut request = Request::new(body.clone());
            *request.method_mut() = axum::http::Method::POST;
            *request.uri_mut() = self.endpoint.clone();
            *request.headers_mut() = self.headers.clone();
            let protobuf = HeaderValue::from_static("application/x-protobuf");
            request.headers_mut().insert(header::CONTENT_TYPE, protobuf);
            let (failure, asked) = match self.exporter.send_bytes(request).await {
                Ok(answer) if answer.status().is_success() => {
                    tell_rejections(answer.body());
                    return Ok(());
                }
                // Those that the specification of OTLP says may be tried again.
                Ok(answer) if matches!(answer.status().as_u16(), 429 | 502 | 503 | 504) => (
                    NotExported::Busy(answer.status()),
                    retry_after(answer.headers()),
                ),
                Ok(answer) => return Err(NotExported::Refused(answer.status())),
                Err(error) => (NotExported::Unreachable(error), None),
            };
            let pausing = sleep(asked.unwrap_or(pause).min(LONGEST_PAUSE));
            if attempt >= ATTEMPTS || is_ended(pausing, ending).await {
                return Err(failure);
            }
            pause = pause.saturating_mul(2);
        }
        Ok(())
    }

    /// A failure is said once, until it works again.
    fn note(&mut self, app: &App, outcome: Result<(), NotExported>) {
        app.meters().count_usage_export(outcome.is_ok());
        match (&outcome, self.is_failing) {
            (Ok(()), true) => tracing::info!("usage is exported again"),
            (Err(error), false) => {
                let error: &dyn Error = error;
                tracing::warn!(error, "cannot export usage");
            }
            (Ok(()), false) | (Err(_), true) => {}
        }
        self.is_failing = outcome.is_err();
    }
}

/// Waits, but not longer than until `ending` becomes true: whether it has.
async fn is_ended(pausing: Sleep, ending: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        biased;
        _ = ending.wait_for(|ending| *ending) => true,
        () = pausing => false,
    }
}

fn nanoseconds(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}

/// As what everything is filed, and a name of this process, so that its sums are not taken for those of another.
fn resource(resource: &Resource, world: &World) -> Result<Vec<KeyValue>, NoEntropy> {
    const INSTANCE: &str = "service.instance.id";
    let said = resource.iter();
    let mut attributes: Vec<_> = said
        .map(|(name, value)| Attribute::new(name.clone(), value.clone()))
        .collect();
    if !attributes.iter().any(|it| it.key.as_str() == INSTANCE) {
        let id = u128::from_be_bytes(world.entropy.bytes()?);
        attributes.push(Attribute::new(INSTANCE, format!("{id:032x}")));
    }
    Ok(Attributes::from(attributes).0)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.parse().ok()?))
}

/// A collector may take a request and reject points of it: sent again they would be rejected again.
fn tell_rejections(answer: &[u8]) {
    let answer = ExportMetricsServiceResponse::decode(answer).unwrap_or_default();
    if let Some(partial) = answer.partial_success
        && partial.rejected_data_points > 0
    {
        let (points, why) = (partial.rejected_data_points, partial.error_message);
        tracing::warn!(points, why, "the collector rejects a part of the usage");
    }
}
