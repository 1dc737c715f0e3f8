//! How profiles with tokens stand in rows: what is public as JSON, a secret sealed, and which key set they follow.

use std::collections::BTreeMap;

use portcullis_feed::{Algorithm, Jwk, KeyMaterial, SecretOctets, TokenIdentity};
use serde::{Deserialize, Serialize};

use crate::statement::Row;
use crate::{AccessMethod, AccessProfile, Jwt, JwtKeys, SecretKey, StoreError, row};

/// The column `jwt`: all that is neither secret nor a column of its own.
#[derive(Serialize, Deserialize)]
struct Terms {
    algorithm: Algorithm,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<Jwk>,
    issuers: Vec<String>,
    audiences: Vec<String>,
    required_claims: BTreeMap<String, Option<String>>,
    max_lifetime_s: Option<u64>,
    allows_no_expiry: bool,
}

/// The columns of an access method.
#[derive(Default)]
pub(crate) struct Columns {
    pub(crate) access_method: &'static str,
    pub(crate) jwt: Option<String>,
    pub(crate) jwt_secret: Option<String>,
    pub(crate) key_set: Option<String>,
    pub(crate) token_issuer: Option<String>,
    pub(crate) token_client: Option<String>,
}

const API_KEY: &str = "api_key";
const JWT: &str = "jwt";

pub(crate) fn columns(profile: &AccessProfile, key: &SecretKey) -> Result<Columns, StoreError> {
    let AccessMethod::Jwt(jwt) = &profile.access else {
        return Ok(Columns {
            access_method: API_KEY,
            ..Columns::default()
        });
    };
    let (keys, secret, source) = match &jwt.keys {
        JwtKeys::Pasted(keys) => (keys.as_slice(), None, None),
        JwtKeys::Secret(secret) => (&[][..], Some(secret), None),
        JwtKeys::Followed(source) => (&[][..], None, Some(source)),
    };
    let is_secret = |key: &Jwk| matches!(key.material, KeyMaterial::Oct { .. });
    if keys.iter().any(is_secret) {
        return Err(StoreError::Unreadable { column: "jwt" });
    }
    let terms = Terms {
        algorithm: jwt.algorithm,
        keys: keys.to_vec(),
        issuers: jwt.issuers.clone(),
        audiences: jwt.audiences.clone(),
        required_claims: jwt.required_claims.clone(),
        max_lifetime_s: jwt.max_lifetime_s,
        allows_no_expiry: jwt.allows_no_expiry,
    };
    let owner = profile.id.to_string();
    let sealed = secret.map(|SecretOctets(secret)| key.seal(&owner, secret));
    let identity = jwt.identity.as_ref();
    Ok(Columns {
        access_method: JWT,
        jwt: Some(row::to_json(&terms, "jwt")?),
        jwt_secret: sealed.transpose()?,
        key_set: source.map(ToString::to_string),
        token_issuer: identity.map(|identity| identity.issuer.clone()),
        token_client: identity.map(|identity| identity.client.clone()),
    })
}

pub(crate) fn access_from_row(row: &Row, key: &SecretKey) -> Result<AccessMethod, StoreError> {
    match row.try_get("access_method")? {
        API_KEY => Ok(AccessMethod::ApiKey),
        JWT => Ok(AccessMethod::Jwt(Box::new(from_row(row, key)?))),
        _ => {
            let column = "access_method";
            Err(StoreError::Unreadable { column })
        }
    }
}

pub(crate) fn from_row(row: &Row, key: &SecretKey) -> Result<Jwt, StoreError> {
    let terms: Terms = row::from_json(row, "jwt")?;
    let sealed: Option<&str> = row.try_get("jwt_secret")?;
    let keys = match (sealed, row::parsed_if_any(row, "key_set")?) {
        (Some(sealed), _) => JwtKeys::Secret(SecretOctets(key.open(row.try_get("id")?, sealed)?)),
        (None, Some(source)) => JwtKeys::Followed(source),
        (None, None) => JwtKeys::Pasted(terms.keys),
    };
    let issuer: Option<String> = row.try_get("token_issuer")?;
    let client: Option<String> = row.try_get("token_client")?;
    Ok(Jwt {
        algorithm: terms.algorithm,
        keys,
        identity: issuer
            .zip(client)
            .map(|(issuer, client)| TokenIdentity { issuer, client }),
        issuers: terms.issuers,
        audiences: terms.audiences,
        required_claims: terms.required_claims,
        max_lifetime_s: terms.max_lifetime_s,
        allows_no_expiry: terms.allows_no_expiry,
    })
}
