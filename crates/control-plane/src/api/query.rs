//! What the queries of lists may say.

use portcullis_feed::{ClientId, CollectionId, OperatorId, PolicyId};
use portcullis_store::{
    ClientFilter, CollectionFilter, GatewayTokenFilter, GrantFilter, PolicyFilter, ProfileFilter,
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::audit::AuditPageQuery;
use super::gateways::Standing;
use crate::app::access_profile::AccessMethod;
use crate::app::import::Servers;
use crate::app::text::{Name, NamePart};
use crate::app::time::Moment;

/// What is common to the queries of all lists.
pub trait ListQuery: Serialize {
    /// How many records at most.
    fn limit(&self) -> Option<u32>;
    /// Where the page before ended.
    fn cursor(&self) -> Option<&str>;
    /// In which order.
    fn sort(&self) -> Option<&str>;
}

macro_rules! list_query {
    (
        $(#[$doc:meta])* $name:ident
        sorted by $pattern:literal, as $example:literal,
        { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: Option<$type>,)*
            /// In which order: the names of members, separated by commas, each with `-` before it for the greatest
            /// first. Equals stand in the order of their creation, as all do when it is absent. Names are compared
            /// without regard to case, and what never ends comes after what does.
            #[param(pattern = $pattern, example = $example)]
            pub sort: Option<String>,
            /// How many records at most: 1 to 1,000, 100 when absent.
            #[param(minimum = 1, maximum = 1000, default = 100)]
            pub limit: Option<u32>,
            /// Where the page before ended: its `next_cursor`. All else has to be asked as it was for that page, save
            /// `limit`.
            pub cursor: Option<String>,
        }

        impl ListQuery for $name {
            fn limit(&self) -> Option<u32> {
                self.limit
            }

            fn cursor(&self) -> Option<&str> {
                self.cursor.as_deref()
            }

            fn sort(&self) -> Option<&str> {
                self.sort.as_deref()
            }
        }
    };
}

list_query! {
    /// Which part of the list of clients.
    ClientQuery
    sorted by "^-?(name|created_at|updated_at)(,-?(name|created_at|updated_at))*$", as "name,-created_at",
    {
        /// Only those in whose name this stands, in whatever case.
        #[param(value_type = Option<String>, min_length = 1, max_length = 100)]
        name: NamePart,
        /// Only those that are enabled, or only those that are not.
        enabled: bool,
        /// Only those with a profile that grants this collection.
        #[param(value_type = Option<String>)]
        collection_id: CollectionId,
        /// Only those with a profile that has this policy.
        #[param(value_type = Option<String>)]
        policy_id: PolicyId,
        /// Only those with a profile whose callers prove themselves like this.
        #[param(inline)]
        access_method: AccessMethod,
    }
}

list_query! {
    /// Which part of the list of access profiles.
    ProfileQuery
    sorted by "^-?(name|created_at|updated_at|expires_at)(,-?(name|created_at|updated_at|expires_at))*$",
    as "expires_at,name",
    {
        /// Only the profiles of this client.
        #[param(value_type = Option<String>)]
        client_id: ClientId,
        /// Only those in whose name this stands, in whatever case.
        #[param(value_type = Option<String>, min_length = 1, max_length = 100)]
        name: NamePart,
        /// Only those that are enabled, or only those that are not.
        enabled: bool,
        /// Only those that only observe, or only those that do not.
        observe: bool,
        /// Only those that grant this collection.
        #[param(value_type = Option<String>)]
        collection_id: CollectionId,
        /// Only those that have this policy.
        #[param(value_type = Option<String>)]
        policy_id: PolicyId,
        /// Only those whose callers prove themselves like this.
        #[param(inline)]
        access_method: AccessMethod,
        /// Only those that stop working before this moment, those that have stopped too.
        #[param(value_type = Option<String>, format = DateTime)]
        expires_before: Moment,
    }
}

list_query! {
    /// Which part of the list of collections.
    CollectionQuery
    sorted by "^-?(name|version|created_at|updated_at)(,-?(name|version|created_at|updated_at))*$",
    as "name,version",
    {
        /// Only those in whose name this stands, in whatever case.
        #[param(value_type = Option<String>, min_length = 1, max_length = 100)]
        name: NamePart,
        /// Only those that have this version.
        #[param(value_type = Option<String>, min_length = 1, max_length = 100)]
        version: NamePart,
        /// Only those that are public, or only those that are not.
        public: bool,
    }
}

list_query! {
    /// Which part of the list of policies.
    PolicyQuery
    sorted by "^-?(name|created_at|updated_at)(,-?(name|created_at|updated_at))*$", as "name",
    {
        /// Only those in whose name this stands, in whatever case.
        #[param(value_type = Option<String>, min_length = 1, max_length = 100)]
        name: NamePart,
    }
}

list_query! {
    /// Which part of the list of the tokens of gateways.
    GatewayTokenQuery
    sorted by "^-?(name|created_at|expires_at)(,-?(name|created_at|expires_at))*$", as "expires_at",
    {
        /// Only those in whose name this stands, in whatever case.
        #[param(value_type = Option<String>, min_length = 1, max_length = 100)]
        name: NamePart,
        /// Only those that stop opening the feed before this moment, those that have stopped too.
        #[param(value_type = Option<String>, format = DateTime)]
        expires_before: Moment,
    }
}

/// Which part of a list in the order of its creation.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many records at most: 1 to 1,000, 100 when absent.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

/// Which part of the list of sessions.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionQuery {
    /// The sessions of this operator. One's own, when absent; those of all, for tokens. Only admins see others'.
    #[param(value_type = Option<String>)]
    pub operator_id: Option<OperatorId>,
    /// How many records at most: 1 to 1,000, 100 when absent.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`. All else has to be asked as it was for that page, save `limit`.
    pub cursor: Option<String>,
}

