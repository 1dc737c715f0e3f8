//! Secrets that are looked for wherever they must not be, in every form in which they might get there.

use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A secret, and the forms in which it might show itself.
#[derive(Debug)]
pub struct Canary {
    name: String,
    forms: Vec<(&'static str, Vec<u8>)>,
}

/// Something that is searched.
#[derive(Debug)]
pub struct Place {
    /// What a report calls it.
    pub name: String,
    /// All that stands there.
    pub content: Vec<u8>,
}

impl Place {
    /// A text.
    pub fn text(name: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            content: content.into().into_bytes(),
        }
    }

    /// All files below a directory.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn files(directory: &Path) -> Result<Vec<Self>> {
        let mut places = vec![];
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                places.extend(Self::files(&path)?);
            } else {
                places.push(Self {
                    name: path.display().to_string(),
                    content: std::fs::read(&path)?,
                });
            }
        }
        Ok(places)
    }
}

impl Canary {
    /// A secret in all its forms.
    #[must_use]
    pub fn new(name: &str, secret: &str) -> Self {
        let hex = |upper: bool| {
            let byte = |byte| match upper {
                true => format!("{byte:02X}"),
                false => format!("{byte:02x}"),
            };
            secret.bytes().map(byte).collect::<String>()
        };
        let encoded: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let mut forms = vec![
            ("as it is", secret.as_bytes().to_vec()),
            ("in hexadecimal", hex(false).into()),
            ("in hexadecimal", hex(true).into()),
            ("percent-encoded", encoded.into()),
            ("percent-encoded where it must be", component(secret).into()),
        ];
        // What stands before it decides on which of three ways it is written.
        for before in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                let written = engine.encode([&vec![0; before], secret.as_bytes()].concat());
                // The first and the last character may hold bits of the neighbours.
                let inner = written.get((before * 4).div_ceil(3)..written.len().saturating_sub(1));
                forms.push(("in base64", inner.unwrap_or_default().into()));
            }
        }
        Self {
            name: name.to_owned(),
            forms,
        }
    }

    /// Says of each place where it is found: which secret, in which form, and where.
    #[must_use]
    pub fn sightings(canaries: &[Self], places: &[Place]) -> Vec<String> {
        let mut sightings = vec![];
        for place in places {
            for canary in canaries {
                for (form, bytes) in &canary.forms {
                    if contains(&place.content, bytes) {
                        sightings.push(format!("{} {form}: {}", canary.name, place.name));
                    }
                }
            }
        }
        sightings.dedup();
        sightings
    }
}

fn contains(content: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(content, wanted).is_some()
}

fn component(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_nothing_else_is() {
        let secret = "canary of 2026: tweet/tweet+";
        let canaries = [Canary::new("it", secret)];
        let found = |content: Vec<u8>| {
            let name = "here".to_owned();
            !Canary::sightings(&canaries, &[Place { name, content }]).is_empty()
        };
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for content in [secret.to_owned(), hex, component(secret)] {
            assert!(
                found(format!("before {content} after").into_bytes()),
                "{content}"
            );
        }
        for before in ["", "a", "ab", "abc", "api-token:"] {
            let text = format!("{before}{secret} and more");
            assert!(found(STANDARD_NO_PAD.encode(&text).into()), "{text}");
            assert!(found(URL_SAFE_NO_PAD.encode(&text).into()), "{text}");
        }
        assert!(!found(b"canary of 2026: tweet".to_vec()));
    }
}
