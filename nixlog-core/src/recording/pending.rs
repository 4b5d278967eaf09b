//! The lines that wait to be written, thinned.
//!
//! Progress results are 98 % of a log of downloads. Between one that is kept and the next that is due,
//! only the latest is: it lies in the buffer on trial, and is struck out when a later one comes. What
//! is still on trial when the buffer is taken stays. So the order of lines never changes, no stamp is
//! made up, and the first and the last progress of each activity are always there.

use std::collections::HashMap;
use std::io;
use std::ops::Range;

use super::side::SideLine;
use super::{BEGINNING, MARK, QUOTE};
use crate::ids::ActivityId;
use crate::time::{Nanos, Stamp};
use crate::wire::event::Progress;
use crate::wire::{progress_line, stop_line};

/// Whether progress results are thinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thinning {
    /// At most four a second for each activity, and all that tell of something that ended.
    #[default]
    On,
    /// All lines are kept.
    Off,
}

/// The least time between two progress results that are kept. Half a second, since what is on trial
/// stays each time the buffer is taken, once a second: a second sees two that are due, and one on trial
/// near each of its ends.
const GAP: Nanos = Nanos::new(1_000_000_000 / 2);

/// From this size on, what was struck out is removed, if it is more than half.
const COMPACT: usize = 256 * 1024;

/// Lines that wait to be written.
#[derive(Debug, Default)]
pub struct Pending {
    thinning: Thinning,
    text: Vec<u8>,
    /// What was struck out, in order and apart.
    struck: Vec<Range<usize>>,
    struck_bytes: usize,
    activities: HashMap<ActivityId, Kept, foldhash::fast::FixedState>,
    thinned: u64,
    /// The latest stamp.
    last: Stamp,
    /// The same, as it stands before each line.
    prefix: Vec<u8>,
    unterminated: bool,
}

/// What is kept of an activity's progress.
#[derive(Debug)]
struct Kept {
    at: Stamp,
    latest: Progress,
    trial: Option<(Stamp, Range<usize>)>,
}

impl Pending {
    /// Makes an empty buffer.
    #[must_use]
    pub fn new(thinning: Thinning) -> Self {
        Self {
            thinning,
            prefix: b"0 ".to_vec(),
            ..Self::default()
        }
    }

    /// Takes in whole lines of the log, all with one stamp; only the log's very last line may lack its
    /// line feed.
    pub fn lines(&mut self, block: &[u8], stamp: Stamp) {
        if block.is_empty() {
            return;
        }
        self.at(stamp);
        let body = block.strip_suffix(b"\n");
        self.unterminated = body.is_none();
        for line in Split(Some(body.unwrap_or(block))) {
            self.line(line);
        }
    }

    /// Adds a side line, with the stamp of the line before it.
    pub fn side(&mut self, side: &SideLine<'_>) {
        self.text.extend_from_slice(&self.prefix);
        self.text.extend_from_slice(MARK.as_bytes());
        let written: io::Result<()> = side.write(&mut self.text);
        debug_assert!(written.is_ok(), "memory takes everything: {written:?}");
        self.text.push(b'\n');
    }

    /// Adds side lines that were written before, without line feeds.
    pub fn written_sides(&mut self, sides: &[Vec<u8>]) {
        for side in sides {
            self.text.extend_from_slice(&self.prefix);
            self.text.extend_from_slice(MARK.as_bytes());
            self.text.extend_from_slice(side);
            self.text.push(b'\n');
        }
    }

