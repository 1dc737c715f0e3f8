//! The path of a request: split from its query, refused where Envoy and a service might read it differently.
//!
//! The shipped listeners normalise before the filter sees a request (`normalize_path`, `merge_slashes`); what is still
//! doubtful after that is refused here instead of being guessed at, and so is all of it where a listener forgot to.

use std::borrow::Cow;

/// A path that every proxy understands in one way; whether services do too, [`Path::is_dubious`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<'a> {
    text: &'a str,
    encoded: bool,
    dubious: bool,
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
    /// segments; no segments `.` and `..`; no encoded slashes, backslashes or dots; nothing encoded in a wrong way.
    pub fn parse(target: &'a [u8]) -> Result<Self, AmbiguousPath> {
        let path = target
            .split(|&byte| byte == b'?')
            .next()
            .unwrap_or_default();
        if path.first() != Some(&b'/') {
            return Err(AmbiguousPath);
        }
        let (mut encoded, mut dubious) = (false, false);
        // A segment is nothing but dots until another byte has been seen in it.
        let (mut is_dots, mut length) = (true, 0_usize);
        let mut segments = path.iter().skip(1).chain(b"/").peekable();
        while let Some(&byte) = segments.next() {
            match byte {
                b'/' => {
                    let is_last = segments.peek().is_none();
                    match (is_dots, length) {
                        (true, 0) if !is_last => return Err(AmbiguousPath),
                        (true, 1 | 2) => return Err(AmbiguousPath),
                        (is_dots, length) => dubious |= is_dots && length > 0,
                    }
                    (is_dots, length) = (true, 0);
                    continue;
                }
                b'.' => {}
                b'%' => {
                    encoded = true;
                    is_dots = false;
                }
                0..=b' ' | b'\\' | b'#' | 0x7f.. => return Err(AmbiguousPath),
                b';' => {
                    dubious = true;
                    is_dots = false;
                }
                _ => is_dots = false,
            }
            length = length.saturating_add(1);
        }
        let mut path = Self {
            text: std::str::from_utf8(path).map_err(|_| AmbiguousPath)?,
            encoded,
            dubious,
        };
        if encoded {
            for segment in path.raw_segments() {
                path.dubious |= hides_something(segment)?;
            }
        }
        Ok(path)
    }

    /// Whether some services read more into it than proxies do: path parameters (`;`), an encoding of an encoding,
    /// encoded control bytes, bytes that are not UTF-8, segments of dots and blanks.
    #[must_use]
    pub fn is_dubious(&self) -> bool {
        self.dubious
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

/// Whether a service that decodes the segment finds more than characters of a name.
///
/// # Errors
/// When it finds what separates segments, or dots.
fn hides_something(segment: &str) -> Result<bool, AmbiguousPath> {
    if !segment.contains('%') {
        return Ok(false);
    }
    let decoded = decode(segment).ok_or(AmbiguousPath)?;
    let hides_a_dot = segment.contains("%2e") || segment.contains("%2E");
    let separates = |byte: &u8| matches!(byte, b'/' | b'\\');
    if hides_a_dot || decoded.iter().any(separates) {
        return Err(AmbiguousPath);
    }
    let is_encoded_twice = decoded.windows(3).any(|triplet| {
        matches!(triplet, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    });
    let is_strange = |byte: &u8| matches!(byte, 0..b' ' | 0x7f | b';');
    Ok(is_encoded_twice
        || std::str::from_utf8(&decoded).is_err()
        || decoded.iter().any(is_strange)
        || decoded.iter().all(|byte| matches!(byte, b'.' | b' ')))
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
    fn what_proxies_and_services_may_split_in_another_way_is_refused() {
        for target in [
            "",
            "*",
            "orders",
            "http://a/b",
            "?a=b",
            "/a//b",
            "//a",
            "//",
            "/a//",
            "/a/../b",
            "/./a",
            "/a/..",
            "/a/.",
            "/a/%2e%2e/b",
            "/%2E/a",
            "/a%2e/b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a b",
            "/a\tb",
            "/a#b",
            "/%",
            "/%4",
            "/%zz",
            "/a/ ",
            "/caf\u{e9}",
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

    #[test]
    fn what_only_some_services_read_more_into_is_dubious() {
        for target in [
            "/a;x=1/b",
            "/a%3bx",
            "/a%00",
            "/a%0d%0a",
            "/a%7f",
            "/%252e%252e/a",
            "/%25252e",
            "/%c0%af",
            "/%ff",
            "/...",
            "/..../a",
            "/..%20/a",
            "/.%20",
            "/%20",
            "/..;/a",
        ] {
            assert!(
                Path::parse(target.as_bytes()).unwrap().is_dubious(),
                "{target}"
            );
        }
        for target in [
            "/",
            "/a/",
            "/a.b/..c",
            "/a%20b",
            "/100%25/x",
            "/a?b=;&c=%00",
        ] {
            assert!(
                !Path::parse(target.as_bytes()).unwrap().is_dubious(),
                "{target}"
            );
        }
    }
}
