//! What was written to a terminal: lines, and what is drawn over before its line ends.
//!
//! A status line is drawn again and again in the same line, for as long as a build runs. Each of
//! its states has the time at which it was written, so each is handed on as a line of its own.

use super::{IssueKind, LARGEST_LINE, Time, Unwrapped};

/// "Erase to the end of the line": Nix writes it behind each state of its status line, Lix before.
const ERASE: &[u8] = b"\x1b[K";

/// "Show nothing until I say so": how Lix begins to draw.
const BEGIN_UPDATE: &[u8] = b"\x1b[?2026h";

/// A part of a line, up to where it is drawn over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawing<'a> {
    /// What was written, without the `\r` that ends it.
    pub(super) text: &'a [u8],
    /// Where it starts in the line.
    pub(super) start: usize,
    /// It was drawn over by something that begins with an [`ERASE`].
    erased: bool,
    /// Nothing of the line follows.
    is_last: bool,
}

impl Drawing<'_> {
    /// Returns the place of the byte in the line that came last, when all of it was there; `None`
    /// where that is the end of the line.
    pub(super) fn last_byte(&self) -> Option<usize> {
        if self.is_last && !self.text.ends_with(ERASE) {
            return None;
        }
        let text = self.text.strip_suffix(BEGIN_UPDATE).unwrap_or(self.text);
        Some(self.start + text.len().saturating_sub(1))
    }

    /// Hands it on as a line. One that was erased ends with that, whoever wrote it.
    pub(super) fn push(&self, number: u64, time: Option<Time>, out: &mut Unwrapped) {
        if self.erased && !self.text.ends_with(ERASE) {
            out.push_from(number, time, &[self.text, ERASE].concat());
        } else {
            out.push_from(number, time, self.text);
        }
    }
}

/// Cuts a line where its status is drawn over. The progress of other programs stays in one piece.
pub(super) fn drawings(line: &[u8]) -> Vec<Drawing<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(length) = memchr::memchr(b'\r', &line[at..]) {
        let end = at + length;
        let after = &line[end + 1..];
        let next = &after[..memchr::memchr(b'\r', after).unwrap_or(after.len())];
        let is_status = |text: &[u8]| text.starts_with(ERASE) || text.ends_with(ERASE);
        if end == start {
            start = end + 1;
        } else if is_status(&line[at..end]) || is_status(next) {
            found.push(Drawing {
                text: &line[start..end],
                start,
                erased: next.starts_with(ERASE),
                is_last: false,
            });
            start = end + 1;
        }
        at = end + 1;
    }
    if start < line.len() || found.is_empty() {
        found.push(Drawing {
            text: &line[start..],
            start,
            erased: false,
            is_last: true,
        });
    }
    found
}

/// A chunk of output: where it ends in the line, when it came, and in which physical line.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    end: usize,
    time: Option<Time>,
    number: u64,
}

/// The line that is being written to a terminal, from chunks of output with their times.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    line: Vec<u8>,
    chunks: Vec<Chunk>,
}

impl Terminal {
    /// Takes a chunk of output: each `\n` in it ends a line.
    pub(super) fn chunk(&mut self, time: Option<Time>, chunk: &[u8], out: &mut Unwrapped) {
        let mut rest = chunk;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            self.add(time, &rest[..at], out);
            self.end(out);
            rest = &rest[at + 1..];
        }
        if !rest.is_empty() {
            self.add(time, rest, out);
        }
    }

    fn add(&mut self, time: Option<Time>, text: &[u8], out: &mut Unwrapped) {
        if self.line.len().saturating_add(text.len()) > LARGEST_LINE {
            out.note(IssueKind::TooLong);
            self.end(out);
        }
        self.line.extend_from_slice(text);
        self.chunks.push(Chunk {
            end: self.line.len(),
            time,
            number: out.number(),
        });
    }

    /// Hands on the line.
    fn end(&mut self, out: &mut Unwrapped) {
        let Some(&last) = self.chunks.last() else {
            return;
        };
        let holder = |place: usize| {
            let index = self.chunks.partition_point(|chunk| chunk.end <= place);
            *self.chunks.get(index).unwrap_or(&last)
        };
        for drawing in drawings(&self.line) {
            let time = drawing.last_byte().map_or(last, holder).time;
            drawing.push(holder(drawing.start).number, time, out);
        }
        self.line.clear();
        self.chunks.clear();
    }

    /// Hands on a line that never ended.
    pub(super) fn finish(&mut self, out: &mut Unwrapped) {
        self.end(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives each line with its time in seconds.
    fn read(chunks: &[(u64, &str)]) -> Vec<(u64, String)> {
        let (mut terminal, mut out) = (Terminal::default(), Unwrapped::new());
        for &(time, chunk) in chunks {
            terminal.chunk(Some(Time::Elapsed(time)), chunk.as_bytes(), &mut out);
        }
        terminal.finish(&mut out);
        let text = String::from_utf8_lossy(out.text()).into_owned();
        let times = out.lines().iter().map(|line| match line.time {
            Some(Time::Elapsed(time)) => time,
            other => panic!("{other:?}"),
        });
        times.zip(text.lines().map(str::to_owned)).collect()
    }

    fn check(chunks: &[(u64, &str)], want: &[(u64, &str)]) {
        let want: Vec<_> = want
            .iter()
            .map(|&(at, text)| (at, text.to_owned()))
            .collect();
        assert_eq!(read(chunks), want, "{chunks:?}");
    }

    #[test]
    fn each_redraw_of_a_status_has_its_own_time() {
        // Nix: `\r`, the state, an erasure; and a message between two states.
        check(
            &[
                (1, "\ra\u{1b}[K"),
                (5, "\rb\u{1b}[K"),
                (9, "\r\u{1b}[Kmessage\r\n\rc\u{1b}"),
                (10, "[K"),
                (25, "\r\u{1b}[K"),
            ],
            &[
                (1, "a\u{1b}[K"),
                (5, "b\u{1b}[K"),
                (9, "\u{1b}[Kmessage"),
                (10, "c\u{1b}[K"),
                (25, "\u{1b}[K"),
            ],
        );
        // Lix: an erasure, then the state.
        check(
            &[
                (1, "\u{1b}[?2026h\r\u{1b}[Ka\u{1b}[0m\u{1b}[?2026l"),
                (5, "\u{1b}[?2026h\r\u{1b}[Kb\u{1b}[0m\u{1b}[?2026l"),
                (9, "\u{1b}[?2026h\r\u{1b}[K"),
            ],
            &[
                (1, "\u{1b}[?2026h\u{1b}[K"),
                (1, "\u{1b}[Ka\u{1b}[0m\u{1b}[?2026l\u{1b}[?2026h\u{1b}[K"),
                (5, "\u{1b}[Kb\u{1b}[0m\u{1b}[?2026l\u{1b}[?2026h\u{1b}[K"),
                (9, "\u{1b}[K"),
            ],
        );
    }

    #[test]
    fn lines_and_other_progress_stay_whole() {
        check(&[(1, "a"), (2, "b\r"), (3, "\nc")], &[(3, "ab"), (3, "c")]);
        check(
            &[(1, "10%\r"), (2, "20%\r"), (3, "done\n\n")],
            &[(3, "10%\r20%\rdone"), (3, "")],
        );
        check(
            &[(1, "10%"), (2, "\r20%"), (3, "\ra\u{1b}[K"), (4, "\n")],
            &[(2, "10%\r20%"), (3, "a\u{1b}[K")],
        );
    }
}
