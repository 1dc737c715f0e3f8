//! Which tokens that are good now would not be any more.

use std::collections::BTreeMap;

use portcullis_store::Jwt;

use super::Loss;

pub(super) fn compare(before: &Jwt, after: &Jwt, lost: &mut Vec<Loss>) {
    let mut lose = |is_lost: bool, sentence: &str| {
        if is_lost {
            lost.push(sentence.into());
        }
    };
    lose(
        before.algorithm != after.algorithm || before.keys != after.keys,
        "its tokens are verified by other keys",
    );
    lose(
        before.identity != after.identity,
        "its tokens name it in another way",
    );
    lose(
        is_narrower(&before.issuers, &after.issuers),
        "tokens of fewer issuers are good",
    );
    lose(
        is_narrower(&before.audiences, &after.audiences),
        "tokens for fewer audiences are good",
    );
    lose(
        asks_more(&before.required_claims, &after.required_claims),
        "its tokens need other claims",
    );
    let lifetime = |jwt: &Jwt| jwt.max_lifetime_s.unwrap_or(u64::MAX);
    lose(
        lifetime(after) < lifetime(before),
        "its tokens may live for a shorter time",
    );
    lose(
        before.allows_no_expiry && !after.allows_no_expiry,
        "its tokens have to expire",
    );
}

/// An empty list permits all.
fn is_narrower(before: &[String], after: &[String]) -> bool {
    match (before.is_empty(), after.is_empty()) {
        (_, true) => false,
        (true, false) => true,
        (false, false) => before.iter().any(|entry| !after.contains(entry)),
    }
}

fn asks_more(
    before: &BTreeMap<String, Option<String>>,
    after: &BTreeMap<String, Option<String>>,
) -> bool {
    after.iter().any(|(claim, value)| match before.get(claim) {
        None => true,
        Some(before) => value.is_some() && before != value,
    })
}
