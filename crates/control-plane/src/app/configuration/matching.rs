//! Which record a document is about: the one with its id, or else the only one of its name.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::hash::Hash;

/// Finds records of one kind, each for one document at most.
pub(super) struct Matching<I> {
    kind: &'static str,
    called: HashMap<String, Vec<I>>,
    /// How many documents have each name.
    named: HashMap<String, usize>,
    claimed: HashSet<I>,
}

impl<I: Copy + Eq + Hash + Display> Matching<I> {
    /// Among records that exist, for documents with these names.
    pub(super) fn among<'a>(
        kind: &'static str,
        records: impl IntoIterator<Item = (String, I)>,
        documents: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut called: HashMap<_, Vec<_>> = HashMap::new();
        for (name, id) in records {
            called.entry(name).or_default().push(id);
        }
        let mut named = HashMap::new();
        for name in documents {
            *named.entry(name.to_owned()).or_default() += 1;
        }
        Self {
            kind,
            called,
            named,
            claimed: HashSet::new(),
        }
    }

    /// The id of the record, if there can be one: a new record has none unless its document gives it.
    pub(super) fn settle(&mut self, id: Option<I>, name: &str) -> Result<Option<I>, String> {
        let kind = self.kind;
        let id = match id {
            Some(id) => id,
            None if self.named.get(name).is_some_and(|count| *count > 1) => {
                return Err(format!(
                    "the documents hold several {kind} called `{name}`: give the id"
                ));
            }
            None => match self.called.get(name).map(Vec::as_slice) {
                None | Some([]) => return Ok(None),
                Some([id]) => *id,
                Some(several) => {
                    let ids: Vec<_> = several.iter().map(|id| format!("`{id}`")).collect();
                    let (count, ids) = (several.len(), ids.join(", "));
                    return Err(format!(
                        "there are {count} {kind} called `{name}` ({ids}): give the id"
                    ));
                }
            },
        };
        if !self.claimed.insert(id) {
            return Err(format!("the documents hold `{id}` twice"));
        }
        Ok(Some(id))
    }

    /// Whether a document is about a record.
    pub(super) fn has_claimed(&self, id: I) -> bool {
        self.claimed.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(documents: &[&str]) -> Matching<u8> {
        let records = [("a", 1), ("b", 2), ("twin", 3), ("twin", 4)];
        let records = records.map(|(name, id)| (name.to_owned(), id));
        Matching::among("things", records, documents.iter().copied())
    }

    #[test]
    fn a_record_is_known_by_its_id_and_else_by_its_name() {
        let mut matching = matching(&["a", "renamed", "new"]);
        assert_eq!(matching.settle(None, "a"), Ok(Some(1)));
        assert_eq!(matching.settle(Some(2), "renamed"), Ok(Some(2)));
        assert_eq!(matching.settle(None, "new"), Ok(None));
        assert!(matching.has_claimed(1) && !matching.has_claimed(3));
    }

    #[test]
    fn a_name_that_several_records_have_needs_an_id() {
        let mut matching = matching(&["twin", "same", "same"]);
        let refused = matching.settle(None, "twin").unwrap_err();
        assert!(refused.contains("`3`, `4`"), "{refused}");
        assert!(matching.settle(None, "same").is_err());
        assert_eq!(matching.settle(Some(3), "twin"), Ok(Some(3)));
    }

    #[test]
    fn a_record_is_meant_once() {
        let mut matching = matching(&["a", "b"]);
        assert_eq!(matching.settle(Some(1), "b"), Ok(Some(1)));
        assert!(matching.settle(None, "a").is_err());
    }
}
