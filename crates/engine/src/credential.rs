//! What a caller presents to prove who it is, and in which headers. Finds it; whether it is any good is not decided here.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;
use std::fmt;

/// The user name that marks an API key in HTTP Basic (RFC 7617).
pub const BASIC_USER: &[u8] = b"api-token";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A credential as it arrived. Its `Debug` form shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PresentedCredential<'a> {
    bytes: Cow<'a, [u8]>,
    is_bearer: bool,
}

/// More than one credential, and they differ: whichever were chosen, the other would be ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeveralCredentials;

/// What the headers of a request present.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Presentation<'a> {
    credential: Option<PresentedCredential<'a>>,
    is_malformed: bool,
    is_contradictory: bool,
}

impl PresentedCredential<'_> {
    /// The bytes to be digested.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it came as `Bearer` (RFC 6750), as tokens do.
    #[must_use]
    pub fn is_bearer(&self) -> bool {
        self.is_bearer
    }
}

impl fmt::Debug for PresentedCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedCredential(…)")
    }
}

impl<'a> Presentation<'a> {
    /// Takes note of the value of the header that is kept for keys. An empty one presents nothing.
    pub fn note_key(&mut self, value: &'a [u8]) {
        self.note_parameter(Cow::Borrowed(value.trim_ascii()));
    }

    /// Takes note of the decoded value of the parameter that is kept for keys. An empty one presents nothing.
    pub fn note_parameter(&mut self, value: Cow<'a, [u8]>) {
        if !value.is_empty() {
            self.present(value, false);
        }
    }

    /// Takes note of an `authorization` value. Answers whether it carried a credential of ours.
    ///
    /// `Basic` for another user than [`BASIC_USER`] and schemes other than `Basic` and `Bearer` are not ours. Envoy
    /// joins several `authorization` headers by commas: all parts must then be ours, and alike.
    pub fn note_authorization(&mut self, value: &'a [u8]) -> bool {
        if memchr::memchr(b',', value).is_none() {
            return self.note_scheme(value.trim_ascii());
        }
        let (mut ours, mut foreign) = (false, false);
        for part in value.split(|&byte| byte == b',') {
            match self.note_scheme(part.trim_ascii()) {
                true => ours = true,
                false => foreign = true,
            }
        }
        self.is_contradictory |= ours && foreign;
        ours
    }

    fn note_scheme(&mut self, value: &'a [u8]) -> bool {
        let at = value.iter().position(|&byte| byte == b' ');
        let (scheme, rest) = value.split_at(at.unwrap_or(value.len()));
        let rest = rest.trim_ascii();
        if scheme.eq_ignore_ascii_case(b"bearer") {
            if rest.is_empty() {
                self.is_malformed = true;
            } else {
                self.present(Cow::Borrowed(rest), true);
            }
            return true;
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return false;
        }
        let Ok(decoded) = BASE64.decode(rest) else {
            self.is_malformed = true;
            return false;
        };
        let mut halves = decoded.splitn(2, |&byte| byte == b':');
        match (halves.next(), halves.next()) {
            (Some(BASIC_USER), Some(key)) if !key.is_empty() => {
                self.present(Cow::Owned(key.to_vec()), false);
                true
            }
            (Some(BASIC_USER), _) => {
                self.is_malformed = true;
                true
            }
            (_, None) => {
                self.is_malformed = true;
                false
            }
            (_, Some(_)) => false,
        }
    }

