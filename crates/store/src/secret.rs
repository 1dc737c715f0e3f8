//! Secrets at rest: sealed on writing, opened on reading, so that the file of the database alone gives none away.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};

use crate::StoreError;
use crate::audit::hexadecimal;

/// How many random bytes each sealing takes.
const NONCE_BYTES: usize = 24;

/// What is sealed in order to notice another key, and to what it belongs.
const CHECK: (&str, &[u8]) = ("check", b"portcullis");

/// The key under which secrets are stored (XChaCha20-Poly1305), and the random bytes that sealing takes.
/// Its `Debug` form shows its public id.
#[derive(Clone)]
pub struct SecretKey {
    cipher: XChaCha20Poly1305,
    id: String,
    marker: [u8; 32],
    nonces: Arc<Nonces>,
}

type Nonces = dyn Fn() -> Option<[u8; NONCE_BYTES]> + Send + Sync;

impl SecretKey {
    /// A key with a source of random bytes, which must be fit for cryptography and tells `None` when it has none.
    pub fn new(
        key: &[u8; 32],
        nonces: impl Fn() -> Option<[u8; NONCE_BYTES]> + Send + Sync + 'static,
    ) -> Self {
        let digest = Sha256::new()
            .chain_update(b"portcullis secret key id")
            .chain_update(key)
            .finalize();
        let id = hexadecimal(digest.iter().take(4));
        Self {
            cipher: XChaCha20Poly1305::new(key.into()),
            id,
            marker: Sha256::new()
                .chain_update(b"portcullis secret key marker")
                .chain_update(key)
                .finalize()
                .into(),
            nonces: Arc::new(nonces),
        }
    }

    /// The sealed form of a secret: `x1.<id of the key>.<nonce and ciphertext>`. It opens only for the same owner.
    pub(crate) fn seal(&self, owner: &str, secret: &[u8]) -> Result<String, StoreError> {
        let nonce = (self.nonces)().ok_or(StoreError::NoNonce)?;
        let payload = Payload {
            msg: secret,
            aad: owner.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Unsealed)?;
        let text = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        Ok(format!("x1.{}.{text}", self.id))
    }

    /// The secret of an owner.
    pub(crate) fn open(&self, owner: &str, sealed: &str) -> Result<Vec<u8>, StoreError> {
        self.opened(owner, sealed).ok_or(StoreError::Unsealed)
    }

    fn opened(&self, owner: &str, sealed: &str) -> Option<Vec<u8>> {
        let text = sealed
            .strip_prefix("x1.")?
            .strip_prefix(self.id.as_str())?
            .strip_prefix('.')?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: ciphertext,
            aad: owner.as_bytes(),
        };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }

    /// By which two secrets can be told apart by who does not know them: nobody can try out secrets against it without
    /// this key.
    pub(crate) fn fingerprint(&self, secret: &[u8]) -> String {
        let digest = Sha256::new()
            .chain_update(self.marker)
            .chain_update(secret)
            .finalize();
        hexadecimal(digest.iter().take(8))
    }

    /// What a database remembers of its key.
    pub(crate) fn check_value(&self) -> Result<String, StoreError> {
        let (owner, text) = CHECK;
        self.seal(owner, text)
    }

    /// Whether this is the key that a database remembers.
    pub(crate) fn fits(&self, check_value: &str) -> bool {
        let (owner, text) = CHECK;
        self.opened(owner, check_value).as_deref() == Some(text)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretKey {
        SecretKey::new(&[byte; 32], || Some([9; NONCE_BYTES]))
    }

    #[test]
    fn a_sealed_secret_opens_for_its_owner_with_its_key_only() {
        let sealed = key(1).seal("ap_1", b"hush").unwrap();
        assert!(!sealed.contains("hush"), "{sealed}");
        assert_eq!(key(1).open("ap_1", &sealed).unwrap(), b"hush");
        assert!(key(1).open("ap_2", &sealed).is_err());
        assert!(key(2).open("ap_1", &sealed).is_err());
    }

    #[test]
    fn a_sealed_secret_that_was_altered_does_not_open() {
        let sealed = key(1).seal("ap_1", b"hush").unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(key(1).open("ap_1", &altered).is_err(), "position {at}");
        }
        for short in ["", "x1.", &sealed[..20], &sealed[..sealed.len() - 1]] {
            assert!(key(1).open("ap_1", short).is_err(), "{short}");
        }
    }

    #[test]
    fn without_random_bytes_nothing_is_sealed() {
        let key = SecretKey::new(&[1; 32], || None);
        assert!(matches!(
            key.seal("ap_1", b"hush"),
            Err(StoreError::NoNonce)
        ));
    }

    #[test]
    fn a_key_does_not_show_itself_in_debug_output() {
        let shown = format!("{:?}", key(0xab));
        assert!(
            !shown.contains("ab, ab") && !shown.contains("171") && shown.len() < 30,
            "{shown}"
        );
    }
}
