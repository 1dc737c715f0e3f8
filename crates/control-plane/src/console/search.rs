//! What people type to find a client: a part of its name, an API key or its public id, or an address.

use std::net::IpAddr;

use ipnet::IpNet;
use portcullis_store::ClientFilter;

use crate::app::text::{InvalidNamePart, NamePart};

/// How many letters and digits the public id of a key has.
const KEY_ID: usize = 12;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Search {
    /// Clients in whose name this stands.
    Name(String),
    /// The client with the key of this public id.
    Key(String),
    /// Clients with rules for this address, or with callers who were refused there.
    Address(String),
}

impl Search {
    /// What it may mean, the likeliest first.
    pub(super) fn meanings(text: &str) -> Result<Vec<Self>, InvalidNamePart> {
        let text = text.trim();
        if text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok() {
            return Ok(vec![Self::Address(text.to_owned())]);
        }
        let name = Self::Name(NamePart::try_from(text.to_owned())?.into());
        Ok(match key_id(text) {
            Some(id) => vec![Self::Key(id.to_owned()), name],
            None => vec![name],
        })
    }

    /// As the store looks for it.
    pub(super) fn add_to(self, filter: &mut ClientFilter) {
        match self {
            Self::Name(part) => filter.name = Some(part),
            Self::Key(id) => filter.key_id = Some(id),
            Self::Address(address) => filter.address = Some(address),
        }
    }
}

/// The public id in a whole key, in the beginning of one as pages show it, or alone.
fn key_id(text: &str) -> Option<&str> {
    let is_id = |part: &&str| {
        part.len() == KEY_ID
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let id = match text.starts_with("ptc_") {
        true => text.split(['_', '…']).nth(2),
        false => Some(text),
    };
    id.filter(is_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_taken_for_what_it_looks_like() {
        let name = |text: &str| Search::Name(text.to_owned());
        let key = Search::Key("k3x9m2p7q8r9".to_owned());
        let address = |text: &str| Search::Address(text.to_owned());
        for (text, meant) in [
            ("Acme", name("Acme")),
            (" acme logistics ", name("acme logistics")),
            ("k3x9m2p7q8r9", key.clone()),
            ("ptc_live_k3x9m2p7q8r9_abcdef", key.clone()),
            ("ptc_live_k3x9m2p7q8r9…", key),
            ("203.0.113.9", address("203.0.113.9")),
            ("10.2.0.0/16", address("10.2.0.0/16")),
            ("::1", address("::1")),
        ] {
            assert_eq!(Search::meanings(text).unwrap()[0], meant, "{text}");
        }
        assert!(Search::meanings("a\u{7}").is_err());
    }

    #[test]
    fn a_word_as_long_as_the_id_of_a_key_may_be_a_name_too() {
        let meanings = Search::meanings("subscription").unwrap();
        assert_eq!(meanings.len(), 2);
        assert_eq!(meanings[1], Search::Name("subscription".to_owned()));
    }
}
