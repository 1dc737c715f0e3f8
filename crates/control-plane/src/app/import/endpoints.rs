//! What a document describes, as endpoints: each method of each path, on each server where that is asked for.

use std::collections::HashMap;

use portcullis_engine::route::Claim;
use portcullis_feed::Endpoint;
use url::Url;

use super::document::{Document, PathItem, Server};
use super::{Outline, Servers};
use crate::app::collection;
use crate::app::refusal::refuse_any;
use crate::app::text::{Description, Name};
use crate::app::{Refusal, Violation};

/// How many endpoints a collection has at most.
const MOST_ENDPOINTS: usize = 10_000;

/// How many mistakes are told at once.
const MOST_TOLD: usize = 100;

/// Where an API is: its host, if that counts, and what stands before its paths.
type Base = (Option<String>, String);

/// What the document says.
pub(super) fn outline(document: Document, servers: Servers) -> Result<Outline, Refusal> {
    let mut reading = Reading {
        document: &document,
        servers,
        endpoints: Vec::new(),
        places: HashMap::new(),
        violations: Vec::new(),
    };
    for (path, item) in &document.paths.0 {
        reading.path(path, item);
    }
    let Reading {
        endpoints,
        mut violations,
        ..
    } = reading;
    if endpoints.len() > MOST_ENDPOINTS {
        let detail = format!("a collection has at most {MOST_ENDPOINTS} endpoints");
        violations.push(Violation::new("/paths", detail));
    }
    refuse_any(violations)?;
    let name = |text: String, place: &str| {
        Name::try_from(text).map_err(|invalid| Violation::new(place, invalid))
    };
    let about = document.info.summary.or(document.info.description);
    Ok(Outline {
        name: name(document.info.title, "/info/title"),
        version: name(document.info.version, "/info/version"),
        description: about.and_then(|about| Description::try_from(about).ok()),
        endpoints,
    })
}

struct Reading<'a> {
    document: &'a Document,
    servers: Servers,
    endpoints: Vec<Endpoint>,
    /// What they lay claim to, and where they came from.
    places: HashMap<Claim, String>,
    violations: Vec<Violation>,
}

impl<'a> Reading<'a> {
    fn path(&mut self, path: &str, item: &'a PathItem) {
        let place = Violation::pointer(&["paths", path]);
        let item = match &item.reference {
            None => item,
            Some(reference) => match self.referred(reference) {
                Some(item) => item,
                None => {
                    let detail = format!(
                        "`{reference}` is no path item of this document, such as \
                         `#/components/pathItems/name`"
                    );
                    self.flaw(&format!("{place}/$ref"), detail);
                    return;
                }
            },
        };
        for (method, operation) in item.operations() {
            let place = format!("{place}/{method}");
            let own = operation.servers.as_ref().or(item.servers.as_ref());
            let bases = match own {
                Some(servers) => self.bases(servers, &place),
                None => self.bases(&self.document.servers, "/servers"),
            };
            for (host, base) in bases {
                let endpoint = Endpoint {
                    host,
                    method: method.to_ascii_uppercase(),
                    path: format!("{base}{path}"),
                    enabled: true,
                };
                self.add(endpoint, &place);
            }
        }
    }

    /// A path item that another one refers to.
    fn referred(&self, reference: &str) -> Option<&'a PathItem> {
        let name = reference.strip_prefix("#/components/pathItems/")?;
        let name = name.replace("~1", "/").replace("~0", "~");
        let found = self.document.components.path_items.find(&name)?;
        // Whoever refers on and on would never arrive.
        found.reference.is_none().then_some(found)
    }

    /// Where the servers are, each place once.
    fn bases(&mut self, servers: &[Server], place: &str) -> Vec<Base> {
        let anywhere = (None, String::new());
        if self.servers == Servers::Ignore || servers.is_empty() {
            return vec![anywhere];
        }
        let mut bases = Vec::new();
        for server in servers {
            match base(server) {
                Some((host, path)) => {
                    let host = host.filter(|_| self.servers == Servers::Host);
                    if !bases.contains(&(host.clone(), path.clone())) {
                        bases.push((host, path));
                    }
                }
                None => {
                    let detail = format!(
                        "`{}` is not the URL of a server, such as `https://api.example.com/v1` \
                         or `/v1`, all of whose variables have a default",
                        server.url
                    );
                    self.flaw(place, detail);
                }
            }
        }
        bases
    }

    fn add(&mut self, endpoint: Endpoint, place: &str) {
        if let Some((_, detail)) = collection::flaw(&endpoint) {
            return self.flaw(place, detail);
        }
        let Ok(claim) = Claim::parse(&endpoint) else {
            return;
        };
        match self.places.get(&claim) {
            Some(first) if first != place => {
                let detail = format!("this is the same endpoint as that of `{first}`");
                self.flaw(place, detail);
            }
            Some(_) => {}
            None => {
                self.places.insert(claim, place.to_owned());
                self.endpoints.push(endpoint);
            }
        }
    }

    /// Notes a mistake, once.
    fn flaw(&mut self, place: &str, detail: String) {
        let violation = Violation::new(place, detail);
        if self.violations.len() < MOST_TOLD && !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }
}

/// The host of a server, if it names one, and its path without a slash at the end.
fn base(server: &Server) -> Option<Base> {
    let mut url = server.url.clone();
    for (name, variable) in &server.variables.0 {
        url = url.replace(&format!("{{{name}}}"), &variable.default);
    }
    if url.contains(['{', '}']) {
        return None;
    }
    let (host, path) = match url.strip_prefix('/') {
        Some(rest) if !rest.starts_with('/') => (None, url.as_str()),
        _ => {
            let parsed = Url::parse(&url).ok()?;
            let is_web = matches!(parsed.scheme(), "http" | "https" | "ws" | "wss");
            let host = parsed.host_str().filter(|_| is_web)?.to_owned();
            return Some((Some(host), without_slash(parsed.path()).to_owned()));
        }
    };
    let path = path.split(['?', '#']).next()?;
    Some((host, without_slash(path).to_owned()))
}

fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}
