//! A line that comes in pieces.

use super::{IssueKind, LARGEST_LINE, Time, Unwrapped};

/// The pieces of one line so far.
#[derive(Debug)]
pub(super) struct Partial {
    text: Vec<u8>,
    time: Option<Time>,
    /// The physical line of the first piece; `None` while there is no piece.
    number: Option<u64>,
    largest: usize,
}

impl Default for Partial {
    fn default() -> Self {
        Self::up_to(LARGEST_LINE)
    }
}

impl Partial {
    fn up_to(largest: usize) -> Self {
        Self {
            text: Vec::new(),
            time: None,
            number: None,
            largest,
        }
    }

    /// Takes a piece that is not the last.
    pub(super) fn add(&mut self, time: Option<Time>, piece: &[u8], out: &mut Unwrapped) {
        if self.text.len().saturating_add(piece.len()) > self.largest {
            out.note(IssueKind::TooLong);
            self.end(time, piece, out);
            return;
        }
        self.number.get_or_insert(out.number());
        self.text.extend_from_slice(piece);
        self.time = time.or(self.time);
    }

    /// Takes the last piece and hands on the line with its time.
    pub(super) fn end(&mut self, time: Option<Time>, piece: &[u8], out: &mut Unwrapped) {
        let Some(number) = self.number.take() else {
            out.push(time, piece); // The common case needs no copy here.
            return;
        };
        self.text.extend_from_slice(piece);
        out.push_from(number, time.or(self.time), &self.text);
        self.text.clear();
        self.time = None;
    }

    /// Takes a chunk of a stream of bytes: each `\n` in it ends a line.
    pub(super) fn chunk(&mut self, time: Option<Time>, chunk: &[u8], out: &mut Unwrapped) {
        let mut rest = chunk;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            self.end(time, &rest[..at], out);
            rest = &rest[at + 1..];
        }
        if !rest.is_empty() {
            self.add(time, rest, out);
        }
    }

    /// Hands on a line whose last piece never came. `expected` says that it should have.
    pub(super) fn finish(&mut self, expected: bool, out: &mut Unwrapped) {
        if self.number.is_some() {
            if expected {
                out.note(IssueKind::Unfinished);
            }
            self.end(None, b"", out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_and_keeps_the_last_time() {
        let (mut partial, mut out) = (Partial::default(), Unwrapped::new());
        out.at_line(1);
        partial.add(Some(Time::Elapsed(1)), b"a", &mut out);
        out.at_line(2);
        partial.chunk(Some(Time::Elapsed(2)), b"b\nc", &mut out);
        partial.finish(true, &mut out);
        assert_eq!(out.text(), b"ab\nc\n");
        let table: Vec<_> = out.lines().iter().map(|l| (l.time, l.number)).collect();
        let time = Some(Time::Elapsed(2));
        assert_eq!(table, [(time, 1), (time, 2)]);
        assert_eq!(out.issues()[0].kind, IssueKind::Unfinished);
    }

    #[test]
    fn is_bounded_and_loses_nothing() {
        let (mut partial, mut out) = (Partial::up_to(4), Unwrapped::new());
        for _ in 0..3 {
            partial.add(None, b"abc", &mut out);
        }
        partial.finish(false, &mut out);
        assert_eq!(out.text(), b"abcabc\nabc\n");
        assert_eq!(out.issues()[0].kind, IssueKind::TooLong);
    }
}
