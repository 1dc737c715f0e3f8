//! Explanations: what a gateway would decide about a request, and by which checks. It is the gateway's own engine that
//! decides here, on the records that gateways are told, so that the two cannot disagree.

mod account;
mod answer;
mod asked;
mod batch;
mod filter;
mod peer;
mod records;
mod sentences;
mod target;

use portcullis_engine::jwt::{PureRust, VerifiedTokens};
use portcullis_engine::limit::Uncounted;
use portcullis_engine::{Request, World};
use portcullis_store::{Author, SecretKey, Snapshot};

pub use answer::{
    ExplainedCheck, ExplainedEndpoint, Explanation, Outcome, Reference, ServiceView, ShownHeader,
    Verdict,
};
pub use asked::{CredentialDraft, ExplanationDraft, HeaderDraft};
pub use batch::{BatchDraft, Explanations, Unexercised};
pub use filter::{FilterDraft, IdentityHeadersDraft, TokenIdentityDraft};

use super::configuration::ConfigurationDraft;
use super::refusal::refuse_any;
use super::{App, Refusal, Violation};
use account::Account;
use asked::Asked;
use records::{Records, Sought};

/// What a gateway keeps of tokens that it has verified is of no use for a single request.
const NO_MEMORY: (usize, (u64, u64)) = (0, (0, 0));

impl App {
    /// Explains what a gateway that knows everything decides about a request.
    ///
    /// # Errors
    /// When the draft describes no request, or the records are out of reach.
    pub async fn explain(&self, draft: ExplanationDraft) -> Result<Explanation, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let asked = draft.into_asked(now_ms).map_err(Refusal::Invalid)?;
        let mut snapshot = self.store.read().await?;
        let mut records = Records::read(&mut snapshot, now_ms).await?;
        explain(&asked, &mut records, &mut snapshot).await
    }

    /// Explains what it decides about several requests, on the records of one moment: as they are, or as a configuration
    /// would make them. Nothing of that is kept.
    ///
    /// # Errors
    /// When a draft describes no request, the configuration cannot be applied, or the records are out of reach.
    pub async fn explain_all(
        &self,
        author: &Author,
        draft: BatchDraft,
        secrets_key: Option<SecretKey>,
    ) -> Result<Explanations, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let asked = all_asked(draft.requests, now_ms)?;
        let Some(configuration) = draft.configuration else {
            let mut snapshot = self.store.read().await?;
            return explain_all(&asked, &mut snapshot, now_ms).await;
        };
        let planned = ConfigurationDraft {
            configuration,
            prune: draft.prune,
            basis: None,
        };
        // Dropped without a commit, an edit leaves nothing behind.
        let (mut edit, _) = self.attempt(author, planned, secrets_key).await?;
        explain_all(&asked, edit.read(), now_ms).await
    }
}

async fn explain_all(
    asked: &[Asked],
    snapshot: &mut Snapshot,
    now_ms: u64,
) -> Result<Explanations, Refusal> {
    let mut records = Records::read(snapshot, now_ms).await?;
    let mut explanations = Vec::with_capacity(asked.len());
    for asked in asked {
        explanations.push(explain(asked, &mut records, snapshot).await?);
    }
    Explanations::of(explanations, records.revision, snapshot).await
}

/// The requests of a batch, each at its place in it.
fn all_asked(drafts: Vec<ExplanationDraft>, now_ms: u64) -> Result<Vec<Asked>, Refusal> {
    let mut violations = Vec::new();
    if drafts.is_empty() {
        violations.push(Violation::new(
            "/requests",
            "at least one request is expected",
        ));
    }
    let mut all = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        match draft.into_asked(now_ms) {
            Ok(asked) => all.push(asked),
            Err(flaws) => violations.extend(flaws.into_iter().map(|flaw| Violation {
                pointer: format!("/requests/{index}{}", flaw.pointer),
                ..flaw
            })),
        }
    }
    refuse_any(violations)?;
    Ok(all)
}

async fn explain(
    asked: &Asked,
    records: &mut Records,
    snapshot: &mut Snapshot,
) -> Result<Explanation, Refusal> {
    if let Some(id) = &asked.key_id {
        records.admit_key(snapshot, id).await?;
    }
    loop {
        let (explanation, sought) = decide(asked, records);
        if sought.is_empty() {
            return Ok(explanation);
        }
        // Who is asked for shows only in the deciding: with them, it is decided again.
        for name in sought {
            records.look_up(snapshot, name).await?;
        }
    }
}

/// What is decided on these records, and whom it asked for that they have not been searched for yet.
fn decide(asked: &Asked, records: &Records) -> (Explanation, Vec<Sought>) {
    let headers = asked.headers();
    let request = Request {
        headers: &headers,
        address: &|| asked.address,
    };
    let (bytes, keys) = NO_MEMORY;
    let world = World {
        now_ms: &|| asked.now_ms,
        signatures: &PureRust,
        verified: &VerifiedTokens::new(bytes, keys),
        limits: &Uncounted,
    };
    let mut account = Account::new(asked, records);
    let decision = asked
        .gate
        .decide_aloud(&request, records, &world, &mut account);
    let sought = account.take_sought();
    let explanation = match &decision {
        Ok(permit) => account.of_permit(permit),
        Err(denial) => account.of_denial(denial),
    };
    (explanation, sought)
}