    /// Returns how many bytes there are to be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.text.len() - self.struck_bytes
    }

    /// Tells whether there is nothing to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves everything to `out`, which is cleared before.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        self.compact();
        out.clear();
        std::mem::swap(&mut self.text, out);
        for kept in self.activities.values_mut() {
            if let Some((at, _)) = kept.trial.take() {
                kept.at = at;
            }
        }
    }

    /// Returns how many progress results were left out.
    #[must_use]
    pub fn thinned(&self) -> u64 {
        self.thinned
    }

    /// Tells whether the last line of the log had no line feed.
    #[must_use]
    pub fn is_unterminated(&self) -> bool {
        self.unterminated
    }

    /// Returns the stamp of the last line.
    #[must_use]
    pub fn last(&self) -> Stamp {
        self.last
    }

    /// Sets the stamp of the next lines; one that lies before the last is taken for the last.
    pub fn at(&mut self, stamp: Stamp) {
        if stamp > self.last {
            self.last = stamp;
            self.prefix.clear();
            self.prefix
                .extend_from_slice(stamp.as_nanos().to_string().as_bytes());
            self.prefix.push(b' ');
        }
    }

    fn line(&mut self, line: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(&self.prefix);
        if line.starts_with(BEGINNING) {
            self.text.extend_from_slice(QUOTE.as_bytes());
        }
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
        if self.thinning == Thinning::Off {
            return;
        }
        if let Some(progress) = progress_line(line) {
            self.progress(progress, start);
        } else if let Some(id) = stop_line(line) {
            self.activities.remove(&id);
        }
    }

    /// Decides on a progress result that lies at the end of the buffer, from `start` on.
    fn progress(&mut self, progress: Progress, start: usize) {
        let (now, range) = (self.last, start..self.text.len());
        let Some(kept) = self.activities.get_mut(&progress.id) else {
            let (at, latest, trial) = (now, progress, None);
            self.activities
                .insert(progress.id, Kept { at, latest, trial });
            return;
        };
        let is_due = now.since(kept.at) >= GAP || tells_an_end(kept.latest, progress);
        kept.latest = progress;
        let before = kept.trial.take();
        if is_due {
            kept.at = now;
        } else {
            kept.trial = Some((now, range));
        }
        if let Some((_, before)) = before {
            self.thinned += 1;
            self.struck_bytes += before.len();
            self.strike(before);
        }
        if self.text.len() > COMPACT && self.struck_bytes * 2 > self.text.len() {
            self.compact();
        }
    }

    /// Strikes out a range. Mostly it lies behind all others; where it touches the last, they become
    /// one.
    fn strike(&mut self, range: Range<usize>) {
        match self.struck.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            Some(last) if last.end > range.start => {
                let at = self.struck.partition_point(|each| each.start < range.start);
                self.struck.insert(at, range);
            }
            _ => self.struck.push(range),
        }
    }

    /// Removes what was struck out.
    fn compact(&mut self) {
        if self.struck.is_empty() {
            return;
        }
        let mut end = 0;
        let mut from = 0;
        // How many bytes were removed up to the end of each range.
        let mut removed = Vec::with_capacity(self.struck.len());
        for range in &self.struck {
            self.text.copy_within(from..range.start, end);
            end += range.start - from;
            from = range.end;
            removed.push(from - end);
        }
        let length = self.text.len();
        self.text.copy_within(from..length, end);
        self.text.truncate(end + length - from);
        for kept in self.activities.values_mut() {
            if let Some((_, range)) = &mut kept.trial {
                let before = self.struck.partition_point(|each| each.end <= range.start);
                let back = before.checked_sub(1).map_or(0, |at| removed[at]);
                *range = range.start - back..range.end - back;
            }
        }
        self.struck.clear();
        self.struck_bytes = 0;
    }
}

/// Tells whether a counter tells more than that something moved on: that one of the things which it
/// counts started, ended or failed. Counters of bytes count nothing that runs.
fn tells_an_end(before: Progress, now: Progress) -> bool {
    let counts = |progress: Progress| (progress.running, progress.failed);
    let counting = counts(now) != (0, 0) && now.done != before.done;
    counts(before) != counts(now) || counting
}

/// Iterates over the lines of a block without its last line feed. As `split`, but with memchr.
struct Split<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        match memchr::memchr(b'\n', rest) {
            Some(at) => {
                self.0 = rest.get(at + 1..);
                rest.get(..at)
            }
            None => self.0.take(),
        }
    }
}
