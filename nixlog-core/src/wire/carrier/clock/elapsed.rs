//! Times since the start of a recording, of which several may follow one another.

use super::{ClockIssues, SHORTEST};

const SECOND: i128 = 1_000_000_000;

/// Rises after a restart within which disorder takes the restart back.
const PROBATION: u32 = 32;

/// Lines in a row that may be late without being a recording of their own.
const LATE: u32 = 4;

/// Times since the start, which may start anew.
///
/// ```text
///  raw      0 … 60 s   0 … 20 s           a second recording was appended
///  stamps   0 … 60 s  60 … 80 s
/// ```
///
/// On shuffled lines the first fall comes after a few rises, so a restart after fewer than
/// [`SHORTEST`] is doubtful: it must look the part, and adds little until it has gone on as long.
#[derive(Debug, Clone, Default)]
pub(super) struct Elapsed {
    last: Option<i128>,
    /// The first time of the current recording, how many lines it has, and how often its time
    /// rose; lines of one burst are in order whatever happened to them.
    first: i128,
    lines: u32,
    rises: u32,
    /// The end of the recordings before this one.
    offset: i128,
    /// The last restart, while it may be taken back.
    restart: Option<Restart>,
    in_disorder: bool,
}

#[derive(Debug, Clone, Copy)]
struct Restart {
    /// The end of the recording before, which the restart added.
    added: i128,
    is_doubtful: bool,
}

impl Elapsed {
    /// Returns the time since the start of the first recording.
    pub(super) fn place(&mut self, raw: i128, line: u64, issues: &mut ClockIssues) -> i128 {
        let last = self.last.replace(raw).unwrap_or(raw);
        // Streams that share a file write a little out of order; that says nothing.
        if last - raw > (last / 10).clamp(SECOND / 1000, SECOND) {
            if let Some(restart) = self.restart_at(raw, last, issues) {
                self.offset += last;
                self.restart = Some(restart);
                self.lines = 0;
                self.rises = 0;
                issues.restarts += 1;
                issues.first_restart.get_or_insert(line);
            } else {
                self.in_disorder = true;
                self.take_back(issues);
            }
        }
        if self.lines == 0 {
            self.first = raw;
        }
        self.lines = self.lines.saturating_add(1);
        self.rises = self.rises.saturating_add(u32::from(raw > last));
        let Some(restart) = self.restart else {
            return self.offset + raw;
        };
        // A few lines near zero, and then on from where the one before them was: they were late.
        let before = restart.added;
        let was_there = (before / 10 * 9..=before / 10 * 11).contains(&raw);
        if self.lines <= LATE && was_there && raw - last >= before / 10 * 8 {
            self.in_disorder = true;
            self.take_back(issues);
        } else if self.rises > PROBATION {
            self.restart = None;
        } else if restart.is_doubtful && self.rises < SHORTEST {
            return self.offset + raw.min(before / 2);
        }
        self.offset + raw
    }

    /// Says whether a fall from `last` to `raw` is the start of another recording.
    fn restart_at(&self, raw: i128, last: i128, issues: &ClockIssues) -> Option<Restart> {
        let is_doubtful = self.rises < SHORTEST;
        let looks_it = if is_doubtful {
            issues.restarts == 0 && raw <= last / 4 && self.first <= last / 4
        } else {
            raw <= last / 10 || raw <= 5 * SECOND && raw < last / 2
        };
        (looks_it && !self.in_disorder).then_some(Restart {
            added: last,
            is_doubtful,
        })
    }

    fn take_back(&mut self, issues: &mut ClockIssues) {
        if let Some(restart) = self.restart.take() {
            self.offset -= restart.added;
            issues.restarts = issues.restarts.saturating_sub(1);
            if issues.restarts == 0 {
                issues.first_restart = None;
            }
        }
    }
}
