//! Texts that are kept once each.

use std::borrow::Cow;
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Texts in the order of their first appearance, each of them once, one after the other in memory.
#[derive(Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    places: HashTable<u32>,
    hasher: FixedState,
}

impl Texts {
    /// Returns the number of a text, from 0; gives it the next one where it is new.
    pub(super) fn number(&mut self, text: &[u8]) -> u32 {
        let Self {
            bytes,
            ends,
            places,
            hasher,
        } = self;
        let entry = places.entry(
            hasher.hash_one(text),
            |&at| slice(bytes, ends, at) == text,
            |&at| hasher.hash_one(slice(bytes, ends, at)),
        );
        match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                // Texts beyond four thousand million would need hundreds of GiB before.
                let number = u32::try_from(ends.len()).unwrap_or(u32::MAX);
                new.insert(number);
                bytes.extend_from_slice(text);
                ends.push(bytes.len());
                number
            }
        }
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the text of a number; what is not UTF-8 in it becomes U+FFFD.
    #[must_use]
    pub fn text(&self, number: u32) -> Cow<'_, str> {
        String::from_utf8_lossy(slice(&self.bytes, &self.ends, number))
    }
}

/// Returns the bytes of a text; none for a number that was not given.
fn slice<'a>(bytes: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let at = number as usize;
    let start = at.checked_sub(1).and_then(|before| ends.get(before));
    let range = start.copied().unwrap_or(0)..ends.get(at).copied().unwrap_or(0);
    bytes.get(range).unwrap_or_default()
}
