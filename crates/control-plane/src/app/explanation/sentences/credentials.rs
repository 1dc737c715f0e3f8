//! Sentences about who calls, and what proves it.

use portcullis_engine::Holder;
use portcullis_engine::decision::DenialReason;
use portcullis_engine::gate::trace::Fault;
use portcullis_engine::jwt::claims::Rule;
use portcullis_feed::{Jwt, KeyState};

use super::listed;
use crate::app::explanation::account::Account;
use crate::app::explanation::records::KnownProfile;
use crate::app::time::Moment;

pub(super) fn of_presented(
    headers: &[&[u8]],
    query: bool,
    refused: Option<DenialReason>,
    account: &Account<'_>,
) -> String {
    match refused {
        Some(DenialReason::RequestAmbiguous) => {
            return "there are several credentials, and they differ".into();
        }
        Some(DenialReason::CredentialMissing) => return "there is none".into(),
        Some(_) => return "something was meant to be one, and cannot be read".into(),
        None => {}
    }
    let carriers = match (headers, query) {
        ([], _) => "the query, of which it is cut out".into(),
        (headers, false) => listed(headers),
        (headers, true) => format!(
            "{}, and in the query, of which it is cut out",
            listed(headers)
        ),
    };
    match &account.asked.key_id {
        Some(id) => format!("as if the key `{id}` was in {carriers}"),
        None => format!("one, in {carriers}"),
    }
}

pub(super) fn of_proof(holder: &Holder, account: &Account<'_>) -> String {
    let whose = profile(account.known(holder));
    let key = holder.key_id().map(|id| format!("key `{id}`"));
    match (holder.token_method(), key) {
        (None, key) => format!("the {} opens {whose}", key.unwrap_or_default()),
        (Some(method), key) => {
            let by = key.map(|key| format!(" by its {key}")).unwrap_or_default();
            format!(
                "the token names {whose}{by}, and is signed as that wants it, with {}",
                method.algorithm.name()
            )
        }
    }
}

/// Why a credential proves nothing.
pub(super) fn of_fault(fault: Fault, account: &Account<'_>) -> String {
    let known = account.named.and_then(|id| account.records.profile(id));
    let whose = profile(known);
    let jwt = known.and_then(KnownProfile::jwt);
    match fault {
        // These are told by the check of the credential.
        Fault::Several | Fault::Missing | Fault::Malformed => "there is none to look at".into(),
        Fault::Mistyped => "it begins like a key of Portcullis, but is mistyped or cut off".into(),
        Fault::UnknownKey => match &account.asked.key_id {
            Some(id) => format!("gateways know of no key `{id}`"),
            None => "no profile has such a key".into(),
        },
        Fault::OnlyAName => {
            "it is a key that only names a profile: the profile wants tokens, and it opens nothing by itself".into()
        }
        Fault::UnreadableToken => {
            "it looks like a token, but cannot be read in exactly one way: see the strict reading of tokens".into()
        }
        Fault::Nameless => "the token names no profile: none of the claims that could do so says anything".into(),
        Fault::UnknownName => "no profile for tokens has the name that the token says".into(),
        Fault::NotForTokens => format!("the token names {whose}, whose callers present keys instead of tokens"),
        Fault::OtherAlgorithm => {
            let wanted = jwt.map_or("another", |jwt| jwt.algorithm.name());
            format!("the token names {whose}, which wants {wanted}, but says that it is signed in another way")
        }
        Fault::BadSignature => of_bad_signature(&whose, jwt),
        Fault::Claims(rule) => format!("the token names {whose}, and is signed well, but {}", of_rule(rule, jwt)),
        Fault::ExpiredToken => format!("the token names {whose}, and is signed well, but has expired: `exp`"),
    }
}

