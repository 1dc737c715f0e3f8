//! The conversation of a gateway with the control plane: one question at a time, and pauses after failures as the filter
//! makes them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use hyper::Method;
use portcullis_feed::{ChangePage, FeedKey, Question, REPORT_HEADER, SIGNATURE_HEADER};
use portcullis_registry::Writer;
use tokio::sync::watch;
use tokio::time::sleep;

use super::position::Progress;
use super::{Applying, GRACE, Settings, Status, Witness};
use crate::http::{Answer, Connection};
use crate::memory::Memory;

/// The first pause after a failure. It doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Poller<'g> {
    settings: &'g Settings,
    status: &'g watch::Sender<Status>,
    witness: Option<Arc<Witness>>,
    connection: Connection,
    progress: Progress,
    registry: Option<Writer<Memory>>,
}

/// What an answer was good for.
enum Outcome {
    Taken,
    Nothing,
    StartedOver,
}

impl<'g> Poller<'g> {
    pub(super) fn new(
        settings: &'g Settings,
        status: &'g watch::Sender<Status>,
        witness: Option<Arc<Witness>>,
    ) -> Self {
        Self {
            settings,
            status,
            witness,
            connection: Connection::new(settings.control_plane, &settings.token),
            progress: Progress::default(),
            // There is no other leader whose term it could be.
            registry: settings.memory.clone().map(|memory| Writer::new(memory, 1)),
        }
    }

    pub(super) async fn run(mut self) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let asked = Instant::now();
            match self.ask().await {
                Ok(outcome) => {
                    pause = SHORTEST_PAUSE;
                    // Who does not hold the question would be asked without end.
                    if matches!(outcome, Outcome::Nothing) && asked.elapsed() < SHORTEST_PAUSE {
                        sleep(SHORTEST_PAUSE).await;
                    }
                }
                Err(error) => {
                    self.status.send_modify(|status| {
                        status.failures += 1;
                        status.last_failure = Some(format!("{error:#}"));
                    });
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn ask(&mut self) -> Result<Outcome> {
        let (epoch, after) = self.progress.asked();
        let question = Question {
            epoch,
            after,
            limit: Some(self.settings.limit),
            wait: self.settings.wait_s,
            nonce: (!self.settings.feed_keys.is_empty())
                .then(nonce)
                .transpose()?,
        };
        let report = self.settings.report(self.status.borrow().applied.clone());
        let patience = GRACE + Duration::from_secs(u64::from(question.wait));
        let headers = [(REPORT_HEADER, report.header())];
        let path = question.path();
        let answer = self
            .connection
            .exchange(Method::GET, &path, &headers, Vec::new(), patience)
            .await?;
        match answer.status {
            200 | 204 | 410 => self.verify(&question, &answer)?,
            401 => bail!("the token is not known"),
            status => bail!("status {status}"),
        }
        match answer.status {
            200 => self.take(&answer.body),
            410 if (question.epoch.is_none() && after == 0) => {
                bail!("it refuses even to begin from nothing")
            }
            410 => {
                self.progress.start_over();
                if let Some(registry) = &mut self.registry {
                    registry.start_over()?;
                }
                self.status.send_modify(|status| status.restarts += 1);
                Ok(Outcome::StartedOver)
            }
            _ => Ok(Outcome::Nothing),
        }
    }

    fn verify(&self, question: &Question, answer: &Answer) -> Result<()> {
        let Some(nonce) = &question.nonce else {
            return Ok(());
        };
        let header = answer
            .headers
            .get(SIGNATURE_HEADER)
            .map(hyper::header::HeaderValue::as_bytes);
        let keys = &self.settings.feed_keys;
        FeedKey::verify(keys, header, answer.status, nonce, &answer.body).inspect_err(|_| {
            self.status
                .send_modify(|status| status.signature_failures += 1);
        })?;
        Ok(())
    }

    fn take(&mut self, body: &[u8]) -> Result<Outcome> {
        let page = ChangePage::from_json(body).context("the page cannot be read")?;
        self.progress.take(&page)?;
        if let Some(registry) = &mut self.registry {
            let applied = registry
                .apply(&page)
                .context("the registry refuses the page")?;
            if let Some((profile, invalid)) = applied.unreadable.first() {
                return Err(anyhow!("access profile {profile} opens nothing: {invalid}"));
            }
        }
        if let Some(witness) = &self.witness {
            witness(&page, Instant::now());
        }
        let position = self.progress.live().cloned();
        self.status.send_modify(|status| {
            status.pages += 1;
            status.changes += page.changes.len() as u64;
            if self.settings.applying == Applying::AtOnce {
                status.applied.clone_from(&position);
            }
            status.position = position;
        });
        Ok(Outcome::Taken)
    }
}

fn nonce() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
