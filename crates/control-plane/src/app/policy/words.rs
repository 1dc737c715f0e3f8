//! What limits say, in words.

use portcullis_feed::{Quota, QuotaCounts, QuotaWindow, RateLimit, RateScope, RateWindow};

/// Each limit as part of a sentence: none, when nothing is limited.
#[must_use]
pub fn in_words(rate_limit: Option<&RateLimit>, quota: Option<&Quota>) -> Vec<String> {
    let rate_limit = rate_limit.map(|limit| {
        let window = match limit.per {
            RateWindow::Second => "second",
            RateWindow::Minute => "minute",
            RateWindow::Hour => "hour",
            RateWindow::Day => "day",
        };
        let burst = limit.burst.unwrap_or(limit.requests);
        let together = match limit.scope {
            RateScope::AccessProfile => "",
            RateScope::Client => ", all profiles of the client together",
        };
        format!(
            "{} requests a {window}, {burst} at once{together}",
            limit.requests
        )
    });
    let quota = quota.map(|quota| {
        let window = match quota.per {
            QuotaWindow::Day => "day",
            QuotaWindow::Week => "week",
            QuotaWindow::Month => "month",
        };
        let calendar = quota.time_zone.as_deref().map(|zone| format!(" of {zone}"));
        let counted = match quota.counts {
            QuotaCounts::Permitted => "",
            QuotaCounts::All => ", refused ones too",
        };
        let calendar = calendar.unwrap_or_default();
        format!(
            "{} requests a {window}{calendar} in all{counted}",
            quota.requests
        )
    });
    rate_limit.into_iter().chain(quota).collect()
}
