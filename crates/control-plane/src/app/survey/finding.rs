//! Answers that take long to find, kept for a moment: who asks again gets what was found before, while it is found anew in
//! the background. Who asks at the same time waits for the same finding.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as Turn;

use crate::app::Refusal;

/// For how long a finding is as good as new: usage is added up as often.
const FRESH_MS: u64 = 5_000;

/// For how long it is told while another is sought.
const TOLD_MS: u64 = 2 * 60 * 1_000;

/// How many questions are kept in mind.
const MOST: usize = 64;

/// What was found, by what was asked.
pub(super) struct Findings<Q, A> {
    places: Mutex<HashMap<Q, Arc<Place<A>>>>,
    is_kept: fn(&A) -> bool,
}

/// The place of one question.
struct Place<A> {
    found: Mutex<Option<Found<A>>>,
    is_kept: fn(&A) -> bool,
    /// One seeks at a time.
    turn: Arc<Turn<()>>,
}

struct Found<A> {
    answer: Arc<A>,
    at_ms: u64,
}

impl<Q, A> Default for Findings<Q, A> {
    fn default() -> Self {
        Self::when(|_| true)
    }
}

impl<Q, A> Findings<Q, A> {
    /// Of which only those answers are kept that it would take long to find again.
    pub(super) fn when(is_kept: fn(&A) -> bool) -> Self {
        Self {
            places: Mutex::default(),
            is_kept,
        }
    }
}

impl<Q: Eq + Hash, A: Send + Sync + 'static> Findings<Q, A> {
    /// The answer to a question: what is kept of it, or what `find` finds.
    ///
    /// # Errors
    /// When nothing is kept, and nothing is found.
    pub(super) async fn of<F>(&self, question: Q, now_ms: u64, find: F) -> Result<Arc<A>, Refusal>
    where
        F: Future<Output = Result<A, Refusal>> + Send + 'static,
    {
        let place = self.place(question);
        if let Some(answer) = place.kept(now_ms, FRESH_MS) {
            return Ok(answer);
        }
        let Some(answer) = place.kept(now_ms, TOLD_MS) else {
            let _turn = place.turn.lock().await;
            if let Some(answer) = place.kept(now_ms, FRESH_MS) {
                return Ok(answer);
            }
            return Ok(place.keep(find.await?, now_ms));
        };
        // Whoever has the turn seeks already.
        if let Ok(turn) = Arc::clone(&place.turn).try_lock_owned() {
            tokio::spawn(async move {
                match find.await {
                    Ok(found) => drop(place.keep(found, now_ms)),
                    Err(refusal) => {
                        let error: &dyn std::error::Error = &refusal;
                        tracing::warn!(error, "cannot find anew what is told of all callers");
                    }
                }
                drop(turn);
            });
        }
        Ok(answer)
    }

    fn place(&self, question: Q) -> Arc<Place<A>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST && !places.contains_key(&question) {
            places.clear();
        }
        let place = places.entry(question).or_insert_with(|| {
            Arc::new(Place {
                found: Mutex::new(None),
                is_kept: self.is_kept,
                turn: Arc::default(),
            })
        });
        Arc::clone(place)
    }
}

impl<A> Place<A> {
    /// What is kept, if it is no older than that.
    fn kept(&self, now_ms: u64, longest_ms: u64) -> Option<Arc<A>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let found = found.as_ref()?;
        let age_ms = now_ms.checked_sub(found.at_ms)?;
        (age_ms < longest_ms).then(|| Arc::clone(&found.answer))
    }

    fn keep(&self, answer: A, at_ms: u64) -> Arc<A> {
        let answer = Arc::new(answer);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        *found = (self.is_kept)(&answer).then(|| Found {
            answer: Arc::clone(&answer),
            at_ms,
        });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Answers by how often it was sought.
    struct Seeker {
        findings: Findings<&'static str, u32>,
        sought: Arc<AtomicU32>,
    }

    impl Seeker {
        fn new() -> Self {
            Self {
                findings: Findings::default(),
                sought: Arc::default(),
            }
        }

        async fn asks(&self, question: &'static str, now_ms: u64) -> u32 {
            let sought = Arc::clone(&self.sought);
            let find = async move {
                tokio::task::yield_now().await;
                Ok(sought.fetch_add(1, Ordering::Relaxed) + 1)
            };
            *self.findings.of(question, now_ms, find).await.unwrap()
        }
    }

    #[tokio::test]
    async fn what_was_found_a_moment_ago_is_not_sought_again() {
        let seeker = Seeker::new();
        assert_eq!(seeker.asks("a", 1_000).await, 1);
        assert_eq!(seeker.asks("a", 1_000 + FRESH_MS - 1).await, 1);
        assert_eq!(seeker.asks("b", 1_000).await, 2);
        // A clock that was put back knows nothing of later.
        assert_eq!(seeker.asks("a", 999).await, 3);
    }

    #[tokio::test]
    async fn what_is_older_is_told_while_it_is_sought_and_what_is_too_old_is_not() {
        let seeker = Seeker::new();
        seeker.asks("a", 0).await;
        assert_eq!(seeker.asks("a", FRESH_MS).await, 1);
        assert_eq!(seeker.asks("a", FRESH_MS).await, 1);
        while seeker.sought.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        assert_eq!(seeker.asks("a", FRESH_MS).await, 2);
        assert_eq!(seeker.asks("a", FRESH_MS + TOLD_MS).await, 3);
    }

    #[tokio::test]
    async fn those_who_ask_at_the_same_time_wait_for_one_finding() {
        let seeker = Seeker::new();
        let answers = tokio::join!(
            seeker.asks("a", 0),
            seeker.asks("a", 0),
            seeker.asks("a", 0)
        );
        assert_eq!(answers, (1, 1, 1));
    }

    #[tokio::test]
    async fn what_cannot_be_found_is_sought_again_by_the_next() {
        let seeker = Seeker::new();
        let fails = async { Err(Refusal::AnswerLost) };
        assert!(seeker.findings.of("a", 0, fails).await.is_err());
        assert_eq!(seeker.asks("a", 0).await, 1);
    }

    #[tokio::test]
    async fn what_is_found_quickly_is_found_each_time() {
        let seeker = Seeker {
            findings: Findings::when(|answer| *answer > 2),
            sought: Arc::default(),
        };
        for expected in [1, 2, 3, 3] {
            assert_eq!(seeker.asks("a", 0).await, expected);
        }
    }

    #[tokio::test]
    async fn questions_without_end_are_not_kept_in_mind() {
        let seeker = Seeker::new();
        for number in 0..200_u32 {
            let question: &'static str = Box::leak(number.to_string().into_boxed_str());
            seeker.asks(question, 0).await;
        }
        assert!(seeker.findings.places.lock().unwrap().len() <= MOST);
    }
}
