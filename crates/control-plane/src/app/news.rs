//! What other processes over the same records do: what they change is taken in where it is kept in memory, and work in
//! the background is done by one of them.

use std::time::Duration;

use portcullis_store::{Claim, Topic, Work};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{App, Refusal};

/// How long it is waited before it is tried again to take something in.
const PAUSE: Duration = Duration::from_millis(500);

impl App {
    /// Takes in what other processes change, until `stopping` becomes true. Where there can be none, it ends at once.
    pub async fn follow_others(&self, mut stopping: watch::Receiver<bool>) {
        if !self.store.is_shared() {
            return;
        }
        let mut news = self.store.news();
        loop {
            let topics = tokio::select! {
                topics = news.next() => topics,
                _ = stopping.wait_for(|stopping| *stopping) => None,
            };
            let Some(topics) = topics else { return };
            let mut is_behind = false;
            for topic in topics {
                if let Err(refusal) = self.take_in(topic).await {
                    let error: &dyn std::error::Error = &refusal;
                    tracing::warn!(error, ?topic, "cannot take in what others have changed");
                    news.put_back(topic);
                    is_behind = true;
                }
            }
            if is_behind {
                sleep(PAUSE).await;
            }
        }
    }

    async fn take_in(&self, topic: Topic) -> Result<(), Refusal> {
        match topic {
            Topic::GatewayTokens => self.learn_of_tokens().await,
            Topic::FeedKeys => self.learn_of_feed_keys().await,
            Topic::Gateways => self.learn_of_gateways().await,
            Topic::KeySets => {
                self.key_sets_wanted.notify_one();
                Ok(())
            }
        }
    }

    /// Waits until this process may do a kind of work in the background, alone of all over the same records. None when
    /// `stopping` becomes true.
    pub async fn claim(&self, work: Work, stopping: &mut watch::Receiver<bool>) -> Option<Claim> {
        tokio::select! {
            claim = self.store.claim(work) => {
                tracing::debug!(?work, "this process works in the background");
                Some(claim)
            }
            _ = stopping.wait_for(|stopping| *stopping) => None,
        }
    }
}
