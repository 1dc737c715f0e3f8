//! What callers with an older key are told with each answer: since when a newer one stands in its place (`Deprecation`,
//! RFC 9745), and when it stops working (`Sunset`, RFC 8594).

use std::time::{Duration, SystemTime};

use portcullis_engine::Deprecation;

use crate::host;

/// The last second that an HTTP-date can tell: the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// Adds the headers to the answer of the current callback.
pub(crate) fn announce(deprecation: &Deprecation) {
    let since = format!("@{}", deprecation.since_ms / 1_000);
    host::add_response_header("deprecation", since.as_bytes());
    if let Some(until) = deprecation.until_ms.and_then(http_date) {
        host::add_response_header("sunset", until.as_bytes());
    }
}

/// A time as an HTTP-date (RFC 9110 section 5.6.7), down to the second.
fn http_date(ms: u64) -> Option<String> {
    let since_1970 = Duration::from_secs((ms / 1_000).min(LAST_SECOND));
    let time = SystemTime::UNIX_EPOCH.checked_add(since_1970)?;
    Some(httpdate::fmt_http_date(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_http_dates_however_far_away() {
        for (ms, date) in [
            (784_111_777_999, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(ms).as_deref(), Some(date));
        }
    }
}
