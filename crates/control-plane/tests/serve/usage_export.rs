//! Usage, as a collector of OpenTelemetry gets it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, HistogramDataPoint};
use prost::Message as _;
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::collector::{Sent, attribute, collector, collector_after, collector_slow_by, text_of};
use crate::process::{
    GATEWAY_TOKEN, OPERATOR_TOKEN, PATIENCE, Process, command_with_tokens, fail, start, status,
};

/// What a point says: its number, and when what it counts began.
type Point = (u64, u64);

/// What was exported: for each metric and what it is about, its points in the order in which they came.
type Exported = BTreeMap<String, Vec<Point>>;

fn exporting(data: &Path, collector: SocketAddr) -> Command {
    let mut command = command_with_tokens(data);
    command
        .env(
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            format!("http://{collector}/v1/metrics"),
        )
        .env("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .env("PORTCULLIS_LOG", "warn");
    command
}

/// A record that was made, by the answer to its making.
fn made(process: &Process, path: &str, record: &Json) -> String {
    let answer = process.posts_text(OPERATOR_TOKEN, path, &record.to_string());
    assert_eq!(status(&answer), 201, "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let record: Json = serde_json::from_str(body).unwrap();
    record["id"].as_str().unwrap().to_owned()
}

/// A profile of Acme that is granted `orders/v1`: their identifiers.
fn records(process: &Process) -> [String; 3] {
    let client = made(process, "/api/v1/clients", &json!({"name": "Acme"}));
    let endpoints = json!([{"method": "GET", "path": "/orders"}]);
    let orders = json!({"name": "orders", "version": "v1", "endpoints": endpoints});
    let collection = made(process, "/api/v1/collections", &orders);
    let profile = json!({
        "client_id": client,
        "name": "Production",
        "access_method": "api_key",
        "collections": [collection],
    });
    let profile = made(process, "/api/v1/access-profiles", &profile);
    [client, profile, collection]
}

fn tell(process: &Process, number: u64, rows: &Json) {
    let batch =
        json!({"instance": "00000000000000ff", "name": "edge-1", "number": number, "rows": rows});
    let answer = process.posts_text(GATEWAY_TOKEN, "/feed/v1/usage", &batch.to_string());
    assert_eq!(status(&answer), 204, "{answer}");
}

/// Messages that came so far.
fn messages(sent: &Sent) -> Vec<ExportMetricsServiceRequest> {
    let sent = sent.lock().unwrap();
    let bodies = sent.iter().map(|(_, _, body)| body.clone());
    bodies
        .map(|body| ExportMetricsServiceRequest::decode(body).unwrap())
        .collect()
}

fn exported(sent: &Sent, temporality: AggregationTemporality) -> Exported {
    let mut exported = Exported::new();
    let about = |name: &str, attributes: &[KeyValue]| {
        let said = |name: &str| match attribute(attributes, name) {
            Some(Value::StringValue(text)) => format!(" {text}"),
            Some(other) => panic!("{other:?}"),
            None => String::new(),
        };
        let said = [
            "client.name",
            "collection.name",
            "decision",
            "reason",
            "status_class",
        ]
        .map(|rest| said(&format!("portcullis.{rest}")));
        format!("{name}{}", said.concat())
    };
    let messages = messages(sent).into_iter();
    let scopes = messages.flat_map(|message| message.resource_metrics);
    for metric in scopes
        .flat_map(|resource| resource.scope_metrics)
        .flat_map(|scope| scope.metrics)
    {
        let name = metric.name.trim_start_matches("portcullis.");
        match metric.data.unwrap() {
            Data::Sum(sum) => {
                assert_eq!(sum.aggregation_temporality(), temporality);
                assert!(sum.is_monotonic);
                for point in sum.data_points {
                    let Some(Number::AsInt(count)) = point.value else {
                        panic!("{point:?}");
                    };
                    let told = (count.try_into().unwrap(), point.start_time_unix_nano);
                    let about = about(name, &point.attributes);
                    exported.entry(about).or_default().push(told);
                }
            }
            Data::Histogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality(), temporality);
                for point in histogram.data_points {
                    let told = (point.count, point.start_time_unix_nano);
                    let about = about(name, &point.attributes);
                    exported.entry(about).or_default().push(told);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    exported
}

fn within<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn histograms(sent: &Sent) -> Vec<HistogramDataPoint> {
    let scopes = messages(sent)
        .into_iter()
        .flat_map(|it| it.resource_metrics);
    let metrics = scopes
        .flat_map(|it| it.scope_metrics)
        .flat_map(|it| it.metrics);
    let points = metrics.filter_map(|metric| match metric.data {
        Some(Data::Histogram(histogram)) => Some(histogram.data_points),
        _ => None,
    });
    points.flatten().collect()
}

#[test]
fn usage_is_exported_by_client_profile_and_collection() {
    let runtime = Runtime::new().unwrap();
    let (address, sent) = collector(&runtime);
    let data = tempfile::tempdir().unwrap();
    let mut command = exporting(data.path(), address);
    command
        .env(
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
            "x-tenant=canary%20tenant",
        )
        .env("OTEL_SERVICE_NAME", "the-gate");
    let process = start(command, 0);
    let [client, profile, collection] = records(&process);
    let minute = 29_000_000;
    tell(
        &process,
        1,
        &json!([
            {"m": minute, "p": profile, "c": collection, "k": "canarykey", "n": 5, "ok": 3,
             "d": [["quota_exceeded", 2]], "s": [[2, 2], [4, 2], [5, 1]], "l": [[0, 3], [2, 2]]},
            {"m": minute, "n": 4, "d": [["credential_missing", 4]], "s": [[4, 4]], "l": [[0, 4]]},
        ]),
    );
    let cumulative = AggregationTemporality::Cumulative;
    let told = within("it is exported", || {
        let told = exported(&sent, cumulative);
        told.contains_key("requests refused credential_missing")
            .then_some(told)
    });
    let last = |about: &str| {
        told.get(about)
            .and_then(|points| points.last())
            .map(|it| it.0)
    };
    for (about, count) in [
        ("requests Acme orders v1 permitted", 3),
        ("requests Acme orders v1 refused quota_exceeded", 2),
        ("requests refused credential_missing", 4),
        ("responses Acme orders v1 2xx", 2),
        ("responses Acme orders v1 4xx", 2),
        ("responses Acme orders v1 5xx", 1),
        ("responses 4xx", 4),
        ("request.duration Acme orders v1", 3),
    ] {
        assert_eq!(last(about), Some(count), "{about}: {told:#?}");
    }
    assert_eq!(told.len(), 8, "{told:#?}");

    // What is added later is added there too, since the same moment.
    tell(
        &process,
        2,
        &json!([{"m": minute, "p": profile, "c": collection, "n": 7, "ok": 7}]),
    );
    let permitted = "requests Acme orders v1 permitted";
    let points = within("it is exported again", || {
        let points = exported(&sent, cumulative).remove(permitted)?;
        points.iter().any(|point| point.0 == 10).then_some(points)
    });
    assert!(
        points.iter().all(|point| point.1 == points[0].1),
        "{points:?}"
    );
    assert!(points.is_sorted(), "{points:?}");

    let histogram = histograms(&sent).remove(0);
    let attributes = &histogram.attributes;
    assert_eq!(text_of(attributes, "portcullis.client.id"), client);
    assert_eq!(text_of(attributes, "portcullis.access_profile.id"), profile);
    assert_eq!(
        text_of(attributes, "portcullis.access_profile.name"),
        "Production"
    );
    assert_eq!(text_of(attributes, "portcullis.collection.id"), collection);
    // Both of those that were refused are left out of the first bucket.
    assert_eq!(histogram.bucket_counts[..4], [1, 0, 2, 0]);
    assert_eq!(histogram.explicit_bounds[..3], [0.001, 0.002, 0.005]);
    assert_eq!(
        histogram.bucket_counts.len(),
        histogram.explicit_bounds.len() + 1
    );

    let (ended, _, log) = process.stopped();
    assert!(ended.success() && log.is_empty(), "{log}");
    for message in messages(&sent) {
        let resource = message.resource_metrics[0].resource.clone().unwrap();
        assert_eq!(text_of(&resource.attributes, "service.name"), "the-gate");
        assert_eq!(
            text_of(&resource.attributes, "service.instance.id").len(),
            32
        );
    }
    for (path, headers, body) in sent.lock().unwrap().iter() {
        assert_eq!(path, "/v1/metrics");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["x-tenant"], "canary tenant");
        for secret in [OPERATOR_TOKEN, GATEWAY_TOKEN, "canarykey"] {
            let secret = secret.as_bytes();
            assert!(!body.windows(secret.len()).any(|part| part == secret));
        }
    }
}

#[test]
fn each_request_is_exported_once_though_the_collector_is_away_and_batches_are_repeated() {
    let runtime = Runtime::new().unwrap();
    let (address, sent) = collector_after(&runtime, 4);
    let data = tempfile::tempdir().unwrap();
    let started = || {
        let mut command = exporting(data.path(), address);
        command.env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
        start(command, 0)
    };
    let rows = |count: u64| json!([{"m": 29_000_000, "n": count, "ok": count}]);
    let process = started();
    tell(&process, 1, &rows(3));
    tell(&process, 1, &rows(3));
    let delta = AggregationTemporality::Delta;
    let permitted = "requests permitted";
    within("the collector has taken something", || {
        exported(&sent, delta).contains_key(permitted).then_some(())
    });
    // What comes last is exported at the end.
    tell(&process, 2, &rows(5));
    let (ended, _, log) = process.stopped();
    assert!(ended.success(), "{log}");
    // Whichever process a batch reaches again, it was exported.
    let process = started();
    tell(&process, 2, &rows(5));
    tell(&process, 3, &rows(7));
    let (ended, _, log) = process.stopped();
    assert!(ended.success(), "{log}");

    let points = exported(&sent, delta).remove(permitted).unwrap();
    let counts: Vec<u64> = points.iter().map(|point| point.0).collect();
    assert_eq!(counts, [3, 5, 7], "{points:?}");
    let starts: Vec<u64> = points.iter().map(|point| point.1).collect();
    assert!(starts.is_sorted() && starts[0] < starts[1], "{points:?}");
}

#[test]
fn what_a_collector_is_being_sent_when_a_signal_comes_is_not_sent_again() {
    let runtime = Runtime::new().unwrap();
    let (address, sent) = collector_slow_by(&runtime, Duration::from_millis(500));
    let data = tempfile::tempdir().unwrap();
    let mut command = exporting(data.path(), address);
    command.env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    let process = start(command, 0);
    tell(&process, 1, &json!([{"m": 29_000_000, "n": 3, "ok": 3}]));
    within("the collector is sent it", || {
        (!messages(&sent).is_empty()).then_some(())
    });
    let (ended, _, log) = process.stopped();
    assert!(ended.success() && log.is_empty(), "{log}");
    let exported = exported(&sent, AggregationTemporality::Delta);
    let counts = exported["requests permitted"].iter().map(|point| point.0);
    assert_eq!(counts.collect::<Vec<_>>(), [3]);
}

#[test]
fn a_collector_that_cannot_be_understood_is_told_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let mut command = command_with_tokens(data.path());
    command.env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector:4317");
    let failure = fail(command);
    assert_eq!(failure.code, Some(1));
    let sentence = "`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`: `collector:4317` is no URL";
    assert!(failure.stderr.contains(sentence), "{}", failure.stderr);
}
