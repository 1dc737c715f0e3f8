//! The form of an API key: `ptc_<environment>_<id>_<secret><check>`.
//!
//! | part | form | why |
//! |---|---|---|
//! | `ptc_` | fixed | secret scanners match it |
//! | environment | 1 to 12 of `a-z0-9` | a key from another installation is told apart at sight |
//! | id | 12 of `a-z0-9` | public: it may be logged and shown |
//! | secret | 64 of `0-9a-f` | 256 random bits |
//! | check | 8 of `0-9a-f` | CRC-32 of all that stands before it: a typing error is refused without a lookup |
//!
//! The regular expression for secret scanners is [`PATTERN`]. Keys from elsewhere, of any other shape, are never
//! parsed: only their digest counts.

use std::fmt;

use portcullis_feed::Digest;
use sha2::{Digest as _, Sha256};

/// What secret scanners should look for.
pub const PATTERN: &str = "ptc_[a-z0-9]{1,12}_[a-z0-9]{12}_[0-9a-f]{72}";

const PREFIX: &[u8] = b"ptc_";
const ID_CHARACTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const ID_LENGTH: usize = 12;
const SECRET_LENGTH: usize = 64;
const CHECK_LENGTH: usize = 8;

/// A new API key, in the one moment when it is known in full. Its `Debug` form shows only the id.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: String,
    id: String,
}

/// An environment cannot be part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an environment is 1 to 12 of `a-z` and `0-9`")]
pub struct InvalidEnvironment;

impl ApiKey {
    /// Puts a key together from random bytes, which must come from a source fit for cryptography.
    ///
    /// # Errors
    /// When `environment` is not 1 to 12 of `a-z` and `0-9`.
    pub fn compose(
        environment: &str,
        id: [u8; ID_LENGTH],
        secret: [u8; 32],
    ) -> Result<Self, InvalidEnvironment> {
        if !is_environment(environment.as_bytes()) {
            return Err(InvalidEnvironment);
        }
        let id: String = id
            .iter()
            .filter_map(|byte| ID_CHARACTERS.get(usize::from(byte % 32)))
            .map(|&character| char::from(character))
            .collect();
        let mut text = format!("ptc_{environment}_{id}_{}", Digest(secret));
        text.push_str(&format!("{:08x}", crc32(text.as_bytes())));
        Ok(Self { text, id })
    }

    /// The public id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole key: for the one answer that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest(self.text.as_bytes())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}…)", self.id)
    }
}

/// SHA-256 of a key as presented: what is stored and looked up.
#[must_use]
pub fn digest(presented: &[u8]) -> Digest {
    Digest(Sha256::digest(presented).into())
}

/// Whether a text begins like one of our keys but cannot be one, so that a lookup is not worth while.
#[must_use]
pub fn is_mistyped(presented: &[u8]) -> bool {
    presented.starts_with(PREFIX) && !is_well_formed(presented)
}

fn is_well_formed(key: &[u8]) -> bool {
    let Some((body, check)) = key
        .len()
        .checked_sub(CHECK_LENGTH)
        .and_then(|at| key.split_at_checked(at))
    else {
        return false;
    };
    let mut parts = body.split(|&byte| byte == b'_').skip(1);
    let is_hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    parts.next().is_some_and(is_environment)
        && parts.next().is_some_and(|id| {
            id.len() == ID_LENGTH && id.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'))
        })
        && parts
            .next()
            .is_some_and(|secret| secret.len() == SECRET_LENGTH && is_hex(secret))
        && parts.next().is_none()
        && is_hex(check)
        && parse_hex(check) == crc32(body)
}

fn is_environment(text: &[u8]) -> bool {
    (1..=12).contains(&text.len()) && text.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'))
}

fn parse_hex(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, &digit| {
        (value << 4) | char::from(digit).to_digit(16).unwrap_or(0)
    })
}

/// CRC-32 as in IEEE 802.3 and gzip (RFC 1952), four bits at a time: the table stays in one cache line.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = crc_table();
    let step = |crc: u32| {
        let nibble = usize::try_from(crc & 15).unwrap_or(0);
        TABLE.get(nibble).copied().unwrap_or(0) ^ (crc >> 4)
    };
    !bytes
        .iter()
        .fold(!0, |crc, &byte| step(step(crc ^ u32::from(byte))))
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, which refuses an index out of bounds"
)]
const fn crc_table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut index = 0;
    while index < 16 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey::compose("live", [7; 12], [0xa5; 32]).unwrap()
    }

    #[test]
    fn the_check_is_the_crc_32_of_gzip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_composed_key_has_the_documented_form() {
        let key = key();
        assert_eq!(key.id(), "jjjjjjjjjjjj".replace('j', "h"));
        assert_eq!(key.reveal().len(), 4 + 5 + 13 + 64 + 8);
        assert!(key.reveal().starts_with("ptc_live_hhhhhhhhhhhh_a5a5"));
        assert!(!is_mistyped(key.reveal().as_bytes()));
    }

    #[test]
    fn every_single_typing_error_is_noticed() {
        let key = key();
        for at in PREFIX.len()..key.reveal().len() {
            let mut typed = key.reveal().as_bytes().to_vec();
            typed[at] = if typed[at] == b'0' { b'1' } else { b'0' };
            assert!(is_mistyped(&typed), "position {at}");
        }
        assert!(is_mistyped(&key.reveal().as_bytes()[..20]));
        assert!(is_mistyped(b"ptc_"));
    }

    #[test]
    fn keys_from_elsewhere_are_left_to_the_lookup() {
        for foreign in [&[b'a'; 64][..], b"", b"\xff\x00", b"sk_live_1"] {
            assert!(!is_mistyped(foreign));
        }
    }

    #[test]
    fn a_key_does_not_show_itself_in_debug_output() {
        assert_eq!(format!("{:?}", key()), "ApiKey(hhhhhhhhhhhh…)");
    }

    #[test]
    fn an_environment_that_would_break_the_form_is_refused() {
        for environment in ["", "Live", "a_b", "thirteen-char", "abcdefghijklm"] {
            assert_eq!(
                ApiKey::compose(environment, [0; 12], [0; 32]),
                Err(InvalidEnvironment),
                "{environment}"
            );
        }
    }
}
