//! How a control plane that misbehaves, or the network before it, treats the questions of a gateway.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use xtask::stage::Answer;

use crate::Asked;

/// What becomes of questions and answers.
#[derive(Clone)]
pub enum Conduct {
    /// Both go through.
    Pass,
    /// Answers are late.
    Late(Duration),
    /// All questions get this answer, and the control plane hears of none.
    Instead(Answer),
    /// Answers are changed on the way.
    Altered(Alteration),
    /// Half an answer comes, then its connection ends.
    CutOff,
    /// Questions are taken, and never answered.
    Hold,
    /// Questions are taken, and the connection ends.
    HangUp,
    /// Nothing listens, and connections that there were are gone.
    Away,
}

/// Makes an answer of the control plane another one.
pub type Alteration = Arc<dyn Fn(&Asked, Answer) -> Answer + Send + Sync>;

impl Conduct {
    /// An error of the control plane, or of something before it.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Instead(Answer {
            status,
            headers: vec![("content-type".into(), b"text/plain".to_vec())],
            body: b"out of order".to_vec(),
            closes: false,
        })
    }

    /// What is no page, and not even text.
    #[must_use]
    pub fn garbage() -> Self {
        Self::Instead(Answer {
            status: 200,
            headers: vec![("content-type".into(), b"application/json".to_vec())],
            body: (0..=255).cycle().take(10_000).collect(),
            closes: false,
        })
    }

    /// Pages that end in the middle, as if they ended there.
    #[must_use]
    pub fn truncated() -> Self {
        Self::altered(|_, mut answer| {
            answer.body.truncate(answer.body.len() / 2);
            answer
        })
    }

    /// Pages that grow beyond this size, by blanks which change nothing in them.
    #[must_use]
    pub fn inflated(bytes: usize) -> Self {
        Self::altered(move |_, mut answer| {
            if answer.status == 200 {
                answer.body.resize(bytes.max(answer.body.len()), b' ');
            }
            answer
        })
    }

    /// Answers are changed on the way.
    pub fn altered(change: impl Fn(&Asked, Answer) -> Answer + Send + Sync + 'static) -> Self {
        Self::Altered(Arc::new(change))
    }
}

impl fmt::Debug for Conduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "Pass",
            Self::Late(_) => "Late",
            Self::Instead(_) => "Instead",
            Self::Altered(_) => "Altered",
            Self::CutOff => "CutOff",
            Self::Hold => "Hold",
            Self::HangUp => "HangUp",
            Self::Away => "Away",
        })
    }
}
