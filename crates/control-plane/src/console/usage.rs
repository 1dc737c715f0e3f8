//! What was called, in figures and charts: the same for all clients and for one.

use std::collections::BTreeMap;

use maud::{Markup, html};
use portcullis_store::UsageGroup;

use super::design::{Chart, Course, Tone, chart, number};
use crate::app::usage::{UsageAsked, UsageBy, UsageNumbers, UsagePoint, UsageSeries};
use crate::app::{App, Refusal};

/// How many reasons are told apart.
const REASONS: u32 = 8;

/// The figures and the charts of a question.
pub(super) async fn panel(app: &App, asked: &UsageAsked, when: &str) -> Result<Markup, Refusal> {
    let totals = app.usage_totals(asked).await?;
    let series = app.usage_series(asked, None, 1).await?;
    let by_reason = Some(UsageBy::Group(UsageGroup::Reason));
    let reasons = app.usage_series(asked, by_reason, REASONS).await?;
    let moments = moments(&series);
    let points: &[UsagePoint] = series.items.first().map_or(&[], |item| &item.points);
    let of = |value: fn(&UsageNumbers) -> u64| values(&moments, points, value);
    let requests = [
        course(
            "permitted",
            Tone::Permit,
            of(|it| it.permitted.unwrap_or_default()),
        ),
        course(
            "refused",
            Tone::Refusal,
            of(|it| it.refused.unwrap_or_default()),
        ),
    ];
    let latency = [
        course(
            "half of them",
            Tone::Neutral,
            of(|it| latency(it, |it| it.p50_ms)),
        ),
        course(
            "95 of 100",
            Tone::Refusal,
            of(|it| latency(it, |it| it.p95_ms)),
        ),
        course(
            "99 of 100",
            Tone::Fault,
            of(|it| latency(it, |it| it.p99_ms)),
        ),
    ];
    let errors = [course("errors of services", Tone::Fault, of(failed))];
    let curve = |title: &str, courses: &[Course], unit, is_stacked| {
        chart(&Chart {
            title: &format!("{title}, {when}"),
            moments: &moments,
            courses,
            unit,
            is_stacked,
        })
    };
    Ok(html! {
        (figures(&totals.numbers))
        (curve("Requests", &requests, "", true))
        div.columns {
            (refused(&totals.reasons, &reasons, when))
            (curve("Latency", &latency, " ms", false))
        }
        @if failed(&totals.numbers) > 0 { (curve("Errors", &errors, "", true)) }
    })
}

fn figures(numbers: &UsageNumbers) -> Markup {
    let refused = numbers.refused.unwrap_or_default();
    html! {
        dl.figures {
            div { dt { "Requests" } dd { (number(numbers.requests)) } }
            div { dt { "Refused" } dd { (number(refused)) } }
            div { dt { "Errors (500 and above)" } dd { (number(failed(numbers))) } }
            @if let Some(latency) = numbers.latency {
                div { dt { "Latency, 95 of 100" } dd { (format!("{:.0} ms", latency.p95_ms)) } }
            }
        }
    }
}

/// Why requests were refused: how often in all, the most frequent first.
fn refused(reasons: &BTreeMap<String, u64>, series: &UsageSeries, when: &str) -> Markup {
    let moments = moments(series);
    let all: u64 = reasons.values().sum();
    let mut sorted: Vec<(&String, &u64)> = reasons.iter().collect();
    sorted.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), (*reason).clone()));
    html! {
        figure.chart {
            figcaption { h3 { "Refused requests, " (when) ", by reason" } }
            @if all == 0 {
                p.nothing { "None was refused." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Reasons of refusals" {
                    table {
                        thead { tr { th scope="col" { "Reason" } th scope="col" { "Course" } th.figure scope="col" { "Requests" } } }
                        tbody {
                            @for (reason, count) in sorted {
                                @let points = series.items.iter().find(|item| item.id.as_ref() == Some(reason));
                                tr {
                                    th scope="row" { code { (reason) } }
                                    td {
                                        @if let Some(item) = points {
                                            (super::design::sparkline(Tone::Refusal, &values(&moments, &item.points, |it| it.requests)))
                                        }
                                    }
                                    td.figure { (number(*count)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// All moments of a period, those without any requests too.
fn moments(series: &UsageSeries) -> Vec<u64> {
    let period = series.period;
    let step = usize::try_from(period.unit.minutes()).unwrap_or(1).max(1);
    let minutes = (period.from..period.until).step_by(step);
    minutes
        .map(|minute| minute.saturating_mul(60_000))
        .collect()
}

fn values(moments: &[u64], points: &[UsagePoint], value: fn(&UsageNumbers) -> u64) -> Vec<u64> {
    let known: BTreeMap<u64, u64> = points
        .iter()
        .map(|it| (it.at_ms, value(&it.numbers)))
        .collect();
    let values = moments.iter().map(|at_ms| known.get(at_ms).copied());
    values.map(Option::unwrap_or_default).collect()
}

fn course(label: &str, tone: Tone, values: Vec<u64>) -> Course {
    Course {
        label: label.to_owned(),
        tone,
        values,
    }
}

fn failed(numbers: &UsageNumbers) -> u64 {
    let statuses = numbers.statuses.as_ref();
    let failed = statuses.and_then(|statuses| statuses.get("5xx"));
    failed.copied().unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a latency is at most a minute, and never below nothing"
)]
fn latency(numbers: &UsageNumbers, of: fn(&crate::app::usage::Latency) -> f64) -> u64 {
    numbers
        .latency
        .as_ref()
        .map_or(0, |latency| of(latency).round() as u64)
}
