//! On how many gateways a change holds. Where it does not hold everywhere yet, the page looks again.

use maud::{Markup, html};

use crate::console::notice::Arrival;

pub(in crate::console) fn arrival(arrival: &Arrival) -> Markup {
    let Arrival {
        what,
        revision,
        applied,
        gateways,
        after_ms,
    } = arrival;
    let of = if *gateways == 1 {
        "gateway"
    } else {
        "gateways"
    };
    html! {
        @if *gateways == 0 {
            span.arrival { "No gateway is connected: it holds on each as soon as it is." }
        } @else if arrival.is_everywhere() {
            strong.arrival data-applied=(revision) {
                (uppercase(what)) " on " (applied) " of " (gateways) " " (of) " after " (after_ms) " ms."
            }
        } @else {
            @let path = format!("/console/applied/{revision}?what={what}");
            span.arrival #arrival data-poll=(path) data-every="1" {
                (uppercase(what)) " on " (applied) " of " (gateways) " " (of) " so far. "
                a href=(path) { "Look again" }
            }
        }
    }
}

fn uppercase(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
