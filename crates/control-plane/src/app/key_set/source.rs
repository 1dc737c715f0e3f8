//! The URLs of key sets and issuers: which ones may be asked at all, before anything is asked. Names are resolved, and
//! their addresses judged, when keys are fetched.

use std::net::IpAddr;

use url::{Host, Url};

use super::Networks;

/// How long a URL may be, in bytes.
const LONGEST_BYTES: usize = 2_048;

/// Where OpenID providers describe themselves, after their issuer (OpenID Connect Discovery 1.0 section 4).
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// A URL that may be asked, as far as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location(Url);

/// A URL is not one that keys may be fetched from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// It is none.
    #[error(
        "an absolute URL of at most 2048 bytes is expected, such as `https://idp.example.com/jwks`"
    )]
    NoUrl,
    /// It is asked for in clear.
    #[error(
        "keys are fetched over `https` only, or over `http` from networks that the control plane was started for"
    )]
    NotHttps,
    /// It holds a name or a password.
    #[error("a URL with a user name or a password is not taken")]
    Credentials,
    /// It has a fragment, or for an issuer a query.
    #[error("a URL with a {part} is not taken here")]
    Superfluous {
        /// What is too much.
        part: &'static str,
    },
    /// It leads inside.
    #[error(
        "`{address}` is not a public address, and not in the networks that the control plane was started for \
         (`--key-set-networks`)"
    )]
    NotPublic {
        /// Where to.
        address: IpAddr,
    },
}