/// Whether the key was withdrawn, or replaced.
pub(super) fn of_key(holder: &Holder, holds: bool) -> String {
    let Some((id, key)) = holder.key_id().zip(holder.key_standing()) else {
        return "no key is involved".into();
    };
    if !holds || key.state == KeyState::Revoked {
        return format!("the key `{id}` was revoked");
    }
    let Some(since_ms) = key.deprecated_at_ms else {
        return format!("the key `{id}` was not revoked");
    };
    let since = Moment::from_ms(since_ms);
    let end = key.expires_at_ms.map(Moment::from_ms);
    let end = end
        .map(|end| format!(", and ends at {end}"))
        .unwrap_or_default();
    format!(
        "the key `{id}` was not revoked, but is deprecated since {since}: a newer one stands in its place{end}"
    )
}

/// Whether the key or the profile is over.
pub(super) fn of_expiry(holder: &Holder, now_ms: u64) -> String {
    let key = holder.key_standing().and_then(|key| key.expires_at_ms);
    let ends = [
        ("the key", key),
        ("the profile", holder.conditions().expires_at_ms),
    ];
    let told = ends.into_iter().filter_map(|(what, end_ms)| {
        let end_ms = end_ms?;
        let verb = if end_ms <= now_ms {
            "expired"
        } else {
            "expires"
        };
        Some(format!("{what} {verb} at {}", Moment::from_ms(end_ms)))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        return "nothing expires".into();
    }
    told.join(", ")
}

/// A client.
pub(super) fn client(known: Option<&KnownProfile>) -> String {
    let Some(KnownProfile { told, .. }) = known else {
        return "a client".into();
    };
    format!("the client `{}` ({})", told.client.name, told.client.id)
}

/// A profile and its client.
pub(super) fn profile(known: Option<&KnownProfile>) -> String {
    let Some(KnownProfile { name, told, .. }) = known else {
        return "a profile".into();
    };
    format!(
        "the profile `{name}` ({}) of `{}` ({})",
        told.id, told.client.name, told.client.id
    )
}

fn of_bad_signature(whose: &str, jwt: Option<&Jwt>) -> String {
    let count = jwt.map_or(0, |jwt| jwt.keys.len());
    let follows = jwt.is_some_and(|jwt| jwt.follows_key_set);
    match (count, follows) {
        (0, true) => format!(
            "the token names {whose}, whose key set was never fetched or has no fitting key"
        ),
        (0, false) => format!("the token names {whose}, which has no key to verify it with"),
        (count, true) => {
            format!(
                "the token names {whose}, but none of the {count} keys in its key set verifies the signature"
            )
        }
        (1, false) => format!("the token names {whose}, but its key does not verify the signature"),
        (count, false) => {
            format!("the token names {whose}, but none of its {count} keys verifies the signature")
        }
    }
}

/// What a token would have to claim.
fn of_rule(rule: Rule, jwt: Option<&Jwt>) -> String {
    let one_of = |list: fn(&Jwt) -> &Vec<String>| {
        let list = jwt.map(list).filter(|list| !list.is_empty());
        list.map_or_else(String::new, |list| format!(": `{}`", list.join("`, `")))
    };
    match rule {
        Rule::Times => "one of its times (`exp`, `nbf`, `iat`) is not a number".into(),
        Rule::Expiry => "has no end: `exp`".into(),
        Rule::Start => "is not good yet: `nbf`".into(),
        Rule::Lifetime => {
            "lives longer than the profile allows, or does not say so: `iat` and `exp`".into()
        }
        Rule::Issuer => {
            let identity = jwt.filter(|jwt| jwt.issuers.is_empty());
            let identity = identity.and_then(|jwt| jwt.identity.as_ref());
            let expected = match identity {
                Some(identity) => format!(": `{}`", identity.issuer),
                None => one_of(|jwt| &jwt.issuers),
            };
            format!("was issued by somebody else than the profile wants (`iss`){expected}")
        }
        Rule::Audience => {
            format!(
                "is not meant for what the profile says (`aud`){}",
                one_of(|jwt| &jwt.audiences)
            )
        }
        Rule::Required(place) => {
            let required = jwt.and_then(|jwt| jwt.required_claims.iter().nth(place));
            match required {
                Some((name, Some(value))) => format!("its claim `{name}` does not say `{value}`"),
                Some((name, None)) => format!("it has no claim `{name}`"),
                None => "it lacks a claim that the profile wants".into(),
            }
        }
    }
}
