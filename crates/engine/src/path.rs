//! The path of a request: split from its query, refused where Envoy and a service might read it differently.
//!
//! The shipped listeners normalise before the filter sees a request (`normalize_path`, `merge_slashes`); what is still
//! doubtful after that is refused here instead of being guessed at, and so is all of it where a listener forgot to.

use std::borrow::Cow;

/// A path that every reader understands in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<'a> {
    text: &'a str,
    encoded: bool,
}

/// Services may disagree about what a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path can be read in more than one way")]
pub struct AmbiguousPath;

impl<'a> Path<'a> {
    /// Reads the path from a request target in origin form (`/orders/7?page=2`, RFC 9112 section 3.2.1).
    ///
    /// # Errors
    /// For anything but an absolute path of plain ASCII: no control bytes, blanks, backslashes or fragments; no empty
    /// segments; no segments of dots and blanks, written out or encoded; no path parameters (`;`); no encoded slashes,
    /// backslashes, dots or control bytes; no encoding of an encoding; no encoded bytes that are not UTF-8.
    pub fn parse(target: &'a [u8]) -> Result<Self, AmbiguousPath> {
        let path = target
            .split(|&byte| byte == b'?')
            .next()
            .unwrap_or_default();
        if path.first() != Some(&b'/') {
            return Err(AmbiguousPath);
        }
        let mut encoded = false;
        // A segment is suspicious until a byte other than a dot or a blank has been seen in it.
        let (mut is_dubious, mut length) = (true, 0_usize);
        for &byte in path.iter().skip(1).chain(b"/") {
            match byte {
                b'/' => {
                    let is_trailing = length == 0;
                    if is_dubious && !is_trailing {
                        return Err(AmbiguousPath);
                    }
                    (is_dubious, length) = (true, 0);
                    continue;
                }
                b'.' => {}
                b'%' => {
                    encoded = true;
                    is_dubious = false;
                }
                0..=b' ' | b'\\' | b'#' | b';' | 0x7f.. => return Err(AmbiguousPath),
                _ => is_dubious = false,
            }
            length = length.saturating_add(1);
        }
        let text = std::str::from_utf8(path).map_err(|_| AmbiguousPath)?;
        if text.contains("//") {
            return Err(AmbiguousPath);
        }
        let path = Self { text, encoded };
        if encoded && !path.raw_segments().all(is_safely_encoded) {
            return Err(AmbiguousPath);
        }
        Ok(path)
    }

    /// The segments, decoded. A trailing slash shows as a last segment that is empty.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'a, [u8]>> + Clone + use<'a> {
        let encoded = self.encoded;
        self.raw_segments().map(move |segment| {
            if encoded && segment.contains('%') {
                Cow::Owned(decode(segment).unwrap_or_default())
            } else {
                Cow::Borrowed(segment.as_bytes())
            }
        })
    }

    /// The path as it came, without the query.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    fn raw_segments(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.text.split('/').skip(1)
    }
}

fn is_safely_encoded(segment: &str) -> bool {
    if !segment.contains('%') {
        return true;
    }
    let Some(decoded) = decode(segment) else {
        return false;
    };
    let is_encoded_twice = decoded.windows(3).any(|triplet| {
        matches!(triplet, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    });
    let hides = |byte: u8| matches!(byte, 0..b' ' | 0x7f | b'/' | b'\\' | b';');
    let hides_a_dot = segment.contains("%2e") || segment.contains("%2E");
    std::str::from_utf8(&decoded).is_ok()
        && !is_encoded_twice
        && !hides_a_dot
        && !decoded.iter().copied().any(hides)
        && !decoded.iter().all(|byte| matches!(byte, b'.' | b' '))
}

fn decode(segment: &str) -> Option<Vec<u8>> {
    let nibble = |byte: Option<u8>| {
        byte.and_then(|byte| char::from(byte).to_digit(16))
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            (nibble(bytes.next())? << 4) | nibble(bytes.next())?
        } else {
            byte
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(target: &str) -> Vec<String> {
        Path::parse(target.as_bytes())
            .unwrap()
            .segments()
            .map(|segment| String::from_utf8(segment.into_owned()).unwrap())
            .collect()
    }

    #[test]
    fn a_plain_path_is_split_at_its_slashes() {
        assert_eq!(segments("/orders/7"), ["orders", "7"]);
        assert_eq!(segments("/"), [""]);
        assert_eq!(segments("/orders/?a=/../b"), ["orders", ""]);
        assert_eq!(
            segments("/.well-known/a.b/~x"),
            [".well-known", "a.b", "~x"]
        );
    }

    #[test]
    fn harmless_encodings_are_decoded_for_matching() {
        assert_eq!(segments("/caf%C3%A9/a%20b/%61"), ["café", "a b", "a"]);
        assert_eq!(segments("/100%25/x"), ["100%", "x"]);
    }

    #[test]
    fn every_doubtful_spelling_is_refused() {
        for target in [
            "",
            "*",
            "orders",
            "http://a/b",
            "?a=b",
            "/a//b",
            "//a",
            "/a/../b",
            "/./a",
            "/a/..",
            "/a/.",
            "/...",
            "/a/%2e%2e/b",
            "/%2E/a",
            "/a%2e/b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a;x=1/b",
            "/a%3bx",
            "/a%00",
            "/a%0d%0a",
            "/a%7f",
            "/a b",
            "/a\tb",
            "/a#b",
            "/%252e%252e/a",
            "/%25252e",
            "/%c0%af",
            "/%ff",
            "/%",
            "/%4",
            "/%zz",
            "/..%20/a",
            "/.%20",
            "/%20",
            "/a/ ",
            "/caf\u{e9}",
            "/..;/a",
        ] {
            assert_eq!(
                Path::parse(target.as_bytes()),
                Err(AmbiguousPath),
                "{target}"
            );
        }
        assert_eq!(Path::parse(b"/a\xff"), Err(AmbiguousPath));
        assert_eq!(Path::parse(b"/a\0"), Err(AmbiguousPath));
    }
}
