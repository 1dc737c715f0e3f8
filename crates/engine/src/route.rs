//! Routes: which collection an endpoint belongs to, by host, method and path template. The most specific wins.

mod template;
mod tree;

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_feed::{Collection, CollectionId, Endpoint};

use crate::authority::host_of;
use crate::holder::header_text;
use crate::path::Path;
pub use template::InvalidEndpoint;
use template::{Host, Template};
use tree::Tree;

/// All endpoints of all collections, compiled for matching.
#[derive(Debug, Default)]
pub struct Routes {
    exact: HashMap<Box<[u8]>, Tree>,
    /// By parent domain with its leading dot.
    below: HashMap<Box<[u8]>, Tree>,
    any: Tree,
}

/// A collection as a request meets it.
#[derive(Debug, PartialEq, Eq)]
pub struct RoutedCollection {
    /// Its public name.
    pub id: CollectionId,
    /// `name/version` without blanks, fit for headers and logs.
    pub label: Box<str>,
    /// Whether anybody may call it.
    pub public: bool,
    /// Whether its service is safe with paths that are [dubious](Path::is_dubious).
    pub allows_dubious_paths: bool,
    /// What its endpoints are called, `METHOD /path/{template}`, each at its place.
    pub endpoints: Box<[Box<str>]>,
}

/// The endpoint that a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedEndpoint {
    /// What it is part of.
    pub collection: Arc<RoutedCollection>,
    /// Whether it may be called.
    pub enabled: bool,
    /// Its place among the endpoints of its collection, from 0. Nobody writes more of them than there are places.
    pub place: u16,
}

/// Two collections, or one of them twice, claim the same host, method and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Who claims it already.
    pub first: CollectionId,
    /// Who claims it again.
    pub second: CollectionId,
    /// The endpoint as `METHOD host/path`.
    pub endpoint: String,
}

/// Whether an endpoint can be matched at all.
///
/// # Errors
/// Names the field and how to mend it.
pub fn check_endpoint(endpoint: &Endpoint) -> Result<(), InvalidEndpoint> {
    Claim::parse(endpoint).map(drop)
}

/// The first endpoint that is claimed twice. Endpoints that cannot be matched are passed over.
#[must_use]
pub fn conflict<'a>(collections: impl IntoIterator<Item = &'a Collection>) -> Option<Conflict> {
    let mut claims = HashMap::new();
    for collection in collections {
        for endpoint in &collection.endpoints {
            let Ok(claim) = Claim::parse(endpoint) else {
                continue;
            };
            if let Some(first) = claims.insert(claim, collection.id) {
                return Some(Conflict {
                    first,
                    second: collection.id,
                    endpoint: format!(
                        "{} {}{}",
                        endpoint.method,
                        endpoint.host.as_deref().unwrap_or_default(),
                        endpoint.path
                    ),
                });
            }
        }
    }
    None
}

fn name(endpoint: &Endpoint) -> Box<str> {
    format!("{} {}", endpoint.method, endpoint.path).into()
}

impl Routes {
    /// Compiles collections. Endpoints that cannot be matched are left out; of two that claim the same, the first
    /// stays: the control plane refuses both beforehand.
    #[must_use]
    pub fn compile<'a>(collections: impl IntoIterator<Item = &'a Collection>) -> Self {
        let mut routes = Self::default();
        for collection in collections {
            let label = format!("{}/{}", collection.name, collection.version);
            let routed = Arc::new(RoutedCollection {
                id: collection.id,
                label: header_text(&label).replace(' ', "%20").into(),
                public: collection.public,
                allows_dubious_paths: collection.allows_dubious_paths,
                endpoints: collection.endpoints.iter().map(name).collect(),
            });
            for (place, endpoint) in collection.endpoints.iter().enumerate() {
                if let Ok(claim) = Claim::parse(endpoint) {
                    let leaf = RoutedEndpoint {
                        collection: Arc::clone(&routed),
                        enabled: endpoint.enabled,
                        place: u16::try_from(place).unwrap_or(u16::MAX),
                    };
                    routes
                        .tree(claim.host)
                        .insert(claim.path, claim.method, leaf);
                }
            }
        }
        routes
    }

    /// The endpoint for a request, by host (exact, then the longest parent domain, then any), path (literal segments
    /// before `{name}` before `/**`) and method (`HEAD` goes where `GET` does; exact before `*`).
    #[must_use]
    pub fn find(
        &self,
        authority: &[u8],
        method: &[u8],
        path: &Path<'_>,
    ) -> Option<&RoutedEndpoint> {
        if self.exact.is_empty() && self.below.is_empty() {
            return self.any.find(method, path);
        }
        let host = host_of(authority);
        self.exact
            .get(host.as_slice())
            .and_then(|tree| tree.find(method, path))
            .or_else(|| {
                // From left to right: the longest parent domain first.
                (1..host.len())
                    .filter_map(|at| host.get(at..).filter(|rest| rest.first() == Some(&b'.')))
                    .filter_map(|domain| self.below.get(domain))
                    .find_map(|tree| tree.find(method, path))
            })
            .or_else(|| self.any.find(method, path))
    }

    fn tree(&mut self, host: Host) -> &mut Tree {
        match host {
            Host::Any => &mut self.any,
            Host::Exact(name) => self.exact.entry(name).or_default(),
            Host::Below(domain) => self.below.entry(domain).or_default(),
        }
    }
}

/// What an endpoint lays claim to. Two equal ones are in conflict: the names of parameters do not count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    host: Host,
    method: Box<[u8]>,
    path: Template,
}

impl Claim {
    /// Of an endpoint.
    ///
    /// # Errors
    /// When it cannot be matched: names the field and how to mend it.
    pub fn parse(endpoint: &Endpoint) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            host: Host::parse(endpoint.host.as_deref())?,
            method: template::parse_method(&endpoint.method)?,
            path: Template::parse(&endpoint.path)?,
        })
    }
}

#[cfg(test)]
mod tests;
