//! What there is of the records that documents may be about, read with few statements however many there are.

use std::collections::{BTreeMap, HashMap, HashSet};

use portcullis_feed::{ClientId, CollectionId, Digest, PolicyId, ProfileId, TokenIdentity};
use portcullis_store::{
    AccessProfile, ApiKey, Client, Collection, Policy, ProfileName, Snapshot, StoreError,
};

use super::document::{ClientDocument, Configuration, KeyId, ProfileDocument};

/// How many records of a kind are read at once.
const ALL: u32 = u32::MAX;

/// The records that documents may be about, as they are at one moment. All policies and collections; clients, profiles
/// and keys only as far as they are mentioned.
#[derive(Default)]
pub(super) struct Present {
    pub(super) policies: BTreeMap<PolicyId, Policy>,
    pub(super) collections: BTreeMap<CollectionId, Collection>,
    pub(super) clients: HashMap<ClientId, Client>,
    /// Those of the clients that documents speak of.
    pub(super) profiles: HashMap<ProfileId, AccessProfile>,
    pub(super) profiles_of: HashMap<ClientId, Vec<ProfileId>>,
    pub(super) keys: HashMap<ProfileId, Vec<ApiKey>>,
    /// Whose the other profiles are that documents mention.
    pub(super) owners: HashMap<ProfileId, ClientId>,
    /// Whose keys are, by their ids.
    pub(super) key_holders: HashMap<String, ProfileId>,
    /// The ids of keys, by their digests.
    pub(super) key_ids: HashMap<Digest, String>,
    /// Who has the identities that documents mention.
    pub(super) identities: HashMap<TokenIdentity, ProfileName>,
}

impl Present {
    pub(super) async fn of(
        snapshot: &mut Snapshot,
        configuration: &Configuration,
    ) -> Result<Self, StoreError> {
        let policies = snapshot.policies(None, ALL).await?;
        let collections = snapshot.collections(None, ALL).await?;
        let mut present = Self {
            policies: policies.into_iter().map(|it| (it.id, it)).collect(),
            collections: collections.into_iter().map(|it| (it.id, it)).collect(),
            ..Self::default()
        };
        let Some(clients) = &configuration.clients else {
            return Ok(present);
        };
        present.read_clients(snapshot, clients).await?;
        present.read_profiles(snapshot, clients).await?;
        present.read_holders(snapshot, clients).await?;
        Ok(present)
    }

    async fn read_clients(
        &mut self,
        snapshot: &mut Snapshot,
        documents: &[ClientDocument],
    ) -> Result<(), StoreError> {
        let ids: Vec<_> = documents
            .iter()
            .filter_map(|document| document.id)
            .collect();
        self.clients = snapshot.clients_known_as(&ids).await?;
        let unidentified = documents.iter().filter(|document| document.id.is_none());
        let names: Vec<_> = unidentified
            .map(|document| document.name.as_str())
            .collect();
        let called = snapshot.clients_called(&names).await?;
        self.clients
            .extend(called.into_iter().map(|client| (client.id, client)));
        Ok(())
    }

    /// The profiles of all clients whose documents say something about theirs.
    async fn read_profiles(
        &mut self,
        snapshot: &mut Snapshot,
        documents: &[ClientDocument],
    ) -> Result<(), StoreError> {
        let spoken_of = documents.iter().filter(|it| it.access_profiles.is_some());
        let (mut ids, mut names) = (HashSet::new(), HashSet::new());
        for document in spoken_of {
            match document.id {
                Some(id) => ids.insert(id),
                None => names.insert(document.name.as_str()),
            };
        }
        let is_spoken_of =
            |client: &&Client| ids.contains(&client.id) || names.contains(client.name.as_str());
        let clients = self.clients.values().filter(is_spoken_of);
        let clients: Vec<_> = clients.map(|client| client.id).collect();
        for profile in snapshot.profiles_of(&clients).await? {
            let of_client = self.profiles_of.entry(profile.client_id).or_default();
            of_client.push(profile.id);
            self.profiles.insert(profile.id, profile);
        }
        let ids: Vec<_> = self.profiles.keys().copied().collect();
        self.keys = snapshot.all_keys_of(&ids).await?;
        Ok(())
    }

    /// Who else has what documents want to give to somebody.
    async fn read_holders(
        &mut self,
        snapshot: &mut Snapshot,
        documents: &[ClientDocument],
    ) -> Result<(), StoreError> {
        let profiles = || {
            let lists = documents
                .iter()
                .filter_map(|it| it.access_profiles.as_ref());
            lists.flatten()
        };
        let ids = profiles().filter_map(|profile| profile.id);
        let ids: Vec<_> = ids.filter(|id| !self.profiles.contains_key(id)).collect();
        self.owners = snapshot.owners_of(&ids).await?;

        for key in self.keys.values().flatten() {
            self.key_holders.insert(key.id.clone(), key.profile_id);
            self.key_ids.insert(key.digest, key.id.clone());
        }
        let keys = || profiles().filter_map(|it| it.keys.as_ref()).flatten();
        let ids = keys().filter_map(|key| key.id.as_ref().map(KeyId::as_str));
        let ids: Vec<_> = ids
            .filter(|id| !self.key_holders.contains_key(*id))
            .collect();
        self.key_holders
            .extend(snapshot.holders_of_keys(&ids).await?);
        let digests = keys().map(|key| key.digest);
        let digests = digests.filter(|digest| !self.key_ids.contains_key(digest));
        let digests: Vec<_> = digests.collect();
        self.key_ids
            .extend(snapshot.keys_with_digests(&digests).await?);

        let identities: Vec<_> = profiles().filter_map(identity).collect();
        self.identities = snapshot.profiles_identified(&identities).await?;
        Ok(())
    }
}

fn identity(profile: &ProfileDocument) -> Option<TokenIdentity> {
    let identity = profile.jwt.as_ref()?.identity.as_ref()?;
    Some(TokenIdentity {
        issuer: identity.issuer.clone(),
        client: identity.client.clone(),
    })
}
