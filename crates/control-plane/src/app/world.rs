//! Time and chance, from outside: tests bring their own.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_feed::{
    ClientId, CollectionId, Digest, GatewayTokenId, OperatorId, PolicyId, ProfileId, RobotTokenId,
    SessionId,
};
use portcullis_store::NewLife;

/// Where the time comes from: milliseconds since 1970, UTC.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

/// Where random bytes come from. For keys and tokens, so it has to be fit for cryptography.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) -> Result<(), NoEntropy> + Send + Sync;

/// The system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoEntropy;

/// Time and chance.
#[derive(Clone)]
pub struct World {
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
}

impl World {
    /// The clock and the random numbers of the operating system.
    #[must_use]
    pub fn of_the_system() -> Self {
        Self {
            clock: Clock::new(|| {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
                since_1970.map_or(0, |time| {
                    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
                })
            }),
            entropy: Entropy::new(|bytes| getrandom::fill(bytes).map_err(|_| NoEntropy)),
        }
    }

    /// A life of a database that begins now, under a name that nobody can guess; none, without randomness.
    #[must_use]
    pub fn new_life(&self) -> Option<NewLife> {
        Some(NewLife {
            epoch: self.new_name().ok()?,
            begun_at_ms: self.clock.now_ms(),
        })
    }

    /// A name that nothing else has: 32 hexadecimal digits.
    pub(super) fn new_name(&self) -> Result<String, NoEntropy> {
        let random = u128::from_be_bytes(self.entropy.bytes()?);
        Ok(format!("{random:032x}"))
    }

    /// A token that nobody can guess, after a prefix that tells what it is for.
    pub(super) fn new_token(&self, prefix: &str) -> Result<String, NoEntropy> {
        Ok(format!("{prefix}{}", Digest(self.entropy.bytes()?)))
    }
}

impl Clock {
    /// A clock that tells what `now_ms` does.
    pub fn new(now_ms: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    /// Milliseconds since 1970, UTC.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        (self.0)()
    }
}

impl Entropy {
    /// Random bytes as `fill` makes them.
    pub fn new(fill: impl Fn(&mut [u8]) -> Result<(), NoEntropy> + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// So many random bytes.
    ///
    /// # Errors
    /// When there are none.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        (self.0)(&mut bytes)?;
        Ok(bytes)
    }
}

/// An identifier that can be made anew.
pub(super) trait Identifier: Sized {
    fn new(world: &World) -> Result<Self, NoEntropy>;
}

macro_rules! identifier {
    ($($name:ident),*) => {$(
        impl Identifier for $name {
            fn new(world: &World) -> Result<Self, NoEntropy> {
                let random = u128::from_be_bytes(world.entropy.bytes()?);
                Ok(Self::from_parts(world.clock.now_ms(), random))
            }
        }
    )*};
}

identifier!(
    ClientId,
    CollectionId,
    GatewayTokenId,
    OperatorId,
    PolicyId,
    ProfileId,
    RobotTokenId,
    SessionId
);
