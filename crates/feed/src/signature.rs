//! How the control plane proves that an answer is its own: an Ed25519 signature (RFC 8032) over the answer and the nonce
//! of the question, so that neither another page nor an older answer passes for this one.
//!
//! What is signed is this text, of four lines without a line feed at the end:
//!
//! ```text
//! portcullis feed v1
//! 200
//! <the nonce of the question>
//! <SHA-256 of the body, in lower-case hexadecimal digits>
//! ```
//!
//! The header [`SIGNATURE_HEADER`] has one signature for each feed key of the control plane, as `ID=SIGNATURE` with the
//! signature in base64url, separated by commas. A gateway takes the answer when one of them is by a key that it
//! believes: while keys change, the control plane has two.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::Digest;

/// The header that carries the signatures of an answer.
pub const SIGNATURE_HEADER: &str = "portcullis-signature";

/// Names a feed key: the first 16 hexadecimal digits of the SHA-256 of the public key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedKeyId(String);

/// The public half of a feed key, in its written form base64url of 32 bytes (as `x` of RFC 8037).
#[derive(Clone, PartialEq, Eq)]
pub struct FeedKey(VerifyingKey);

/// The secret half. Does not show itself.
#[derive(Clone)]
pub struct FeedSigningKey(SigningKey);

/// A text is not the public half of a feed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a feed key is 43 characters of base64url that stand for an Ed25519 public key")]
pub struct InvalidFeedKey;

/// A text is not the name of a feed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a feed key is named by 16 hexadecimal digits in lower case")]
pub struct InvalidFeedKeyId;

/// An answer is not signed by any key that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// It carries no signature at all.
    #[error("the answer is not signed")]
    Unsigned,
    /// All its signatures are by other keys.
    #[error("the answer is signed by keys that are not believed here")]
    UnknownKey,
    /// It is not what was signed, or does not answer this question.
    #[error("the signature does not fit the answer")]
    Wrong,
}

impl FeedKey {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> FeedKeyId {
        let digest = Digest(Sha256::digest(self.0.as_bytes()).into()).to_string();
        FeedKeyId(digest.get(..16).unwrap_or_default().to_owned())
    }

    /// Whether an answer is signed by one of `keys`.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(
        keys: &[Self],
        header: Option<&[u8]>,
        status: u16,
        nonce: &str,
        body: &[u8],
    ) -> Result<(), NotSigned> {
        let header = header
            .and_then(|header| std::str::from_utf8(header).ok())
            .filter(|header| !header.trim().is_empty())
            .ok_or(NotSigned::Unsigned)?;
        let signatures = header
            .split(',')
            .filter_map(|one| one.trim().split_once('='));
        let mut refusal = NotSigned::UnknownKey;
        for (id, signature) in signatures {
            let Some(key) = keys.iter().find(|key| key.id().0 == id) else {
                continue;
            };
            let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
            let signature = Signature::from_slice(&bytes);
            let text = signed_text(status, nonce, Digest(Sha256::digest(body).into()));
            if signature.is_ok_and(|signature| key.0.verify_strict(&text, &signature).is_ok()) {
                return Ok(());
            }
            refusal = NotSigned::Wrong;
        }
        Err(refusal)
    }
}

impl FeedSigningKey {
    /// Of 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The half that gateways need.
    #[must_use]
    pub fn public(&self) -> FeedKey {
        FeedKey(self.0.verifying_key())
    }

    /// What an answer carries in [`SIGNATURE_HEADER`].
    #[must_use]
    pub fn sign(keys: &[Self], status: u16, nonce: &str, body: &[u8]) -> String {
        Self::sign_digest(keys, status, nonce, Digest(Sha256::digest(body).into()))
    }

    /// The same for a body whose SHA-256 digest is known: many gateways may get the same page.
    #[must_use]
    pub fn sign_digest(keys: &[Self], status: u16, nonce: &str, body: Digest) -> String {
        let text = signed_text(status, nonce, body);
        let signed = |key: &Self| {
            let signature = URL_SAFE_NO_PAD.encode(key.0.sign(&text).to_bytes());
            format!("{}={signature}", key.public().id())
        };
        keys.iter().map(signed).collect::<Vec<_>>().join(", ")
    }
}

fn signed_text(status: u16, nonce: &str, body: Digest) -> Vec<u8> {
    format!("portcullis feed v1\n{status}\n{nonce}\n{body}").into_bytes()
}

impl FromStr for FeedKey {
    type Err = InvalidFeedKey;

    fn from_str(text: &str) -> Result<Self, InvalidFeedKey> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidFeedKey)?;
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| InvalidFeedKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| InvalidFeedKey)?;
        // A key of small order accepts signatures that anybody can make.
        if key.is_weak() {
            return Err(InvalidFeedKey);
        }
        Ok(Self(key))
    }
}

