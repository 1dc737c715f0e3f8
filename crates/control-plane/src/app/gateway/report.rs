//! What gateways say of themselves, read with care: whoever has a token can say anything.

use std::fmt;
use std::str::FromStr;

use portcullis_feed::GatewayReport;

/// How many bytes a report has at most.
const LONGEST_BYTES: usize = 4_096;

/// How many feed keys of a gateway are kept, and how many characters of each.
const MOST_FEED_KEYS: usize = 16;

/// Names a gateway: 16 hexadecimal digits, another for each start of Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(u64);

/// A text names no gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an instance: it is 16 hexadecimal digits in lower case")]
pub struct InvalidInstance;

/// A text is not a report.
#[derive(Debug, thiserror::Error)]
pub enum InvalidReport {
    /// It has too many bytes.
    #[error("a report has at most {LONGEST_BYTES} bytes")]
    TooLong,
    /// It is no JSON, or not that of a report.
    #[error("the report cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It says not whose it is.
    #[error("`instance` is {0}")]
    Instance(#[from] InvalidInstance),
}

/// A report whose texts are bounded and visible, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) instance: Instance,
    pub(super) report: GatewayReport,
}

impl Said {
    pub(super) fn read(json: &[u8]) -> Result<Self, InvalidReport> {
        if json.len() > LONGEST_BYTES {
            return Err(InvalidReport::TooLong);
        }
        let mut report: GatewayReport = serde_json::from_slice(json)?;
        let instance = report.instance.parse()?;
        report.feed_keys.truncate(MOST_FEED_KEYS);
        for text in [&mut report.name, &mut report.version] {
            clean(text);
        }
        report.feed_keys.iter_mut().for_each(clean);
        if let Some(applied) = &mut report.applied {
            clean(&mut applied.epoch);
        }
        Ok(Self { instance, report })
    }
}

impl FromStr for Instance {
    type Err = InvalidInstance;

    fn from_str(text: &str) -> Result<Self, InvalidInstance> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(InvalidInstance);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| InvalidInstance)
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

fn clean(text: &mut String) {
    *text = GatewayReport::name(text.as_bytes());
}
