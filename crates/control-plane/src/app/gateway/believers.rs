//! Which gateways believe which feed keys, as far as they were heard of lately.

use std::fmt;

use portcullis_feed::signature::FeedKeyId;

use super::{GatewayState, Gateways, lock};

/// How many gateways are named at most.
const MOST_NAMED: usize = 100;

/// Enough of a gateway to point at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayName {
    /// Names it: another for each start of Envoy.
    pub instance: String,
    /// What Envoy calls itself.
    pub name: String,
}

/// Who believes a feed key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Believers {
    /// How many gateways do.
    pub count: usize,
    /// Those that believe no other key that signs: the first hundred.
    pub relying: Vec<GatewayName>,
}

impl Gateways {
    /// Who believes each of the keys that sign. Gateways that take unsigned answers rely on none.
    pub(in crate::app) fn believers(&self, keys: &[FeedKeyId]) -> Vec<Believers> {
        let now_ms = self.clock.now_ms();
        let mut believers = vec![Believers::default(); keys.len()];
        let fleet = lock(&self.fleet);
        for (_, member) in fleet.after(None) {
            if member.state(now_ms) == GatewayState::Lost {
                continue;
            }
            let report = &member.seen.report;
            let is_believed =
                |key: &FeedKeyId| report.feed_keys.iter().any(|id| id == key.as_str());
            let mut believed: Vec<&mut Believers> = keys
                .iter()
                .zip(&mut believers)
                .filter(|(key, _)| is_believed(key))
                .map(|(_, believers)| believers)
                .collect();
            for believers in &mut believed {
                believers.count += 1;
            }
            if let [only] = &mut believed[..]
                && only.relying.len() < MOST_NAMED
            {
                only.relying.push(GatewayName {
                    instance: report.instance.clone(),
                    name: report.name.clone(),
                });
            }
        }
        believers
    }
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.instance)
    }
}