impl fmt::Display for FeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for FeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeedKey({self})")
    }
}

impl fmt::Debug for FeedSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FeedSigningKey(of {})", self.public())
    }
}

impl fmt::Display for FeedKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FeedKeyId {
    type Err = InvalidFeedKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidFeedKeyId> {
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id = text.len() == 16 && text.bytes().all(is_digit);
        is_id.then(|| Self(text.to_owned())).ok_or(InvalidFeedKeyId)
    }
}

impl FeedKeyId {
    /// Its written form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "00112233445566778899aabbccddeeff";

    fn signing(seed: u8) -> FeedSigningKey {
        FeedSigningKey::from_seed(&[seed; 32])
    }

    fn verify(
        believed: &[u8],
        header: &str,
        status: u16,
        nonce: &str,
        body: &[u8],
    ) -> Result<(), NotSigned> {
        let keys: Vec<_> = believed
            .iter()
            .map(|seed| signing(*seed).public())
            .collect();
        FeedKey::verify(&keys, Some(header.as_bytes()), status, nonce, body)
    }

    #[test]
    fn a_signed_answer_is_taken_and_any_other_is_not() {
        let header = FeedSigningKey::sign(&[signing(1)], 200, NONCE, b"{}");
        assert_eq!(verify(&[1], &header, 200, NONCE, b"{}"), Ok(()));
        for (status, nonce, body) in [
            (204, NONCE, &b"{}"[..]),
            (200, "00112233445566778899aabbccddeef0", b"{}"),
            (200, NONCE, b"{} "),
            (200, NONCE, b""),
        ] {
            let refused = verify(&[1], &header, status, nonce, body);
            assert_eq!(refused, Err(NotSigned::Wrong));
        }
        let id = signing(1).public().id();
        for wrong in [format!("{id}="), format!("{id}=AAAA"), format!("{id}=é")] {
            assert_eq!(
                verify(&[1], &wrong, 200, NONCE, b"{}"),
                Err(NotSigned::Wrong)
            );
        }
    }

    #[test]
    fn no_bit_of_a_signature_may_differ() {
        let header = FeedSigningKey::sign(&[signing(1)], 200, NONCE, b"{}");
        let (id, signature) = header.split_once('=').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for bit in 0..signature.len() * 8 {
            let mut altered = signature.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let header = format!("{id}={}", URL_SAFE_NO_PAD.encode(altered));
            assert!(verify(&[1], &header, 200, NONCE, b"{}").is_err(), "{bit}");
        }
    }

    #[test]
    fn one_believed_signature_of_several_is_enough() {
        let header = FeedSigningKey::sign(&[signing(1), signing(2)], 200, NONCE, b"{}");
        for believed in [&[1][..], &[2], &[3, 2]] {
            assert_eq!(verify(believed, &header, 200, NONCE, b"{}"), Ok(()));
        }
        for nobody in [&[][..], &[3]] {
            let refused = verify(nobody, &header, 200, NONCE, b"{}");
            assert_eq!(refused, Err(NotSigned::UnknownKey));
        }
    }

    #[test]
    fn an_answer_without_a_signature_is_unsigned() {
        let keys = [signing(1).public()];
        for header in [None, Some(&b""[..]), Some(b" "), Some(b"\xff")] {
            let refused = FeedKey::verify(&keys, header, 200, NONCE, b"{}");
            assert_eq!(refused, Err(NotSigned::Unsigned));
        }
        let refused = FeedKey::verify(&keys, Some(b"no signature"), 200, NONCE, b"{}");
        assert_eq!(refused, Err(NotSigned::UnknownKey));
    }

    #[test]
    fn a_key_is_read_as_it_is_written_and_weak_ones_are_refused() {
        let key = signing(7).public();
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        assert_eq!(key.id().as_str().len(), 16);
        assert_eq!(key.id().as_str().parse(), Ok(key.id()));
        for text in [
            "",
            "0123456789abcde",
            "0123456789ABCDEF",
            "0123456789abcdefg",
        ] {
            assert_eq!(text.parse::<FeedKeyId>(), Err(InvalidFeedKeyId), "{text}");
        }
        let of_order_one = URL_SAFE_NO_PAD.encode({
            let mut bytes = [0; 32];
            bytes[0] = 1;
            bytes
        });
        for text in ["", "abc", &format!("{key}="), &of_order_one] {
            assert_eq!(text.parse::<FeedKey>(), Err(InvalidFeedKey), "{text}");
        }
    }

    #[test]
    fn the_secret_half_does_not_show_itself() {
        let shown = format!("{:?}", signing(1));
        assert!(!shown.contains(&URL_SAFE_NO_PAD.encode([1; 32])) && !shown.contains("1, 1"));
    }
}