impl Location {
    /// The URL of a JSON Web Key Set.
    ///
    /// # Errors
    /// When it may not be asked.
    pub fn of_set(url: &str, networks: &Networks) -> Result<Self, InvalidSource> {
        if url.len() > LONGEST_BYTES {
            return Err(InvalidSource::NoUrl);
        }
        let url = Url::parse(url).map_err(|_| InvalidSource::NoUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidSource::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidSource::Superfluous { part: "fragment" });
        }
        let location = Self(url);
        let literal = location.literal()?;
        let is_secure = match location.0.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidSource::NotHttps),
        };
        match literal {
            Some(address) => location.refuse_address(address, networks)?,
            None if !is_secure && networks.is_empty() => return Err(InvalidSource::NotHttps),
            None => {}
        }
        Ok(location)
    }

    /// Where an issuer describes itself.
    ///
    /// # Errors
    /// When it may not be asked.
    pub fn of_issuer(issuer: &str, networks: &Networks) -> Result<Self, InvalidSource> {
        if issuer.contains('?') {
            return Err(InvalidSource::Superfluous { part: "query" });
        }
        let Self(url) = Self::of_set(issuer, networks)?;
        let base = url.as_str().trim_end_matches('/');
        Self::of_set(&format!("{base}{DISCOVERY_PATH}"), networks)
    }

    /// Whether it may be asked at an address that its name has.
    ///
    /// # Errors
    /// When it may not.
    pub fn refuse_address(
        &self,
        address: IpAddr,
        networks: &Networks,
    ) -> Result<(), InvalidSource> {
        if !networks.permit(address) {
            return Err(InvalidSource::NotPublic { address });
        }
        if !self.is_secure() && !networks.cover(address) {
            return Err(InvalidSource::NotHttps);
        }
        Ok(())
    }

    /// Whether it is asked over TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// The address, where the URL gives one and no name. The reader of URLs knows all spellings, such as `0x7f.1`.
    fn literal(&self) -> Result<Option<IpAddr>, InvalidSource> {
        match self.0.host() {
            Some(Host::Ipv4(address)) => Ok(Some(address.into())),
            Some(Host::Ipv6(address)) => Ok(Some(address.into())),
            Some(Host::Domain(name)) if !name.is_empty() => Ok(None),
            Some(Host::Domain(_)) | None => Err(InvalidSource::NoUrl),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(url: &str, networks: &str) -> Result<String, InvalidSource> {
        Location::of_set(url, &networks.parse().unwrap()).map(|location| location.url().to_string())
    }

    #[test]
    fn a_url_that_leads_inside_is_refused_in_every_spelling() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("%31%32%37.0.0.1", "127.0.0.1"),
            ("①②⑦.0.0.1", "127.0.0.1"),
            ("169.254.169.254", "169.254.169.254"),
            ("10.0.0.1:8443", "10.0.0.1"),
            ("[::1]", "::1"),
            ("[::ffff:10.0.0.1]", "::ffff:10.0.0.1"),
            ("[fd00:ec2::254]", "fd00:ec2::254"),
            ("[64:ff9b::a9fe:a9fe]", "64:ff9b::a9fe:a9fe"),
        ] {
            let address = address.parse().unwrap();
            let refusal = Err(InvalidSource::NotPublic { address });
            assert_eq!(
                asked(&format!("https://{host}/jwks"), ""),
                refusal,
                "{host}"
            );
        }
    }

    #[test]
    fn only_absolute_https_urls_without_credentials_are_taken() {
        for (url, refusal) in [
            ("", InvalidSource::NoUrl),
            ("idp.example.com/jwks", InvalidSource::NoUrl),
            ("/jwks", InvalidSource::NoUrl),
            ("https://", InvalidSource::NoUrl),
            ("https://idp.example.com:99999/", InvalidSource::NoUrl),
            ("https://idp example.com/", InvalidSource::NoUrl),
            ("http://idp.example.com/jwks", InvalidSource::NotHttps),
            ("http://8.8.8.8/jwks", InvalidSource::NotHttps),
            ("ftp://idp.example.com/jwks", InvalidSource::NotHttps),
            ("file://host/etc/passwd", InvalidSource::NotHttps),
            ("gopher://idp.example.com/", InvalidSource::NotHttps),
            ("file:///etc/passwd", InvalidSource::NoUrl),
            ("data:application/json,{}", InvalidSource::NoUrl),
            ("https://name@idp.example.com/", InvalidSource::Credentials),
            ("https://:word@idp.example.com/", InvalidSource::Credentials),
            (
                "https://idp.example.com/jwks#a",
                InvalidSource::Superfluous { part: "fragment" },
            ),
        ] {
            assert_eq!(asked(url, ""), Err(refusal), "{url}");
        }
        let long = format!("https://idp.example.com/{}", "a".repeat(2_048));
        assert_eq!(asked(&long, ""), Err(InvalidSource::NoUrl));
        for url in [
            "https://idp.example.com/jwks",
            "https://idp.example.com:8443/jwks?tenant=a",
            "https://8.8.8.8/jwks",
            "https://[2606:4700::1111]/jwks",
        ] {
            assert_eq!(asked(url, ""), Ok(url.to_owned()), "{url}");
        }
    }

    #[test]
    fn networks_that_are_named_may_be_asked_in_clear() {
        for (url, expected) in [
            ("http://10.0.0.1/jwks", Ok(())),
            ("https://10.0.0.1/jwks", Ok(())),
            ("http://8.8.8.8/jwks", Err(InvalidSource::NotHttps)),
            // Its addresses are judged when they are known.
            ("http://idp.internal/jwks", Ok(())),
        ] {
            let outcome = asked(url, "10.0.0.0/8").map(drop);
            assert_eq!(outcome, expected, "{url}");
        }
    }

    #[test]
    fn an_issuer_describes_itself_below_its_own_path() {
        let described = |issuer: &str| {
            let location = Location::of_issuer(issuer, &Networks::default());
            location.map(|location| location.url().to_string())
        };
        for (issuer, expected) in [
            (
                "https://idp.example",
                "https://idp.example/.well-known/openid-configuration",
            ),
            (
                "https://idp.example/",
                "https://idp.example/.well-known/openid-configuration",
            ),
            (
                "https://idp.example/a",
                "https://idp.example/a/.well-known/openid-configuration",
            ),
            (
                "https://idp.example/a/",
                "https://idp.example/a/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(described(issuer).unwrap(), expected);
        }
        let query = InvalidSource::Superfluous { part: "query" };
        assert_eq!(described("https://idp.example/?a=b"), Err(query));
    }
}
