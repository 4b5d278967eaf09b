//! Times since the start of a recording, of which several may follow one another.

use super::{ClockIssues, SHORTEST};

const SECOND: i128 = 1_000_000_000;

/// Lines after a restart within which disorder takes the restart back.
const PROBATION: u32 = 32;

/// Times since the start, which may start anew.
///
/// ```text
///  raw      0 … 60 s   0 … 20 s           a second recording was appended
///  stamps   0 … 60 s  60 … 80 s
/// ```
#[derive(Debug, Clone, Default)]
pub(super) struct Elapsed {
    last: Option<i128>,
    /// The end of the recordings before this one.
    offset: i128,
    /// What the last restart added, and the lines since. Kept while it may be taken back.
    restart: Option<(i128, u32)>,
    in_disorder: bool,
}

impl Elapsed {
    /// Returns the time since the start of the first recording.
    pub(super) fn place(&mut self, raw: i128, line: u64, issues: &mut ClockIssues) -> i128 {
        let last = self.last.replace(raw).unwrap_or(0);
        let fall = last - raw;
        // Streams that share a file write a little out of order; that says nothing.
        let significant = fall > (last / 10).clamp(SECOND / 1000, SECOND);
        let near_zero = raw <= last / 10 || raw <= 5 * SECOND && raw < last / 2;
        let long_enough = self.restart.is_none_or(|(_, lines)| lines >= SHORTEST);
        if significant && near_zero && long_enough && !self.in_disorder {
            self.offset += last;
            self.restart = Some((last, 0));
            issues.restarts += 1;
            issues.first_restart.get_or_insert(line);
        } else if significant {
            self.in_disorder = true;
            self.take_back(issues);
        } else if let Some((before, lines)) = &mut self.restart {
            *lines += 1;
            // One line near zero, and the next goes on where the one before it was: it was late.
            if *lines == 1 && raw - last >= *before / 10 * 9 {
                self.in_disorder = true;
                self.take_back(issues);
            } else if *lines > PROBATION {
                self.restart = None;
            }
        }
        self.offset + raw
    }

    fn take_back(&mut self, issues: &mut ClockIssues) {
        if let Some((added, _)) = self.restart.take() {
            self.offset -= added;
            issues.restarts = issues.restarts.saturating_sub(1);
            if issues.restarts == 0 {
                issues.first_restart = None;
            }
        }
    }
}
