//! How it stands with all gateways together: a few numbers, however many there are.

use portcullis_feed::Revision;

use super::{App, GatewayState, lock};

/// How it stands with all gateways together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The newest revision.
    pub head: Revision,
    /// How many are in each state, in the order of [`GatewayState::ALL`].
    pub by_state: [u64; GatewayState::ALL.len()],
    /// How many of those that are not lost have applied everything.
    pub in_sync: u64,
    /// How many questions are open.
    pub polls: u64,
    /// By how many revisions the connected one is behind that is furthest behind.
    pub lag: u64,
    /// For how long there has been something that a connected one has not applied, in milliseconds.
    pub behind_ms: u64,
}

impl Standing {
    /// How many are connected, or expected to come back.
    #[must_use]
    pub fn expected(&self) -> u64 {
        let states = GatewayState::ALL.iter().zip(self.by_state);
        let expected = states.filter(|(state, _)| **state != GatewayState::Lost);
        expected.map(|(_, count)| count).sum()
    }
}

impl App {
    /// How it stands with all gateways together.
    #[must_use]
    pub fn standing_of_gateways(&self) -> Standing {
        let gateways = &self.gateways;
        let now_ms = gateways.clock.now_ms();
        let head = gateways.note_head(now_ms);
        let commits = lock(&gateways.commits);
        let fleet = lock(&gateways.fleet);
        let unidentified = gateways
            .unidentified
            .load(std::sync::atomic::Ordering::Relaxed);
        let mut standing = Standing {
            head,
            polls: u64::try_from(unidentified).unwrap_or(u64::MAX),
            ..Standing::default()
        };
        for (_, member) in fleet.after(None) {
            let state = member.state(now_ms);
            for (known, count) in GatewayState::ALL.iter().zip(&mut standing.by_state) {
                *count += u64::from(*known == state);
            }
            standing.polls = standing.polls.saturating_add(u64::from(member.asking));
            let has_all = member.applied.is_some_and(|applied| applied >= head);
            let is_in_sync = has_all && state != GatewayState::Lost;
            standing.in_sync = standing.in_sync.saturating_add(u64::from(is_in_sync));
            if state == GatewayState::Connected {
                let applied = member.applied.unwrap_or(0);
                let since_ms = commits.newer_since_ms(applied).unwrap_or(now_ms);
                standing.lag = standing.lag.max(head.saturating_sub(applied));
                standing.behind_ms = standing.behind_ms.max(now_ms.saturating_sub(since_ms));
            }
        }
        standing
    }
}
