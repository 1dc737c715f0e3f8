//! The logos of clients as they stand in files.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A picture: PNG, JPEG or SVG, as base64 (RFC 4648, section 4).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Picture(pub Vec<u8>);

/// A text is not a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a logo is a picture as base64, with `=` at its end where needed and without line breaks")]
pub struct InvalidPicture;

impl TryFrom<String> for Picture {
    type Error = InvalidPicture;

    fn try_from(text: String) -> Result<Self, InvalidPicture> {
        STANDARD.decode(text).map(Self).map_err(|_| InvalidPicture)
    }
}

impl From<Picture> for String {
    fn from(Picture(content): Picture) -> Self {
        STANDARD.encode(content)
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Picture({} bytes)", self.0.len())
    }
}
