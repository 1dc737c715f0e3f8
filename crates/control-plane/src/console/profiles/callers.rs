//! What rules for addresses do to those whose addresses are known, since they were refused lately.

use maud::{Markup, html};
use portcullis_feed::AddressLists;

use crate::app::callers::KnownCaller;
use crate::console::design::{Tone, badge, number, time};

/// How many are named.
const MOST: usize = 10;

/// All of them, and what becomes of each.
pub(super) fn table(callers: &[KnownCaller], lists: &AddressLists, now_ms: u64) -> Markup {
    html! {
        @if !callers.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="Callers who were refused lately" {
                table {
                    caption { "Callers who were refused lately, with what the rules below do to them" }
                    thead {
                        tr {
                            th scope="col" { "Address" } th.figure scope="col" { "Refusals" } th scope="col" { "Last" }
                            th scope="col" { "By these rules" }
                        }
                    }
                    tbody {
                        @for caller in callers.iter().take(MOST) {
                            tr {
                                th scope="row" { code { (caller.address) } }
                                td.figure { (number(caller.refusals)) }
                                td { (time(caller.last_ms, now_ms)) }
                                td {
                                    @match caller.is_shut_out_by(lists) {
                                        Some(true) => (badge(Tone::Refusal, "shut out")),
                                        Some(false) => (badge(Tone::Permit, "let in")),
                                        None => span.nothing { "–" },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Those who are shut out though they were let in before, in a sentence.
pub(super) fn shut_out(callers: &[KnownCaller], lists: &AddressLists, now_ms: u64) -> Markup {
    let is_shut_out = |it: &&KnownCaller| it.was_let_in && it.is_shut_out_by(lists) == Some(true);
    let shut_out: Vec<&KnownCaller> = callers.iter().filter(is_shut_out).collect();
    let more = shut_out.len().saturating_sub(MOST);
    html! {
        @if !shut_out.is_empty() {
            p.warning {
                "Shuts out who called lately: "
                @for (index, caller) in shut_out.iter().take(MOST).enumerate() {
                    @if index > 0 { ", " }
                    code { (caller.address) } " (" (time(caller.last_ms, now_ms)) ")"
                }
                @if more > 0 { " and " (more) " more" }
                "."
            }
        }
    }
}
