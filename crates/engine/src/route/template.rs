//! What operators write to say which requests an endpoint is for: host, method, path template.

use crate::path::Path;

/// A host pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Host {
    Any,
    Exact(Box<[u8]>),
    /// A parent domain with its leading dot: `*.example.com` is `.example.com`.
    Below(Box<[u8]>),
}

/// A path template as segments. The names of parameters do not count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Template {
    pub(super) segments: Vec<Segment>,
    /// Whether anything may follow, nothing included: `/files/**` covers `/files` and `/files/a/b`.
    pub(super) open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    Literal(Box<[u8]>),
    Parameter,
}

/// An endpoint cannot be matched as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidEndpoint {
    /// Which field: `host`, `method` or `path`.
    pub field: &'static str,
    reason: String,
}

impl InvalidEndpoint {
    fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self {
            field,
            reason: reason.into(),
        }
    }
}

impl Host {
    pub(super) fn parse(host: Option<&str>) -> Result<Self, InvalidEndpoint> {
        let Some(text) = host else {
            return Ok(Self::Any);
        };
        let invalid = || {
            InvalidEndpoint::new(
                "host",
                format!(
                    "`{text}` is not a host name such as `api.example.com` or `*.example.com`, without port"
                ),
            )
        };
        let (name, below) = match text.strip_prefix("*.") {
            Some(parent) => (parent, true),
            None => (text, false),
        };
        let is_ipv6 = !below
            && name
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if name.len() > 253 || !(is_ipv6 || name.split('.').all(is_label)) {
            return Err(invalid());
        }
        let name = name.to_ascii_lowercase();
        Ok(if below {
            Self::Below(format!(".{name}").into_bytes().into())
        } else {
            Self::Exact(name.into_bytes().into())
        })
    }
}

/// A method in upper case, or `*`.
pub(super) fn parse_method(method: &str) -> Result<Box<[u8]>, InvalidEndpoint> {
    let is_name = (1..=32).contains(&method.len())
        && method
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_');
    if method != "*" && !is_name {
        return Err(InvalidEndpoint::new(
            "method",
            format!("`{method}` is not an HTTP method in upper case such as `GET`, or `*` for any"),
        ));
    }
    Ok(method.as_bytes().into())
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = |reason: &str| InvalidEndpoint::new("path", format!("`{text}` {reason}"));
        let (body, open) = match text.strip_suffix("/**") {
            Some(body) => (body, true),
            None => (text, false),
        };
        if !text.starts_with('/') {
            return Err(invalid("does not begin with `/`"));
        }
        let segments = body
            .split('/')
            .skip(1)
            .map(|segment| {
                if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                    let is_name = !name.is_empty()
                        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
                    return is_name.then_some(Segment::Parameter).ok_or_else(|| {
                        invalid("has a parameter whose name is not of letters, digits, `_`, `-` and `.`")
                    });
                }
                if segment.contains(['{', '}', '*', '?']) {
                    return Err(invalid(
                        "mixes text with `{`, `}`, `*` or `?`: a parameter is a whole segment such as `{id}`, and `/**` stands at the end",
                    ));
                }
                Ok(Segment::Literal(literal(segment)))
            })
            .collect::<Result<Vec<_>, _>>()?;
        // What a literal may be is what a request's path may be: one reader for both.
        let example = body.replace(['{', '}'], "");
        let example = percent_encode(if body.is_empty() { "/" } else { &example });
        if !Path::parse(example.as_bytes()).is_ok_and(|path| !path.is_dubious()) {
            return Err(invalid(
                "has an empty segment, a dot segment, or a character that no unambiguous path has",
            ));
        }
        Ok(Self { segments, open })
    }
}

/// A literal as requests are compared with it: decoded.
fn literal(segment: &str) -> Box<[u8]> {
    let path = format!("/{}", percent_encode(segment));
    Path::parse(path.as_bytes())
        .ok()
        .and_then(|path| path.segments().next())
        .map_or_else(
            || segment.as_bytes().into(),
            |segment| segment.into_owned().into(),
        )
}

/// Operators may write `/café`; on the wire it is `/caf%C3%A9`.
fn percent_encode(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut encoded, byte| {
            if byte.is_ascii() {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
            encoded
        })
}
