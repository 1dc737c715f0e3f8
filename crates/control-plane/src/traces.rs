//! Traces of requests, for OpenTelemetry: off unless the standard variables of OpenTelemetry name a collector. What a trace
//! holds is what the log holds: no query, no header, no body.

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use axum::http::HeaderMap;

use crate::collector::{self, Exporter};
use crate::fetch::InvalidTrust;

/// Where spans go, until they have all gone there.
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// Traces are wanted, and cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTraces {
    /// The collector cannot be believed.
    #[error("cannot use `{CERTIFICATE}`")]
    Trust(#[source] InvalidTrust),
    /// What the variables say of the collector makes no sense.
    #[error("cannot export traces as the variables `OTEL_EXPORTER_OTLP_…` say")]
    Exporter(#[from] ExporterBuildError),
}

const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";

impl Traces {
    /// As the variables of OpenTelemetry want them; nothing where they want none. They are sent by tasks of a runtime.
    ///
    /// # Errors
    /// When the variables make no sense.
    pub fn of_environment(runtime: Handle) -> Result<Option<Self>, InvalidTraces> {
        if !are_wanted(|name| std::env::var(name).ok()) {
            return Ok(None);
        }
        let client = Exporter::new(runtime, std::env::var_os(CERTIFICATE));
        let client = client.map_err(InvalidTraces::Trust)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(client)
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(collector::resource())
            .build();
        let tracer = provider.tracer("portcullis");
        Ok(Some(Self { provider, tracer }))
    }

    /// What turns spans of this program into those of traces.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        let is_own = |metadata: &Metadata<'_>| {
            metadata.is_span() && metadata.target().starts_with("portcullis")
        };
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_own))
    }

    /// Sends what was not sent yet, and waits for that a few seconds at most.
    pub fn end(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Makes a span part of the trace that the headers name (W3C Trace Context), if they name one.
pub(crate) fn follow(headers: &HeaderMap, span: &Span) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // Without traces there is nothing that could be part of one.
        let _ = span.set_parent(parent);
    }
}

fn are_wanted(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is =
        |name, value: &str| variable(name).is_some_and(|text| text.eq_ignore_ascii_case(value));
    let names_collector = [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ]
    .into_iter()
    .any(|name| variable(name).is_some_and(|text| !text.is_empty()));
    names_collector && !is("OTEL_SDK_DISABLED", "true") && !is("OTEL_TRACES_EXPORTER", "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_off_unless_a_collector_is_named_and_nobody_turns_them_off() {
        let wanted = |variables: &[(&str, &str)]| {
            are_wanted(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert!(!wanted(&[]));
        assert!(!wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
        assert!(wanted(&[collector]));
        assert!(wanted(&[(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://x/"
        )]));
        assert!(!wanted(&[collector, ("OTEL_SDK_DISABLED", "TRUE")]));
        assert!(!wanted(&[collector, ("OTEL_TRACES_EXPORTER", "none")]));
    }
}
