//! What the standard variables of OpenTelemetry say of the export of metrics.

use std::ffi::OsString;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::{InvalidUsageExport, Temporality};

const ENDPOINT: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
const HEADERS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_HEADERS",
];
const CERTIFICATE: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
];
const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL";
const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";

/// As the specification of OpenTelemetry has it.
const USUAL_INTERVAL: Duration = Duration::from_secs(60);

/// Where usage goes, and how.
#[derive(Debug)]
pub(super) struct Variables {
    pub(super) endpoint: Uri,
    pub(super) headers: HeaderMap,
    pub(super) certificate: Option<OsString>,
    pub(super) temporality: Temporality,
    pub(super) every: Duration,
}

impl Variables {
    /// None where they want no export. An empty variable counts as none.
    pub(super) fn read(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, InvalidUsageExport> {
        let said = |name: &str| variable(name).filter(|text| !text.is_empty());
        let is = |name, value: &str| said(name).is_some_and(|it| it.eq_ignore_ascii_case(value));
        let first = |names: [&'static str; 2]| {
            let found = names.into_iter().map(|name| (name, said(name)));
            found.filter_map(|(name, text)| Some((name, text?))).next()
        };
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_METRICS_EXPORTER", "none") {
            return Ok(None);
        }
        let Some((name, text)) = first(ENDPOINT) else {
            return Ok(None);
        };
        if let Some(text) = said(PROTOCOL).filter(|text| text != "http/protobuf") {
            return Err(InvalidUsageExport::Protocol { text });
        }
        let [own, _] = ENDPOINT;
        let url = match name == own {
            true => text.clone(),
            false => format!("{}/v1/metrics", text.trim_end_matches('/')),
        };
        let endpoint = url.parse::<Uri>().ok().filter(|uri| {
            uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))
        });
        let headers = first(HEADERS).map(|(name, text)| headers(name, &text));
        Ok(Some(Self {
            endpoint: endpoint.ok_or(InvalidUsageExport::Endpoint { name, text })?,
            headers: headers.transpose()?.unwrap_or_default(),
            certificate: first(CERTIFICATE).map(|(_, path)| path.into()),
            temporality: said(TEMPORALITY).map_or(Ok(Temporality::Cumulative), temporality)?,
            every: said(INTERVAL).map_or(Ok(USUAL_INTERVAL), interval)?,
        }))
    }
}

/// `name=value`, with commas between them and values percent-encoded, as W3C Baggage has it. What is wrong about one is
/// told without its value, which may be secret.
fn headers(variable: &'static str, text: &str) -> Result<HeaderMap, InvalidUsageExport> {
    let parsed = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((name.trim().parse::<HeaderName>().ok()?, value))
    };
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    pairs
        .map(|pair| parsed(pair).ok_or(InvalidUsageExport::Headers { name: variable }))
        .collect()
}

fn temporality(text: String) -> Result<Temporality, InvalidUsageExport> {
    match text.to_ascii_lowercase().as_str() {
        "cumulative" => Ok(Temporality::Cumulative),
        "delta" | "lowmemory" => Ok(Temporality::Delta),
        _ => Err(InvalidUsageExport::Temporality { text }),
    }
}

fn interval(text: String) -> Result<Duration, InvalidUsageExport> {
    let ms = text.parse::<u64>().ok();
    let ms = ms.filter(|ms| (100..=86_400_000).contains(ms));
    ms.map(Duration::from_millis)
        .ok_or(InvalidUsageExport::Interval { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Variables>, String> {
        let read = Variables::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        read.map_err(|invalid| invalid.to_string())
    }

    const COLLECTOR: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");

    #[test]
    fn usage_is_exported_where_a_collector_is_named_and_nobody_turns_it_off() {
        assert!(read(&[]).unwrap().is_none());
        assert!(
            read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")])
                .unwrap()
                .is_none()
        );
        assert!(
            read(&[COLLECTOR, ("OTEL_SDK_DISABLED", "True")])
                .unwrap()
                .is_none()
        );
        assert!(
            read(&[COLLECTOR, ("OTEL_METRICS_EXPORTER", "none")])
                .unwrap()
                .is_none()
        );
        let usual = read(&[COLLECTOR]).unwrap().unwrap();
        assert_eq!(usual.endpoint, "http://127.0.0.1:4318/v1/metrics");
        assert_eq!(usual.temporality, Temporality::Cumulative);
        assert_eq!(usual.every, Duration::from_secs(60));
        assert!(usual.headers.is_empty());
    }

    #[test]
    fn what_is_said_of_metrics_goes_before_what_is_said_of_all() {
        let own = read(&[
            COLLECTOR,
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://x.test/otlp"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
                "x-key=a%20b, x-other = 2,",
            ),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "250"),
        ]);
        let own = own.unwrap().unwrap();
        assert_eq!(own.endpoint, "https://x.test/otlp");
        assert_eq!(own.temporality, Temporality::Delta);
        assert_eq!(own.every, Duration::from_millis(250));
        assert_eq!(
            (&own.headers["x-key"], &own.headers["x-other"]),
            (
                &HeaderValue::from_static("a b"),
                &HeaderValue::from_static("2"),
            )
        );
        assert_eq!(own.headers.len(), 2);
        assert!(!format!("{own:?}").contains("a b"));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_the_variable_and_without_secrets() {
        for (name, text, sentence) in [
            (
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
                "collector:4317",
                "`collector:4317`",
            ),
            (
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
                "ftp://x/",
                "http:// or https://",
            ),
            ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "canary", "name=value"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
                "a b=canary",
                "name=value",
            ),
            (
                "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
                "grpc",
                "http/protobuf",
            ),
            (
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                "both",
                "`both`",
            ),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1m", "`1m`"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "5", "100 to"),
        ] {
            let refusal = read(&[COLLECTOR, (name, text)]).unwrap_err();
            assert!(
                refusal.contains(sentence) && refusal.contains(name),
                "{refusal}"
            );
            assert!(!refusal.contains("canary"), "{refusal}");
        }
    }
}
