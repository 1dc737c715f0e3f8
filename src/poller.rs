//! The leader's conversation with the control plane: one long poll at a time, applied and asked again.

use std::time::Duration;

use portcullis_feed::{CHANGES_PATH, ChangePage, ProfileId, UNKNOWN_KEY_PATH, UnknownKey};
use portcullis_registry::{RefusedPage, Writer};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use crate::host::Shared;
use crate::settings::ControlPlane;

/// How many changes are asked for at once: applying them takes a few milliseconds of the VM that leads.
const PAGE_LIMIT: u32 = 500;
/// How much longer than the control plane may hold a question Envoy waits for its answer.
const GRACE_S: u64 = 10;
/// The first wait after a failure, in milliseconds. It doubles up to [`LONGEST_PAUSE_MS`].
const SHORTEST_PAUSE_MS: u64 = 200;
const LONGEST_PAUSE_MS: u64 = 2_000;

/// Asks for changes while this VM leads.
pub(crate) struct Poller {
    control_plane: ControlPlane,
    token: String,
    writer: Option<(u64, Writer<Shared>)>,
    call: Option<u32>,
    asked_ms: u64,
    failures: u32,
    pause_until_ms: u64,
}

/// What an answer led to.
pub(crate) enum Outcome {
    Nothing,
    Applied,
    LeadershipLost,
}

impl Poller {
    pub(crate) fn new(control_plane: ControlPlane, token: String) -> Self {
        Self {
            control_plane,
            token,
            writer: None,
            call: None,
            asked_ms: 0,
            failures: 0,
            pause_until_ms: 0,
        }
    }

    /// Asks, when this VM leads (`term`) and is not waiting for anything.
    pub(crate) fn tend(&mut self, term: Option<u64>, now_ms: u64) {
        let Some(term) = term else {
            // An answer that is still to come will not be recognised.
            (self.writer, self.call) = (None, None);
            return;
        };
        if self.writer.as_ref().is_none_or(|(known, _)| *known != term) {
            self.writer = Some((term, Writer::new(Shared, term)));
            self.call = None;
        }
        // A pause longer than any that is made: the clock has jumped back.
        let left_ms = self.pause_until_ms.saturating_sub(now_ms);
        let is_pausing = (1..=LONGEST_PAUSE_MS).contains(&left_ms);
        if self.call.is_none() && !is_pausing {
            self.ask(now_ms);
        }
    }

    fn ask(&mut self, now_ms: u64) {
        let Some((_, writer)) = &mut self.writer else {
            return;
        };
        let (epoch, after) = writer.position();
        let epoch = epoch
            .map(|epoch| format!("&epoch={epoch}"))
            .unwrap_or_default();
        let wait_s = self.control_plane.wait_s;
        let path = format!("{CHANGES_PATH}?after={after}&limit={PAGE_LIMIT}&wait={wait_s}{epoch}");
        let authorization = format!("Bearer {}", self.token);
        let headers = vec![
            (":method", "GET"),
            (":path", &path),
            (":authority", &self.control_plane.authority),
            ("authorization", &authorization),
            ("accept", "application/json"),
        ];
        let timeout = Duration::from_secs(u64::from(wait_s).saturating_add(GRACE_S));
        match hostcalls::dispatch_http_call(
            &self.control_plane.cluster,
            headers,
            None,
            vec![],
            timeout,
        ) {
            Ok(call) => (self.call, self.asked_ms) = (Some(call), now_ms),
            Err(_) => {
                let cluster = &self.control_plane.cluster;
                let sentence =
                    format!("cluster `{cluster}` is unknown to this Envoy or has no healthy host");
                self.fail(&sentence, now_ms);
            }
        }
    }

    /// Says that a token named a key which a profile does not have. Nothing comes of the answer: newer keys come by the
    /// feed.
    pub(crate) fn tell_of_missing_key(&self, profile: ProfileId) {
        let authorization = format!("Bearer {}", self.token);
        let headers = vec![
            (":method", "POST"),
            (":path", UNKNOWN_KEY_PATH),
            (":authority", &self.control_plane.authority),
            ("authorization", &authorization),
            ("content-type", "application/json"),
        ];
        let body = serde_json::to_vec(&UnknownKey { profile }).unwrap_or_default();
        let cluster = &self.control_plane.cluster;
        // Whether it arrives shows in the next token with that key.
        let _ = hostcalls::dispatch_http_call(
            cluster,
            headers,
            Some(&body),
            vec![],
            Duration::from_secs(GRACE_S),
        );
    }

