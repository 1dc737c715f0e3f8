//! What a gateway says when it asks: the question itself, and a report of what it is and has.

use serde::{Deserialize, Serialize};

use crate::{Epoch, Revision};

/// Where a gateway asks for changes: `GET`, with a [`Question`] as the query, the gateway's token in
/// `authorization: Bearer …` and a [`GatewayReport`] in [`REPORT_HEADER`].
///
/// Answers, each signed as [`signature`](crate::signature) says:
///
/// | status | when |
/// |---|---|
/// | 200 | with a [`ChangePage`](crate::ChangePage): at once and perhaps empty when the question has no `epoch`, or one that has another name by now |
/// | 204 | nothing changed during `wait` |
/// | 410 | `after` is not a point in the history of this database, or is older than what removals still cover: the gateway begins again from nothing (no `epoch`, `after=0`) beside what it has |
///
/// And unsigned: 400 for a question that cannot be read, 401 without a known token, 503 when the records are out of
/// reach.
pub const CHANGES_PATH: &str = "/feed/v1/changes";

/// Where a gateway says what its workers have applied, when that has risen while a question is open: `POST`, with a
/// [`GatewayReport`] as JSON and the gateway's token.
///
/// Answers: 204; 400 for a body that cannot be read; 401 without a known token.
pub const REPORT_PATH: &str = "/feed/v1/reports";

/// Where a gateway says that a token named a key that the profile's key set does not have: `POST`, with an
/// [`UnknownKey`](crate::UnknownKey) and the gateway's token. The control plane then looks for new keys sooner than it
/// would have.
///
/// Answers: 202 whatever comes of it; 400 for a body that cannot be read; 401 without a known token.
pub const UNKNOWN_KEY_PATH: &str = "/feed/v1/unknown-keys";

/// The header in which a question carries a [`GatewayReport`], as JSON of visible ASCII.
pub const REPORT_HEADER: &str = "portcullis-gateway";

/// How many characters a name in a report has at most.
pub const LONGEST_NAME: usize = 128;

/// *What changed after this?*
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What named the point at which the gateway is, with `after`. Absent when it begins from nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// What the gateway has seen.
    #[serde(default)]
    pub after: Revision,
    /// How many changes it takes at once: 1 to 10,000. Absent: 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// For how long the answer may be held back while nothing has changed, in seconds: at most 60.
    #[serde(default)]
    pub wait: u32,
    /// 16 to 64 lower-case hexadecimal digits that were never used before. They go into the signature of the answer, so
    /// that no answer fits another question. Absent: the answer is not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// A point in the history of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What names it, with the revision.
    pub epoch: Epoch,
    /// Everything up to here.
    pub revision: Revision,
}

/// What a gateway is, and what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayReport {
    /// 16 hexadecimal digits: another for each start of Envoy, the same for all its VMs.
    pub instance: String,
    /// When it was said, in microseconds by a clock of the instance's that never goes back: of two reports that overtake
    /// each other the later one counts.
    #[serde(default)]
    pub at_us: u64,
    /// What Envoy calls itself: its node's id. Visible ASCII, at most [`LONGEST_NAME`] characters, perhaps empty.
    pub name: String,
    /// The version of the filter.
    pub version: String,
    /// The newest language that it reads: see [`FORMAT`](crate::FORMAT).
    pub format: u32,
    /// What every one of its VMs has applied. Absent as long as one has applied nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Position>,
    /// How many VMs it has.
    pub workers: u32,
    /// The identifiers of the feed keys that it believes: see [`FeedKeyId`](crate::signature::FeedKeyId). Empty when it
    /// takes unsigned pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feed_keys: Vec<String>,
}

impl Question {
    /// The path and query that ask it.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = format!("{CHANGES_PATH}?after={}&wait={}", self.after, self.wait);
        let epoch = self.epoch.as_ref().map(|epoch| format!("&epoch={epoch}"));
        let limit = self.limit.map(|limit| format!("&limit={limit}"));
        let nonce = self.nonce.as_ref().map(|nonce| format!("&nonce={nonce}"));
        path.extend([epoch, limit, nonce].into_iter().flatten());
        path
    }
}

impl GatewayReport {
    /// The report as a header takes it.
    #[must_use]
    pub fn header(&self) -> String {
        // Only texts, numbers and lists of them: writing them as JSON cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A name as reports take it: what is not visible ASCII becomes `?`, and what is too long is cut.
    #[must_use]
    pub fn name(bytes: &[u8]) -> String {
        bytes
            .iter()
            .take(LONGEST_NAME)
            .map(|byte| match byte {
                b'!'..=b'~' => char::from(*byte),
                _ => '?',
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_this_query() {
        let nothing_known = Question::default();
        assert_eq!(nothing_known.path(), "/feed/v1/changes?after=0&wait=0");
        let question = Question {
            epoch: Some("e1".into()),
            after: 7,
            limit: Some(500),
            wait: 25,
            nonce: Some("00ff".into()),
        };
        assert_eq!(
            question.path(),
            "/feed/v1/changes?after=7&wait=25&epoch=e1&limit=500&nonce=00ff"
        );
    }

    #[test]
    fn a_report_fits_a_header_whatever_envoy_is_called() {
        let report = GatewayReport {
            instance: "00000000000000ff".into(),
            at_us: 9,
            name: GatewayReport::name("edge-1 \"é\"\r\n".as_bytes()),
            version: "0.1.0".into(),
            format: 2,
            applied: Some(Position {
                epoch: "e1".into(),
                revision: 7,
            }),
            workers: 5,
            feed_keys: vec![],
        };
        let header = report.header();
        assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        assert_eq!(
            header,
            r#"{"instance":"00000000000000ff","at_us":9,"name":"edge-1?\"??\"??","version":"0.1.0","format":2,"applied":{"epoch":"e1","revision":7},"workers":5}"#
        );
        assert_eq!(
            serde_json::from_str::<GatewayReport>(&header).unwrap(),
            report
        );
    }
}
