//! The authority of a request (`host`, `:authority`): which host it names, and whether everybody would say the same.

/// Whether proxies and services may disagree about which host an authority names: anything but a name or an address,
/// with or without port (RFC 9110 section 4.2.4 has user names treated as an error). No authority at all is not ambiguous.
#[must_use]
pub fn is_ambiguous(authority: &[u8]) -> bool {
    let (host, port) = split(authority);
    let is_port = port.is_empty() || port.first() == Some(&b':');
    let is_known = match host {
        [b'[', address @ .., b']'] => address.iter().all(is_of_address),
        [] => port.is_empty(),
        name => is_name(name),
    };
    !is_known || !is_port || !port.iter().skip(1).all(u8::is_ascii_digit)
}

/// The host of an authority: without port and trailing dot, in lower case (RFC 3986 section 3.2.2).
pub(crate) fn host_of(authority: &[u8]) -> Vec<u8> {
    let (host, _) = split(authority);
    host.strip_suffix(b".").unwrap_or(host).to_ascii_lowercase()
}

/// The host as written, and what follows it.
fn split(authority: &[u8]) -> (&[u8], &[u8]) {
    let end = if authority.first() == Some(&b'[') {
        memchr::memchr(b']', authority).map(|at| at.saturating_add(1))
    } else {
        memchr::memchr(b':', authority)
    };
    authority.split_at(end.unwrap_or(authority.len()))
}

/// Whether it consists of labels, of which the last may be followed by a dot.
fn is_name(name: &[u8]) -> bool {
    let mut was_dot = true;
    for byte in name {
        let is_dot = *byte == b'.';
        if is_dot && was_dot || !(is_dot || is_of_label(byte)) {
            return false;
        }
        was_dot = is_dot;
    }
    true
}

/// Host names have no underscore (RFC 1123 section 2.1), but there are such.
fn is_of_label(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_of_address(byte: &u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_from_its_port_and_does_not_depend_on_case_or_a_trailing_dot() {
        for (authority, host) in [
            ("a.test", "a.test"),
            ("A.Test:80", "a.test"),
            ("a.test.", "a.test"),
            ("a.test.:8080", "a.test"),
            ("[::1]:80", "[::1]"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("", ""),
        ] {
            assert_eq!(host_of(authority.as_bytes()), host.as_bytes());
            assert!(!is_ambiguous(authority.as_bytes()), "{authority}");
        }
    }

    #[test]
    fn an_authority_that_others_may_read_as_another_host_is_ambiguous() {
        for authority in [
            "me@a.test",
            "b.test:x@a.test",
            "b.test:80@a.test",
            "a%2etest",
            "a.test..",
            ".a.test",
            "a..test",
            ".",
            ":80",
            "a.test,b.test",
            "a.test/b",
            "a.test\\b",
            "a.test#b",
            "a.test?b",
            "a test",
            "a.test:80:80",
            "a.test:8o",
            "[::1",
            "[::1]b.test",
            "[a.test]x",
            "[me@a.test]",
            "caf\u{e9}.test",
        ] {
            assert!(is_ambiguous(authority.as_bytes()), "{authority}");
        }
    }
}
