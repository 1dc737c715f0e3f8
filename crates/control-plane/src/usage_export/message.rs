//! Sums of usage as metrics of OpenTelemetry. What they are called stands here, and in `docs/operations.md`.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, metric,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use portcullis_feed::usage::LATENCY_BOUNDS_MS;
use portcullis_store::UsageCounts;

use super::Temporality;
use crate::app::usage::{Named, StatusClass, UsageNames};
use crate::version;

/// A sum, and from when to when it was counted: nanoseconds since 1970, UTC.
pub(super) struct Series<'s> {
    pub(super) attributes: &'s [KeyValue],
    pub(super) counts: &'s UsageCounts,
    pub(super) from_ns: u64,
    pub(super) until_ns: u64,
}

/// What a sum is about. None: all for which there was no room, as OpenTelemetry names them.
pub(super) fn attributes(names: Option<&UsageNames>) -> Vec<KeyValue> {
    let Some(names) = names else {
        let overflow = Value::BoolValue(true);
        return vec![attribute("otel.metric.overflow", overflow)];
    };
    let parts = [
        ("portcullis.client", &names.client),
        ("portcullis.access_profile", &names.profile),
        ("portcullis.collection", &names.collection),
    ];
    let parts = parts.into_iter();
    let named = parts.filter_map(|(prefix, named)| Some((prefix, named.as_ref()?)));
    named
        .flat_map(|(prefix, Named { id, name })| {
            let id = text(&format!("{prefix}.id"), id);
            let name = name.as_deref();
            let name = name.map(|name| text(&format!("{prefix}.name"), name));
            [id].into_iter().chain(name)
        })
        .collect()
}

/// The message that tells some sums.
pub(super) fn message(
    resource: &[KeyValue],
    series: &[Series<'_>],
    temporality: Temporality,
) -> ExportMetricsServiceRequest {
    let temporality = match temporality {
        Temporality::Cumulative => AggregationTemporality::Cumulative,
        Temporality::Delta => AggregationTemporality::Delta,
    };
    let temporality: i32 = temporality.into();
    let sum = |name, description, unit, points: fn(&Series<'_>) -> Vec<NumberDataPoint>| Metric {
        data: Some(metric::Data::Sum(Sum {
            data_points: series.iter().flat_map(points).collect(),
            aggregation_temporality: temporality,
            is_monotonic: true,
        })),
        ..described(name, description, unit)
    };
    let latency = Metric {
        data: Some(metric::Data::Histogram(Histogram {
            data_points: series.iter().filter_map(durations).collect(),
            aggregation_temporality: temporality,
        })),
        ..described(
            "portcullis.request.duration",
            "From the decision to the beginning of the answer, of requests that were permitted",
            "s",
        )
    };
    let metrics = vec![
        sum(
            "portcullis.requests",
            "Requests, by what was decided and why",
            "{request}",
            decisions,
        ),
        sum(
            "portcullis.responses",
            "Answers, by the class of their status",
            "{response}",
            responses,
        ),
        latency,
    ];
    let scope = InstrumentationScope {
        name: "portcullis.usage".to_owned(),
        version: version::NUMBER.to_owned(),
        ..InstrumentationScope::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: resource.to_vec(),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

fn described(name: &str, description: &str, unit: &str) -> Metric {
    Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: unit.to_owned(),
        ..Metric::default()
    }
}

fn decisions(series: &Series<'_>) -> Vec<NumberDataPoint> {
    let counts = series.counts;
    let denials = counts.denials.iter();
    let explained = denials
        .clone()
        .fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let refused = counts.requests.saturating_sub(counts.permitted);
    let decision = |decision| text("portcullis.decision", decision);
    let permitted = series.point(counts.permitted, vec![decision("permitted")]);
    let unexplained = refused.saturating_sub(explained);
    let unexplained = series.point(unexplained, vec![decision("refused")]);
    let reasons = denials.map(|(code, count)| {
        let reason = text("portcullis.reason", code);
        series.point(*count, vec![decision("refused"), reason])
    });
    let points = [permitted, unexplained].into_iter().chain(reasons);
    points.flatten().collect()
}

fn responses(series: &Series<'_>) -> Vec<NumberDataPoint> {
    let classes = StatusClass::ALL.into_iter();
    let points = classes.map(|class| {
        let name = text("portcullis.status_class", class.name());
        series.point(class.of(series.counts), vec![name])
    });
    points.flatten().collect()
}

/// None where nothing was permitted.
fn durations(series: &Series<'_>) -> Option<HistogramDataPoint> {
    let counts = series.counts;
    let mut buckets = counts.latencies.to_vec();
    // Refusals are counted as if they had taken no time.
    let refused = counts.requests.saturating_sub(counts.permitted);
    if let Some(first) = buckets.first_mut() {
        *first = first.saturating_sub(refused);
    }
    let count = buckets
        .iter()
        .fold(0_u64, |sum, it| sum.saturating_add(*it));
    (count > 0).then(|| HistogramDataPoint {
        attributes: series.attributes.to_vec(),
        start_time_unix_nano: series.from_ns,
        time_unix_nano: series.until_ns,
        count,
        bucket_counts: buckets,
        explicit_bounds: LATENCY_BOUNDS_MS
            .iter()
            .map(|ms| f64::from(*ms) / 1_000.0)
            .collect(),
        ..HistogramDataPoint::default()
    })
}

impl Series<'_> {
    /// None of a count that is none.
    fn point(&self, count: u64, further: Vec<KeyValue>) -> Option<NumberDataPoint> {
        let attributes = self.attributes.iter().cloned().chain(further);
        (count > 0).then(|| NumberDataPoint {
            attributes: attributes.collect(),
            start_time_unix_nano: self.from_ns,
            time_unix_nano: self.until_ns,
            value: Some(Number::AsInt(i64::try_from(count).unwrap_or(i64::MAX))),
            ..NumberDataPoint::default()
        })
    }
}

fn text(name: &str, value: &str) -> KeyValue {
    attribute(name, Value::StringValue(value.to_owned()))
}

fn attribute(name: &str, value: Value) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
    }
}