    /// Takes an answer. Answers to questions of an earlier term are dropped.
    pub(crate) fn receive(
        &mut self,
        call: u32,
        header_count: usize,
        body_size: usize,
        term: Option<u64>,
        now_ms: u64,
    ) -> Outcome {
        if self.call != Some(call) {
            return Outcome::Nothing;
        }
        self.call = None;
        let Some((_, writer)) = self
            .writer
            .as_mut()
            .filter(|(known, _)| Some(*known) == term)
        else {
            return Outcome::Nothing;
        };
        // Envoy gives no headers at all for an answer that was too large or cut off.
        let status = if header_count == 0 { None } else { status() };
        match status.as_deref() {
            Some(b"200") => {
                let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size);
                let body = body.ok().flatten().unwrap_or_default();
                let page = match ChangePage::from_json(&body) {
                    Ok(page) => page,
                    Err(error) => {
                        self.fail(&format!("its answer cannot be read: {error}"), now_ms);
                        return Outcome::Nothing;
                    }
                };
                let applied = writer.apply(&page);
                self.note_page(applied, page.revision, now_ms)
            }
            Some(b"204") => {
                self.succeed();
                if now_ms.abs_diff(self.asked_ms) < SHORTEST_PAUSE_MS {
                    // It did not hold the question. Asking again at once would keep both busy for nothing.
                    self.pause_until_ms = now_ms.saturating_add(SHORTEST_PAUSE_MS);
                }
                Outcome::Nothing
            }
            Some(b"410") if writer.position() == (None, 0) => {
                self.fail("it refuses even to begin from nothing", now_ms);
                Outcome::Nothing
            }
            Some(b"410") => {
                log::info!(
                    "portcullis: the control plane asks to begin from nothing, beside what is known"
                );
                writer.start_over();
                self.succeed();
                Outcome::Nothing
            }
            Some(b"401") => {
                self.fail("it does not know this gateway's token", now_ms);
                Outcome::Nothing
            }
            status => {
                let status = status.map_or("no answer".into(), String::from_utf8_lossy);
                self.fail(&format!("status {status}"), now_ms);
                Outcome::Nothing
            }
        }
    }

    fn note_page(
        &mut self,
        applied: Result<portcullis_registry::Progress, RefusedPage>,
        revision: u64,
        now_ms: u64,
    ) -> Outcome {
        match applied {
            Ok(progress) => {
                for (profile, invalid) in &progress.unreadable {
                    log::error!("portcullis: access profile {profile} opens nothing: {invalid}");
                }
                self.succeed();
                if !progress.is_visible {
                    return Outcome::Nothing;
                }
                log::debug!("portcullis: applied revision {revision}");
                Outcome::Applied
            }
            Err(RefusedPage::LeadershipLost) => {
                (self.writer, self.call) = (None, None);
                Outcome::LeadershipLost
            }
            Err(refused) => {
                self.fail(&refused.to_string(), now_ms);
                Outcome::Nothing
            }
        }
    }

    fn succeed(&mut self) {
        if self.failures > 0 {
            log::info!("portcullis: the control plane answers again");
        }
        (self.failures, self.pause_until_ms) = (0, 0);
    }

    /// Keeps what is known and asks again after a pause. Said once, until it works again.
    fn fail(&mut self, sentence: &str, now_ms: u64) {
        if self.failures == 0 {
            log::warn!(
                "portcullis: no news from the control plane, what is known stays in force: {sentence}"
            );
        }
        let pause_ms = SHORTEST_PAUSE_MS
            .checked_shl(self.failures)
            .unwrap_or(LONGEST_PAUSE_MS)
            .min(LONGEST_PAUSE_MS);
        self.failures = self.failures.saturating_add(1).min(16);
        self.pause_until_ms = now_ms.saturating_add(pause_ms);
    }
}

fn status() -> Option<Vec<u8>> {
    hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, ":status")
        .ok()
        .flatten()
}
