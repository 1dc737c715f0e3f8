//! The bytes of a page: a header, then entries one after the other. Searched in place; only the match is decoded.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | generation, little-endian: a page of another generation counts as empty |
//! | 8 | term of the leader that wrote it, little-endian: a leader of an earlier term must not write over it |
//! | then, for each entry: | |
//! | `K` | key: 32 bytes on pages of records, 16 on the others |
//! | 4 | length of the value, little-endian |
//! | length | value |

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
    pub fn find<const K: usize>(&self, key: &[u8; K]) -> Option<&'a [u8]> {
        self.entries::<K>()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value)
    }

    /// The value for a key, when the page belongs to this generation.
    #[must_use]
    pub fn find_in<const K: usize>(&self, generation: u64, key: &[u8; K]) -> Option<&'a [u8]> {
        self.find(key).filter(|_| self.generation == generation)
    }

    /// All entries. Ends early where the bytes do.
    pub fn entries<const K: usize>(&self) -> impl Iterator<Item = (&'a [u8; K], &'a [u8])> {
        let mut rest = self.entries;
        std::iter::from_fn(move || {
            let (key, after) = rest.split_first_chunk::<K>()?;
            let (length, after) = after.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (value, after) = after.split_at_checked(length)?;
            rest = after;
            Some((key, value))
        })
    }
}

/// A page being written: the entries of one that was read, with some put or removed.
#[derive(Debug)]
pub struct Draft<const K: usize>(Vec<u8>);

impl<const K: usize> Draft<K> {
    /// Begins with the entries of `page` when they belong to `generation`, leaving out those whose key is in `without`.
    #[must_use]
    pub fn new(page: &Page<'_>, generation: u64, term: u64, without: &[&[u8; K]]) -> Self {
        let mut bytes = Vec::with_capacity(page.entries.len().saturating_add(256));
        bytes.extend(generation.to_le_bytes());
        bytes.extend(term.to_le_bytes());
        let mut draft = Self(bytes);
        if page.generation == generation {
            for (key, value) in page.entries::<K>() {
                if !without.contains(&key) {
                    draft.put(key, value);
                }
            }
        }
        draft
    }

    /// Adds an entry. A value of 4 GiB or more is left out, and nothing here is that long.
    pub fn put(&mut self, key: &[u8; K], value: &[u8]) {
        if let Ok(length) = u32::try_from(value.len()) {
            self.0.extend(key);
            self.0.extend(length.to_le_bytes());
            self.0.extend(value);
        }
    }

    /// The bytes to be stored.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(entries: &[(&[u8; 2], &[u8])]) -> Vec<u8> {
        let mut draft = Draft::new(&Page::open(&[]), 7, 3, &[]);
        for (key, value) in entries {
            draft.put(key, value);
        }
        draft.into_bytes()
    }

    #[test]
    fn what_is_put_is_found() {
        let bytes = page(&[(b"aa", b"one"), (b"bb", b""), (b"cc", &[9; 300])]);
        let page = Page::open(&bytes);
        assert_eq!((page.generation, page.term), (7, 3));
        assert_eq!(page.find(b"aa"), Some(&b"one"[..]));
        assert_eq!(page.find(b"bb"), Some(&b""[..]));
        assert_eq!(page.find(b"cc"), Some(&[9; 300][..]));
        assert_eq!(page.find(b"dd"), None);
    }

    #[test]
    fn a_draft_keeps_all_but_what_is_left_out() {
        let bytes = page(&[(b"aa", b"one"), (b"bb", b"two")]);
        let mut draft = Draft::new(&Page::open(&bytes), 7, 4, &[b"aa"]);
        draft.put(b"cc", b"three");
        let bytes = draft.into_bytes();
        let keys: Vec<_> = Page::open(&bytes)
            .entries::<2>()
            .map(|(key, _)| *key)
            .collect();
        assert_eq!(keys, [*b"bb", *b"cc"]);
    }

    #[test]
    fn entries_of_another_generation_are_forgotten() {
        let bytes = page(&[(b"aa", b"one")]);
        let bytes = Draft::<2>::new(&Page::open(&bytes), 8, 4, &[]).into_bytes();
        assert_eq!(Page::open(&bytes).entries::<2>().count(), 0);
    }

    #[test]
    fn bytes_cut_anywhere_end_the_page_and_harm_nothing() {
        let bytes = page(&[(b"aa", b"one"), (b"bb", b"two")]);
        for length in 0..bytes.len() {
            let count = Page::open(&bytes[..length]).entries::<2>().count();
            assert!(count <= 1, "{length}");
        }
        let mut lying = page(&[(b"aa", b"one")]);
        lying[18..22].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Page::open(&lying).entries::<2>().count(), 0);
    }
}
