//! The records of the control plane and the revisions of their changes. The only SQL; no HTTP, no rules about what
//! operators may do.
//!
//! [`Store::read`] opens a [`Snapshot`]: all that it reads is of one moment. [`Store::edit`] opens an [`Edit`]: it
//! holds the write lock from its first statement, so rules can be checked against what it reads, and nothing is kept
//! unless it commits.
//!
//! # Revisions
//!
//! The newest revision stands in one row, which every edit updates first. That takes the write lock (on PostgreSQL:
//! the lock of the row), so edits commit in the order of their revisions and a reader who has seen R has seen all up
//! to R. Each changed object of the feed takes a number of its own; the table `changes` holds only the newest state
//! of each object. What was removed stays there for a while: [`Standing`] says
//! who still goes on from where it is after that.
//!
//! # Audit
//!
//! Every edit has an [`Author`], and enters what it changed in the audit (`audit.rs`), in the same transaction: whatever
//! writes a record enters the change itself, so that no caller can forget it. What is no change of a record is not
//! entered: when a token was used, what gateways said of themselves, when a key set is due.
//!
//! # Secrets
//!
//! What has to be known in clear again, the secrets with which tokens and answers of the feed are signed, is sealed under a [`SecretKey`] that
//! is not in the database. Callers see it only opened.
//!
//! # Usage
//!
//! What gateways count is written beside the records ([`Store::count_usage`]): no edit, no revision, no entry in the
//! audit. How it comes into sums is told in `usage.rs`.
//!
//! # Databases
//!
//! SQLite for one process, PostgreSQL for any number over one database. Every statement is written once, in what both
//! understand (`$1`, `ON CONFLICT`, `RETURNING`, window functions, BIGINT, TEXT and BOOLEAN), and runs through
//! `statement.rs`; what differs stands in `sqlite.rs` and `postgres.rs`. sqlx's own drivers rather than its `Any`: the
//! options of a connection, the busy time and the kinds of errors stay typed.
//!
//! # Several processes
//!
//! Each commit on PostgreSQL tells the other processes that there is something new (`following.rs`). An edit first
//! looks whether the database is the one that it was (`history.rs`): after a restart of the server, or when it was put
//! back to an earlier time, it begins a life, so that gateways do not take another history for the one that they know.

mod answer;
mod attention;
mod audit;
mod author;
mod backup;
mod batch;
mod carried;
mod cascade;
mod claim;
mod client;
mod collection;
mod database;
mod edit;
mod error;
mod feed;
mod feed_key;
mod filter;
mod fleet;
mod following;
mod gateway;
mod history;
mod jwt;
mod key;
mod key_set;
mod life;
mod list;
mod logo;
mod name;
mod operator;
mod policy;
mod postgres;
mod profile;
mod quota;
mod record;
mod robot_token;
mod rotation;
mod row;
mod secret;
mod session;
mod snapshot;
mod sqlite;
mod statement;
mod token;
mod told;
mod topic;
mod usage;
mod zone;

pub use answer::KeptAnswer;
pub use attention::{AttentionKey, AttentionQuota};
pub use audit::{AuditFilter, AuditRecord, AuthorName};
pub use author::{Author, Who};
pub use backup::{Backup, Restored};
pub use batch::{Batch, Change};
pub use cascade::Cascade;
pub use claim::{Claim, Work};
pub use database::{Location, Store};
pub use edit::Edit;
pub use error::StoreError;
pub use feed_key::FeedKey;
pub use filter::{
    ClientFilter, ClientKey, CollectionFilter, CollectionKey, GatewayTokenFilter, GatewayTokenKey,
    GrantFilter, PolicyFilter, PolicyKey, ProfileFilter, ProfileKey,
};
pub use fleet::{FleetNews, Replica, Sighting};
pub use gateway::{Gateway, TokenName};
pub use history::NewLife;
pub use key_set::{KeySet, SetKey, SetVersion};
pub use life::{Share, Standing};
pub use list::{Bound, Direction, SortKey, Window};
pub use logo::{Logo, LogoKind};
pub use operator::{Operator, Password, ProviderIdentity, Role};
pub use postgres::{InvalidPostgresUrl, PostgresUrl};
pub use quota::{Calls, QuotaEvent, QuotaEventFilter, QuotaStanding, QuotaUse};
pub use record::{
    AccessMethod, AccessProfile, ApiKey, Client, Collection, InvalidKeySetSource, Jwt, JwtKeys,
    KeySetSource, Policy, ProfileName,
};
pub use robot_token::RobotToken;
pub use rotation::Rotated;
pub use secret::SecretKey;
pub use session::{Link, LogInMethod, Session};
pub use snapshot::Snapshot;
pub use token::{GatewayToken, OperatorToken, TokenSource};
pub use topic::{News, Topic};
pub use usage::{
    LastUse, Refused, RefusedFilter, UsageCounts, UsageFilter, UsageGroup, UsageInstance,
    UsageOrder, UsageQuestion, UsageSince, UsageSum, UsageUnit,
};
pub use zone::{time_zone, utc_offsets};
