//! Moments as browsers send them: without an offset, in UTC.

use super::entered::Sent;
use crate::app::Violation;
use crate::app::time::Moment;
use crate::problem::{Kind, Problem};

/// What is expected of a text that is none.
pub(super) const EXPECTED: &str = "a moment in UTC such as `2027-01-31T12:00` is expected";

/// The moment as in RFC 3339, if the text looks like one: `2027-01-31T12:00`, with seconds if there are any, or already
/// with the letter for UTC.
pub(super) fn rfc3339(text: &str) -> Option<String> {
    let rest = match text.len() {
        16 => ":00Z",
        19 => "Z",
        _ if text.ends_with('Z') => "",
        _ => return None,
    };
    Some(format!("{text}{rest}"))
}

/// The moment that a form says in a field, if it says any.
///
/// # Errors
/// When it is none.
pub(super) fn moment(sent: &Sent, name: &str, pointer: &str) -> Result<Option<String>, Violation> {
    let moment = sent.given(name).map(|text| {
        let moment = rfc3339(text);
        moment.ok_or_else(|| Violation::new(pointer, EXPECTED))
    });
    moment.transpose()
}

/// The moment that the address of a page says, if it says any: milliseconds since 1970, UTC.
///
/// # Errors
/// When it is none.
pub(super) fn wanted(name: &str, text: Option<&str>) -> Result<Option<u64>, Problem> {
    let moment = text.map(|text| {
        let moment = rfc3339(text).and_then(|text| Moment::try_from(text).ok());
        moment
            .map(Moment::as_ms)
            .ok_or_else(|| Problem::new(Kind::MalformedRequest, format!("`{name}`: {EXPECTED}")))
    });
    moment.transpose()
}

/// A moment as fields for moments show it: without the letter for UTC, and without fractions of seconds. Nothing, where
/// there is none.
pub(super) fn again(text: Option<&str>) -> String {
    let moment = text.and_then(rfc3339).unwrap_or_default();
    let whole = moment.trim_end_matches('Z');
    whole.split('.').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_moments_agree() {
        for (field, moment) in [
            ("2027-01-31T12:00", "2027-01-31T12:00:00Z"),
            ("2027-01-31T12:00:07", "2027-01-31T12:00:07Z"),
            ("2027-01-31T12:00:07.5Z", "2027-01-31T12:00:07.5Z"),
        ] {
            assert_eq!(rfc3339(field).as_deref(), Some(moment));
        }
        assert_eq!(again(Some("2027-01-31T12:00:07.5Z")), "2027-01-31T12:00:07");
        assert_eq!(again(Some("yesterday")), "");
        assert_eq!(rfc3339("yesterday"), None);
    }
}
