//! Identifiers: a prefix that tells the kind, then a ULID in lower case, such as `cl_01jcz3v9k4m0…` (29 characters).
//! They sort by creation time and may be logged. In binary formats they are the 16 bytes of the ULID.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use ulid::Ulid;

/// A text is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {kind} id: it is `{prefix}` and 26 characters of a ULID")]
pub struct InvalidId {
    kind: &'static str,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// What every identifier of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The identifier for a creation time (milliseconds since 1970, 48 bits used) and random bits (80 used).
            #[must_use]
            pub fn from_parts(created_ms: u64, random: u128) -> Self {
                Self(Ulid::from_parts(created_ms, random).to_bytes())
            }

            /// The 16 bytes of the ULID, most significant first.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = [0; ulid::ULID_LEN];
                let text = Ulid::from_bytes(self.0).array_to_str(&mut buffer);
                text.make_ascii_lowercase();
                f.write_str($prefix)?;
                f.write_str(text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix)
                    .and_then(|ulid| Ulid::from_string(ulid).ok())
                    .map(|ulid| Self(ulid.to_bytes()))
                    .ok_or(InvalidId { kind: $kind, prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = Cow::<'de, str>::deserialize(deserializer)?;
                    text.parse().map_err(D::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

id! {
    /// Names a client.
    ClientId, "a client", "cl_"
}
id! {
    /// Names an access profile. Public: it may be logged, and a JWT may name its profile by it.
    ProfileId, "an access profile", "ap_"
}
id! {
    /// Names an API collection.
    CollectionId, "a collection", "co_"
}
id! {
    /// Names an access policy.
    PolicyId, "a policy", "po_"
}
id! {
    /// Names a token by which gateways come. Public: it says nothing of the token.
    GatewayTokenId, "a gateway token", "gt_"
}
id! {
    /// Names an operator: a person who manages records.
    OperatorId, "an operator", "op_"
}
id! {
    /// Names a token by which a robot manages records. Public: it says nothing of the token.
    RobotTokenId, "a token", "rt_"
}
id! {
    /// Names a session of an operator. Public: it says nothing of what opens the session.
    SessionId, "a session", "se_"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = ClientId::from_parts(1_700_000_000_000, 0x1234_5678_9abc);
        assert!(id.to_string().starts_with("cl_01"), "{id}");
        assert_eq!(id.to_string().len(), 29);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn ids_sort_by_creation() {
        let earlier = ProfileId::from_parts(1, u128::MAX);
        let later = ProfileId::from_parts(2, 0);
        assert!(earlier < later && earlier.to_string() < later.to_string());
    }

    #[test]
    fn an_id_of_another_kind_is_refused_with_the_form_that_is_expected() {
        let client = ClientId::from_parts(1, 1).to_string();
        let refusal = client.parse::<ProfileId>().unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "not an access profile id: it is `ap_` and 26 characters of a ULID"
        );
        assert!("cl_".parse::<ClientId>().is_err());
        assert!(
            "cl_zzzzzzzzzzzzzzzzzzzzzzzzzzz"
                .parse::<ClientId>()
                .is_err()
        );
    }
}
