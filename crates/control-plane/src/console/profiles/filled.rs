//! The form of an access profile, filled in with one that is there.

use portcullis_store::{AccessMethod, AccessProfile};

use crate::app::time::Moment;
use crate::console::design::Filled;

/// As the form says it. Keys are not shown again: they stay unless others are given.
pub(super) fn filled(profile: &AccessProfile) -> Filled {
    let mut fields: Vec<(&str, String)> = vec![
        ("name", profile.name.clone()),
        (
            "description",
            profile.description.clone().unwrap_or_default(),
        ),
        (
            "policy",
            profile
                .policy_id
                .map(|id| id.to_string())
                .unwrap_or_default(),
        ),
        ("allow", profile.addresses.allow.join("\n")),
        ("deny", profile.addresses.deny.join("\n")),
        (
            "expires_at",
            profile.expires_at_ms.map(local).unwrap_or_default(),
        ),
    ];
    fields.extend(
        profile
            .collections
            .iter()
            .map(|id| ("collections", id.to_string())),
    );
    if profile.observe {
        fields.push(("observe", "yes".to_owned()));
    }
    match &profile.access {
        AccessMethod::ApiKey => fields.push(("access_method", "api_key".to_owned())),
        AccessMethod::Jwt(jwt) => {
            let claims = jwt.required_claims.iter().map(|(name, value)| match value {
                Some(value) => format!("{name}={value}"),
                None => name.clone(),
            });
            let identity = jwt.identity.as_ref();
            fields.extend([
                ("access_method", "jwt".to_owned()),
                ("key_source", "kept".to_owned()),
                ("algorithm", jwt.algorithm.name().to_owned()),
                ("issuers", jwt.issuers.join("\n")),
                ("audiences", jwt.audiences.join("\n")),
                ("required_claims", claims.collect::<Vec<_>>().join("\n")),
                (
                    "identity_issuer",
                    identity.map(|it| it.issuer.clone()).unwrap_or_default(),
                ),
                (
                    "identity_client",
                    identity.map(|it| it.client.clone()).unwrap_or_default(),
                ),
                (
                    "max_lifetime_s",
                    jwt.max_lifetime_s
                        .map(|it| it.to_string())
                        .unwrap_or_default(),
                ),
            ]);
            if jwt.allows_no_expiry {
                fields.push(("allows_no_expiry", "yes".to_owned()));
            }
        }
    }
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    Filled::with(&fields)
}

/// A moment as browsers take it, without its offset: in UTC, to the second.
fn local(at_ms: u64) -> String {
    let moment = Moment::from_ms(at_ms).to_string();
    moment
        .chars()
        .take(19)
        .collect::<String>()
        .trim_end_matches('Z')
        .to_owned()
}
