//! What a decoder hands on: payload lines of one block, their times, and what went wrong.

use super::Time;

/// A kind of trouble with a carrier; never an error, for the other lines are still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssueKind {
    /// A line without the carrier's stamp, handed on whole. Usual in small numbers: text that was
    /// written before or around the carrier.
    Unstamped,
    /// A record that does not have the carrier's form (JSON that does not parse, a timing entry
    /// that makes no sense), handed on whole.
    BadRecord,
    /// A record without a payload (`MESSAGE` missing or too large for `journalctl`): a line of
    /// the log is lost, and it was lost before we saw it.
    NoPayload,
    /// A line in pieces whose last piece never came, handed on as far as it goes.
    Unfinished,
    /// A line or document larger than what we put together; handed on in parts, or given up.
    TooLong,
    /// A line without a name in front, where others have one; handed on whole.
    Unnamed,
    /// A log of several jobs that is too large to be put in order.
    NotInOrder,
}

/// One kind of trouble, with how often and where it was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Issue {
    /// What it is.
    pub kind: IssueKind,
    /// How often it was seen.
    pub count: u64,
    /// The physical line on which it was first seen; the first line is 1.
    pub first_line: u64,
}

/// One payload line of an [`Unwrapped`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct UnwrappedLine {
    /// The time that the carrier gave the line, if any.
    pub time: Option<Time>,
    /// The physical line on which the payload started; the first line is 1.
    pub number: u64,
    /// Which of the logs that the carrier has mixed into one it is of: that of which host, job or step.
    /// Zero: of none.
    pub strand: u32,
}

/// Payload lines of one block, one after the other, with a table of their times and places.
#[derive(Debug, Default)]
pub struct Unwrapped {
    text: Vec<u8>,
    lines: Vec<UnwrappedLine>,
    number: u64,
    strand: u32,
    started_at: Option<i64>,
    issues: Vec<Issue>,
}

impl Unwrapped {
    /// Makes an empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Drops the lines and keeps their memory. The wall clock of the start and the issues stay:
    /// they are about the whole input.
    pub fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
    }

    /// Says which physical line the decoder is about to see; the first line is 1.
    pub fn at_line(&mut self, number: u64) {
        self.number = number;
    }

    /// Returns the number of the physical line that the decoder sees.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Adds a payload line, less one `\r` at its end. `payload` has no `\n` in it.
    pub fn push(&mut self, time: Option<Time>, payload: &[u8]) {
        self.push_from(self.number, time, payload);
    }

    /// Adds a payload line that started on physical line `number`.
    pub fn push_from(&mut self, number: u64, time: Option<Time>, payload: &[u8]) {
        let payload = payload.strip_suffix(b"\r").unwrap_or(payload);
        self.text.extend_from_slice(payload);
        self.text.push(b'\n');
        let strand = self.strand;
        self.lines.push(UnwrappedLine {
            time,
            number,
            strand,
        });
    }

    /// Lets `push` add lines of one of the logs that are mixed here, by its number; none has zero.
    pub fn in_strand(&mut self, strand: usize, push: impl FnOnce(&mut Self)) {
        let before = self.strand;
        self.strand = u32::try_from(strand).unwrap_or(u32::MAX);
        push(self);
        self.strand = before;
    }

    /// Adds a text that may have several lines; one `\n` at its end makes no further line.
    pub fn push_text(&mut self, time: Option<Time>, text: &[u8]) {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        for line in text.split(|&byte| byte == b'\n') {
            self.push(time, line);
        }
    }

    /// Takes over what another knows of the whole input.
    pub(super) fn take_over(&mut self, other: &mut Self) {
        self.started_at = self.started_at.or(other.started_at);
        for issue in other.issues.drain(..) {
            match self.issues.iter_mut().find(|own| own.kind == issue.kind) {
                Some(own) => own.count += issue.count,
                None => self.issues.push(issue),
            }
        }
    }

    /// Returns the payload lines with their times and places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (UnwrappedLine, &[u8])> {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        self.lines
            .iter()
            .copied()
            .zip(text.split(|&byte| byte == b'\n'))
    }

    /// Says what the wall clock showed at elapsed zero: nanoseconds since 1970. The first call
    /// counts, a second recording in the same file does not move the start.
    pub fn set_started_at(&mut self, unix_ns: i64) {
        self.started_at.get_or_insert(unix_ns);
    }

    /// Returns what the wall clock showed at elapsed zero, if the carrier's header said so.
    #[must_use]
    pub fn started_at(&self) -> Option<i64> {
        self.started_at
    }

    /// Notes trouble on the current line.
    pub fn note(&mut self, kind: IssueKind) {
        match self.issues.iter_mut().find(|issue| issue.kind == kind) {
            Some(issue) => issue.count += 1,
            None => self.issues.push(Issue {
                kind,
                count: 1,
                first_line: self.number,
            }),
        }
    }

    /// Returns the payload lines, each ended by `\n`.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns the times and places of the payload lines, in the order of [`Self::text`].
    #[must_use]
    pub fn lines(&self) -> &[UnwrappedLine] {
        &self.lines
    }

    /// Returns what went wrong so far, each kind once.
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stay_small() {
        assert!(size_of::<UnwrappedLine>() <= 32);
    }

    #[test]
    fn text_and_table_agree() {
        let mut out = Unwrapped::new();
        out.at_line(7);
        out.push(Some(Time::Elapsed(1)), b"a\r");
        out.push_text(None, b"b\n\nc\r\n");
        assert_eq!(out.text(), b"a\nb\n\nc\n");
        assert_eq!(out.lines().len(), 4);
        assert_eq!(out.lines()[0].number, 7);
        out.note(IssueKind::Unstamped);
        out.at_line(9);
        out.note(IssueKind::Unstamped);
        out.set_started_at(5);
        out.clear();
        assert!(out.text().is_empty() && out.lines().is_empty());
        assert_eq!(out.started_at(), Some(5));
        let issue = out.issues()[0];
        assert_eq!((issue.count, issue.first_line), (2, 7));
    }
}
