//! What needs attention, each with where it is mended.

use maud::{Markup, html};
use portcullis_store::{AttentionKey, UsageGroup, UsageOrder};

use crate::app::attention::Attention;
use crate::app::usage::UsageAsked;
use crate::app::{App, Refusal};
use crate::console::clients::path_of;
use crate::console::design::{Tone, badge, plural, short, time};
use crate::console::frame::Frame;

/// A profile refuses much when it has at least so many requests in a day, and a tenth of them are refused.
const MANY: u64 = 100;
const A_TENTH: u64 = 10;

pub(super) async fn list(app: &App, frame: &Frame) -> Result<Markup, Refusal> {
    let now_ms = app.now_ms();
    let Attention { ending, unused } = app.attention().await?;
    let refusing = refusing(app).await?;
    let standing = frame.standing;
    let behind = standing.expected().saturating_sub(standing.in_sync);
    let is_calm = ending.is_empty() && unused.is_empty() && refusing.is_empty() && behind == 0;
    Ok(html! {
        section.section aria-labelledby="attention-title" {
            h2 #attention-title { "What needs attention" }
            @if is_calm { p { (badge(Tone::Permit, "nothing at the moment")) } }
            @if !is_calm {
                ul.attention {
                    @if behind > 0 {
                        li { (badge(Tone::Fault, "gateways")) " " (plural(behind, "gateway")) " of " (standing.expected()) " not in sync" }
                    }
                    @for key in &ending {
                        li {
                            (badge(Tone::Refusal, "key ends")) " " (key_link(key)) " ends "
                            @if let Some(at_ms) = key.expires_at_ms { (time(at_ms, now_ms)) }
                        }
                    }
                    @for (profile, client, refused, requests) in &refusing {
                        li {
                            (badge(Tone::Refusal, "refusals")) " " a href=(client) { (profile) }
                            " refused " (short(*refused)) " of " (short(*requests)) " requests in the last 24 hours"
                        }
                    }
                    @for key in &unused {
                        li { (badge(Tone::Neutral, "unused key")) " " (key_link(key)) " was not used for 90 days: revoke it if nobody needs it" }
                    }
                }
            }
        }
    })
}

fn key_link(key: &AttentionKey) -> Markup {
    html! {
        a href={ (path_of(key.client_id)) "#" (key.profile_id) } { (key.client) ", " (key.profile) }
        " " code { (key.id) "…" }
    }
}

/// Profiles of which much was refused in the last day: what they are called, where they are, and how much.
async fn refusing(app: &App) -> Result<Vec<(String, String, u64, u64)>, Refusal> {
    let day = UsageAsked::default();
    let top = app
        .usage_top(&day, UsageGroup::Profile, UsageOrder::Refused, 10)
        .await?;
    let mut found = Vec::new();
    for (id, name, numbers) in top.items {
        let refused = numbers.refused.unwrap_or_default();
        let is_much =
            numbers.requests >= MANY && refused.saturating_mul(A_TENTH) >= numbers.requests;
        let Some(id) = id.and_then(|id| id.parse().ok()).filter(|_| is_much) else {
            continue;
        };
        if let Ok(profile) = app.profile(id).await {
            let path = format!("{}#{id}", path_of(profile.profile.client_id));
            found.push((
                name.unwrap_or(profile.profile.name),
                path,
                refused,
                numbers.requests,
            ));
        }
    }
    Ok(found)
}
