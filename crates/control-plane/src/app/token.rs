//! Tokens: who may use the REST interface and the feed. One of each kind, from the environment or made here.

use portcullis_engine::api_key::digest;
use portcullis_feed::Digest;
use portcullis_store::{TokenKind, TokenSource};

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

impl App {
    /// Whether a token opens what `kind` says.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn accepts(&self, kind: TokenKind, token: &[u8]) -> Result<bool, Refusal> {
        let mut snapshot = self.store.read().await?;
        Ok(snapshot.has_token(kind, digest(token)).await?)
    }

    /// Settles which tokens are accepted: those of the environment alone, where it gives any; else those made before;
    /// else new ones, which `show` gets before they are kept.
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
        let mut kept: Vec<(TokenKind, Digest, TokenSource)> = Vec::new();
        for (kind, chosen, shown) in [
            (TokenKind::Operator, chosen.operator, &mut new.operator),
            (TokenKind::Gateway, chosen.gateway, &mut new.gateway),
        ] {
            if let Some(ChosenToken(token)) = chosen {
                kept.push((kind, digest(token.as_bytes()), TokenSource::Environment));
            } else if !self.has_generated(kind).await? {
                let token = self.generate(kind)?;
                kept.push((kind, digest(token.as_bytes()), TokenSource::Generated));
                *shown = Some(token);
            }
        }
        show(&new)?;
        let keep = async {
            let mut edit = self.store.edit().await?;
            for (kind, digest, source) in kept {
                edit.replace_tokens(kind, digest, source, now_ms).await?;
            }
            edit.commit().await
        };
        keep.await.map_err(Refusal::from)?;
        Ok(())
    }

    async fn has_generated(&self, kind: TokenKind) -> Result<bool, Refusal> {
        let mut snapshot = self.store.read().await?;
        Ok(snapshot
            .has_token_from(kind, TokenSource::Generated)
            .await?)
    }

    fn generate(&self, kind: TokenKind) -> Result<String, Refusal> {
        let prefix = match kind {
            TokenKind::Operator => "pto_",
            TokenKind::Gateway => "ptg_",
        };
        Ok(format!("{prefix}{}", Digest(self.world.entropy.bytes()?)))
    }
}
