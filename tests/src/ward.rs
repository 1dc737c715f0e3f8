//! A key that is asked with again and again, what was answered, and what was right at which time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use xtask::stage::{Caller, Envoy, within};

use crate::{Verdict, outcome};

/// How long a change may take to show on every worker, on a machine that may be busy.
const SOON: Duration = Duration::from_secs(30);
/// The outcome of a request that met a VM which is being made anew: Envoy's own answer, without a code.
const NO_VM: &str = "503";

/// A key that is asked with.
#[derive(Debug, Clone)]
pub struct Ward(Arc<Mutex<Account>>);

#[derive(Debug)]
struct Account {
    listener: String,
    header: String,
    key: String,
    /// Over how many connections it is asked with.
    lines: usize,
    turns: Vec<Turn>,
    answers: Vec<Answered>,
}

/// An outcome, and when it is right. Two are, while a change is on its way.
#[derive(Debug)]
struct Turn {
    outcome: String,
    from: Instant,
    until: Option<Instant>,
}

#[derive(Debug)]
struct Answered {
    asked: Instant,
    at: Instant,
    /// By which connection, and so by which worker.
    line: usize,
    /// Nothing, when the connection ended instead.
    outcome: Option<String>,
    /// Whether the next one goes over a new connection, and perhaps to another worker.
    is_last: bool,
}

impl Ward {
    pub(crate) fn new(
        listener: &str,
        header: &str,
        key: &str,
        outcome: &str,
        lines: usize,
    ) -> Self {
        Self(Arc::new(Mutex::new(Account {
            listener: listener.into(),
            header: header.into(),
            key: key.into(),
            lines,
            turns: vec![Turn {
                outcome: outcome.into(),
                from: Instant::now(),
                until: None,
            }],
            answers: vec![],
        })))
    }

    /// From now on another outcome may be the right one. To be said before the change is made.
    pub fn may_turn(&self, outcome: &str) {
        self.account().turns.push(Turn {
            outcome: outcome.into(),
            from: Instant::now(),
            until: None,
        });
    }

    /// Waits until the newest outcome has arrived on every connection and every worker. From then on no other is right.
    ///
    /// # Errors
    /// When it does not arrive.
    pub fn until_turned(&self, envoy: &Envoy) -> Result<()> {
        let (listener, wanted) = {
            let account = self.account();
            (account.listener.clone(), account.newest())
        };
        let begun = Instant::now();
        let what = format!("the outcome is `{wanted}` everywhere");
        within(SOON, &what, || {
            (self.latest(begun)?)
                .iter()
                .all(|it| *it == wanted)
                .then_some(())
        })
        .with_context(|| format!("it is {:?}", self.latest(begun)))?;
        for caller in &mut envoy.callers_on_every_worker_of(&listener)? {
            within(SOON, &what, || {
                let answer = self.request(caller).ok()?;
                (answer.0 == wanted).then_some(())
            })?;
        }
        let now = Instant::now();
        let mut account = self.account();
        let earlier = account.turns.iter_mut().rev().skip(1);
        earlier.for_each(|turn| turn.until = turn.until.or(Some(now)));
        Ok(())
    }

    /// Makes a change that leads to another outcome, and waits until that has arrived everywhere.
    ///
    /// # Errors
    /// When the change cannot be made, or does not arrive.
    pub fn turn(
        &self,
        outcome: &str,
        envoy: &Envoy,
        change: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        self.may_turn(outcome);
        change()?;
        self.until_turned(envoy)
    }

    /// The outcomes of now: of one request over each connection.
    ///
    /// # Errors
    /// When there are no answers.
    pub fn outcomes_now(&self) -> Result<Vec<String>> {
        let begun = Instant::now();
        let (mut outcomes, _) = within(SOON, "there is traffic", || self.latest(begun))?;
        outcomes.sort_unstable();
        outcomes.dedup();
        Ok(outcomes)
    }

    /// Asks once, over one of the connections.
    pub(crate) fn ask(&self, line: usize, caller: &mut Caller) {
        let asked = Instant::now();
        let answer = self.request(caller).ok();
        let is_last = answer.as_ref().is_none_or(|(_, closes)| *closes);
        self.account().answers.push(Answered {
            asked,
            at: Instant::now(),
            line,
            outcome: answer.map(|(outcome, _)| outcome),
            is_last,
        });
    }

    /// Says which answers were wrong, and counts all.
    pub(crate) fn judge(&self, begun: Instant, verdict: &mut Verdict) -> Vec<String> {
        let account = self.account();
        // Which turn each connection has seen: it never goes back behind that.
        let mut reached: HashMap<usize, usize> = HashMap::new();
        let mut wrong = vec![];
        for answer in &account.answers {
            let seen = reached.entry(answer.line).or_default();
            match answer.outcome.as_deref() {
                None => verdict.unanswered += 1,
                Some(NO_VM) => verdict.without_vm += 1,
                Some(outcome) => {
                    verdict.decided += 1;
                    match account.turn_of(outcome, answer, *seen) {
                        Some(turn) => *seen = turn,
                        None => wrong.push(account.sentence(outcome, answer, *seen, begun)),
                    }
                }
            }
            if answer.is_last {
                *seen = 0;
            }
        }
        wrong
    }

    /// The outcome of each connection's latest request that was sent after a time. None, as long as one has none.
    fn latest(&self, after: Instant) -> Option<Vec<String>> {
        let account = self.account();
        let mut latest: HashMap<usize, String> = HashMap::new();
        let answers = account.answers.iter().rev();
        for answer in answers.take_while(|answer| answer.at > after) {
            if answer.asked > after {
                let outcome = answer.outcome.as_deref().unwrap_or("unanswered");
                latest.entry(answer.line).or_insert_with(|| outcome.into());
            }
        }
        (latest.len() == account.lines).then(|| latest.into_values().collect())
    }

    /// The outcome of one request, and whether its connection ends with it.
    fn request(&self, caller: &mut Caller) -> Result<(String, bool)> {
        let (header, key) = {
            let account = self.account();
            (account.header.clone(), account.key.clone())
        };
        let answer = caller.get("/orders/1").header(&header, key).send()?;
        Ok((outcome(&answer), answer.closes))
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn newest(&self) -> String {
        let newest = self.turns.last();
        newest.map(|turn| turn.outcome.clone()).unwrap_or_default()
    }

    /// The turn by which an outcome was right, not before `seen`.
    fn turn_of(&self, outcome: &str, answer: &Answered, seen: usize) -> Option<usize> {
        let was_right = |turn: &Turn| {
            turn.outcome == outcome
                && turn.from <= answer.at
                && turn.until.is_none_or(|until| answer.asked < until)
        };
        let mut turns = self.turns.iter().enumerate().skip(seen);
        turns.find_map(|(number, turn)| was_right(turn).then_some(number))
    }

    fn sentence(&self, outcome: &str, answer: &Answered, seen: usize, begun: Instant) -> String {
        let since = |at: Instant| at.saturating_duration_since(begun).as_millis();
        let turns = self.turns.iter().map(|turn| {
            let until = turn.until.map(|until| format!(" until {}", since(until)));
            let until = until.unwrap_or_default();
            format!("`{}` from {}{until}", turn.outcome, since(turn.from))
        });
        format!(
            "`{outcome}` at {} to {} ms over connection {}, which had seen turn {seen} of: {}",
            since(answer.asked),
            since(answer.at),
            answer.line,
            turns.collect::<Vec<_>>().join(", ")
        )
    }
}
