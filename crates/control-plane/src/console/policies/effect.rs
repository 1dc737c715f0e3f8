//! What limits would have done to what was called lately, before they are saved.

use maud::{Markup, html};

use crate::app::policy::{Calendar, Effect, Exceeding, LimitEffect};
use crate::console::clients;
use crate::console::design::{number, plural, time};

/// How many who would have been refused are shown.
const MOST: usize = 20;

/// The button of the form that asks for it.
pub(super) const EFFECT: &str = "effect";

pub(super) fn effect(effect: &Effect, now_ms: u64) -> Markup {
    let limits = [("Rate limit", &effect.rate_limit), ("Quota", &effect.quota)];
    html! {
        section.section #(EFFECT) aria-labelledby="effect-title" {
            h2 #effect-title { "Effect on recent traffic" }
            @match (&effect.rate_limit, &effect.quota) {
                (None, None) => p { "Nothing is limited: nobody would have been refused." },
                _ if effect.examined == 0 => p { "No profile with this policy had a request in the last 30 days." },
                _ => {
                    @for (name, limit) in limits { @if let Some(limit) = limit { (of_limit(name, limit, now_ms)) } }
                    p.small.quiet {
                        "As far as what is counted tells it. Bursts within a " (finest(effect)) " are not seen, so a rate limit may \
                         refuse more than this. "
                        @if effect.callers > effect.examined {
                            "Looked at are the " (effect.examined) " profiles with the most requests, of "
                            (number(u64::try_from(effect.callers).unwrap_or(u64::MAX))) " that called."
                        }
                    }
                }
            }
        }
    }
}

/// Of how long a time the sums are that a rate limit was held against.
fn finest(effect: &Effect) -> &'static str {
    effect.rate_limit.as_ref().map_or("day", |it| it.window)
}

fn of_limit(name: &str, limit: &LimitEffect, now_ms: u64) -> Markup {
    let window = limit.window;
    let more = limit.exceeding.len().saturating_sub(MOST);
    html! {
        p {
            strong { (name) ": " }
            "at most " (number(limit.most)) " requests of a " (window) " pass. Since " (time(limit.since_ms, now_ms)) " the busiest "
            (window) " had " (number(limit.busiest)) ". "
            (by_calendar(limit)) @if limit.exceeding.is_empty() { "Nobody had more." }
        }
        @if !limit.exceeding.is_empty() {
            div.scroll tabindex="0" role="region" aria-label={ (name) ": who had more than would pass" } {
                table {
                    caption { (name) ": who had more than would pass" }
                    thead {
                        tr {
                            th scope="col" { "Who" } th.figure scope="col" { "In how many " (window) "s" }
                            th.figure scope="col" { "Refused, at least" } th.figure scope="col" { "Busiest " (window) }
                        }
                    }
                    tbody {
                        @for one in limit.exceeding.iter().take(MOST) { (line(one)) }
                        @if more > 0 {
                            tr { td colspan="4" { "and " (plural(u64::try_from(more).unwrap_or(u64::MAX), "other")) } }
                        }
                    }
                }
            }
        }
    }
}

/// By whose calendar it was counted, where that is not UTC.
fn by_calendar(limit: &LimitEffect) -> Markup {
    match &limit.calendar {
        Calendar::Utc => html! {},
        Calendar::Zone {
            name,
            hours_since_ms,
        } => html! {
            "By the calendar of " (name) ", to the hour"
            @if *hours_since_ms > limit.since_ms {
                "; of times whose hours are not kept any more by days of UTC"
            }
            ". "
        },
    }
}

fn line(one: &Exceeding) -> Markup {
    let path = clients::path_of(one.client_id);
    html! {
        tr {
            th scope="row" {
                @match &one.profile {
                    Some((id, name)) => a href={ (path) "#" (id) } { (one.client) ", " (name) },
                    None => a href=(path) { (one.client) },
                }
            }
            td.figure { (number(one.excess.windows)) }
            td.figure { (number(one.excess.requests)) }
            td.figure { (number(one.excess.busiest)) }
        }
    }
}
