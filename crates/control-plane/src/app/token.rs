//! Tokens: who may use the REST interface and the feed. One of each from the environment or made at the first start;
//! further ones for gateways are in `gateway_token`.

use portcullis_engine::api_key::digest;
use portcullis_feed::Digest;
use portcullis_store::{Author, RobotToken, Role, Snapshot, TokenSource, Who};

use super::gateway_token::SettledTokens;
use super::role::Identity;
use super::uses::Used;
use super::{App, Refusal};

/// What a token from the environment has at least, and a made one more of.
const SHORTEST: usize = 32;

/// A token that somebody chose.
#[derive(Clone, PartialEq, Eq)]
pub struct ChosenToken(String);

/// A text is too weak for a token, or cannot travel in a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token has at least 32 characters, all of them visible ASCII")]
pub struct InvalidToken;

/// Tokens that were made and have to be shown: this is the only moment when they are known.
#[derive(Default)]
pub struct NewTokens {
    /// For the REST interface.
    pub operator: Option<String>,
    /// For the feed.
    pub gateway: Option<String>,
}

/// The tokens that the environment gives.
#[derive(Clone, Default)]
pub struct ChosenTokens {
    /// For the REST interface.
    pub operator: Option<ChosenToken>,
    /// For the feed.
    pub gateway: Option<ChosenToken>,
}

impl TryFrom<String> for ChosenToken {
    type Error = InvalidToken;

    fn try_from(text: String) -> Result<Self, InvalidToken> {
        let is_token = text.len() >= SHORTEST && text.bytes().all(|b| b.is_ascii_graphic());
        is_token.then_some(Self(text)).ok_or(InvalidToken)
    }
}

impl ChosenToken {
    fn digest(&self) -> Digest {
        digest(self.0.as_bytes())
    }
}

impl App {
    /// Who comes by a token, if it opens the REST interface.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn identify(&self, token: &[u8]) -> Result<Option<Identity>, Refusal> {
        let digest = digest(token);
        let mut snapshot = self.store.read().await?;
        let known = snapshot.operator_token().await?;
        if let Some(known) = known.filter(|known| known.digest == digest) {
            return Ok(Some(Identity {
                who: Who::OperatorToken {
                    source: known.source,
                },
                role: Role::Admin,
                resources: None,
                session: None,
            }));
        }
        let now_ms = self.world.clock.now_ms();
        let known = snapshot.robot_token_by_digest(digest).await?;
        let lasts = |known: &RobotToken| known.expires_at_ms.is_none_or(|at_ms| at_ms > now_ms);
        Ok(known.filter(lasts).map(|known| {
            let before_ms = known.last_used_at_ms.unwrap_or(0);
            self.uses.note(Used::Token(known.id), before_ms, now_ms);
            Identity {
                who: Who::Robot {
                    id: known.id,
                    name: known.name,
                },
                role: known.role,
                resources: known.resources,
                session: None,
            }
        }))
    }

    /// Settles which tokens are accepted: those of the environment, where it gives any; else those made before; else
    /// new ones, which `show` gets before they are kept. Tokens that operators had made for gateways are accepted in
    /// any case.
    ///
    /// # Errors
    /// When the records are out of reach, there is no randomness, or they cannot be shown: then nothing is kept.
    pub async fn settle_tokens<E: From<Refusal>>(
        &self,
        chosen: ChosenTokens,
        show: impl FnOnce(&NewTokens) -> Result<(), E>,
    ) -> Result<(), E> {
        let now_ms = self.world.clock.now_ms();
        let mut new = NewTokens::default();
        // One edit from the first look: of several processes that start at once, one makes what is missing.
        let mut edit = self
            .edit(&Author::system("start"))
            .await
            .map_err(Refusal::from)?;
        let operator =
            self.settle_operator(edit.read(), chosen.operator.as_ref(), &mut new.operator);
        let operator = operator.await?;
        let chosen = chosen.gateway.as_ref().map(ChosenToken::digest);
        let known = edit.read();
        let gateways = SettledTokens::settle(&self.world, known, chosen, &mut new.gateway).await?;
        show(&new)?;
        let keep = async {
            if let Some((digest, source)) = operator {
                edit.replace_operator_token(digest, source, now_ms).await?;
            }
            gateways.keep(&mut edit).await?;
            edit.commit().await
        };
        keep.await.map_err(Refusal::from)?;
        self.admissions.replace(&gateways.accepted);
        Ok(())
    }

    /// What becomes the token of operators, unless it stays what it was.
    async fn settle_operator(
        &self,
        snapshot: &mut Snapshot,
        chosen: Option<&ChosenToken>,
        shown: &mut Option<String>,
    ) -> Result<Option<(Digest, TokenSource)>, Refusal> {
        if let Some(chosen) = chosen {
            return Ok(Some((chosen.digest(), TokenSource::Environment)));
        }
        let known = snapshot.operator_token().await?;
        if known.is_some_and(|known| known.source == TokenSource::Generated) {
            return Ok(None);
        }
        let token = self.world.new_token("pto_")?;
        let kept = digest(token.as_bytes());
        *shown = Some(token);
        Ok(Some((kept, TokenSource::Generated)))
    }
}
