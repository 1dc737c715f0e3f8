//! The API keys of one profile. That a key has ended is never taken back: documents may be older than the end.

use portcullis_engine::api_key;
use portcullis_feed::ProfileId;
use portcullis_store::ApiKey;

use super::Resolving;
use crate::app::api_key::{MOST_WORKING, works};
use crate::app::configuration::document::KeyDocument;
use crate::app::time::Moment;
use crate::app::{Refusal, World};

impl Resolving<'_> {
    /// All keys of a profile as they become.
    pub(super) fn keys(
        &mut self,
        profile: ProfileId,
        before: &[ApiKey],
        documents: Vec<KeyDocument>,
        place: &str,
    ) -> Result<Vec<ApiKey>, Refusal> {
        let mut keys = before.to_vec();
        for (index, document) in documents.into_iter().enumerate() {
            let place = format!("{place}/keys/{index}");
            let known = keys.iter().position(|key| is_about(&document, key));
            match known.and_then(|at| keys.get_mut(at)) {
                Some(key) => self.change(key, &document, &place),
                None => {
                    if let Some(key) = self.new_key(profile, &document, &place)? {
                        keys.push(key);
                    }
                }
            }
        }
        let working = |keys: &[ApiKey]| {
            let working = keys.iter().filter(|key| works(key, self.terms.now_ms));
            working.count()
        };
        if working(&keys) > MOST_WORKING.max(working(before)) {
            let detail = format!("an access profile has at most {MOST_WORKING} keys that work");
            self.violate(format!("{place}/keys"), detail);
        }
        keys.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        Ok(keys)
    }

    fn change(&mut self, key: &mut ApiKey, document: &KeyDocument, place: &str) {
        if key.digest != document.digest {
            self.violate(
                format!("{place}/digest"),
                "the key with this id has another digest",
            );
            return;
        }
        if !self.given.key_ids.insert(key.id.clone()) {
            self.violate(place, "the documents hold this key twice");
            return;
        }
        let [expires_at_ms, deprecated_at_ms, revoked_at_ms] = ends(document);
        if key.revoked_at_ms.is_some() {
            if revoked_at_ms.is_none() {
                let detail = format!("the key `{}` was revoked, and stays so", key.id);
                self.notice(place.to_owned(), detail);
            }
            return;
        }
        let is_renewed = key.deprecated_at_ms.is_some() && deprecated_at_ms.is_none();
        if is_renewed {
            let detail = format!(
                "the key `{}` was replaced by a newer one: its end stays",
                key.id
            );
            self.notice(place.to_owned(), detail);
        } else {
            key.deprecated_at_ms = deprecated_at_ms;
            key.expires_at_ms = expires_at_ms;
        }
        key.revoked_at_ms = revoked_at_ms;
    }

    fn new_key(
        &mut self,
        profile: ProfileId,
        document: &KeyDocument,
        place: &str,
    ) -> Result<Option<ApiKey>, Refusal> {
        let is_taken = self.present.key_ids.contains_key(&document.digest)
            || !self.given.digests.insert(document.digest);
        if is_taken {
            // Whose it is would tell who imports keys about others.
            self.violate(format!("{place}/digest"), "this key is registered already");
            return Ok(None);
        }
        let id = match &document.id {
            Some(id) => id.to_string(),
            None => made_up_id(&self.terms.world)?,
        };
        if self.present.key_holders.contains_key(&id) || !self.given.key_ids.insert(id.clone()) {
            let detail = "there is another key with this id";
            self.violate(format!("{place}/id"), detail);
            return Ok(None);
        }
        let [expires_at_ms, deprecated_at_ms, revoked_at_ms] = ends(document);
        Ok(Some(ApiKey {
            id,
            profile_id: profile,
            digest: document.digest,
            created_at_ms: self.created_at(None, document.created_at),
            expires_at_ms,
            deprecated_at_ms,
            revoked_at_ms,
            imported: document.imported.unwrap_or(document.id.is_none()),
        }))
    }
}

fn is_about(document: &KeyDocument, key: &ApiKey) -> bool {
    match &document.id {
        Some(id) => id.as_str() == key.id,
        None => document.digest == key.digest,
    }
}

fn ends(document: &KeyDocument) -> [Option<u64>; 3] {
    [
        document.expires_at,
        document.deprecated_at,
        document.revoked_at,
    ]
    .map(|moment| moment.map(Moment::as_ms))
}

/// An id as keys that are made here have it.
fn made_up_id(world: &World) -> Result<String, Refusal> {
    let key = api_key::ApiKey::compose("imported", world.entropy.bytes()?, [0; 32])
        .map_err(|invalid| Refusal::Malformed(invalid.to_string()))?;
    Ok(key.id().to_owned())
}
