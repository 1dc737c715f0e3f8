//! What needs attention, each with where it is mended.

use maud::{Markup, html};
use portcullis_feed::{ClientId, ProfileId};
use portcullis_store::AttentionKey;

use crate::app::attention::Attention;
use crate::console::clients::path_of;
use crate::console::design::{Tone, badge, number, plural, short, time};
use crate::console::frame::Frame;

pub(super) fn list(frame: &Frame, attention: &Attention, now_ms: u64) -> Markup {
    let standing = frame.standing;
    let behind = standing.expected().saturating_sub(standing.in_sync);
    html! {
        section.section aria-labelledby="attention-title" {
            h2 #attention-title { "What needs attention" }
            @if behind == 0 && attention.is_empty() { p { (badge(Tone::Permit, "nothing at the moment")) } }
            @else {
                ul.attention {
                    @if behind > 0 {
                        li { (badge(Tone::Fault, "gateways")) " " (plural(behind, "gateway")) " of " (standing.expected()) " not in sync" }
                    }
                    (records(attention, now_ms))
                }
            }
        }
    }
}

fn records(attention: &Attention, now_ms: u64) -> Markup {
    html! {
        @for (quota, state) in &attention.quotas {
            li {
                @if state.is_used_up { (badge(Tone::Refusal, "quota used up")) } @else { (badge(Tone::Refusal, "quota")) }
                " " a href=(place_of(quota.client_id, quota.profile_id)) { (quota.client) ", " (quota.profile) }
                " has used " (number(state.used)) " of " (number(state.quota.requests.get())) " requests; all is there again "
                (time(state.window.until_ms, now_ms))
            }
        }
        @for key in &attention.ending {
            li {
                (badge(Tone::Refusal, "key ends")) " " (key_link(key)) " ends "
                @if let Some(at_ms) = key.expires_at_ms { (time(at_ms, now_ms)) }
            }
        }
        @for it in attention.refusing.iter() {
            li {
                (badge(Tone::Refusal, "refusals")) " " a href=(place_of(it.client_id, it.profile_id)) { (it.profile) }
                " refused " (short(it.refused)) " of " (short(it.requests)) " requests in the last 24 hours"
            }
        }
        @for key in &attention.unused {
            li { (badge(Tone::Neutral, "unused key")) " " (key_link(key)) " was not used for 90 days: revoke it if nobody needs it" }
        }
    }
}

fn key_link(key: &AttentionKey) -> Markup {
    html! {
        a href=(place_of(key.client_id, key.profile_id)) { (key.client) ", " (key.profile) }
        " " code { (key.id) "…" }
    }
}

fn place_of(client: ClientId, profile: ProfileId) -> String {
    format!("{}#{profile}", path_of(client))
}
