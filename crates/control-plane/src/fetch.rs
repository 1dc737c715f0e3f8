//! Fetches key sets from identity providers: where they say their keys are, and what may be asked there. What follows
//! from the outcome is decided in `app`.

mod exchange;
mod failure;
mod freshness;
mod provider;
mod resolver;
pub mod rounds;
mod trust;

use portcullis_store::{KeySet, KeySetSource, SetVersion};
use serde::Deserialize;

use crate::app::key_material;
use crate::app::key_set::{Fetched, Location, Networks};

pub use exchange::Limits;
pub use failure::FetchFailure;
pub use resolver::Resolver;
pub use rounds::Rounds;
pub use trust::{InvalidTrust, Trust};

use exchange::Reply;

/// Who fetches.
#[derive(Clone)]
pub struct Fetcher {
    /// How names become addresses.
    pub resolver: Resolver,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Which addresses may be asked though they are not public.
    pub networks: Networks,
    /// How long and how much.
    pub limits: Limits,
}

/// What an OpenID provider says of itself, as far as it matters here (OpenID Connect Discovery 1.0 section 3).
#[derive(Deserialize)]
struct Provider {
    issuer: String,
    jwks_uri: String,
}

impl Fetcher {
    /// Fetches a set, unless the server says that it is as it was. `now_ms` are milliseconds since 1970, UTC.
    ///
    /// # Errors
    /// When it cannot be had, or is none.
    pub async fn fetch(&self, set: &KeySet, now_ms: u64) -> Result<Fetched, FetchFailure> {
        let location = match &set.source {
            KeySetSource::Jwks { url } => Location::of_set(url, &self.networks)?,
            KeySetSource::Discovery { issuer } => self.discovered(issuer).await?,
        };
        let url = location.url().as_str();
        let version = set.version.as_ref().filter(|version| version.url == url);
        let etag = version.map(|version| version.etag.as_str());
        match self.get(&location, etag).await? {
            Reply::Unchanged(headers) => Ok(Fetched {
                keys: None,
                version: version.cloned(),
                lifetime_s: freshness::lifetime_s(&headers, now_ms),
            }),
            Reply::Content(headers, body) => Ok(Fetched {
                keys: Some(key_material::read_set(&body)?),
                version: freshness::etag(&headers).map(|etag| SetVersion {
                    url: url.to_owned(),
                    etag,
                }),
                lifetime_s: freshness::lifetime_s(&headers, now_ms),
            }),
        }
    }

    /// Where an issuer has its keys.
    async fn discovered(&self, issuer: &str) -> Result<Location, FetchFailure> {
        let described = Location::of_issuer(issuer, &self.networks)?;
        let Reply::Content(_, body) = self.get(&described, None).await? else {
            return Err(FetchFailure::Status { status: 304 });
        };
        let provider: Provider =
            serde_json::from_slice(&body).map_err(|_| FetchFailure::NoProvider)?;
        if provider.issuer != issuer {
            return Err(FetchFailure::OtherIssuer);
        }
        Location::of_set(&provider.jwks_uri, &self.networks).map_err(FetchFailure::JwksUri)
    }
}
