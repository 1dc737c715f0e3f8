//! Who calls now, in a sentence: before something is taken away from them.

use maud::{Markup, html};
use portcullis_store::{LastUse, UsageGroup};

use super::number::plural;
use super::time::minute;
use crate::app::{App, Refusal};

/// How much a client, a profile or a key has called in the last day, and when last.
pub(in crate::console) async fn calls(
    app: &App,
    group: UsageGroup,
    id: &str,
) -> Result<Markup, Refusal> {
    let name = id.to_owned();
    let mut days = app.usage_of_day(group, std::slice::from_ref(&name)).await?;
    let requests = days.remove(id).unwrap_or_default().all_requests();
    let of = match group {
        UsageGroup::Client => id.parse().ok().map(|id| LastUse::Clients(vec![id])),
        UsageGroup::Profile => id.parse().ok().map(|id| LastUse::Profiles(vec![id])),
        UsageGroup::Key => Some(LastUse::Keys(vec![name])),
        UsageGroup::Collection | UsageGroup::Endpoint | UsageGroup::Reason => None,
    };
    let is_noted = of.is_some();
    let last = match of {
        Some(of) => app.last_uses(&of).await?.remove(id),
        None => None,
    };
    Ok(html! {
        @match (requests, last) {
            (0, None) if is_noted => "Nobody has used it so far.",
            (0, None) => "Nobody has used it in the last 24 hours.",
            (0, Some(at_ms)) => { "Nobody has used it in the last 24 hours, the last time was " (minute(at_ms, app.now_ms())) "." }
            (requests, last) => {
                "Callers use it now: " strong { (plural(requests, "request")) } " in the last 24 hours"
                @if let Some(at_ms) = last { ", the last one " (minute(at_ms, app.now_ms())) }
                "."
            }
        }
    })
}
