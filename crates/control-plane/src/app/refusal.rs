//! Why something was not done. Each reason is for the operator who asked; doors translate them for their callers.

use std::fmt;

use portcullis_feed::CollectionId;
use portcullis_store::{ProfileName, StoreError};

use super::NoEntropy;
use super::gateway::{GatewayName, GatewayState};

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The text is no JSON.
    #[error("the body is not valid JSON: {0}")]
    Malformed(String),
    /// It is JSON, but not what is asked for.
    #[error("{}", Listed(.0))]
    Invalid(Vec<Violation>),
    /// There is no such record.
    #[error("there is no {kind} `{id}`")]
    NotFound {
        /// What was looked for.
        kind: &'static str,
        /// By which identifier.
        id: String,
    },
    /// Somebody else was faster.
    #[error("the {kind} is not what `If-Match` or `If-None-Match` asks for: read it again")]
    Changed {
        /// What was to be changed.
        kind: &'static str,
    },
    /// The author of a request used its key for another one before.
    #[error("this idempotency key was used for another request: choose a new one for each request")]
    KeyOfAnotherRequest,
    /// What was asked for is done, though its answer cannot be told again.
    #[error(
        "this was done before, and its answer cannot be given again: look for what it made in the list"
    )]
    AnswerLost,
    /// Another collection has the name and the version.
    #[error("`{name}` `{version}` is the collection `{holder}` already")]
    NameTaken {
        /// The name.
        name: String,
        /// The version.
        version: String,
        /// Who has them.
        holder: CollectionId,
    },
    /// An endpoint would belong to two collections, or to one twice.
    #[error("{}", claimed(.endpoint, .holders))]
    EndpointClaimed {
        /// As `METHOD host/path`.
        endpoint: String,
        /// Who claims it, with their names: the one that has it and the one that would.
        holders: [(CollectionId, String); 2],
    },
    /// Tokens that name one profile would name another one too.
    #[error("`{issuer}` `{client}` is the identity of the access profile `{}` ({}) already", .holder.name, .holder.id)]
    IdentityTaken {
        /// The identity provider.
        issuer: String,
        /// Its name for the client.
        client: String,
        /// Who has it.
        holder: ProfileName,
    },
    /// A key is registered already. Whose it is would tell who imports keys about others.
    #[error("this key is registered already")]
    KeyTaken,
    /// The keys of a profile would be too many.
    #[error("an access profile has at most {most} keys that work")]
    TooManyKeys {
        /// How many it may have.
        most: usize,
    },
    /// Every answer would carry too many signatures.
    #[error("there are at most {most} feed keys: remove those that no gateway needs any more")]
    TooManyFeedKeys {
        /// How many there may be.
        most: usize,
    },
    /// The next start would bring it back.
    #[error(
        "this {what} comes from the environment of the control plane: take it out of {variable} \
         and start the control plane again"
    )]
    OfEnvironment {
        /// What comes from there.
        what: &'static str,
        /// In which variable.
        variable: &'static str,
    },
    /// Nothing would be signed.
    #[error("this is the only feed key: make another one first, which gateways come to believe")]
    LastFeedKey,
    /// Gateways would refuse every answer.
    #[error("gateways believe no other feed key: {}", Listing(.gateways))]
    FeedKeyReliedOn {
        /// Which: the first hundred of those that were heard of lately.
        gateways: Vec<GatewayName>,
    },
    /// The tokens of gateways would be too many.
    #[error(
        "there are at most {most} tokens for gateways: withdraw those that are not used any more"
    )]
    TooManyTokens {
        /// How many there may be.
        most: usize,
    },
    /// Another operator has the e-mail address.
    #[error("an operator with the e-mail address `{email}` is there already")]
    EmailTaken {
        /// Which one.
        email: String,
    },
    /// Nobody could decide about operators any more.
    #[error(
        "this is the only enabled operator with the role `admin`: give it to another one first"
    )]
    LastAdmin,
    /// The tokens of robots would be too many.
    #[error("there are at most {most} tokens: withdraw those that are not used any more")]
    TooManyRobotTokens {
        /// How many there may be.
        most: usize,
    },
    /// A link leads nowhere. Why would tell who tries links.
    #[error("this link does not work, or not any more: ask for another one")]
    LinkSpent,
    /// Nobody logs in so. What is wrong would tell who has an account.
    #[error("the e-mail address or the password is wrong")]
    LogInFailed,
    /// Somebody has to wait before the next attempt.
    #[error("there were too many attempts: wait for {retry_after_s} seconds")]
    TooManyAttempts {
        /// For how many seconds.
        retry_after_s: u64,
    },
    /// Nobody comes from an identity provider here.
    #[error("single sign-on is not set up")]
    NoSingleSignOn,
    /// A browser comes back with what it did not ask for, or too late.
    #[error("this log-in was not begun by this browser, or too long ago: begin again")]
    ForeignAnswer,
    /// A provider vouches for somebody who may not come.
    #[error(
        "nobody has given you access, or the identity provider does not vouch for your e-mail address"
    )]
    NotAdmitted,
    /// A provider cannot be asked, or says what proves nothing.
    #[error("the identity provider did not do its part: {0}")]
    ProviderFailed(String),
    /// A password cannot be hashed.
    #[error("the password cannot be kept")]
    NoHash,
    /// Who is there would come back at once.
    #[error("the gateway is {state}: only one that is lost can be forgotten")]
    NotLost {
        /// What it is instead.
        state: GatewayState,
    },
    /// What was planned is not what would happen now.
    #[error("somebody else changed the same since the plan was made: {}", First(.objects))]
    Overtaken {
        /// The records that are in another state, by their names in the basis.
        objects: Vec<String>,
    },
    /// Profiles would lose what they refer to.
    #[error("the {kind} is in use by access profiles: {}", Names(.profiles))]
    InUse {
        /// What is in use.
        kind: &'static str,
        /// By whom: the first hundred.
        profiles: Vec<ProfileName>,
    },
    /// It is the control plane that failed.
    #[error("the records are out of reach")]
    Unreachable(#[from] StoreError),
    /// It is the system that failed.
    #[error("no key can be made")]
    NoEntropy(#[from] NoEntropy),
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What, and how it should be.
    pub detail: String,
}

impl Violation {
    /// Something is wrong there.
    pub fn new(pointer: impl Into<String>, detail: impl ToString) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.to_string(),
        }
    }

    /// The JSON pointer to a member by the names on the way.
    pub(super) fn pointer(names: &[&str]) -> String {
        let escaped = |name: &&str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        names.iter().map(escaped).collect()
    }
}

