//! Usage: what gateways say of the requests that they have decided, and what operators ask of it.

mod asked;
mod batch;
mod collected;
mod day;
mod intake;
mod keeping;
mod last_use;
mod numbers;
mod percentile;
mod period;
mod refused;
mod upkeep;

pub use asked::{UsageAsked, UsageBy, UsageItem, UsagePoint, UsageSeries, UsageTop, UsageTotals};
pub use batch::InvalidBatch;
pub(super) use collected::Collected;
pub use collected::{Named, UsageAbout, UsageNames, UsageSums};
pub use day::{Day, HOURS};
pub(super) use intake::Intake;
pub use intake::NotCounted;
pub use keeping::{InvalidSpan, Keeping, Span};
pub use numbers::{StatusClass, UsageNumbers};
pub use percentile::Latency;
pub use period::Period;

use portcullis_store::UsageSince;

use super::App;

impl App {
    /// Says for how long usage is kept. Only what is said first counts.
    pub fn set_usage_keeping(&self, keeping: Keeping) {
        let _ = self.usage_keeping.set(keeping);
    }

    /// Since when which sums are kept.
    pub(super) fn usage_kept_since(&self) -> UsageSince {
        let keeping = self.usage_keeping.get().copied().unwrap_or_default();
        keeping.since(self.now_ms())
    }
}
