//! The pages that were made last, and those that are being made: when a change wakes a thousand gateways, one of them
//! reads it from the database and the others wait for that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_feed::{Epoch, Revision};
use tokio::sync::OnceCell;

use super::Answer;
use crate::app::Refusal;

/// How many are kept: of a megabyte at most each.
const MOST: usize = 32;

/// What an answer depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) epoch: Option<Epoch>,
    pub(super) after: Revision,
    pub(super) limit: u32,
    /// The answer is at least as new as this.
    pub(super) head: Revision,
    /// In which stretch of time it was made.
    pub(super) time: u64,
}

/// Answers by what they depend on, those that were asked for last at the end.
#[derive(Default)]
pub(crate) struct Pages(Mutex<VecDeque<(Key, Place)>>);

type Place = Arc<OnceCell<Answer>>;

impl Pages {
    /// The answer that is known, or that `make` finds while all others wait. Where there is none, everybody looks.
    pub(super) async fn get(
        &self,
        key: Key,
        make: impl Future<Output = Result<Option<Answer>, Refusal>>,
    ) -> Result<Option<Answer>, Refusal> {
        let made = async { make.await.map_err(Some)?.ok_or(None) };
        match self.place(key).get_or_try_init(|| made).await {
            Ok(answer) => Ok(Some(answer.clone())),
            Err(None) => Ok(None),
            Err(Some(refusal)) => Err(refusal),
        }
    }

    fn place(&self, key: Key) -> Place {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(known, _)| *known == key);
        let (key, place) = known
            .and_then(|at| kept.remove(at))
            .unwrap_or_else(|| (key, Place::default()));
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back((key, Arc::clone(&place)));
        place
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn key(after: Revision) -> Key {
        Key {
            epoch: Some("e1".into()),
            after,
            limit: 1,
            head: 9,
            time: 0,
        }
    }

    #[tokio::test]
    async fn what_many_ask_at_once_is_made_once() {
        let pages = Pages::default();
        let made = AtomicU32::new(0);
        let make = || async {
            tokio::task::yield_now().await;
            made.fetch_add(1, Ordering::Relaxed);
            Ok(Some(Answer::Nothing))
        };
        let (first, second) = tokio::join!(pages.get(key(1), make()), pages.get(key(1), make()));
        assert!(matches!(first, Ok(Some(Answer::Nothing))));
        assert!(matches!(second, Ok(Some(Answer::Nothing))));
        assert_eq!(made.load(Ordering::Relaxed), 1);

        let later = Key { head: 10, ..key(1) };
        for other in [key(2), later] {
            assert!(pages.get(other, make()).await.is_ok());
        }
        assert_eq!(made.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn what_was_not_found_is_looked_for_again() {
        let pages = Pages::default();
        assert!(matches!(
            pages.get(key(1), async { Ok(None) }).await,
            Ok(None)
        ));
        let given_up = tokio::time::timeout(
            std::time::Duration::ZERO,
            pages.get(key(1), std::future::pending()),
        );
        assert!(given_up.await.is_err());
        let found = pages.get(key(1), async { Ok(Some(Answer::Nothing)) });
        assert!(matches!(found.await, Ok(Some(Answer::Nothing))));
    }

    #[tokio::test]
    async fn the_oldest_make_room() {
        let pages = Pages::default();
        let nothing = || async { Ok(Some(Answer::Nothing)) };
        for after in 0..100 {
            assert!(pages.get(key(after), nothing()).await.is_ok());
            assert!(
                pages
                    .get(key(0), async { Ok(None) })
                    .await
                    .unwrap()
                    .is_some()
            );
        }
        assert!(
            pages
                .get(key(1), async { Ok(None) })
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(pages.0.lock().unwrap().len(), MOST);
    }
}
