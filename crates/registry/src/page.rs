//! The bytes of a page: a header, then entries one after the other. Searched in place; only the match is decoded.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | generation, little-endian: a page of another generation counts as empty |
//! | 8 | term of the leader that wrote it, little-endian: a leader of an earlier term must not write over it |
//! | then, for each entry: | |
//! | 16 | key |
//! | 1 to 5 | length of the value: seven bits in each byte, the least first, and one that says whether more follow |
//! | length | value |

/// What an entry is found by.
pub type Key = [u8; 16];

/// A page as read.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// To which generation the entries belong.
    pub generation: u64,
    /// Who wrote it.
    pub term: u64,
    entries: &'a [u8],
}

impl<'a> Page<'a> {
    /// Reads the header. Bytes that are too short for one are a page of generation 0, which is never live.
    #[must_use]
    pub fn open(bytes: &'a [u8]) -> Self {
        let header = || {
            let (generation, rest) = bytes.split_first_chunk()?;
            let (term, entries) = rest.split_first_chunk()?;
            Some(Self {
                generation: u64::from_le_bytes(*generation),
                term: u64::from_le_bytes(*term),
                entries,
            })
        };
        header().unwrap_or(Self {
            generation: 0,
            term: 0,
            entries: &[],
        })
    }

    /// The value for a key.
    #[must_use]
    pub fn find(&self, key: &Key) -> Option<&'a [u8]> {
        self.entries()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value)
    }

    /// The value for a key, when the page belongs to this generation.
    #[must_use]
    pub fn find_in(&self, generation: u64, key: &Key) -> Option<&'a [u8]> {
        self.find(key).filter(|_| self.generation == generation)
    }

    /// All entries. Ends early where the bytes do.
    pub fn entries(&self) -> impl Iterator<Item = (&'a Key, &'a [u8])> {
        let mut rest = self.entries;
        std::iter::from_fn(move || {
            let (key, value, after) = split_entry(rest)?;
            rest = after;
            Some((key, value))
        })
    }
}

fn split_entry(bytes: &[u8]) -> Option<(&Key, &[u8], &[u8])> {
    let (key, after) = bytes.split_first_chunk()?;
    let (length, after) = read_length(after)?;
    let (value, after) = after.split_at_checked(length)?;
    Some((key, value, after))
}

/// A page being written: the entries of one that was read, with some put or removed.
#[derive(Debug)]
pub struct Draft(Vec<u8>);

impl Draft {
    /// Begins with those entries of `page` that `stay`, when they belong to `generation`, and tells how many do not.
    #[must_use]
    pub fn new(
        page: &Page<'_>,
        generation: u64,
        term: u64,
        stay: impl Fn(&Key, &[u8]) -> bool,
    ) -> (Self, usize) {
        let mut bytes = Vec::with_capacity(page.entries.len().saturating_add(256));
        bytes.extend(generation.to_le_bytes());
        bytes.extend(term.to_le_bytes());
        let mut gone = 0_usize;
        if page.generation == generation {
            // Nearly all stay: they are copied as they stand together.
            let (mut run, mut rest) = (page.entries, page.entries);
            let mut keep = |run: &[u8], rest: &[u8]| {
                let length = run.len().saturating_sub(rest.len());
                bytes.extend(run.get(..length).unwrap_or_default());
            };
            while let Some((key, value, after)) = split_entry(rest) {
                if !stay(key, value) {
                    keep(run, rest);
                    run = after;
                    gone = gone.saturating_add(1);
                }
                rest = after;
            }
            keep(run, rest);
        }
        (Self(bytes), gone)
    }

    /// Adds an entry. A value of 4 GiB or more is left out, and nothing here is that long.
    pub fn put(&mut self, key: &Key, value: &[u8]) {
        if let Ok(mut length) = u32::try_from(value.len()) {
            self.0.extend(key);
            loop {
                let [low, ..] = (length & 0x7f).to_le_bytes();
                length >>= 7;
                if length == 0 {
                    self.0.push(low);
                    break;
                }
                self.0.push(low | 0x80);
            }
            self.0.extend(value);
        }
    }

    /// The bytes to be stored.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0_usize;
    let mut rest = bytes;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((length, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Key = [b'a'; 16];
    const B: Key = [b'b'; 16];
    const C: Key = [b'c'; 16];

    fn page(entries: &[(&Key, &[u8])]) -> Vec<u8> {
        let (mut draft, _) = Draft::new(&Page::open(&[]), 7, 3, |_, _| true);
        for (key, value) in entries {
            draft.put(key, value);
        }
        draft.into_bytes()
    }

    #[test]
    fn what_is_put_is_found() {
        let long = vec![9; 20_000];
        let bytes = page(&[(&A, b"one"), (&B, b""), (&C, &long)]);
        let page = Page::open(&bytes);
        assert_eq!((page.generation, page.term), (7, 3));
        assert_eq!(page.find(&A), Some(&b"one"[..]));
        assert_eq!(page.find(&B), Some(&b""[..]));
        assert_eq!(page.find(&C), Some(&long[..]));
        assert_eq!(page.find(&[0; 16]), None);
        assert_eq!(
            (page.find_in(7, &B).is_some(), page.find_in(8, &B)),
            (true, None)
        );
    }

    #[test]
    fn values_of_every_length_are_read_as_they_are_written() {
        for length in (0..400).chain([16_383, 16_384, 2_097_151, 2_097_152]) {
            let value = vec![1; length];
            let bytes = page(&[(&A, &value), (&B, b"end")]);
            let page = Page::open(&bytes);
            assert_eq!(page.find(&A).map(<[u8]>::len), Some(length));
            assert_eq!(page.find(&B), Some(&b"end"[..]), "{length}");
        }
    }

    #[test]
    fn a_draft_keeps_what_stays() {
        let bytes = page(&[(&A, b"one"), (&B, b"two"), (&C, b"one")]);
        let stays = |key: &Key, value: &[u8]| *key != B && (*key == A || value != b"one");
        let (mut draft, gone) = Draft::new(&Page::open(&bytes), 7, 4, stays);
        assert_eq!(gone, 2);
        draft.put(&B, b"three");
        let bytes = draft.into_bytes();
        let entries: Vec<_> = Page::open(&bytes).entries().collect();
        assert_eq!(entries, [(&A, &b"one"[..]), (&B, b"three")]);
    }

    #[test]
    fn entries_of_another_generation_are_forgotten() {
        let bytes = page(&[(&A, b"one")]);
        let (draft, gone) = Draft::new(&Page::open(&bytes), 8, 4, |_, _| true);
        let bytes = draft.into_bytes();
        assert_eq!(gone, 0);
        assert_eq!(Page::open(&bytes).entries().count(), 0);
    }

    #[test]
    fn bytes_cut_anywhere_end_the_page_and_harm_nothing() {
        let bytes = page(&[(&A, b"one"), (&B, &[2; 200])]);
        for length in 0..bytes.len() {
            let count = Page::open(&bytes[..length]).entries().count();
            assert!(count <= 1, "{length}");
        }
        let mut lying = page(&[(&A, b"one")]);
        lying.truncate(32);
        lying.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(Page::open(&lying).entries().count(), 0);
        lying.push(0xff);
        lying[36] = 0xff;
        assert_eq!(Page::open(&lying).entries().count(), 0);
    }
}
