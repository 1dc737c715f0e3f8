//! By which URL browsers reach the control plane: links lead there, and requests of its pages say that they are from there.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use url::{Position, Url};

/// The beginning of all URLs of the control plane, without a path: an origin (RFC 6454).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    is_secure: bool,
}

/// A text is no such beginning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a URL without a path, such as `https://portcullis.example.com`")]
pub struct InvalidPublicUrl(String);

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let invalid = || InvalidPublicUrl(text.to_owned());
        let url = Url::parse(text).map_err(|_| invalid())?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url[Position::BeforePath..] == *"/";
        let origin = url.origin().ascii_serialization();
        let is_secure = url.scheme() == "https";
        is_plain
            .then_some(Self { origin, is_secure })
            .ok_or_else(invalid)
    }
}

impl fmt::Display for PublicUrl {
    /// Without a slash at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl PublicUrl {
    /// By an address: over TLS or in clear.
    #[must_use]
    pub fn of_address(address: SocketAddr, is_secure: bool) -> Self {
        let scheme = if is_secure { "https" } else { "http" };
        Self {
            origin: format!("{scheme}://{address}"),
            is_secure,
        }
    }

    /// The address by which a machine reaches itself.
    pub(super) fn of_this_machine() -> Self {
        Self::of_address(SocketAddr::from(([127, 0, 0, 1], 8080)), false)
    }

    /// Whether browsers come over TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Whether a page of that origin is one of this control plane.
    #[must_use]
    pub fn is_origin(&self, origin: &str) -> bool {
        self.origin == origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_has_no_path() {
        let url: PublicUrl = "https://Gate.example.com:443/".parse().unwrap();
        assert_eq!(url.to_string(), "https://gate.example.com");
        assert!(url.is_secure() && url.is_origin("https://gate.example.com"));
        assert!(!url.is_origin("http://gate.example.com") && !url.is_origin("null"));
        for text in [
            "",
            "gate",
            "ftp://gate",
            "https://gate/path",
            "https://gate/?q",
            "https://ann@gate",
            "data:,",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
