//! Charts: drawn on the server from the same numbers as the table beneath them.

use maud::{Markup, html};

use super::badge::Tone;
use super::number::short;
use crate::app::time::Moment;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 160.0;

/// What is left for the numbers beside it, and for the moments beneath it.
const LEFT: f64 = 56.0;
const BELOW: f64 = 20.0;

/// Numbers over time.
pub(in crate::console) struct Chart<'a> {
    /// What is seen.
    pub(in crate::console) title: &'a str,
    /// When each of the numbers is: milliseconds since 1970, UTC.
    pub(in crate::console) moments: &'a [u64],
    /// What is told apart.
    pub(in crate::console) courses: &'a [Course],
    /// What the numbers are, such as `ms`, or nothing.
    pub(in crate::console) unit: &'a str,
    /// Whether the parts stand upon each other, being parts of a whole; else each is a curve.
    pub(in crate::console) is_stacked: bool,
}

/// The course of one thing.
pub(in crate::console) struct Course {
    pub(in crate::console) label: String,
    pub(in crate::console) tone: Tone,
    pub(in crate::console) values: Vec<u64>,
}

pub(in crate::console) fn chart(chart: &Chart<'_>) -> Markup {
    let most = chart.most();
    html! {
        figure.chart {
            figcaption {
                h3 { (chart.title) }
                @for course in chart.courses {
                    span.key {
                        svg.swatch viewBox="0 0 12 12" aria-hidden="true" focusable="false" {
                            rect class=(course.tone.class()) width="12" height="12" {}
                        }
                        " " (course.label) " "
                    }
                }
            }
            @if most == 0 {
                p.nothing { "Nothing in this time." }
            } @else {
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + BELOW) } role="img" aria-label=(chart.title) {
                    (grid(chart, most))
                    @if chart.is_stacked { (bars(chart, most)) } @else { (curves(chart, most)) }
                }
                details { summary { "As a table" } (table(chart)) }
            }
        }
    }
}

impl Chart<'_> {
    fn most(&self) -> u64 {
        let of = |values: &Course| values.values.iter().copied().max().unwrap_or_default();
        if !self.is_stacked {
            return self.courses.iter().map(of).max().unwrap_or_default();
        }
        let sums = (0..self.moments.len()).map(|index| {
            let at = self
                .courses
                .iter()
                .filter_map(|course| course.values.get(index));
            at.fold(0_u64, |sum, value| sum.saturating_add(*value))
        });
        sums.max().unwrap_or_default()
    }

    fn step(&self) -> f64 {
        (WIDTH - LEFT) / real(u64::try_from(self.moments.len().max(1)).unwrap_or(1))
    }
}

/// Lines to read heights by, and the first and the last moment.
fn grid(chart: &Chart<'_>, most: u64) -> Markup {
    let day = |at_ms: &u64| {
        Moment::from_ms(*at_ms)
            .to_string()
            .chars()
            .take(16)
            .collect::<String>()
            .replace('T', " ")
    };
    html! {
        @for part in 0..=2_u64 {
            @let y = HEIGHT - (HEIGHT - 12.0) * real(part) / 2.0;
            line class="grid" x1=(LEFT) x2=(WIDTH) y1=(rounded(y)) y2=(rounded(y)) {}
            text x=(LEFT - 6.0) y=(rounded(y + 4.0)) text-anchor="end" { (short(most.saturating_mul(part) / 2)) (chart.unit) }
        }
        @if let (Some(first), Some(last)) = (chart.moments.first(), chart.moments.last()) {
            text x=(LEFT) y=(HEIGHT + 16.0) { (day(first)) }
            text x=(WIDTH) y=(HEIGHT + 16.0) text-anchor="end" { (day(last)) }
        }
    }
}

fn bars(chart: &Chart<'_>, most: u64) -> Markup {
    let step = chart.step();
    html! {
        @for index in 0..chart.moments.len() {
            @for (below, course) in chart.courses.iter().enumerate() {
                @let value = course.values.get(index).copied().unwrap_or_default();
                @if value > 0 {
                    @let under: u64 = chart.courses.iter().take(below).filter_map(|it| it.values.get(index)).sum();
                    @let height = height(value, most).max(1.0);
                    @let y = HEIGHT - height_of(under, most) - height;
                    rect class=(course.tone.class()) x=(rounded(left(index, step))) y=(rounded(y))
                        width=(rounded((step - 1.0).max(1.0))) height=(rounded(height)) {}
                }
            }
        }
    }
}

fn curves(chart: &Chart<'_>, most: u64) -> Markup {
    let step = chart.step();
    html! {
        @for course in chart.courses {
            @let points: Vec<String> = course.values.iter().enumerate().map(|(index, value)| {
                format!("{},{}", rounded(left(index, step) + step / 2.0), rounded(HEIGHT - height_of(*value, most)))
            }).collect();
            polyline class={ "curve " (course.tone.class()) } points=(points.join(" ")) {}
        }
    }
}

fn table(chart: &Chart<'_>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(chart.title) {
            table {
                thead {
                    tr {
                        th scope="col" { "From (UTC)" }
                        @for course in chart.courses { th.figure scope="col" { (course.label) } }
                    }
                }
                tbody {
                    @for (index, at_ms) in chart.moments.iter().enumerate() {
                        @let values: Vec<u64> = chart.courses.iter()
                            .map(|course| course.values.get(index).copied().unwrap_or_default()).collect();
                        @if values.iter().any(|value| *value > 0) {
                            tr {
                                th scope="row" { (Moment::from_ms(*at_ms)) }
                                @for value in values { td.figure { (value) (chart.unit) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn left(index: usize, step: f64) -> f64 {
    LEFT + step * real(u64::try_from(index).unwrap_or_default())
}

fn height(value: u64, most: u64) -> f64 {
    height_of(value, most)
}

fn height_of(value: u64, most: u64) -> f64 {
    real(value) / real(most.max(1)) * (HEIGHT - 12.0)
}

fn rounded(value: f64) -> String {
    format!("{value:.1}")
}

#[expect(clippy::cast_precision_loss, reason = "pixels are rounder than that")]
const fn real(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[&[u64]], is_stacked: bool) -> String {
        let course = |values: &&[u64]| Course {
            label: "requests".to_owned(),
            tone: Tone::Neutral,
            values: values.to_vec(),
        };
        let courses: Vec<Course> = values.iter().map(course).collect();
        chart(&Chart {
            title: "Requests",
            moments: &[0, 3_600_000],
            courses: &courses,
            unit: "",
            is_stacked,
        })
        .into_string()
    }

    #[test]
    fn parts_of_a_whole_stand_upon_each_other_and_the_table_has_what_is_drawn() {
        let chart = drawn(&[&[30, 0], &[10, 0]], true);
        assert!(
            chart.contains("y=\"49.0\"") && chart.contains("y=\"12.0\""),
            "{chart}"
        );
        assert_eq!(chart.matches("<tr>").count(), 2, "{chart}");
        assert!(chart.contains("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn curves_begin_at_the_ground_and_nothing_is_said_in_words() {
        let chart = drawn(&[&[0, 8]], false);
        assert!(
            chart.contains("160.0 ") && chart.contains(",12.0"),
            "{chart}"
        );
        assert!(drawn(&[&[0, 0]], false).contains("Nothing in this time"));
    }
}
