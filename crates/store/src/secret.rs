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

/// The keys under which secrets are stored (XChaCha20-Poly1305), and the random bytes that sealing takes: one that seals,
/// and perhaps others that only open what was sealed under them. Its `Debug` form shows their public ids.
#[derive(Clone)]
pub struct SecretKey {
    /// The first one seals.
    keys: Arc<[Key]>,
    nonces: Arc<Nonces>,
}

#[derive(Clone)]
struct Key {
    cipher: XChaCha20Poly1305,
    id: String,
    marker: [u8; 32],
}

type Nonces = dyn Fn() -> Option<[u8; NONCE_BYTES]> + Send + Sync;

impl SecretKey {
    /// A key with a source of random bytes, which must be fit for cryptography and tells `None` when it has none.
    pub fn new(
        key: &[u8; 32],
        nonces: impl Fn() -> Option<[u8; NONCE_BYTES]> + Send + Sync + 'static,
    ) -> Self {
        Self {
            keys: [Key::new(key)].into(),
            nonces: Arc::new(nonces),
        }
    }

    /// With another key, which opens what was sealed under it.
    #[must_use]
    pub fn and(self, key: &[u8; 32]) -> Self {
        let further = Key::new(key);
        Self {
            keys: self.keys.iter().cloned().chain([further]).collect(),
            ..self
        }
    }

    /// The public id of the key that seals.
    #[must_use]
    pub fn id(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// The same keys, where that seals under which a database keeps its secrets. None where that is not among them.
    pub(crate) fn sealing_as(&self, check_value: &str) -> Option<Self> {
        let id = id_of(check_value)?;
        if id == self.id() {
            return Some(self.clone());
        }
        let (sealing, others): (Vec<_>, Vec<_>) =
            self.keys.iter().cloned().partition(|key| key.id == id);
        (!sealing.is_empty()).then(|| Self {
            keys: sealing.into_iter().chain(others).collect(),
            nonces: Arc::clone(&self.nonces),
        })
    }

    /// The sealed form of a secret: `x1.<id of the key>.<nonce and ciphertext>`. It opens only for the same owner.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn seal(&self, owner: &str, secret: &[u8]) -> Result<String, StoreError> {
        let nonce = (self.nonces)().ok_or(StoreError::NoNonce)?;
        let key = self.keys.first().ok_or(StoreError::Unsealed)?;
        let payload = Payload {
            msg: secret,
            aad: owner.as_bytes(),
        };
        let sealed = key
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Unsealed)?;
        let text = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        Ok(format!("x1.{}.{text}", key.id))
    }

    /// The secret of an owner.
    ///
    /// # Errors
    /// When it was sealed under another key or for another owner, or was altered.
    pub fn open(&self, owner: &str, sealed: &str) -> Result<Vec<u8>, StoreError> {
        self.opened(owner, sealed).ok_or(StoreError::Unsealed)
    }

    fn opened(&self, owner: &str, sealed: &str) -> Option<Vec<u8>> {
        let id = id_of(sealed)?;
        let text = sealed.strip_prefix("x1.")?.strip_prefix(id)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix('.')?).ok()?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        // Ids are short: several keys may have the same.
        self.keys.iter().filter(|key| key.id == id).find_map(|key| {
            let payload = Payload {
                msg: ciphertext,
                aad: owner.as_bytes(),
            };
            key.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
        })
    }

    /// By which two secrets can be told apart by who does not know them: nobody can try out secrets against it without
    /// this key.
    pub(crate) fn fingerprint(&self, secret: &[u8]) -> String {
        let marker = self.keys.first().map(|key| key.marker);
        let digest = Sha256::new()
            .chain_update(marker.unwrap_or_default())
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

impl Key {
    fn new(key: &[u8; 32]) -> Self {
        let digest = Sha256::new()
            .chain_update(b"portcullis secret key id")
            .chain_update(key)
            .finalize();
        Self {
            cipher: XChaCha20Poly1305::new(key.into()),
            id: hexadecimal(digest.iter().take(4)),
            marker: Sha256::new()
                .chain_update(b"portcullis secret key marker")
                .chain_update(key)
                .finalize()
                .into(),
        }
    }
}

/// The public id of the key under which something was sealed.
pub(crate) fn id_of(sealed: &str) -> Option<&str> {
    Some(sealed.strip_prefix("x1.")?.split_once('.')?.0)
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|key| key.id.as_str()).collect();
        write!(f, "SecretKey({})", ids.join(", "))
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
    fn several_keys_open_what_each_has_sealed_and_one_of_them_seals() {
        let both = key(2).and(&[1; 32]);
        let old = key(1).seal("ap_1", b"hush").unwrap();
        assert_eq!(both.open("ap_1", &old).unwrap(), b"hush");
        let new = both.seal("ap_1", b"hush").unwrap();
        assert!(key(1).open("ap_1", &new).is_err());
        assert_eq!(key(2).open("ap_1", &new).unwrap(), b"hush");

        let check_value = key(1).check_value().unwrap();
        assert!(both.fits(&check_value));
        let as_before = both.sealing_as(&check_value).unwrap();
        let sealed = as_before.seal("ap_1", b"hush").unwrap();
        assert_eq!(key(1).open("ap_1", &sealed).unwrap(), b"hush");
        assert_eq!(as_before.open("ap_1", &new).unwrap(), b"hush");
        assert!(key(2).sealing_as(&check_value).is_none());
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
