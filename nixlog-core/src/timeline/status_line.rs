//! What the status line of a terminal tells of builds: which run, and when they had ended.
//!
//! It counts the builds that run and those that are done, and shows one of them, or, in Lix, a line
//! for each. Which one is done it does not say. That follows where all that still run are known to be
//! alive, or where one is no longer shown that was: Nix shows the one that started or said something
//! last. Up to Nix 2.29 a build that was asked for is shown long after its end, so being shown is no
//! sign of life: a new line of output is.

use super::activity::Row;
use crate::time::Stamp;
use crate::wire::human::Tally;

/// A build that has not ended, as far as is known.
#[derive(Debug)]
struct Open {
    row: Row,
    /// What was last shown of it, and how much of that is not its last line of output.
    text: Box<str>,
    title_len: usize,
    /// It was there before the number of those that are done last rose.
    was_there: bool,
    /// It showed a sign of life since.
    is_alive: bool,
    /// It is shown now.
    is_shown: bool,
}

/// Builds that have ended, and how.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Ended {
    pub(super) rows: Vec<Row>,
    pub(super) at: Option<Stamp>,
    /// None of them failed.
    pub(super) all_succeeded: bool,
}

/// Follows the states of the status line.
#[derive(Debug, Default)]
pub(super) struct StatusLine {
    /// In the order in which they started or said something.
    open: Vec<Open>,
    counts: Tally,
    /// The one that is shown, although others started or said something since.
    fallen_back_to: Option<Row>,
    /// The number of those that are done rose, and who that was is not known yet.
    risen: Option<Risen>,
    /// The state has a line for each build, all of them so far.
    is_list: bool,
    /// When the state was drawn.
    at: Option<Stamp>,
    /// The number of the state.
    number: u64,
}

/// That more builds are done than before.
#[derive(Debug, Clone, Copy)]
struct Risen {
    /// In which state.
    number: u64,
    /// When; `None` too where it rose several times.
    at: Option<Stamp>,
    /// How many.
    by: u64,
}

impl StatusLine {
    /// A state with counts begins; returns which builds the one before it did not show any more.
    pub(super) fn counts(&mut self, counts: Tally, at: Option<Stamp>) -> Ended {
        let gone = self.gone();
        let ended = |counts: Tally| counts.done.saturating_add(counts.failed);
        let by = ended(counts).saturating_sub(ended(self.counts));
        let rises = by > 0;
        self.counts = counts;
        self.fallen_back_to = None;
        self.at = at;
        self.is_list = false;
        self.number += 1;
        if rises {
            let number = self.number;
            let before = self.risen.take();
            let at = at.filter(|_| before.is_none());
            let by = before.map_or(0, |before| before.by).saturating_add(by);
            self.risen = Some(Risen { number, at, by });
        }
        for build in &mut self.open {
            build.is_shown = false;
            if rises {
                build.was_there = true;
                build.is_alive = false;
            }
        }
        gone
    }

    /// A build is shown, on a line of its own or behind the counts, with its last line of output;
    /// returns whether that is a sign of life.
    pub(super) fn shows(
        &mut self,
        row: Row,
        text: &str,
        line: Option<&str>,
        on_own_line: bool,
    ) -> bool {
        self.is_list |= on_own_line;
        let title_len = text.len() - line.map_or(0, str::len);
        let Some(place) = self.open.iter().position(|build| build.row == row) else {
            self.open.push(Open {
                row,
                text: text.into(),
                title_len,
                was_there: false,
                is_alive: true,
                is_shown: true,
            });
            return true;
        };
        let is_last = place + 1 == self.open.len();
        let is_after = self.risen.is_none_or(|risen| risen.number != self.number);
        let build = &mut self.open[place];
        build.is_shown = true;
        let is_news = *build.text != *text;
        let says_more = build.text[build.title_len..] != text[title_len..];
        if is_news {
            build.text = text.into();
            build.title_len = title_len;
            // What came in the same moment as its end is no sign that it goes on.
            build.is_alive |= is_after || !build.was_there;
        }
        if says_more {
            self.open[place..].rotate_left(1);
        } else if !is_last && !on_own_line {
            self.fallen_back_to = Some(row);
        }
        is_news
    }

    /// A build printed something: it is alive.
    pub(super) fn says(&mut self, row: Row) {
        let build = self.open.iter_mut().find(|build| build.row == row);
        if let Some(build) = build {
            build.is_alive = true;
        }
    }

    /// Not all builds have room on the screen.
    pub(super) fn shows_no_more(&mut self) {
        self.is_list = false;
    }

    /// Returns which builds have ended, once the state is read.
    pub(super) fn ended(&mut self) -> Ended {
        let Some(risen) = &mut self.risen else {
            return Ended::default();
        };
        let at = risen.at;
        let back_to = self.fallen_back_to.take();
        let place = back_to.and_then(|row| self.open.iter().position(|build| build.row == row));
        if let Some(place) = place {
            // The others are no longer shown.
            let gone = self.open.split_off(place + 1);
            risen.by = risen.by.saturating_sub(gone.len() as u64);
            if risen.by == 0 {
                self.risen = None;
            }
            return self.done(gone.iter().map(|build| build.row).collect(), at);
        }
        let alive = self.open.iter().filter(|build| build.is_alive).count();
        if alive as u64 != self.counts.running {
            return Ended::default();
        }
        self.risen = None;
        self.close(at, |build| build.was_there && !build.is_alive)
    }

