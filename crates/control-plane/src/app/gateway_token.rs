//! The tokens by which gateways come: made, listed and withdrawn by operators. Which of them open the feed is known in
//! memory, so that a question costs no look at the database, and a withdrawal ends questions that are open.

use std::collections::{HashMap, HashSet};
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_engine::api_key::digest;
use portcullis_feed::{Digest, GatewayTokenId};
use portcullis_store::{
    Author, Edit, GatewayToken, GatewayTokenFilter, GatewayTokenKey, Snapshot, StoreError,
    TokenName, TokenSource, Window,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};
use utoipa::ToSchema;

use super::condition::Condition;
use super::once::Once;
use super::page::{Page, one_more};
use super::text::{Description, Name};
use super::time::Moment;
use super::world::Identifier as _;
use super::{App, NoEntropy, Refusal, World};

/// How many tokens of gateways there are at most.
const MOST_TOKENS: usize = 1_000;

/// A token for gateways as an operator asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayTokenDraft {
    /// What people call it.
    pub name: Name,
    /// More about it.
    #[serde(default)]
    pub description: Option<Description>,
    /// When it stops opening the feed. Never, when absent.
    #[serde(default)]
    pub expires_at: Option<Moment>,
}

/// A token for gateways in the one moment when it is known.
pub struct NewGatewayToken {
    /// What is shown once.
    pub token: String,
    /// What is kept.
    pub record: GatewayToken,
}

/// That a gateway may ask, by its token, for as long as that lasts.
pub struct Admission {
    digest: Digest,
    token: Arc<Admitted>,
    admissions: watch::Receiver<Known>,
}

/// A token that opens the feed.
struct Admitted {
    name: TokenName,
    expires_at_ms: Option<u64>,
    used_at_ms: AtomicU64,
    /// Which use the database knows of.
    saved_at_ms: AtomicU64,
}

type Known = HashMap<Digest, Arc<Admitted>>;

/// The tokens that open the feed.
pub(super) struct Admissions {
    known: watch::Sender<Known>,
    /// Held from before an edit until memory says what the database does.
    turn: Arc<Mutex<()>>,
}

/// What becomes of the tokens of gateways when the control plane starts.
pub(super) struct SettledTokens {
    new: Option<GatewayToken>,
    gone: Vec<GatewayTokenId>,
    pub(super) accepted: Vec<GatewayToken>,
}

impl App {
    /// Lets a gateway ask, when its token opens the feed.
    #[must_use]
    pub fn admit(&self, token: &[u8]) -> Option<Admission> {
        let digest = digest(token);
        let known = self.admissions.known.borrow().get(&digest).map(Arc::clone);
        let admission = Admission {
            digest,
            token: known?,
            admissions: self.admissions.known.subscribe(),
        };
        self.still_admits(&admission).then_some(admission)
    }

    /// Whether the token opens the feed still.
    #[must_use]
    pub fn still_admits(&self, admission: &Admission) -> bool {
        let now_ms = self.world.clock.now_ms();
        let token = &admission.token;
        if token.is_over(now_ms) || !admission.is_known(&admission.admissions.borrow()) {
            return false;
        }
        token.used_at_ms.fetch_max(now_ms, Ordering::Relaxed);
        true
    }