    /// The one credential, if any.
    ///
    /// # Errors
    /// When there are several that differ.
    pub fn credential(&self) -> Result<Option<&PresentedCredential<'a>>, SeveralCredentials> {
        if self.is_contradictory {
            return Err(SeveralCredentials);
        }
        Ok(self.credential.as_ref())
    }

    /// Whether something was meant to be a credential but cannot be read.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        self.is_malformed
    }

    fn present(&mut self, bytes: Cow<'a, [u8]>, is_bearer: bool) {
        match &mut self.credential {
            None => self.credential = Some(PresentedCredential { bytes, is_bearer }),
            Some(known) => {
                self.is_contradictory |= known.bytes != bytes;
                known.is_bearer |= is_bearer;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `key` for the `api-token` header, `auth` for `authorization`; what is found.
    fn found(key: &[&str], auth: &[&str]) -> Result<Option<String>, SeveralCredentials> {
        let mut presentation = Presentation::default();
        key.iter()
            .for_each(|value| presentation.note_key(value.as_bytes()));
        for value in auth {
            presentation.note_authorization(value.as_bytes());
        }
        let credential = presentation.credential()?;
        Ok(credential.map(|found| String::from_utf8(found.as_bytes().to_vec()).unwrap()))
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64.encode(pair))
    }

    #[test]
    fn a_key_is_found_in_its_header_in_basic_and_in_bearer() {
        let key = Ok(Some("k1".to_string()));
        assert_eq!(found(&["k1"], &[]), key);
        assert_eq!(found(&[" k1 "], &[]), key);
        assert_eq!(found(&[], &[&basic("api-token:k1")]), key);
        assert_eq!(found(&[], &["Bearer k1"]), key);
        assert_eq!(found(&[], &["bEARER   k1"]), key);
        assert_eq!(
            found(&[], &[&basic("api-token:k:1")]),
            Ok(Some("k:1".into()))
        );
        assert_eq!(
            found(&[], &[basic("api-token:k1").trim_end_matches('=')]),
            key
        );
    }

    #[test]
    fn the_same_credential_twice_counts_as_one() {
        assert_eq!(
            found(&["k1", "k1"], &["Bearer k1", &basic("api-token:k1")]),
            Ok(Some("k1".into()))
        );
        assert_eq!(found(&[], &["Bearer k1,Bearer k1"]), Ok(Some("k1".into())));
    }

    #[test]
    fn two_different_credentials_are_refused() {
        assert_eq!(found(&["k1", "k2"], &[]), Err(SeveralCredentials));
        assert_eq!(found(&["k1"], &["Bearer k2"]), Err(SeveralCredentials));
        assert_eq!(
            found(&["k1"], &[&basic("api-token:k2")]),
            Err(SeveralCredentials)
        );
        assert_eq!(
            found(&[], &["Bearer k1, Bearer k2"]),
            Err(SeveralCredentials)
        );
        assert_eq!(
            found(&[], &["Bearer k1, Digest username=x"]),
            Err(SeveralCredentials)
        );
    }

    #[test]
    fn what_is_not_ours_beside_a_key_is_left_alone() {
        for foreign in [
            &basic("bob:secret")[..],
            "Digest username=\"x\", realm=\"y\"",
            "Negotiate abc",
            "",
        ] {
            let mut presentation = Presentation::default();
            presentation.note_key(b"k1");
            assert!(
                !presentation.note_authorization(foreign.as_bytes()),
                "{foreign}"
            );
            assert_eq!(
                presentation.credential().unwrap().unwrap().as_bytes(),
                b"k1"
            );
        }
    }

    #[test]
    fn nothing_is_found_where_nothing_is_presented() {
        assert_eq!(found(&[], &[]), Ok(None));
        assert_eq!(found(&["", "  "], &[&basic("bob:secret")]), Ok(None));
    }

    #[test]
    fn an_unreadable_credential_is_told_from_a_missing_one() {
        for unreadable in [
            "Basic",
            "Basic !!!",
            "Basic \u{e9}",
            "Bearer",
            "Bearer  ",
            &basic("api-token"),
            &basic("api-token:"),
        ] {
            let mut presentation = Presentation::default();
            presentation.note_authorization(unreadable.as_bytes());
            assert!(presentation.is_malformed(), "{unreadable}");
            assert_eq!(presentation.credential(), Ok(None), "{unreadable}");
        }
    }

    #[test]
    fn a_credential_does_not_show_itself_in_debug_output() {
        let mut presentation = Presentation::default();
        presentation.note_key(b"hush");
        assert!(!format!("{presentation:?}").contains("hush"));
    }
}
