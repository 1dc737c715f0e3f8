//! For how long servers call their answers good (RFC 9111), and by what they know them again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName};

/// How long an entity tag may be, in bytes: it is kept and sent back.
const LONGEST_ETAG_BYTES: usize = 256;

/// For how many seconds an answer is good, where it says so: `max-age`, otherwise `Expires`, less its age.
pub(super) fn lifetime_s(headers: &HeaderMap, now_ms: u64) -> Option<u64> {
    let directives = || {
        headers
            .get_all(CACHE_CONTROL)
            .into_iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|directive| directive.trim().to_ascii_lowercase())
    };
    if directives().any(|directive| directive == "no-store" || directive == "no-cache") {
        return Some(0);
    }
    let max_age = directives().find_map(|directive| {
        let seconds = directive
            .strip_prefix("max-age=")?
            .trim_matches('"')
            .to_owned();
        // More than can be said is as long as can be said (RFC 9111 section 1.2.2).
        let is_number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| seconds.parse().unwrap_or(u64::MAX))
    });
    if let Some(max_age) = max_age {
        let age = text(headers, AGE).and_then(|age| age.trim().parse().ok());
        return Some(max_age.saturating_sub(age.unwrap_or(0)));
    }
    let expires = text(headers, EXPIRES)?;
    // An unreadable date means that it has expired (RFC 9111 section 5.3).
    let Some(expires) = moment(expires) else {
        return Some(0);
    };
    let now = UNIX_EPOCH.checked_add(Duration::from_millis(now_ms))?;
    let sent = text(headers, DATE).and_then(moment).unwrap_or(now);
    let left = expires.duration_since(sent).unwrap_or_default();
    Some(left.as_secs())
}

/// What the server calls this version, if that can be sent back.
pub(super) fn etag(headers: &HeaderMap) -> Option<String> {
    text(headers, ETAG)
        .filter(|etag| etag.len() <= LONGEST_ETAG_BYTES)
        .map(str::to_owned)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn moment(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2027-01-15T08:00:00Z, a Friday.
    const NOW_MS: u64 = 1_800_000_000_000;

    fn check(lines: &[(HeaderName, &str)], expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        assert_eq!(lifetime_s(&headers, NOW_MS), expected, "{lines:?}");
    }

    #[test]
    fn an_answer_says_for_how_long_it_is_good() {
        check(&[], None);
        check(&[(CACHE_CONTROL, "public")], None);
        check(&[(CACHE_CONTROL, "max-age=")], None);
        check(&[(CACHE_CONTROL, "max-age=-5")], None);
        check(&[(CACHE_CONTROL, "s-maxage=5")], None);
        for (value, seconds) in [
            ("max-age=300", 300),
            (
                "public, max-age=22043, must-revalidate, no-transform",
                22_043,
            ),
            ("Public,Max-Age=7", 7),
            ("max-age=\"7\"", 7),
            ("max-age=0", 0),
            ("max-age=99999999999999999999", u64::MAX),
            ("no-store", 0),
            ("no-cache, max-age=300", 0),
        ] {
            check(&[(CACHE_CONTROL, value)], Some(seconds));
        }
        check(
            &[(CACHE_CONTROL, "public"), (CACHE_CONTROL, "max-age=5")],
            Some(5),
        );
        check(&[(CACHE_CONTROL, "max-age=300"), (AGE, "100")], Some(200));
        check(&[(CACHE_CONTROL, "max-age=300"), (AGE, "400")], Some(0));
    }

    #[test]
    fn a_date_is_good_where_no_number_of_seconds_is_said() {
        let (at_nine, at_seven) = (
            "Fri, 15 Jan 2027 09:00:00 GMT",
            "Fri, 15 Jan 2027 07:00:00 GMT",
        );
        check(&[(EXPIRES, at_nine)], Some(3_600));
        check(&[(EXPIRES, at_nine), (DATE, at_seven)], Some(7_200));
        check(&[(EXPIRES, at_seven)], Some(0));
        check(&[(EXPIRES, "0")], Some(0));
        check(&[(EXPIRES, at_nine), (CACHE_CONTROL, "max-age=5")], Some(5));
    }

    #[test]
    fn an_entity_tag_is_kept_if_it_is_short() {
        let tagged = |value: &str| etag(&HeaderMap::from_iter([(ETAG, value.parse().unwrap())]));
        assert_eq!(tagged("W/\"a\""), Some("W/\"a\"".to_owned()));
        assert_eq!(tagged(&"e".repeat(257)), None);
        assert_eq!(etag(&HeaderMap::new()), None);
    }
}
