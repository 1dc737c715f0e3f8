//! Where a request goes: a URL as somebody writes it, taken apart and in no way made better. What is wrong about it is
//! for the gate to say.

const LONGEST: usize = 8_192;

/// Where a request goes, as a gateway sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Host and port. Empty, where only a path was given.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

/// A text says not where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidTarget {
    #[error("a URL has at most {LONGEST} characters")]
    TooLong,
    #[error("the scheme of a URL is `http` or `https`")]
    Scheme,
    #[error(
        "a URL such as `https://api.example.com/orders/7` is expected, or a path that begins with `/`"
    )]
    Form,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, InvalidTarget> {
        if url.len() > LONGEST {
            return Err(InvalidTarget::TooLong);
        }
        if url.starts_with('/') {
            return Ok(Self {
                authority: String::new(),
                path: url.to_owned(),
            });
        }
        let (scheme, rest) = url.split_once("://").ok_or(InvalidTarget::Form)?;
        if !["http", "https"]
            .iter()
            .any(|it| scheme.eq_ignore_ascii_case(it))
        {
            return Err(InvalidTarget::Scheme);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() {
            return Err(InvalidTarget::Form);
        }
        let root = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            authority: authority.to_owned(),
            path: format!("{root}{path}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_as_it_stands() {
        for (url, authority, path) in [
            ("https://api.example.com/a?b=c", "api.example.com", "/a?b=c"),
            ("HTTP://api.example.com:8080", "api.example.com:8080", "/"),
            ("http://[::1]:80?a=/b", "[::1]:80", "/?a=/b"),
            ("/orders//7/../8;x", "", "/orders//7/../8;x"),
            ("//host/path", "", "//host/path"),
            ("https://me@host/%2F", "me@host", "/%2F"),
            (
                "https://caf\u{e9}.test/\u{e9}#f",
                "caf\u{e9}.test",
                "/\u{e9}#f",
            ),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(
                (&*target.authority, &*target.path),
                (authority, path),
                "{url}"
            );
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let long = format!("/{}", "a".repeat(LONGEST));
        for (url, invalid) in [
            ("", InvalidTarget::Form),
            ("api.example.com/orders", InvalidTarget::Form),
            ("https:///orders", InvalidTarget::Form),
            ("ftp://host/", InvalidTarget::Scheme),
            (&long, InvalidTarget::TooLong),
        ] {
            assert_eq!(Target::parse(url), Err(invalid));
        }
    }
}
