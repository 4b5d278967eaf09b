//! Lists in a `.drv`: read once to be known as well-formed, and again when somebody wants them.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use nom::Parser as _;
use nom::bytes::complete::tag;

use super::aterm::Parsed;

/// What a list may hold. Not for others to implement.
pub trait Element<'a>: Copy + fmt::Debug + sealed::Parse<'a> {}

pub(super) mod sealed {
    use super::super::aterm::Parsed;

    /// Reads one element, nested no deeper than `depth`.
    pub trait Parse<'a>: Sized {
        fn parse(input: &'a [u8], depth: u8) -> Parsed<'a, Self>;
    }
}

impl<'a, T: Copy + fmt::Debug + sealed::Parse<'a>> Element<'a> for T {}

/// A list that is known to be well-formed. Iterating reads it again; nothing is allocated.
#[derive(Clone, Copy)]
pub struct List<'a, T> {
    /// What stands between the brackets.
    raw: &'a [u8],
    len: usize,
    element: PhantomData<T>,
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self {
            raw: &[],
            len: 0,
            element: PhantomData,
        }
    }
}

impl<'a, T: Element<'a>> List<'a, T> {
    /// Reads `[element,element…]`.
    pub(super) fn parse(input: &'a [u8], depth: u8) -> Parsed<'a, Self> {
        Self::parse_each(input, depth, |_| {})
    }

    /// The same, with a look at each element while it is at hand.
    pub(super) fn parse_each(
        input: &'a [u8],
        depth: u8,
        mut each: impl FnMut(T),
    ) -> Parsed<'a, Self> {
        let (start, _) = tag("[").parse(input)?;
        let (mut rest, mut len) = (start, 0);
        if start.first() != Some(&b']') {
            loop {
                let (after, element) = T::parse(rest, depth)?;
                each(element);
                rest = after;
                len += 1;
                match rest.first() {
                    Some(b',') => rest = &rest[1..],
                    _ => break,
                }
            }
        }
        let (after, _) = tag("]").parse(rest)?;
        let list = Self {
            raw: &start[..start.len() - rest.len()],
            len,
            element: PhantomData,
        };
        Ok((after, list))
    }

    /// Returns how many elements there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.len
    }

    /// Tells whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Iterates over the elements.
    #[must_use]
    pub const fn iter(self) -> Iter<'a, T> {
        Iter { list: self }
    }
}

impl<'a, T: Element<'a>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: Element<'a>> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

/// Iterates over the elements of a [`List`].
#[derive(Clone, Debug)]
pub struct Iter<'a, T: Element<'a>> {
    list: List<'a, T>,
}

impl<'a, T: Element<'a>> Iterator for Iter<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.list.len = self.list.len.checked_sub(1)?;
        // Nothing can be wrong: the list was read before.
        let (rest, element) = T::parse(self.list.raw, u8::MAX).ok()?;
        self.list.raw = rest.get(1..).unwrap_or_default();
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.list.len, Some(self.list.len))
    }
}

impl<'a, T: Element<'a>> ExactSizeIterator for Iter<'a, T> {}

impl<'a, T: Element<'a>> FusedIterator for Iter<'a, T> {}
