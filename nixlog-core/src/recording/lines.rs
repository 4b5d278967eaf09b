//! The lines of a recording as bytes, for those who want the log back.

use super::{MARK, QUOTE};
use crate::time::Stamp;

/// A line of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedLine<'a> {
    /// A line of the log, byte for byte, without its line feed.
    Log(Option<Stamp>, &'a [u8]),
    /// What follows the mark of a side line.
    Side(&'a [u8]),
}

/// Takes a line of a recording apart. `line` has no line feed.
#[must_use]
pub fn recorded_line(line: &[u8]) -> RecordedLine<'_> {
    let (stamp, text) = split_stamp(line);
    if let Some(side) = text.strip_prefix(MARK.as_bytes()) {
        return RecordedLine::Side(side);
    }
    RecordedLine::Log(stamp, text.strip_prefix(QUOTE.as_bytes()).unwrap_or(text))
}

/// A line without a stamp is damage, and is all text.
fn split_stamp(line: &[u8]) -> (Option<Stamp>, &[u8]) {
    let n_digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = line
        .get(..n_digits)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let nanos = digits.and_then(|digits| digits.parse().ok());
    match (nanos, line.get(n_digits..)) {
        (Some(nanos), Some([b' ', text @ ..])) => (Some(Stamp::from_nanos(nanos)), text),
        _ => (None, line),
    }
}
