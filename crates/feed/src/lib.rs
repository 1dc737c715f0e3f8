//! What the control plane and the gateways say to each other: records, changes and pages, as JSON.
//! Data only: no behaviour beyond reading and writing these shapes, no I/O.
//!
//! The exchange itself is one request, [`CHANGES_PATH`]: *give me what changed after revision R*.

#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)
)]

pub mod digest;
pub mod id;
pub mod jwt;
pub mod page;
pub mod record;

pub use digest::{Digest, InvalidDigest};
pub use id::{ClientId, CollectionId, InvalidId, PolicyId, ProfileId};
pub use jwt::{
    Algorithm, Jwk, Jwt, KeyKind, KeyMaterial, Octets, SecretOctets, TokenIdentity, UnknownKey,
};
pub use page::{Change, ChangePage, ChangedObject, Epoch, InvalidPage, Revision};
pub use record::{
    AccessMethod, AddressLists, ApiKey, Client, Collection, Endpoint, KeyState, Policy, Profile,
    Quota, QuotaWindow, RateLimit, RateWindow,
};

/// The number of this language.
///
/// A gateway refuses a page with a higher number than its own. A field that an older gateway may ignore
/// without permitting or refusing anything wrongly does not raise it; any other new meaning does.
pub const FORMAT: u32 = 2;

/// Where a gateway asks for changes: `GET`, with the query `after=R&limit=N&wait=SECONDS`, and `epoch=E` unless
/// it has none yet, and the gateway's token in `authorization: Bearer …`.
///
/// Answers: 200 with a [`ChangePage`], at once and perhaps empty when there is no `epoch` in the question; 204 when
/// nothing changed during `wait`; 400 for a question that cannot be read; 401 without a known token;
/// 410 when the epoch is another one, or `after` is beyond the newest revision or older than what removals still
/// cover: the gateway then begins again from nothing (no `epoch`, `after=0`).
pub const CHANGES_PATH: &str = "/feed/v1/changes";

/// Where a gateway says that a token named a key that the profile's key set does not have: `POST`, with an
/// [`UnknownKey`] and the gateway's token. The control plane then looks for new keys sooner than it would have.
///
/// Answers: 202 whatever comes of it; 400 for a body that cannot be read; 401 without a known token.
pub const UNKNOWN_KEY_PATH: &str = "/feed/v1/unknown-keys";
