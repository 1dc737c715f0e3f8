//! What the control plane and the gateways say to each other: records, changes and pages, as JSON.
//! Data only: no behaviour beyond reading and writing these shapes, no I/O.
//!
//! The exchange itself is one request, [`CHANGES_PATH`]: *give me what changed after revision R*.

#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)
)]

pub mod digest;
pub mod exchange;
pub mod id;
pub mod jwt;
pub mod page;
pub mod record;
pub mod signature;
pub mod usage;

pub use digest::{Digest, InvalidDigest};
pub use exchange::{
    CHANGES_PATH, GatewayReport, Position, Question, REPORT_HEADER, REPORT_PATH, UNKNOWN_KEY_PATH,
};
pub use id::{
    ClientId, CollectionId, GatewayTokenId, InvalidId, OperatorId, PolicyId, ProfileId,
    RobotTokenId, SessionId,
};
pub use jwt::{
    Algorithm, Jwk, Jwt, KeyKind, KeyMaterial, Octets, SecretOctets, TokenIdentity, UnknownKey,
};
pub use page::{Change, ChangePage, ChangedObject, Epoch, InvalidPage, Revision};
pub use record::{
    AccessMethod, AddressLists, ApiKey, Client, Collection, Endpoint, KeyState, Policy, Profile,
    Quota, QuotaCounts, QuotaWindow, RateLimit, RateScope, RateWindow, UtcOffset,
};
pub use signature::{
    FeedKey, FeedKeyId, FeedSigningKey, InvalidFeedKey, NotSigned, SIGNATURE_HEADER,
};
pub use usage::{RefusalSample, USAGE_PATH, UsageBatch, UsageRow};

/// The number of this language.
///
/// A gateway refuses a page with a higher number than its own. A field that an older gateway may ignore
/// without permitting or refusing anything wrongly does not raise it; any other new meaning does.
pub const FORMAT: u32 = 2;
