//! Usage: what gateways count, in two steps. [`count_usage`](crate::Store::count_usage) makes sure that each batch counts
//! once, and appends what is in it to a journal: little to write, however many gateways there are.
//! [`roll_up_usage`](crate::Store::roll_up_usage) takes entries out of the journal and adds them to the sums of their
//! minutes, hours and days, in one transaction: however late a row comes, it lands right, and whoever falls in the middle
//! has done nothing. Sums are what is read.
//!
//! Each sum belongs to a series, which says what it is about. Besides the series that tell everything apart there are
//! some that do not, so that a question about all profiles need not read every endpoint of each ([`Scope`]), nor, where only
//! a few counts are wanted, every day of a month (`weeks`).

mod counts;
mod expiry;
mod journal;
mod last_use;
mod merged;
mod period;
mod question;
mod refused;
mod rolling;
mod series;
mod sums;
mod top;
mod weeks;

pub use counts::UsageCounts;
pub use journal::UsageInstance;
pub use last_use::LastUse;
pub use period::{UsageSince, UsageUnit};
pub use question::{UsageFilter, UsageGroup, UsageQuestion, UsageSum};
pub use refused::{Refused, RefusedFilter};
pub use top::UsageOrder;
pub(crate) use weeks::push_rows;

/// What the series of a scope tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    /// Everything.
    Detail,
    /// Clients and profiles. There are none for minutes.
    Profile,
    /// Collections and endpoints.
    Endpoint,
    /// Nothing.
    All,
}

impl Scope {
    const EACH: [Self; 4] = [Self::Detail, Self::Profile, Self::Endpoint, Self::All];

    /// As it stands in the database.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Detail => 0,
            Self::Profile => 1,
            Self::Endpoint => 2,
            Self::All => 3,
        }
    }

    /// Whether there are sums of a unit. Those of minutes are so many that what is told apart by profile is found among
    /// what tells everything apart.
    const fn has(self, unit: UsageUnit) -> bool {
        !matches!((self, unit), (Self::Profile, UsageUnit::Minute))
    }
}
