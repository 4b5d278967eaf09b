//! The `<nanoseconds> ` in front of each line of a stamped log.

use std::borrow::Cow;

use serde::Deserialize;

use super::carrier::Time;
use super::carrier::clock::{Clock, ClockIssues};
use super::json;
use crate::time::Stamp;

/// Lines that the clock wants to see after a step back, to make up its mind about it.
const WATCH: u32 = 64;

/// Reads `<nanoseconds> payload`, nanoseconds since the start of the recording.
///
/// The scanner reads this carrier itself, without a copy, since nixlog's own recordings have this
/// form. As long as stamps go forward, nobody is asked; what to do with one that goes backward is
/// for the [`Clock`] to decide, as with all carriers.
#[derive(Debug, Default)]
pub(super) struct NanosClock {
    clock: Clock,
    /// The number before.
    before: u64,
    /// Added to it: where an earlier recording in the same input ended.
    base: u64,
    /// The stamp that the clock gave last.
    given: Stamp,
    /// Lines for which the clock is asked.
    watch: u32,
    /// The first line was the header of a recording.
    recording: bool,
}

impl NanosClock {
    /// Reads the stamp at the start of a line; returns it and where the payload starts.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], at: usize, line: u64) -> (Option<Stamp>, usize) {
        let Some((nanos, end)) = json::integer(bytes, at) else {
            return (None, at);
        };
        if bytes.get(end) != Some(&b' ') {
            return (None, at);
        }
        if nanos < self.before || self.watch > 0 {
            return (Some(self.ask(nanos, line)), end + 1);
        }
        self.before = nanos;
        (
            Some(Stamp::from_nanos(self.base.saturating_add(nanos))),
            end + 1,
        )
    }

    #[cold]
    fn ask(&mut self, nanos: u64, line: u64) -> Stamp {
        if self.watch == 0 {
            self.clock.at_line(line.saturating_sub(1));
            self.given = self.clock.stamp(Time::Elapsed(self.before));
        }
        self.clock.at_line(line);
        let stamp = self.clock.stamp(Time::Elapsed(nanos));
        // The clock is in step again when its stamps move as the numbers do.
        let moved = stamp.since(self.given).get();
        let in_step = moved > 0 && nanos.checked_sub(self.before) == Some(moved);
        self.watch = if nanos < self.before {
            WATCH
        } else {
            self.watch.saturating_sub(1)
        };
        if self.watch == 0 {
            if in_step {
                self.base = stamp.as_nanos().saturating_sub(nanos);
            } else {
                self.watch = 1;
            }
        }
        self.before = nanos;
        self.given = stamp;
        stamp
    }

    /// Says that the first line was the header of a recording.
    pub(super) fn begin_recording(&mut self) {
        self.recording = true;
    }

    /// Tells whether the first line was the header of a recording.
    pub(super) fn is_recording(&self) -> bool {
        self.recording
    }

    /// Returns what went wrong with the stamps.
    pub(super) fn issues(&self) -> ClockIssues {
        self.clock.issues()
    }
}

/// Tells whether the JSON of a side line is the header of a recording, whoever wrote it: another
/// program may have put in spaces, or the fields in another order.
#[must_use]
pub fn is_header(json: &str) -> bool {
    /// Only what tells one type from the others.
    #[derive(Deserialize)]
    struct Tag<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }
    serde_json::from_str(json).is_ok_and(|Tag { kind }| kind == "header")
}
