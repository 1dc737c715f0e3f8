//! The last day of something, in the cells of a table: how often it was called, and how often refused.

use maud::{Markup, html};

use super::badge::Tone;
use super::number::or_dash;
use super::sparkline::sparkline;
use crate::app::usage::Day;

/// The heads of the cells.
pub(in crate::console) fn day_heads() -> Markup {
    html! {
        th.figure scope="col" { "Requests 24 h" }
        th.figure scope="col" { "Refused 24 h" }
    }
}

/// The cells.
pub(in crate::console) fn day_cells(day: &Day) -> Markup {
    html! {
        td.figure { (sparkline(Tone::Neutral, &day.requests)) " " (or_dash(day.all_requests())) }
        td.figure { (sparkline(Tone::Refusal, &day.refused)) " " (or_dash(day.all_refused())) }
    }
}
