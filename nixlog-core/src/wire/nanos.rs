//! The `<nanoseconds> ` in front of each line of a stamped log.

use super::json;
use crate::time::Stamp;

/// Reads `<nanoseconds> payload`, nanoseconds since the start of the recording.
///
/// The scanner reads this carrier itself, without a copy, since nixlog's own recordings have this
/// form. Stamps never go backward: a smaller one counts as the largest so far.
#[derive(Debug, Default, Clone)]
pub(super) struct NanosClock {
    /// Added to what the log says: a second recording behind the first goes on where that ended.
    base: u64,
    first: Option<u64>,
    last: u64,
    backward: Option<Backward>,
}

/// Stamps that were smaller than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backward {
    /// How many there were.
    pub count: u64,
    /// The line of the first.
    pub first_line: u64,
    /// The largest step back, in nanoseconds.
    pub largest_ns: u64,
}

impl NanosClock {
    /// Reads the stamp at the start of a line; returns it and where the payload starts.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], at: usize, line: u64) -> (Option<Stamp>, usize) {
        let Some((nanos, end)) = json::integer(bytes, at) else { return (None, at) };
        if bytes.get(end) != Some(&b' ') {
            return (None, at);
        }
        let now = self.base.saturating_add(nanos);
        if now < self.last {
            self.step_back(nanos, now, line);
        } else {
            self.last = now;
        }
        if self.first.is_none() {
            self.first = Some(nanos);
        }
        (Some(Stamp::from_nanos(self.last)), end + 1)
    }

    #[cold]
    fn step_back(&mut self, nanos: u64, now: u64, line: u64) {
        let step = self.last - now;
        let backward = self.backward.get_or_insert(Backward { count: 0, first_line: line, largest_ns: 0 });
        backward.count += 1;
        backward.largest_ns = backward.largest_ns.max(step);
        // A stamp before the very first one means that another recording begins here. In damaged
        // input this happens a few times at the most: each makes the next less likely.
        if self.first.is_some_and(|first| nanos < first) {
            self.first = Some(nanos);
            self.base = self.last;
            self.last = self.base.saturating_add(nanos);
        }
    }

    /// Returns what went wrong with the stamps.
    pub(super) const fn backward(&self) -> Option<Backward> {
        self.backward
    }
}