/// Turns violations, if there are any, into a refusal.
pub(super) fn refuse_any(violations: Vec<Violation>) -> Result<(), Refusal> {
    if violations.is_empty() {
        return Ok(());
    }
    Err(Refusal::Invalid(violations))
}

fn claimed(endpoint: &str, [first, second]: &[(CollectionId, String); 2]) -> String {
    if first.0 == second.0 {
        return format!("`{endpoint}` stands twice in `{}`", first.1);
    }
    format!(
        "`{endpoint}` belongs to `{}` (`{}`) already, so `{}` (`{}`) cannot claim it",
        first.1, first.0, second.1, second.0
    )
}

struct Listed<'a>(&'a [Violation]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let pointer = match violation.pointer.as_str() {
                "" => "the body",
                pointer => pointer,
            };
            write!(f, "{separator}{pointer}: {}", violation.detail)?;
        }
        Ok(())
    }
}

struct Listing<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listing<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{one}")?;
        }
        Ok(())
    }
}

/// How many things a sentence names at most.
const MOST_NAMED: usize = 10;

/// The first of many.
struct First<'a>(&'a [String]);

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.0.get(..MOST_NAMED).unwrap_or(self.0);
        write!(f, "{}", Listing(named))?;
        match self.0.len().saturating_sub(named.len()) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

struct Names<'a>(&'a [ProfileName]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, profile) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}`{}` ({})", profile.name, profile.id)?;
        }
        Ok(())
    }
}
