//! Who changes records: every edit has an author, whom the audit names.

use portcullis_feed::{OperatorId, RobotTokenId};

use crate::TokenSource;

/// Who changes records, and in answer to which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Who it is.
    pub who: Who,
    /// The id of the request that the change answers, if it answers one.
    pub request_id: Option<String>,
}

/// Who can change records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A person.
    Operator {
        /// Which one.
        id: OperatorId,
        /// By which name at that time.
        name: String,
    },
    /// A robot, by its token.
    Robot {
        /// Which token.
        id: RobotTokenId,
        /// By which name at that time.
        name: String,
    },
    /// Whoever has the operators' token that the environment gives, or that was made at the first start.
    OperatorToken {
        /// Which of the two.
        source: TokenSource,
    },
    /// Nobody yet: who sets up the first operator, or chooses a password by a link.
    Newcomer,
    /// The control plane itself.
    System {
        /// What it does.
        job: &'static str,
    },
}

impl Author {
    /// The control plane itself, in a job of its own.
    #[must_use]
    pub const fn system(job: &'static str) -> Self {
        Self {
            who: Who::System { job },
            request_id: None,
        }
    }
}

impl Who {
    /// As the audit calls this kind of authors.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Operator { .. } => "operator",
            Self::Robot { .. } => "token",
            Self::OperatorToken { .. } => "operator_token",
            Self::Newcomer => "newcomer",
            Self::System { .. } => "system",
        }
    }

    /// Its public name, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Operator { id, .. } => Some(id.to_string()),
            Self::Robot { id, .. } => Some(id.to_string()),
            Self::OperatorToken { .. } | Self::Newcomer | Self::System { .. } => None,
        }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Operator { name, .. } | Self::Robot { name, .. } => name,
            Self::OperatorToken { source } => source.as_text(),
            Self::Newcomer => "by a link",
            Self::System { job } => job,
        }
    }
}
