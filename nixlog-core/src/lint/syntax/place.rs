//! Lines and columns, as Nix counts them.

use super::{Tree, offset};

/// Where the lines of a text start.
///
/// Nix ends a line at `\n`, at `\r\n` and at a lone `\r` (`LinesIterator` in `position.cc`), and counts columns in
/// bytes.
#[derive(Debug)]
pub(in crate::lint) struct Lines<'a> {
    source: &'a str,
    starts: Vec<u32>,
}

/// A place in a text. Both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lint) struct Place {
    pub(in crate::lint) line: u32,
    /// In bytes.
    pub(in crate::lint) column: u32,
    /// In characters.
    pub(in crate::lint) character: u32,
}

impl<'a> Lines<'a> {
    pub(in crate::lint) fn new(source: &'a str) -> Self {
        let bytes = source.as_bytes();
        let mut starts = vec![0];
        for end in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            let is_half = bytes[end] == b'\r' && bytes.get(end + 1) == Some(&b'\n');
            if !is_half {
                starts.push(offset(end + 1));
            }
        }
        Self { source, starts }
    }

    /// Returns the place of a byte.
    pub(in crate::lint) fn place(&self, at: u32) -> Place {
        let line = self.starts.partition_point(|&start| start <= at);
        let start = self.starts[line - 1];
        let before = self.source.get(start as usize..at as usize);
        let n_characters = before.unwrap_or_default().chars().count();
        Place {
            line: offset(line),
            column: at - start + 1,
            character: offset(n_characters + 1),
        }
    }

    /// Returns the byte at a place; `None` where there is no such line.
    pub(super) fn at(&self, line: u32, column: u32) -> Option<u32> {
        let line = line.checked_sub(1)? as usize;
        let start = *self.starts.get(line)?;
        let next = self.starts.get(line + 1).copied();
        let end = next.map_or(offset(self.source.len()), |next| next - 1);
        Some((start + column.checked_sub(1)?).min(end))
    }
}

impl<'a> Tree<'a> {
    pub(in crate::lint) fn line_starts(&self) -> Lines<'a> {
        Lines::new(self.source)
    }
}