    /// Returns which builds the last state did not show any more, at the end of the log or of the state.
    pub(super) fn gone(&mut self) -> Ended {
        if !std::mem::take(&mut self.is_list) {
            return Ended::default();
        }
        self.close(self.at, |build| !build.is_shown)
    }

    fn close(&mut self, at: Option<Stamp>, has_ended: impl Fn(&Open) -> bool) -> Ended {
        let mut rows = Vec::new();
        self.open.retain(|build| {
            let ended = has_ended(build);
            if ended {
                rows.push(build.row);
            }
            !ended
        });
        self.done(rows, at)
    }

    fn done(&self, rows: Vec<Row>, at: Option<Stamp>) -> Ended {
        let all_succeeded = self.counts.failed == 0;
        Ended {
            rows,
            at,
            all_succeeded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds, how many run, how many are done, and what is shown: on lines of their own where there
    /// are several.
    type State<'a> = (u64, u64, u64, &'a [(Row, &'a str)]);

    /// Reads states; gives which builds ended when.
    fn ends(states: &[State<'_>]) -> Vec<(Row, u64)> {
        let mut status = StatusLine::default();
        let mut all = Vec::new();
        let mut note = |ended: Ended| {
            let at = ended.at.map_or(0, Stamp::as_nanos);
            all.extend(ended.rows.into_iter().map(|row| (row, at)));
        };
        for &(at, running, done, shown) in states {
            let counts = Tally {
                running,
                done,
                ..Tally::default()
            };
            note(status.counts(counts, Some(Stamp::from_nanos(at))));
            for &(row, text) in shown {
                let line = text.split_once(": ").map(|(_, line)| line);
                status.shows(row, text, line, shown.len() > 1);
            }
            note(status.ended());
        }
        note(status.gone());
        all
    }

    #[test]
    fn a_build_has_ended_where_all_that_run_are_others() {
        assert_eq!(
            ends(&[
                (1, 1, 0, &[(1, "")]),
                (5, 2, 0, &[(2, "")]),
                // One of two is done, and the other one says something later.
                (9, 1, 1, &[(2, "")]),
                (10, 1, 1, &[(2, "(x)")]),
                (12, 0, 2, &[(2, "(x)")]),
            ]),
            [(1, 9), (2, 12)]
        );
        // The next one starts at once.
        assert_eq!(
            ends(&[
                (1, 1, 0, &[(1, "")]),
                (9, 1, 1, &[(2, "")]),
                (12, 0, 2, &[])
            ]),
            [(1, 9), (2, 12)]
        );
    }

    #[test]
    fn who_of_several_is_not_guessed() {
        // Being shown is no sign of life, nor are words that come together with the end.
        assert_eq!(
            ends(&[
                (1, 1, 0, &[(1, "")]),
                (5, 2, 0, &[(2, "")]),
                (9, 1, 1, &[(2, ": last words")]),
                (10, 1, 1, &[(2, ": last words")]),
            ]),
            []
        );
        // Which of the two ends was whose.
        assert_eq!(
            ends(&[
                (1, 2, 0, &[(1, "")]),
                (2, 2, 0, &[(2, "")]),
                (9, 1, 1, &[(2, "")]),
                (12, 0, 2, &[]),
            ]),
            [(1, 0), (2, 0)]
        );
        // Others run that were never shown.
        assert_eq!(ends(&[(1, 3, 0, &[(1, "")]), (9, 2, 1, &[(2, "")])]), []);
        // The counters lag behind the start.
        assert_eq!(ends(&[(1, 1, 0, &[(1, "")]), (2, 1, 0, &[(2, "")])]), []);
    }

    #[test]
    fn builds_have_ended_where_an_older_one_is_shown_again() {
        // As Nix 2.8 shows two builds, of which one is silent.
        assert_eq!(
            ends(&[
                (1, 1, 0, &[(1, "b")]),
                (2, 2, 0, &[(2, "a: x")]),
                (9, 1, 1, &[(1, "b")]),
                (10, 2, 1, &[(3, "c")]),
                (12, 1, 2, &[(1, "b")]),
                (13, 0, 3, &[]),
            ]),
            [(2, 9), (3, 12), (1, 13)]
        );
        // It says something, and so it is shown.
        assert_eq!(
            ends(&[
                (1, 1, 0, &[(1, "b: x")]),
                (2, 3, 0, &[(2, "a: x")]),
                (9, 2, 1, &[(1, "b: y")]),
            ]),
            []
        );
    }

    #[test]
    fn a_build_has_ended_where_a_list_of_all_has_it_no_more() {
        assert_eq!(
            ends(&[
                (1, 2, 0, &[(1, ""), (2, "")]),
                (9, 2, 1, &[(2, ""), (3, "")]),
                (12, 1, 2, &[]),
            ]),
            [(1, 9)]
        );
    }
}
