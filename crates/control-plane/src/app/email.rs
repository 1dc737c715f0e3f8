//! E-mail addresses: the names by which operators log in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An e-mail address: trimmed, and in lower case, since nobody tells such apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = Email, min_length = 3, max_length = 254, example = "ann@example.com")]
pub struct Email(String);

/// A text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an e-mail address such as `ann@example.com` is expected, of at most 254 characters")]
pub struct InvalidEmail;

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl TryFrom<String> for Email {
    type Error = InvalidEmail;

    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        let email = text.trim().to_lowercase();
        let is_plain = |c: char| {
            !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',' | ';' | '"')
        };
        let parts = email.split_once('@');
        let is_email = email.len() <= 254
            && email.chars().all(is_plain)
            && parts.is_some_and(|(name, domain)| {
                !name.is_empty() && !domain.is_empty() && !domain.contains('@')
            });
        is_email.then_some(Self(email)).ok_or(InvalidEmail)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

/// An address that was valid when it was stored.
pub(super) fn stored_email(email: &str) -> Email {
    Email(email.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_in_lower_case() {
        let email = Email::try_from(" Ann.Änn@Example.COM ".to_owned()).unwrap();
        assert_eq!(email.as_str(), "ann.änn@example.com");
        assert_eq!(email.domain(), "example.com");
        for text in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "a@b@c",
            "a b@c",
            "a@b\nc",
            "<a@b>",
            &format!("{}@b", "x".repeat(254)),
        ] {
            assert_eq!(
                Email::try_from(text.to_owned()),
                Err(InvalidEmail),
                "{text}"
            );
        }
    }
}