    /// Makes a token for gateways.
    ///
    /// # Errors
    /// When it would have ended already, there are too many, or the records are out of reach.
    pub async fn create_gateway_token<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        once: Once<NewGatewayToken, A>,
        draft: GatewayTokenDraft,
    ) -> Result<A, Refusal> {
        let expires_at_ms = draft.expires_at.map(Moment::as_ms);
        self.refuse_past("/expires_at", expires_at_ms)?;
        let token = self.world.new_token("ptg_")?;
        let record = GatewayToken {
            name: draft.name.into(),
            description: draft.description.map(String::from),
            expires_at_ms,
            ..plain(&self.world, digest(token.as_bytes()), TokenSource::Made)?
        };
        let turn = Arc::clone(&self.admissions.turn).lock_owned().await;
        let mut edit = self.edit(author).await?;
        let now_ms = record.created_at_ms;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        if edit.read().gateway_tokens(None, u32::MAX).await?.len() >= MOST_TOKENS {
            return Err(Refusal::TooManyTokens { most: MOST_TOKENS });
        }
        edit.put_gateway_token(&record).await?;
        let (digest, admitted) = admitted(&record);
        let made = NewGatewayToken { token, record };
        let answer = once.answer(&mut edit, made, Vec::new(), now_ms).await?;
        let known = self.admissions.known.clone();
        edit.commit_then(move || {
            known.send_modify(|known| drop(known.insert(digest, admitted)));
            drop(turn);
        })
        .await?;
        Ok(answer)
    }

    /// A token for gateways.
    ///
    /// # Errors
    /// When there is none.
    pub async fn gateway_token(&self, id: GatewayTokenId) -> Result<GatewayToken, Refusal> {
        let found = self.store.read().await?.gateway_token(id).await?;
        let mut found = found.ok_or_else(|| unknown(id))?;
        self.admissions.note_use(&mut found);
        Ok(found)
    }

    /// A page of the tokens for gateways.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn gateway_tokens(
        &self,
        filter: &GatewayTokenFilter,
        window: &Window<GatewayTokenKey>,
    ) -> Result<Page<GatewayToken>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let mut found = snapshot
            .find_gateway_tokens(filter, &one_more(window))
            .await?;
        for token in &mut found {
            self.admissions.note_use(token);
        }
        Ok(Page::cut(found, window))
    }

    /// Withdraws a token of gateways: from now on it opens nothing, and questions that came by it end.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, or it comes from the environment.
    pub async fn delete_gateway_token(
        &self,
        author: &Author,
        id: GatewayTokenId,
        condition: Condition<GatewayToken>,
    ) -> Result<(), Refusal> {
        let turn = Arc::clone(&self.admissions.turn).lock_owned().await;
        let mut edit = self.edit(author).await?;
        let token = edit.read().gateway_token(id).await?;
        let mut token = token.ok_or_else(|| unknown(id))?;
        self.admissions.note_use(&mut token);
        condition.examine("gateway token", &token)?;
        if token.source == TokenSource::Environment {
            return Err(Refusal::OfEnvironment {
                what: "token",
                variable: "PORTCULLIS_GATEWAY_TOKEN",
            });
        }
        edit.delete_gateway_token(id).await?;
        let known = self.admissions.known.clone();
        edit.commit_then(move || {
            known.send_modify(|known| drop(known.remove(&token.digest)));
            drop(turn);
        })
        .await?;
        Ok(())
    }

    /// Takes in which tokens open the feed by now: other processes may have made or withdrawn some.
    pub(super) async fn learn_of_tokens(&self) -> Result<(), Refusal> {
        let _turn = self.admissions.turn.lock().await;
        let mut snapshot = self.store.read().await?;
        let tokens = snapshot.gateway_tokens(None, u32::MAX).await?;
        self.admissions.take_in(&tokens);
        Ok(())
    }

    /// Keeps when each token was used last.
    pub(super) async fn save_token_uses(&self) -> Result<(), Refusal> {
        let unsaved = self.admissions.unsaved_uses();
        if unsaved.is_empty() {
            return Ok(());
        }
        let mut edit = self.edit(&Author::system("save uses of tokens")).await?;
        for (token, at_ms) in &unsaved {
            edit.note_token_used(token.name.id, *at_ms).await?;
        }
        edit.commit().await?;
        for (token, at_ms) in unsaved {
            token.saved_at_ms.store(at_ms, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Admission {
    /// By which token the gateway came.
    #[must_use]
    pub fn token(&self) -> &TokenName {
        &self.token.name
    }

    /// Waits until the token is withdrawn.
    pub async fn withdrawn(&mut self) {
        let (digest, token) = (self.digest, Arc::clone(&self.token));
        let is_gone = |known: &Known| !is_known(known, digest, &token);
        if self.admissions.wait_for(is_gone).await.is_err() {
            future::pending().await
        }
    }

    fn is_known(&self, known: &Known) -> bool {
        is_known(known, self.digest, &self.token)
    }
}

impl Admitted {
    /// Whether it is a token as it is now.
    fn is(&self, token: &GatewayToken) -> bool {
        self.name.id == token.id
            && self.name.name == token.name
            && self.expires_at_ms == token.expires_at_ms
    }

    fn is_over(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms)
    }
}

impl Admissions {
    pub(super) fn none() -> Self {
        Self {
            known: watch::Sender::new(Known::new()),
            turn: Arc::default(),
        }
    }

    pub(super) fn replace(&self, tokens: &[GatewayToken]) {
        self.known
            .send_replace(tokens.iter().map(admitted).collect());
    }

    /// The same, where those that stay are the same: questions that came by them go on.
    fn take_in(&self, tokens: &[GatewayToken]) {
        self.known.send_if_modified(|known| {
            let stays = |token: &GatewayToken| {
                let before = known.get(&token.digest)?;
                before.is(token).then(|| Arc::clone(before))
            };
            let now: Known = tokens
                .iter()
                .map(|token| match stays(token) {
                    Some(before) => (token.digest, before),
                    None => admitted(token),
                })
                .collect();
            let is_same =
                |(digest, token): (&Digest, &Arc<Admitted>)| is_known(&now, *digest, token);
            let is_changed = now.len() != known.len() || !known.iter().all(is_same);
            *known = now;
            is_changed
        });
    }

    /// The names of those that open the feed at a moment.
    pub(super) fn accepted(&self, now_ms: u64) -> HashSet<GatewayTokenId> {
        let known = self.known.borrow();
        let lasts = |token: &&Arc<Admitted>| !token.is_over(now_ms);
        known
            .values()
            .filter(lasts)
            .map(|token| token.name.id)
            .collect()
    }

    /// The last use of each token that was used since this was saved.
    fn unsaved_uses(&self) -> Vec<(Arc<Admitted>, u64)> {
        let known = self.known.borrow();
        let unsaved = known.values().filter_map(|token| {
            let at_ms = token.used_at_ms.load(Ordering::Relaxed);
            let is_unsaved = at_ms > token.saved_at_ms.load(Ordering::Relaxed);
            is_unsaved.then(|| (Arc::clone(token), at_ms))
        });
        unsaved.collect()
    }

    /// Memory knows of uses that the database does not know yet.
    fn note_use(&self, token: &mut GatewayToken) {
        let known = self.known.borrow().get(&token.digest).map(Arc::clone);
        let used_at_ms = known.map(|known| known.used_at_ms.load(Ordering::Relaxed));
        let used_at_ms = used_at_ms.filter(|at_ms| *at_ms > 0);
        token.last_used_at_ms = token.last_used_at_ms.max(used_at_ms);
    }
}

impl SettledTokens {
    /// Which tokens open the feed: one from the environment in place of one made at a start, a new one when there would
    /// be none, and all that operators had made.
    pub(super) async fn settle(
        world: &World,
        snapshot: &mut Snapshot,
        chosen: Option<Digest>,
        shown: &mut Option<String>,
    ) -> Result<Self, Refusal> {
        let known = snapshot.gateway_tokens(None, u32::MAX).await?;
        let stays = |token: &GatewayToken| match token.source {
            TokenSource::Environment => Some(token.digest) == chosen,
            TokenSource::Generated => chosen.is_none_or(|chosen| token.digest == chosen),
            TokenSource::Made => true,
        };
        let (mut accepted, gone): (Vec<_>, Vec<_>) = known.into_iter().partition(stays);
        let gone = gone.into_iter().map(|token| token.id).collect();
        let same = accepted
            .iter()
            .position(|token| Some(token.digest) == chosen);
        let new = match (chosen, same) {
            (Some(_), Some(same)) => Some(GatewayToken {
                source: TokenSource::Environment,
                expires_at_ms: None,
                ..accepted.swap_remove(same)
            }),
            (Some(chosen), None) => Some(plain(world, chosen, TokenSource::Environment)?),
            (None, _) if accepted.is_empty() => {
                let token = world.new_token("ptg_")?;
                let kept = digest(token.as_bytes());
                *shown = Some(token);
                Some(plain(world, kept, TokenSource::Generated)?)
            }
            (None, _) => None,
        };
        accepted.extend(new.clone());
        Ok(Self {
            new,
            gone,
            accepted,
        })
    }

    pub(super) async fn keep(&self, edit: &mut Edit) -> Result<(), StoreError> {
        for id in &self.gone {
            edit.delete_gateway_token(*id).await?;
        }
        if let Some(new) = &self.new {
            edit.put_gateway_token(new).await?;
        }
        Ok(())
    }
}

fn admitted(token: &GatewayToken) -> (Digest, Arc<Admitted>) {
    let admitted = Admitted {
        name: TokenName {
            id: token.id,
            name: token.name.clone(),
        },
        expires_at_ms: token.expires_at_ms,
        used_at_ms: AtomicU64::new(0),
        saved_at_ms: AtomicU64::new(token.last_used_at_ms.unwrap_or(0)),
    };
    (token.digest, Arc::new(admitted))
}

/// Whether it is among the tokens, and the same: one that was withdrawn and came back is another.
fn is_known(known: &Known, digest: Digest, token: &Arc<Admitted>) -> bool {
    let found = known.get(&digest);
    found.is_some_and(|found| Arc::ptr_eq(found, token))
}

/// What a token is, unless more is said of it.
fn plain(world: &World, digest: Digest, source: TokenSource) -> Result<GatewayToken, NoEntropy> {
    Ok(GatewayToken {
        id: GatewayTokenId::new(world)?,
        digest,
        name: "default".to_owned(),
        description: None,
        source,
        created_at_ms: world.clock.now_ms(),
        expires_at_ms: None,
        last_used_at_ms: None,
    })
}

fn unknown(id: GatewayTokenId) -> Refusal {
    Refusal::NotFound {
        kind: "gateway token",
        id: id.to_string(),
    }
}
