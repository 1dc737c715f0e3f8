//! One exchange with the control plane: how a question leaves by a cluster of this Envoy, and what its answer says once
//! it is known to be genuine.

use std::time::Duration;

use portcullis_feed::{
    ChangePage, FeedKey, GatewayReport, InvalidPage, NotSigned, Question, REPORT_HEADER,
    SIGNATURE_HEADER,
};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use crate::settings::ControlPlane;

/// How much longer than the control plane may hold a question Envoy waits for its answer.
const GRACE_S: u32 = 10;

/// What is needed to ask.
pub(crate) struct Exchange {
    control_plane: ControlPlane,
    authorization: String,
    /// Whose signatures are believed. Empty: nobody has to sign.
    feed_keys: Vec<FeedKey>,
}

/// What the control plane says.
pub(crate) enum Answer {
    /// These changes.
    Page(ChangePage),
    /// Nothing has changed.
    Nothing,
    /// What this gateway has is not on the history of the database any more.
    StartOver,
}

/// An answer tells nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("{0}")]
    NotSigned(#[from] NotSigned),
    #[error("its answer cannot be read: {0}")]
    Unreadable(#[from] InvalidPage),
    #[error("it does not know this gateway's token")]
    UnknownToken,
    #[error("status {0}")]
    Status(u16),
    /// Envoy gives no headers at all for an answer that was too large or cut off.
    #[error("no answer, or one that was cut off")]
    Nothing,
}

impl Exchange {
    pub(crate) fn new(control_plane: ControlPlane, token: &str, feed_keys: Vec<FeedKey>) -> Self {
        Self {
            control_plane,
            authorization: format!("Bearer {token}"),
            feed_keys,
        }
    }

    /// For how long the control plane may hold a question, in seconds.
    pub(crate) const fn wait_s(&self) -> u32 {
        self.control_plane.wait_s
    }

    /// The cluster by which questions leave.
    pub(crate) fn cluster(&self) -> &str {
        &self.control_plane.cluster
    }

    /// The names of the keys whose signatures are believed.
    pub(crate) fn feed_key_ids(&self) -> Vec<String> {
        let ids = self.feed_keys.iter();
        ids.map(|key| key.id().as_str().to_owned()).collect()
    }

    /// Asks. Answers the number of the call, or nothing when the cluster is unknown or has no healthy host.
    pub(crate) fn ask(&self, question: &Question, report: &GatewayReport) -> Option<u32> {
        let (path, report) = (question.path(), report.header());
        let headers = vec![
            (":method", "GET"),
            (":path", path.as_str()),
            (":authority", &self.control_plane.authority),
            ("authorization", &self.authorization),
            ("accept", "application/json"),
            (REPORT_HEADER, &report),
        ];
        let timeout_s = question.wait.saturating_add(GRACE_S);
        self.call(headers, None, timeout_s)
    }

    /// Says something. Answers the number of the call, for whoever wants to know what comes of it.
    pub(crate) fn tell(&self, path: &str, body: &impl serde::Serialize) -> Option<u32> {
        // Only texts, numbers and lists of them: writing them as JSON cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let headers = vec![
            (":method", "POST"),
            (":path", path),
            (":authority", &self.control_plane.authority),
            ("authorization", &self.authorization),
            ("content-type", "application/json"),
        ];
        self.call(headers, Some(&body), GRACE_S)
    }

    fn call(&self, headers: Vec<(&str, &str)>, body: Option<&[u8]>, timeout_s: u32) -> Option<u32> {
        let timeout = Duration::from_secs(u64::from(timeout_s));
        let cluster = &self.control_plane.cluster;
        hostcalls::dispatch_http_call(cluster, headers, body, vec![], timeout).ok()
    }

    /// The answer of the current callback to the question with this nonce.
    pub(crate) fn answer(
        &self,
        nonce: &str,
        header_count: usize,
        body_size: usize,
    ) -> Result<Answer, NoAnswer> {
        let status = status(header_count).ok_or(NoAnswer::Nothing)?;
        if !matches!(status, 200 | 204 | 410) {
            return Err(match status {
                401 => NoAnswer::UnknownToken,
                _ => NoAnswer::Status(status),
            });
        }
        let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, body_size);
        let body = body.ok().flatten().unwrap_or_default();
        if !self.feed_keys.is_empty() {
            let signature = header(SIGNATURE_HEADER);
            FeedKey::verify(&self.feed_keys, signature.as_deref(), status, nonce, &body)?;
        }
        Ok(match status {
            200 => Answer::Page(ChangePage::from_json(&body)?),
            410 => Answer::StartOver,
            _ => Answer::Nothing,
        })
    }
}

/// The status of the answer of the current callback. Envoy gives no headers at all for one that was cut off, and must not
/// be asked for any then: the SDK panics on what it says to that.
pub(crate) fn status(header_count: usize) -> Option<u16> {
    if header_count == 0 {
        return None;
    }
    std::str::from_utf8(&header(":status")?).ok()?.parse().ok()
}

fn header(name: &str) -> Option<Vec<u8>> {
    hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, name)
        .ok()
        .flatten()
}
