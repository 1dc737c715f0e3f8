//! The course of usage as CSV.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use crate::api::csv::{harmless, line};
use crate::app::time::Moment;
use crate::app::usage::{StatusClass, UsageNumbers, UsageSeries};

/// The names of the columns before those of statuses, and after them.
const COLUMNS: [&str; 17] = [
    "at",
    "id",
    "name",
    "requests",
    "permitted",
    "refused",
    "bytes_in",
    "bytes_out",
    "status_none",
    "status_1xx",
    "status_2xx",
    "status_3xx",
    "status_4xx",
    "status_5xx",
    "p50_ms",
    "p95_ms",
    "p99_ms",
];

/// Answers with a line for each point.
pub(super) fn series(series: UsageSeries) -> Response {
    let mut csv = line(COLUMNS.map(str::to_owned));
    for item in series.items {
        let id = harmless(item.id.unwrap_or_default());
        let name = harmless(item.name.unwrap_or_default());
        for point in item.points {
            let at = Moment::from_ms(point.at_ms).to_string();
            csv.extend(line(fields(at, id.clone(), name.clone(), &point.numbers)));
        }
    }
    file("usage.csv", Body::from(csv))
}

/// A file of CSV.
pub(super) fn file(name: &str, body: Body) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
        ),
        (
            header::CONTENT_DISPOSITION,
            disposition.unwrap_or(HeaderValue::from_static("attachment")),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (headers, body).into_response()
}

fn fields(at: String, id: String, name: String, numbers: &UsageNumbers) -> [String; 17] {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let status = |class: StatusClass| {
        let statuses = numbers.statuses.as_ref();
        number(statuses.map(|statuses| statuses.get(class.name()).copied().unwrap_or(0)))
    };
    let [s0, s1, s2, s3, s4, s5] = StatusClass::ALL.map(status);
    let latency = numbers
        .latency
        .map(|told| [told.p50_ms, told.p95_ms, told.p99_ms]);
    let latency = latency.map(|told| told.map(|ms| ms.to_string()));
    let [p50, p95, p99] = latency.unwrap_or_default();
    [
        at,
        id,
        name,
        numbers.requests.to_string(),
        number(numbers.permitted),
        number(numbers.refused),
        number(numbers.bytes_in),
        number(numbers.bytes_out),
        s0,
        s1,
        s2,
        s3,
        s4,
        s5,
        p50,
        p95,
        p99,
    ]
}
