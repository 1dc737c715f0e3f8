//! Tokens that were verified lately: seeing one again costs a hash instead of a signature.

use std::cell::RefCell;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Weak};

use portcullis_feed::Digest;
use siphasher::sip128::SipHasher24;

use crate::gate::ClaimHeader;
use crate::holder::Holder;
use crate::recent::Recent;

/// What an entry weighs beside the claims that it passes on, in bytes. What it found keeps its place, though not what
/// hangs on it.
const ENTRY_BYTES: usize = 200 + size_of::<Holder>();

/// The tokens that were verified lately under one configuration, by a digest of the whole token. It is keyed with
/// secrets of this cache, so that nobody can look for two tokens that share one.
#[derive(Debug)]
pub struct VerifiedTokens {
    keys: (u64, u64),
    recent: RefCell<Recent<TokenDigest, Verified, BuildHasherDefault<DigestHasher>>>,
}

/// A keyed digest of a whole token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest(u64, u64);

/// A token that was verified.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    /// Under which name its profile was found.
    pub(crate) name: Digest,
    /// What was found. The verification counts only as long as this very record is what is found. It is not kept for
    /// that: records are large, and there may be many tokens for each that has been read again since.
    pub(crate) holder: Weak<Holder>,
    /// Until when the token is good, in milliseconds since 1970.
    pub(crate) good_until_ms: u64,
    /// The claims that the service is told.
    pub(crate) claims: Arc<[ClaimHeader]>,
}

impl Verified {
    /// Whether this very record was found then.
    pub(crate) fn was_found(&self, holder: &Arc<Holder>) -> bool {
        std::ptr::eq(self.holder.as_ptr(), Arc::as_ptr(holder))
    }
}

impl VerifiedTokens {
    /// None yet. They stay below about `bytes`; `keys` are random and known to nobody else.
    #[must_use]
    pub fn new(bytes: usize, keys: (u64, u64)) -> Self {
        Self {
            keys,
            recent: RefCell::new(Recent::new(bytes, ENTRY_BYTES)),
        }
    }

    pub(crate) fn digest(&self, token: &[u8]) -> TokenDigest {
        let digest = SipHasher24::new_with_keys(self.keys.0, self.keys.1).hash(token);
        TokenDigest(digest.h1, digest.h2)
    }

    pub(crate) fn find(&self, digest: &TokenDigest) -> Option<Verified> {
        self.recent.borrow().find(digest)
    }

    pub(crate) fn insert(&self, digest: TokenDigest, token: Verified) {
        let claims = token.claims.iter().map(|claim| claim.value.len());
        let bytes = claims.fold(ENTRY_BYTES, usize::saturating_add);
        self.recent.borrow_mut().insert(digest, token, bytes);
    }
}

/// The digest is a hash already.
#[derive(Debug, Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, half: u64) {
        self.0 ^= half;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
