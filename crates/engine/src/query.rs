//! A credential in the query: found in every spelling that a service would take for it, and cut out.

use std::borrow::Cow;

/// What a query says under one name.
#[derive(Debug, PartialEq, Eq)]
pub struct Extracted<'a> {
    /// The values, decoded (`application/x-www-form-urlencoded`, WHATWG URL section 5.1).
    pub values: Vec<Cow<'a, [u8]>>,
    /// The request target without them, else as it came.
    pub target: Vec<u8>,
}

/// Cuts the parameters of a name out of a request target. None when there are none.
#[must_use]
pub fn extract<'a>(target: &'a [u8], name: &[u8]) -> Option<Extracted<'a>> {
    let (path, query) = target.split_at(memchr::memchr(b'?', target)?);
    let mut values = vec![];
    let mut kept: Vec<u8> = path.to_vec();
    let mut separator = b'?';
    for pair in query.get(1..)?.split(|byte| *byte == b'&') {
        let (key, value) = pair.split_at(memchr::memchr(b'=', pair).unwrap_or(pair.len()));
        if decode(key).as_ref() == name {
            values.push(decode(value.get(1..).unwrap_or_default()));
        } else {
            kept.push(separator);
            kept.extend(pair);
            separator = b'&';
        }
    }
    (!values.is_empty()).then_some(Extracted {
        values,
        target: kept,
    })
}

/// Decodes what is encoded and leaves what only looks so.
fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let nibble = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|it| u8::try_from(it).ok())
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, beyond @ ..]) => match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push((high << 4) | low);
                    rest = beyond;
                }
                _ => decoded.push(byte),
            },
            _ => decoded.push(byte),
        }
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, values: &[&str], left: &str) {
        let extracted = extract(target.as_bytes(), b"api-key").unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let found: Vec<String> = extracted.values.iter().map(|value| text(value)).collect();
        assert_eq!(
            (found, text(&extracted.target)),
            (
                values.iter().map(ToString::to_string).collect(),
                left.to_owned()
            )
        );
    }

    #[test]
    fn a_parameter_is_cut_out_wherever_it_stands() {
        check("/a?api-key=k", &["k"], "/a");
        check("/a?api-key=k&b=1", &["k"], "/a?b=1");
        check("/a?b=1&api-key=k&c", &["k"], "/a?b=1&c");
        check("/a?b=%2&api-key=k", &["k"], "/a?b=%2");
        check("/a?api-key=k&api-key=l", &["k", "l"], "/a");
        check("/a?api-key", &[""], "/a");
        check("/a?&&api-key=k", &["k"], "/a?&");
        check("/a?api-key=k=l?m", &["k=l?m"], "/a");
    }

    #[test]
    fn every_spelling_of_its_name_is_recognised_and_its_value_decoded() {
        check("/?%61pi%2Dkey=k%2B+%2f", &["k+ /"], "/");
        check("/?api%2dkey=%zz%4", &["%zz%4"], "/");
        check("/?api-key=%00%ff", &["\u{0}\u{fffd}"], "/");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for target in [
            "/a",
            "/a?",
            "/a?b=api-key",
            "/a?API-KEY=k",
            "/api-key=k",
            "/a?xapi-key=k",
        ] {
            assert_eq!(extract(target.as_bytes(), b"api-key"), None, "{target}");
        }
    }
}
