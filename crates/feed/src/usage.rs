//! What a gateway says of the requests that it has decided: how many, for whom, how they ended and how long they took; and
//! a sample of those that it refused.

use serde::{Deserialize, Serialize};

use crate::{CollectionId, ProfileId};

/// Where a gateway sends what it has counted: `POST`, with a [`UsageBatch`] as JSON and the gateway's token in
/// `authorization: Bearer …`.
///
/// Answers:
///
/// | status | when |
/// |---|---|
/// | 204 | the batch is counted, and kept whatever happens; or it was before |
/// | 400 | the batch cannot be read, or a part of it is not as it has to be: sent again it is refused again |
/// | 401 | without a known token |
/// | 413 | the body has more than [`LARGEST_BATCH_BYTES`] |
/// | 503 | it is not counted, because the records are out of reach or too much waits already: send the same batch again after `retry-after` seconds |
///
/// A gateway sends one batch at a time. As long as it does not know that a batch was counted, it sends the very same batch
/// again, under the same number; what it counts meanwhile waits for the next one.
pub const USAGE_PATH: &str = "/feed/v1/usage";

/// How many rows a batch has at most.
pub const MOST_ROWS: usize = 2_000;

/// How many refusals a batch has at most.
pub const MOST_REFUSALS: usize = 100;

/// How many bytes a batch has at most, as JSON.
pub const LARGEST_BATCH_BYTES: usize = 1024 * 1024;

/// How many bytes the name of an endpoint has at most.
pub const LONGEST_ENDPOINT: usize = 512;

/// How many bytes the path of a refused request has at most. What is longer is cut by who counts.
pub const LONGEST_PATH: usize = 512;

/// How many bytes any other text has at most: the id of a key, a reason, a method, an address, the id of a decision.
pub const LONGEST_TEXT: usize = 64;

/// What a single count of a row is at most.
pub const LARGEST_COUNT: u64 = 1_000_000_000;

/// How many bytes a row is about at most, in each direction.
pub const LARGEST_BYTES: u64 = 10_000_000_000_000;

/// Up to where each bucket of latencies goes, itself included, in milliseconds. What took longer than the last of them is
/// in a bucket of its own. They never change: counts of different gateways, hours and years are added.
pub const LATENCY_BOUNDS_MS: [u32; 16] = [
    1, 2, 5, 10, 20, 40, 75, 150, 300, 600, 1_200, 2_500, 5_000, 10_000, 25_000, 60_000,
];

/// How many buckets there are: one for each bound, and one for all that took longer.
pub const LATENCY_BUCKETS: usize = LATENCY_BOUNDS_MS.len().saturating_add(1);

/// How many classes of statuses there are: 0 for answers whose status is none, and 1 to 5 for the first digit.
pub const STATUS_CLASSES: usize = 6;

/// What a gateway has counted since its last batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageBatch<T = String> {
    /// 16 hexadecimal digits: those of its [`GatewayReport`](crate::GatewayReport).
    pub instance: String,
    /// What Envoy calls itself, as in its [`GatewayReport`](crate::GatewayReport).
    pub name: String,
    /// Its number among those of the instance: 1, 2, 3 and so on. One that is not greater than that of a batch that was
    /// counted is not counted again; one that was left out was lost.
    pub number: u64,
    /// What was counted: at most [`MOST_ROWS`], in any order. Rows about the same are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<UsageRow<T>>,
    /// Some of the requests that were refused: at most [`MOST_REFUSALS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalSample>,
    /// How many requests are known not to be counted in any row, since there was no room for them: told, never added to
    /// anything.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
}

