//! Local times: the day, the year and the hour of daylight saving time that they leave out.

use super::{ClockIssues, SHORTEST};

const MINUTE: i128 = 60 * 1_000_000_000;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;

/// Local times, which lack a date, a year or a zone.
#[derive(Debug, Clone, Default)]
pub(super) struct Local {
    /// The last time with its day and year, without the shift.
    last: Option<i128>,
    seen: u64,
    /// Falls that no correction explains.
    unexplained: u64,
    /// Times since such a fall or a correction.
    since: u32,
    /// Whether there was a correction.
    corrected: bool,
    /// Midnight of the current day, for times without a date.
    day: i128,
    year: Year,
    /// What the end of daylight saving time added.
    shift: i128,
}

/// The current year of times without a year: its first day, and whether a February 29 was seen.
#[derive(Debug, Clone, Copy, Default)]
struct Year {
    first_day: i128,
    is_leap: bool,
}

impl Year {
    fn length(self) -> i128 {
        365 + i128::from(self.is_leap)
    }

    /// Returns the days before this one. Without a February 29 in sight the year has none, so
    /// that March 1 follows February 28.
    fn day(&mut self, month: u8, day: u8) -> i128 {
        const BEFORE: [u16; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        self.is_leap |= (month, day) == (2, 29);
        let before = BEFORE
            .get(usize::from(month).saturating_sub(1))
            .unwrap_or(&0);
        let leap = i128::from(self.is_leap && month > 2);
        self.first_day + i128::from(*before) + leap + i128::from(day) - 1
    }
}

impl Local {
    /// Whether a correction is to be believed: the first one in times that were in order, and
    /// any in times that have been in order for a while and mostly before.
    fn in_order(&self) -> bool {
        let fresh = self.unexplained == 0 && !self.corrected;
        let mostly = self.unexplained.saturating_mul(20) <= self.seen.saturating_add(20);
        fresh || mostly && self.since >= SHORTEST
    }

    fn correct(&mut self) {
        self.corrected = true;
        self.since = 0;
    }

    /// Gives a time of day its day. A fall of more than half a day is midnight; a rise of nearly
    /// a day is a late line from before it.
    pub(super) fn with_day(&mut self, of_day: i128, issues: &mut ClockIssues) -> i128 {
        let place = self.day + of_day;
        let step = place - self.last.unwrap_or(place);
        if step < -DAY / 2 && self.in_order() {
            self.day += DAY;
            self.correct();
            issues.roll_overs += 1;
            place + DAY
        } else if step > DAY / 6 * 5 && self.day > 0 {
            place - DAY
        } else {
            place
        }
    }

    /// Gives a day its year, as [`Self::with_day`] does with days.
    pub(super) fn with_year(
        &mut self,
        month: u8,
        day: u8,
        of_day: u64,
        issues: &mut ClockIssues,
    ) -> i128 {
        const HALF: i128 = 183 * DAY;
        let year = self.year;
        let of_day = i128::from(of_day);
        let place = self.year.day(month, day) * DAY + of_day;
        let step = place - self.last.unwrap_or(place);
        if step < -HALF && self.in_order() {
            self.year = Year {
                first_day: year.first_day + year.length(),
                is_leap: false,
            };
            self.correct();
            issues.roll_overs += 1;
            self.year.day(month, day) * DAY + of_day
        } else if step > HALF && year.first_day > 0 {
            self.year = year;
            place - 365 * DAY
        } else {
            place
        }
    }

    /// Adds an hour from the end of daylight saving time on: a fall of about an hour in times
    /// that were in order. It is believed once. Its start, an hour that is missing, looks like an
    /// hour in which nothing was written, and is left.
    pub(super) fn shifted(&mut self, place: i128, line: u64, issues: &mut ClockIssues) -> i128 {
        let step = place - self.last.replace(place).unwrap_or(place);
        let is_hour = (-70 * MINUTE..=-50 * MINUTE).contains(&step);
        if is_hour && self.shift == 0 && self.in_order() {
            self.shift = HOUR;
            self.correct();
            issues.daylight_saving = Some(line);
        } else if step < -MINUTE {
            self.unexplained += 1;
            self.since = 0;
        }
        self.seen += 1;
        self.since = self.since.saturating_add(1);
        place + self.shift
    }
}