/// Which part of the list of gateways.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GatewayQuery {
    /// Only those in this state.
    #[param(inline)]
    pub state: Option<Standing>,
    /// How many records at most: 1 to 1,000, 100 when absent.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`. All else has to be asked as it was for that page, save `limit`.
    pub cursor: Option<String>,
}

/// What becomes of a document that a collection is made of.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// What people call the collection. As the title of the document, when absent.
    #[param(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub name: Option<Name>,
    /// Its version. That of the document, when absent.
    #[param(value_type = Option<String>, min_length = 1, max_length = 100)]
    pub version: Option<Name>,
    /// What becomes of the servers that the document names.
    #[param(inline, default = "ignore")]
    pub servers: Option<Servers>,
    /// Whether nothing is done, and only told what would be. False, when absent.
    #[param(default = false)]
    pub preview: Option<bool>,
}

/// What becomes of a document that a collection gets its endpoints from.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EndpointsQuery {
    /// What becomes of the servers that the document names.
    #[param(inline, default = "ignore")]
    pub servers: Option<Servers>,
    /// Whether nothing is done, and only told what would be. False, when absent.
    #[param(default = false)]
    pub preview: Option<bool>,
}

/// Lists that have one order only.
macro_rules! in_one_order {
    ($($query:ident),*) => {$(
        impl ListQuery for $query {
            fn limit(&self) -> Option<u32> {
                self.limit
            }

            fn cursor(&self) -> Option<&str> {
                self.cursor.as_deref()
            }

            fn sort(&self) -> Option<&str> {
                None
            }
        }
    )*};
}

pub(super) use in_one_order;

in_one_order!(AuditPageQuery, GatewayQuery, PageQuery, SessionQuery);

impl ClientQuery {
    /// Which clients it asks for.
    pub fn filter(&self) -> ClientFilter {
        ClientFilter {
            name: self.name.clone().map(String::from),
            enabled: self.enabled,
            profile: grant(self.collection_id, self.policy_id, self.access_method),
            ..ClientFilter::default()
        }
    }
}

impl ProfileQuery {
    /// Which profiles it asks for.
    pub fn filter(&self) -> ProfileFilter {
        ProfileFilter {
            client_id: self.client_id,
            name: self.name.clone().map(String::from),
            enabled: self.enabled,
            observe: self.observe,
            expires_before_ms: self.expires_before.map(Moment::as_ms),
            grant: grant(self.collection_id, self.policy_id, self.access_method),
        }
    }
}

impl CollectionQuery {
    /// Which collections it asks for.
    pub fn filter(&self) -> CollectionFilter {
        CollectionFilter {
            name: self.name.clone().map(String::from),
            version: self.version.clone().map(String::from),
            public: self.public,
        }
    }
}

impl PolicyQuery {
    /// Which policies it asks for.
    pub fn filter(&self) -> PolicyFilter {
        PolicyFilter {
            name: self.name.clone().map(String::from),
        }
    }
}

impl GatewayTokenQuery {
    /// Which tokens it asks for.
    pub fn filter(&self) -> GatewayTokenFilter {
        GatewayTokenFilter {
            name: self.name.clone().map(String::from),
            expires_before_ms: self.expires_before.map(Moment::as_ms),
        }
    }
}

fn grant(
    collection_id: Option<CollectionId>,
    policy_id: Option<PolicyId>,
    access_method: Option<AccessMethod>,
) -> GrantFilter {
    GrantFilter {
        collection_id,
        policy_id,
        by_tokens: access_method.map(|method| method == AccessMethod::Jwt),
    }
}
