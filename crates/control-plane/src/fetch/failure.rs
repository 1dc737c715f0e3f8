//! Why a key set cannot be had, in sentences for operators. Nothing of what the server answered is in them.

use std::error::Error;
use std::io;

use crate::app::key_material::InvalidKeySet;
use crate::app::key_set::InvalidSource;

/// A key set cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchFailure {
    /// It may not be asked for.
    #[error(transparent)]
    Source(#[from] InvalidSource),
    /// What the issuer calls its keys' URL may not be asked.
    #[error("the `jwks_uri` of the issuer cannot be used")]
    JwksUri(#[source] InvalidSource),
    /// The name has no address.
    #[error("`{host}` cannot be resolved")]
    Unresolved {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody answers there.
    #[error("`{host}` cannot be reached")]
    Unreachable {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// No TLS connection comes about.
    #[error("`{host}` does not prove who it is")]
    Untrusted {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The server does not speak HTTP to the end.
    #[error("the answer of the server broke off or is not HTTP")]
    Broken(#[source] hyper::Error),
    /// The server takes too long.
    #[error("the server did not answer within {seconds} seconds")]
    TooSlow {
        /// How long it was given.
        seconds: u64,
    },
    /// The server sends on, and is not followed.
    #[error("the server answered with the redirect {status}, and redirects are not followed")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// The server refuses.
    #[error("the server answered with status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The answer is compressed, though that was not asked for.
    #[error("the answer is compressed, which was not asked for")]
    Compressed,
    /// The answer is too large.
    #[error("the answer is larger than {bytes} bytes")]
    TooLarge {
        /// How large it may be.
        bytes: usize,
    },
    /// The URL cannot stand in a request.
    #[error("the URL cannot stand in a request")]
    NoRequest(#[from] hyper::http::Error),
    /// The answer is no description of an OpenID provider.
    #[error("the answer is not the description of an OpenID provider with `issuer` and `jwks_uri`")]
    NoProvider,
    /// The answer is no ID token.
    #[error("the answer has no ID token")]
    NoIdToken,
    /// It is another issuer's.
    #[error("the description names another issuer than the one that was asked")]
    OtherIssuer,
    /// The answer is no set.
    #[error(transparent)]
    Set(#[from] InvalidKeySet),
}

impl FetchFailure {
    /// The whole chain of causes, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut sentence = self.to_string();
        let mut cause = self.source();
        while let Some(source) = cause {
            let said = source.to_string();
            if !sentence.ends_with(&said) {
                sentence = format!("{sentence}: {said}");
            }
            cause = source.source();
        }
        sentence
    }
}
