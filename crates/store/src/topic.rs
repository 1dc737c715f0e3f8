//! What other processes over the same database keep in memory, and so have to hear of.

use tokio::sync::watch;

/// A part of the records that processes keep in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// By which tokens gateways may come.
    GatewayTokens,
    /// By which keys answers to gateways are signed.
    FeedKeys,
    /// What gateways said of themselves.
    Gateways,
    /// When key sets are to be fetched.
    KeySets,
}

impl Topic {
    const ALL: [Self; 4] = [
        Self::GatewayTokens,
        Self::FeedKeys,
        Self::Gateways,
        Self::KeySets,
    ];

    pub(crate) const COUNT: usize = Self::ALL.len();

    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter()
    }

    /// Where it stands among all.
    #[must_use]
    pub const fn place(self) -> usize {
        match self {
            Self::GatewayTokens => 0,
            Self::FeedKeys => 1,
            Self::Gateways => 2,
            Self::KeySets => 3,
        }
    }
}

/// Tells which topics were written, by this process or another. What is written several times before it is asked for is
/// told once.
pub struct News {
    counts: watch::Receiver<[u64; Topic::COUNT]>,
    known: [Option<u64>; Topic::COUNT],
}

impl News {
    /// At first all topics are news.
    pub(crate) const fn of(counts: watch::Receiver<[u64; Topic::COUNT]>) -> Self {
        Self {
            counts,
            known: [None; Topic::COUNT],
        }
    }

    /// Waits until there is any, and takes it. None when the database is closed.
    pub async fn next(&mut self) -> Option<Vec<Topic>> {
        let known = self.known;
        let is_any = |counts: &[u64; Topic::COUNT]| known != counts.map(Some);
        self.known = self.counts.wait_for(is_any).await.ok()?.map(Some);
        let before = known.iter().zip(&self.known);
        let is_new = before.map(|(before, now)| before != now);
        let topics = Topic::all().zip(is_new);
        Some(
            topics
                .filter(|(_, is_new)| *is_new)
                .map(|(topic, _)| topic)
                .collect(),
        )
    }

    /// Takes a topic for news again, since it could not be taken in.
    pub fn put_back(&mut self, topic: Topic) {
        if let Some(known) = self.known.get_mut(topic.place()) {
            *known = None;
        }
    }
}

/// Several of them, as processes tell each other: one letter each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Topics(u8);

impl Topics {
    pub(crate) const fn add(&mut self, topic: Topic) {
        self.0 |= 1 << topic.place();
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::all().filter(move |topic| self.0 & (1 << topic.place()) != 0)
    }

    /// As text.
    pub(crate) fn as_text(self) -> String {
        self.0.to_string()
    }

    /// From text. What cannot be read counts as all: better once too often than never.
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.parse().unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_survive_being_told_and_what_cannot_be_read_is_all_of_them() {
        for topic in Topic::all() {
            let mut topics = Topics::default();
            assert!(topics.is_empty());
            topics.add(topic);
            let told = Topics::from_text(&topics.as_text());
            assert_eq!(told.iter().collect::<Vec<_>>(), [topic]);
        }
        let all: Vec<_> = Topic::all().collect();
        assert_eq!(Topics::from_text("?").iter().collect::<Vec<_>>(), all);
        let places: Vec<_> = Topic::all().map(Topic::place).collect();
        assert_eq!(places, (0..Topic::COUNT).collect::<Vec<_>>());
    }
}
