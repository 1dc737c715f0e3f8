//! All records as one document, in pieces of bounded size and of one moment.

use std::collections::HashMap;

use portcullis_store::{Client, SecretKey, Snapshot};
use serde::Serialize;

use super::describe;
use super::document::{ClientDocument, Picture};
use super::labels::Labels;
use crate::app::Refusal;

/// How many clients a piece has.
const AT_ONCE: u32 = 500;
const ALL: u32 = u32::MAX;
/// From how many bytes on a piece gets no further client: logos can be large.
const ENOUGH_BYTES: usize = 4 * 1024 * 1024;

/// An export under way: read piece by piece until there is none.
pub struct Export {
    snapshot: Snapshot,
    secrets_key: Option<SecretKey>,
    labels: Labels,
    progress: Progress,
}

enum Progress {
    Begun,
    After(Option<Client>),
    Ended,
}

impl Export {
    pub(super) fn of(snapshot: Snapshot, secrets_key: Option<SecretKey>) -> Self {
        Self {
            snapshot,
            secrets_key,
            labels: Labels::default(),
            progress: Progress::Begun,
        }
    }

    /// The next piece of the JSON text.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        match std::mem::replace(&mut self.progress, Progress::Ended) {
            Progress::Begun => self.catalogue().await.map(Some),
            Progress::After(last) => self.clients(last).await.map(Some),
            Progress::Ended => Ok(None),
        }
    }

    /// Policies and collections, to which profiles refer.
    async fn catalogue(&mut self) -> Result<Vec<u8>, Refusal> {
        let policies = self.snapshot.policies(None, ALL).await?;
        let collections = self.snapshot.collections(None, ALL).await?;
        self.labels = Labels::of(&policies, &collections);
        let mut text = br#"{"version":1,"policies":"#.to_vec();
        let described: Vec<_> = policies.iter().map(describe::policy).collect();
        write(&described, &mut text);
        text.extend_from_slice(br#","collections":"#);
        let described: Vec<_> = collections.iter().map(describe::collection).collect();
        write(&described, &mut text);
        text.extend_from_slice(br#","clients":["#);
        self.progress = Progress::After(None);
        Ok(text)
    }

    async fn clients(&mut self, last: Option<Client>) -> Result<Vec<u8>, Refusal> {
        let after = last.as_ref().map(|client| client.id);
        let clients = self.snapshot.clients(after, AT_ONCE).await?;
        let ids: Vec<_> = clients.iter().map(|client| client.id).collect();
        let profiles = self.snapshot.profiles_of(&ids).await?;
        let profile_ids: Vec<_> = profiles.iter().map(|profile| profile.id).collect();
        let keys = self.snapshot.all_keys_of(&profile_ids).await?;
        let mut documents: HashMap<_, ClientDocument> = clients
            .iter()
            .map(|client| (client.id, describe::client(client)))
            .collect();
        for profile in &profiles {
            let keys = keys.get(&profile.id).map(Vec::as_slice).unwrap_or_default();
            let described =
                describe::profile(profile, keys, &self.labels, self.secrets_key.as_ref())?;
            if let Some(client) = documents.get_mut(&profile.client_id) {
                let profiles = client.access_profiles.get_or_insert_default();
                profiles.push(described);
            }
        }
        let mut text = Vec::new();
        let mut is_first = last.is_none();
        let mut told = None;
        for client in clients {
            let Some(mut document) = documents.remove(&client.id) else {
                continue;
            };
            if client.logo.is_some() {
                let logo = self.snapshot.logo(client.id).await?;
                document.logo = logo.map(|logo| Picture(logo.content));
            }
            if !is_first {
                text.push(b',');
            }
            is_first = false;
            write(&document, &mut text);
            told = Some(client);
            if text.len() > ENOUGH_BYTES {
                break;
            }
        }
        match told {
            Some(last) => self.progress = Progress::After(Some(last)),
            None => text.extend_from_slice(b"]}\n"),
        }
        Ok(text)
    }
}

/// Documents have only texts, numbers and lists of them: writing them as JSON cannot fail.
fn write(document: &impl Serialize, text: &mut Vec<u8>) {
    let _ = serde_json::to_writer(text, document);
}
