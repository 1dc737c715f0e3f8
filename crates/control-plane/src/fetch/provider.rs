//! Asks identity providers, for operators who log in by single sign-on: over the same connections, with the same bounds and
//! to the same addresses as for key sets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request};
use portcullis_store::SetKey;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::exchange::{Reply, headed};
use super::{FetchFailure, Fetcher};
use crate::app::key_material;
use crate::app::key_set::Location;
use crate::app::single_sign_on::{Asked, CodeExchange, ProviderDescription, Providers};

/// What a provider says of itself, as it writes it.
#[derive(Deserialize)]
struct Written {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

/// What it gives for a code (OpenID Connect Core 1.0 section 3.1.3.3).
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Providers for Fetcher {
    fn describe<'a>(&'a self, issuer: &'a str) -> Asked<'a, ProviderDescription> {
        Box::pin(async move {
            let described = self.described(issuer).await;
            described.map_err(|failure| failure.sentence())
        })
    }

    fn exchange<'a>(&'a self, exchange: CodeExchange<'a>) -> Asked<'a, String> {
        Box::pin(async move {
            let exchanged = self.exchanged_code(exchange).await;
            exchanged.map_err(|failure| failure.sentence())
        })
    }

    fn keys<'a>(&'a self, jwks_uri: &'a str) -> Asked<'a, Vec<SetKey>> {
        Box::pin(async move {
            let keys = self.keys_at(jwks_uri).await;
            keys.map_err(|failure| failure.sentence())
        })
    }
}

impl Fetcher {
    async fn described(&self, issuer: &str) -> Result<ProviderDescription, FetchFailure> {
        let location = Location::of_issuer(issuer, &self.networks)?;
        let body = content(self.get(&location, None).await?)?;
        let written: Written =
            serde_json::from_slice(&body).map_err(|_| FetchFailure::NoProvider)?;
        if written.issuer != issuer {
            return Err(FetchFailure::OtherIssuer);
        }
        // Browsers go there, so it need not be within our reach; but nothing else than a web page may be there.
        let endpoint = Url::parse(&written.authorization_endpoint).ok();
        let endpoint = endpoint.filter(|url| matches!(url.scheme(), "http" | "https"));
        Ok(ProviderDescription {
            authorization_endpoint: endpoint.ok_or(FetchFailure::NoProvider)?,
            token_endpoint: written.token_endpoint,
            jwks_uri: written.jwks_uri,
        })
    }

    async fn exchanged_code(&self, exchange: CodeExchange<'_>) -> Result<String, FetchFailure> {
        let location = Location::of_set(exchange.token_endpoint, &self.networks)?;
        let request = code_request(&exchange, &location)?;
        let body = content(self.send(&location, request).await?)?;
        let tokens: Tokens = serde_json::from_slice(&body).map_err(|_| FetchFailure::NoIdToken)?;
        Ok(tokens.id_token)
    }

    async fn keys_at(&self, jwks_uri: &str) -> Result<Vec<SetKey>, FetchFailure> {
        let location = Location::of_set(jwks_uri, &self.networks).map_err(FetchFailure::JwksUri)?;
        let body = content(self.get(&location, None).await?)?;
        Ok(key_material::read_set(&body)?)
    }
}

/// The request by which a code becomes tokens.
fn code_request(
    exchange: &CodeExchange<'_>,
    location: &Location,
) -> Result<Request<Full<Bytes>>, FetchFailure> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", exchange.code)
        .append_pair("redirect_uri", exchange.redirect_uri)
        .append_pair("code_verifier", exchange.verifier);
    let mut request =
        headed(Method::POST, location).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    match exchange.client_secret {
        Some(secret) => {
            // Each half is encoded as in a form before they are joined (RFC 6749 section 2.3.1).
            let encoded =
                |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(exchange.client_id), encoded(secret));
            let basic = format!("Basic {}", STANDARD.encode(pair));
            request = request.header(AUTHORIZATION, basic);
        }
        None => {
            form.append_pair("client_id", exchange.client_id);
        }
    }
    Ok(request.body(Full::new(Bytes::from(form.finish())))?)
}

fn content(reply: Reply) -> Result<Vec<u8>, FetchFailure> {
    match reply {
        Reply::Content(_, body) => Ok(body),
        Reply::Unchanged(_) => Err(FetchFailure::Status { status: 304 }),
    }
}
