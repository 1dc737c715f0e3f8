//! Which records a list has, and by what they are sorted, kind by kind. What is `None` excludes nothing.

use portcullis_feed::{ClientId, CollectionId, PolicyId};

use crate::list::{Bound, SortKey, folded};
use crate::row::stored;
use crate::{AccessProfile, Client, Collection, GatewayToken, Policy};

/// Beyond every time: where what never ends stands when it is sorted by its end. The statements and the indexes of the
/// database name it too.
const NEVER_MS: i64 = i64::MAX;

/// Which clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFilter {
    /// In whose name this stands, in whatever case.
    pub name: Option<String>,
    /// That are enabled, or are not.
    pub enabled: Option<bool>,
    /// One of whose profiles has all of this.
    pub profile: GrantFilter,
    /// One of whose profiles has or had the API key with this public id.
    pub key_id: Option<String>,
    /// One of whose profiles has rules for addresses with an entry that begins like this, or one of whose callers was
    /// refused lately at this very address.
    pub address: Option<String>,
}

/// What a profile grants, and to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantFilter {
    /// It grants this collection.
    pub collection_id: Option<CollectionId>,
    /// It has this policy.
    pub policy_id: Option<PolicyId>,
    /// Whether its callers prove themselves by tokens (JWT), and not by API keys.
    pub by_tokens: Option<bool>,
}

/// Which access profiles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileFilter {
    /// Of this client.
    pub client_id: Option<ClientId>,
    /// In whose name this stands, in whatever case.
    pub name: Option<String>,
    /// That are enabled, or are not.
    pub enabled: Option<bool>,
    /// That only observe, or do not.
    pub observe: Option<bool>,
    /// That stop working before this moment: milliseconds since 1970, UTC.
    pub expires_before_ms: Option<u64>,
    /// That grant all of this.
    pub grant: GrantFilter,
}

/// Which collections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionFilter {
    /// In whose name this stands, in whatever case.
    pub name: Option<String>,
    /// That have this version.
    pub version: Option<String>,
    /// That are public, or are not.
    pub public: Option<bool>,
}

/// Which policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyFilter {
    /// In whose name this stands, in whatever case.
    pub name: Option<String>,
}

/// Which tokens of gateways.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayTokenFilter {
    /// In whose name this stands, in whatever case.
    pub name: Option<String>,
    /// That stop opening the feed before this moment: milliseconds since 1970, UTC.
    pub expires_before_ms: Option<u64>,
}

macro_rules! sort_key {
    ($(#[$doc:meta])* $key:ident of $record:ident { $($(#[$variant_doc:meta])* $variant:ident, $name:literal,
        $column:literal, text: $is_text:literal, $bound:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $key {
            $($(#[$variant_doc])* $variant,)*
        }

        impl SortKey for $key {
            type Record = $record;

            const ALL: &'static [(&'static str, Self)] = &[$(($name, Self::$variant),)*];

            fn column(self) -> &'static str {
                match self {
                    $(Self::$variant => $column,)*
                }
            }

            fn is_text(self) -> bool {
                match self {
                    $(Self::$variant => $is_text,)*
                }
            }

            fn bound(self, record: &$record) -> Bound {
                let bound: fn(&$record) -> Bound = match self {
                    $(Self::$variant => $bound,)*
                };
                bound(record)
            }

            fn id(record: &$record) -> String {
                record.id.to_string()
            }
        }
    };
}

sort_key! {
    /// By what clients are sorted.
    ClientKey of Client {
        /// The name, in whatever case.
        Name, "name", "folded_name", text: true, |client| named(&client.name);
        /// The creation, as the identifier tells it.
        CreatedAt, "created_at", "id", text: true, |client| identified(&client.id);
        /// The last change.
        UpdatedAt, "updated_at", "updated_at_ms", text: false, |client| at(client.updated_at_ms);
    }
}

sort_key! {
    /// By what access profiles are sorted.
    ProfileKey of AccessProfile {
        /// The name, in whatever case.
        Name, "name", "folded_name", text: true, |profile| named(&profile.name);
        /// The creation, as the identifier tells it.
        CreatedAt, "created_at", "id", text: true, |profile| identified(&profile.id);
        /// The last change.
        UpdatedAt, "updated_at", "updated_at_ms", text: false, |profile| at(profile.updated_at_ms);
        /// The end. Those that never end come after all others.
        ExpiresAt, "expires_at", "COALESCE(expires_at_ms, 9223372036854775807)",
            text: false, |profile| ends(profile.expires_at_ms);
    }
}

sort_key! {
    /// By what collections are sorted.
    CollectionKey of Collection {
        /// The name, in whatever case.
        Name, "name", "folded_name", text: true, |collection| named(&collection.name);
        /// The version, letter by letter.
        Version, "version", "version", text: true, |collection| Bound::Text(collection.version.clone());
        /// The creation, as the identifier tells it.
        CreatedAt, "created_at", "id", text: true, |collection| identified(&collection.id);
        /// The last change.
        UpdatedAt, "updated_at", "updated_at_ms", text: false, |collection| at(collection.updated_at_ms);
    }
}

sort_key! {
    /// By what policies are sorted.
    PolicyKey of Policy {
        /// The name, in whatever case.
        Name, "name", "folded_name", text: true, |policy| named(&policy.name);
        /// The creation, as the identifier tells it.
        CreatedAt, "created_at", "id", text: true, |policy| identified(&policy.id);
        /// The last change.
        UpdatedAt, "updated_at", "updated_at_ms", text: false, |policy| at(policy.updated_at_ms);
    }
}

sort_key! {
    /// By what tokens of gateways are sorted.
    GatewayTokenKey of GatewayToken {
        /// The name, in whatever case.
        Name, "name", "folded_name", text: true, |token| named(&token.name);
        /// The creation, as the identifier tells it.
        CreatedAt, "created_at", "id", text: true, |token| identified(&token.id);
        /// The end. Those that never end come after all others.
        ExpiresAt, "expires_at", "COALESCE(expires_at_ms, 9223372036854775807)",
            text: false, |token| ends(token.expires_at_ms);
    }
}

fn named(name: &str) -> Bound {
    Bound::Text(folded(name))
}

fn identified(id: &impl ToString) -> Bound {
    Bound::Text(id.to_string())
}

fn at(ms: u64) -> Bound {
    Bound::Number(stored(ms))
}

fn ends(at_ms: Option<u64>) -> Bound {
    Bound::Number(at_ms.map_or(NEVER_MS, stored))
}
