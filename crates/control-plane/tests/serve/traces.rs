//! Traces, as a collector gets them.

use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::runtime::Runtime;

use crate::collector::{attribute, collector, text_of};
use crate::process::{OPERATOR_TOKEN, PATIENCE, command_with_tokens, start, status, text};

#[test]
fn a_request_becomes_a_span_of_the_trace_that_it_names() {
    let runtime = Runtime::new().unwrap();
    let (address, sent) = collector(&runtime);
    let data = tempfile::tempdir().unwrap();
    let mut command = command_with_tokens(data.path());
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"))
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=canary-tenant")
        // Whatever the log leaves out.
        .env("PORTCULLIS_LOG", "warn");
    let process = start(command, 0);
    let traceparent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let path = "/api/v1/clients?limit=7&canary=canary-query";
    let answer = text(process.ask_with(OPERATOR_TOKEN, path, traceparent));
    assert_eq!(status(&answer), 400);
    let created = process.posts_text(
        OPERATOR_TOKEN,
        "/api/v1/clients",
        r#"{"name": "canary-name"}"#,
    );
    assert_eq!(status(&created), 201);
    let (ended, _, log) = process.stopped();
    assert!(ended.success(), "{log}");
    assert!(!log.contains("canary"), "{log}");

    let sent = sent.lock().unwrap();
    let mut spans: Vec<Span> = Vec::new();
    for (path, headers, body) in sent.iter() {
        if path == "/v1/metrics" {
            continue;
        }
        assert_eq!(path, "/v1/traces");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["x-tenant"], "canary-tenant");
        for secret in [OPERATOR_TOKEN, "canary-query", "canary-name"] {
            let secret = secret.as_bytes();
            assert!(!body.windows(secret.len()).any(|part| part == secret));
        }
        let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
        for resource in request.resource_spans {
            let of = resource.resource.unwrap().attributes;
            assert_eq!(text_of(&of, "service.name"), "portcullis");
            assert_eq!(text_of(&of, "service.version"), env!("CARGO_PKG_VERSION"));
            spans.extend(resource.scope_spans.into_iter().flat_map(|it| it.spans));
        }
    }
    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no `{name}`: {spans:?}"))
    };
    let reading = named("GET /api/v1/clients");
    assert_eq!(hex(&reading.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&reading.parent_span_id), "b7ad6b7169203331");
    assert_eq!(reading.kind, 2);
    assert_eq!(
        attribute(&reading.attributes, "http.response.status_code"),
        Some(&Value::IntValue(400))
    );
    assert_eq!(text_of(&reading.attributes, "author"), "operator-token");
    let creating = named("POST /api/v1/clients");
    assert_ne!(creating.trace_id, reading.trace_id);
    assert!(creating.parent_span_id.is_empty());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_collector_that_is_away_keeps_nobody_waiting() {
    let data = tempfile::tempdir().unwrap();
    let mut command = command_with_tokens(data.path());
    // Nobody listens there: the port is not one that programs are given.
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let process = start(command, 0);
    assert_eq!(process.status(OPERATOR_TOKEN, "/api/v1/clients"), 200);
    let began = Instant::now();
    let (ended, _, log) = process.stopped();
    assert!(ended.success(), "{log}");
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    assert!(!log.contains("panicked"), "{log}");
}
