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
//! # Secrets
//!
//! What has to be known in clear again, the secrets with which tokens and answers of the feed are signed, is sealed under a [`SecretKey`] that
//! is not in the database. Callers see it only opened.
//!
//! # Databases
//!
//! SQLite through sqlx's own driver rather than its `Any`: the options of a connection, the busy time and the kinds
//! of errors stay typed. PostgreSQL is not shut out: the type of the database is named once, in `database.rs`, and
//! every statement keeps to what both understand (`$1`, `ON CONFLICT`, `RETURNING`, window functions, BIGINT, TEXT
//! and BOOLEAN).

mod carried;
mod client;
mod collection;
mod database;
mod edit;
mod error;
mod feed;
mod feed_key;
mod gateway;
mod jwt;
mod key;
mod key_set;
mod life;
mod policy;
mod profile;
mod record;
mod row;
mod secret;
mod snapshot;
mod token;

pub use database::Store;
pub use edit::Edit;
pub use error::StoreError;
pub use feed_key::FeedKey;
pub use gateway::{Gateway, TokenName};
pub use key_set::{KeySet, SetKey, SetVersion};
pub use life::{Share, Standing};
pub use record::{
    AccessMethod, AccessProfile, ApiKey, Client, Collection, InvalidKeySetSource, Jwt, JwtKeys,
    KeySetSource, Policy, ProfileName,
};
pub use secret::SecretKey;
pub use snapshot::Snapshot;
pub use token::{GatewayToken, TokenSource};