/// The requests of one minute that are alike. Whoever sends one borrows its texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow<T = String> {
    /// In which minute they ended: minutes since 1970, UTC.
    #[serde(rename = "m")]
    pub minute: u64,
    /// Whose they are. Absent where it is not known who calls.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// The public id of the key that they came with. Absent for tokens, and where it is not known who calls.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<T>,
    /// The collection that they asked for, if there is one.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionId>,
    /// The endpoint of that collection, as `METHOD /path/{template}`.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<T>,
    /// How many there were.
    #[serde(rename = "n")]
    pub requests: u64,
    /// How many of them were permitted. The others were refused.
    #[serde(rename = "ok", default, skip_serializing_if = "is_zero")]
    pub permitted: u64,
    /// How many ended with which class of status: pairs of 0 to 5 and a count, see [`STATUS_CLASSES`].
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<(u8, u64)>,
    /// How many were refused for which reason: pairs of its code, such as `quota_exceeded`, and a count.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub denials: Vec<(T, u64)>,
    /// How many bytes the bodies of the requests had, as far as that was said beforehand.
    #[serde(rename = "i", default, skip_serializing_if = "is_zero")]
    pub bytes_in: u64,
    /// How many bytes the bodies of the answers had, as far as that was said beforehand.
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    pub bytes_out: u64,
    /// How many took how long, from the decision to the headers of the answer: pairs of a bucket and a count, see
    /// [`LATENCY_BOUNDS_MS`].
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    pub latencies: Vec<(u8, u64)>,
}

/// A request that was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalSample {
    /// When: milliseconds since 1970, UTC.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// Why: a code, such as `quota_exceeded`.
    #[serde(rename = "r")]
    pub reason: String,
    /// With which status.
    #[serde(rename = "s")]
    pub status: u16,
    /// By which method.
    #[serde(rename = "v")]
    pub method: String,
    /// The path without its query, which may hold secrets.
    #[serde(rename = "u")]
    pub path: String,
    /// From which address, if that is known.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The public id of the key, if it is a known one. Never the key.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Whose it is, if that is known.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// The collection that it asked for, if there is one.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionId>,
    /// What names the decision in the access log.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
}

/// The bucket of a latency.
#[must_use]
pub fn latency_bucket(ms: u64) -> u8 {
    let before = LATENCY_BOUNDS_MS.partition_point(|bound| u64::from(*bound) < ms);
    u8::try_from(before).unwrap_or(u8::MAX)
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like this")
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_short_and_survives_its_way() {
        let batch = UsageBatch {
            instance: "00000000000000ff".into(),
            name: "edge-1".into(),
            number: 7,
            rows: vec![UsageRow {
                minute: 30_000_000,
                profile: Some("ap_01jcz3v9k4m0x2p7q8r9s0t1v2".parse().unwrap()),
                key_id: Some("k3x9m2p7q8r9".into()),
                collection: None,
                endpoint: Some("GET /orders/{id}".into()),
                requests: 3,
                permitted: 2,
                statuses: vec![(2, 2), (4, 1)],
                denials: vec![("quota_exceeded".into(), 1)],
                bytes_in: 0,
                bytes_out: 512,
                latencies: vec![(0, 1), (3, 2)],
            }],
            refusals: vec![],
            lost: 0,
        };
        let json = serde_json::to_string(&batch).unwrap();
        assert_eq!(
            json,
            r#"{"instance":"00000000000000ff","name":"edge-1","number":7,"rows":[{"m":30000000,"p":"ap_01jcz3v9k4m0x2p7q8r9s0t1v2","k":"k3x9m2p7q8r9","e":"GET /orders/{id}","n":3,"ok":2,"s":[[2,2],[4,1]],"d":[["quota_exceeded",1]],"o":512,"l":[[0,1],[3,2]]}]}"#
        );
        assert_eq!(serde_json::from_str::<UsageBatch>(&json).unwrap(), batch);
    }

    #[test]
    fn a_batch_of_a_newer_filter_is_understood_as_far_as_it_goes() {
        let newer = r#"{"instance":"00000000000000ff","name":"","number":1,"colour":"blue","rows":[{"m":1,"n":1,"z":[1]}]}"#;
        let batch: UsageBatch = serde_json::from_str(newer).unwrap();
        assert_eq!(batch.rows[0].requests, 1);
    }

    #[test]
    fn each_latency_has_one_bucket_and_bounds_belong_to_theirs() {
        for (ms, bucket) in [
            (0, 0),
            (1, 0),
            (2, 1),
            (3, 2),
            (5, 2),
            (6, 3),
            (60_000, 15),
            (60_001, 16),
            (u64::MAX, 16),
        ] {
            assert_eq!(latency_bucket(ms), bucket, "{ms}");
        }
        assert!(LATENCY_BOUNDS_MS.is_sorted());
        assert_eq!(LATENCY_BUCKETS, 17);
    }
}
