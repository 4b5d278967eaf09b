//! Makes stamps of the times that carriers wrote. Pure: the same times give the same stamps.
//!
//! ```text
//! Elapsed   ──► restarts ──┐
//! Interval  ──► sum ───────┤
//! Uptime, Unix ────────────┼──► less the origin ──► never below the largest so far ──► Stamp
//! Civil     ──────► DST ───┤
//! MonthDay  ─► year ─► DST ┤
//! TimeOfDay ─► day ──► DST ┘
//! ```
//!
//! Three corrections *add* time where the numbers fall: a day at midnight, a year at New Year,
//! and what came before where a recording starts anew. On input in disorder (shuffled lines,
//! several streams that were merged badly) falls mean nothing, and adding at each would make
//! years of minutes. So a correction is only believed while the times before it were in order.

mod elapsed;
mod local;

use elapsed::Elapsed;
use local::Local;

use super::Time;
use crate::time::{Nanos, Stamp};

/// Times in order that must lie between two corrections. Before the first there may be fewer:
/// one wrong correction does not do much.
const SHORTEST: u32 = 8;

/// Steps back in time, which the clock levelled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Backward {
    /// How many stamps were below one before them.
    pub count: u64,
    /// The line of the first of them.
    pub first_line: u64,
    /// How far below the largest of them was.
    pub largest: Nanos,
    /// The line of the largest.
    pub largest_line: u64,
}

/// What the clock saw and corrected. Lines are those of [`Clock::at_line`]; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClockIssues {
    /// Stamps that went backwards.
    pub backward: Backward,
    /// The line on which daylight saving time ended, and local times fell by an hour.
    pub daylight_saving: Option<u64>,
    /// How many further recordings follow the first in the same file.
    pub restarts: u64,
    /// The line of the first restart.
    pub first_restart: Option<u64>,
    /// How many midnights or New Years were passed by stamps without a date or a year. Nothing
    /// is wrong with these.
    pub roll_overs: u64,
}

/// Turns times into stamps that never go backwards.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    line: u64,
    latest: u64,
    started_at: Option<i64>,
    /// What a time since an unknown start shows at stamp zero.
    origin: Option<i128>,
    elapsed: Elapsed,
    intervals: u128,
    local: Local,
    issues: ClockIssues,
}

impl Clock {
    /// Makes a clock that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says which line the next time is from. Without it times are numbered from 1.
    pub fn at_line(&mut self, number: u64) {
        self.line = number.saturating_sub(1);
    }

    /// Returns the stamp of the next time; never smaller than the one before.
    pub fn stamp(&mut self, time: Time) -> Stamp {
        self.line = self.line.saturating_add(1);
        let (line, issues) = (self.line, &mut self.issues);
        let place = match time {
            Time::Elapsed(ns) => self.elapsed.place(i128::from(ns), line, issues),
            Time::Interval(ns) => {
                self.intervals = self.intervals.saturating_add(u128::from(ns));
                i128::try_from(self.intervals).unwrap_or(i128::MAX)
            }
            Time::Uptime(ns) => self.since_origin(i128::from(ns)),
            Time::Unix(ns) => {
                if self.started_at.is_none() {
                    let latest = i64::try_from(self.latest).unwrap_or(i64::MAX);
                    self.started_at = Some(ns.saturating_sub(latest));
                }
                self.since_origin(i128::from(ns))
            }
            Time::Civil(ns) => {
                let place = self.local.shifted(i128::from(ns), line, issues);
                self.since_origin(place)
            }
            Time::MonthDay { month, day, of_day } => {
                let place = self.local.with_year(month, day, of_day, issues);
                let place = self.local.shifted(place, line, issues);
                self.since_origin(place)
            }
            Time::TimeOfDay(ns) => {
                let place = self.local.with_day(i128::from(ns), issues);
                let place = self.local.shifted(place, line, issues);
                self.since_origin(place)
            }
        };
        self.clamp(place)
    }

    /// Returns what the wall clock showed at stamp zero: nanoseconds since 1970, if known.
    #[must_use]
    pub fn started_at(&self) -> Option<i64> {
        self.started_at
    }

    /// Says what the wall clock showed at stamp zero, where a header tells.
    pub fn set_started_at(&mut self, unix_ns: i64) {
        self.started_at = Some(unix_ns);
    }

    /// Returns what was seen and corrected so far.
    #[must_use]
    pub fn issues(&self) -> ClockIssues {
        self.issues
    }

    /// The first such time is where the recording starts, or goes on after times of another kind.
    fn since_origin(&mut self, place: i128) -> i128 {
        let latest = i128::from(self.latest);
        let origin = *self.origin.get_or_insert(place.saturating_sub(latest));
        place.saturating_sub(origin)
    }

    fn clamp(&mut self, place: i128) -> Stamp {
        let latest = i128::from(self.latest);
        if place < latest {
            let back = Nanos::new(saturate(latest.saturating_sub(place)));
            let backward = &mut self.issues.backward;
            if backward.count == 0 {
                backward.first_line = self.line;
            }
            backward.count += 1;
            if back > backward.largest {
                backward.largest = back;
                backward.largest_line = self.line;
            }
        } else {
            self.latest = saturate(place);
        }
        Stamp::from_nanos(self.latest)
    }
}

fn saturate(ns: i128) -> u64 {
    u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: u64 = 1_000_000_000;

    fn run(times: impl IntoIterator<Item = Time>) -> (Vec<u64>, Clock) {
        let mut clock = Clock::new();
        let stamps = times
            .into_iter()
            .map(|time| clock.stamp(time).as_nanos())
            .collect();
        (stamps, clock)
    }

    /// Stamps in whole seconds.
    fn seconds(times: impl IntoIterator<Item = Time>) -> (Vec<u64>, Clock) {
        let (stamps, clock) = run(times);
        (stamps.into_iter().map(|ns| ns / S).collect(), clock)
    }

    fn at(hour: u64, minute: u64) -> u64 {
        (hour * 60 + minute) * 60 * S
    }

    fn month_day(month: u8, day: u8, hour: u64) -> Time {
        Time::MonthDay {
            month,
            day,
            of_day: at(hour, 0),
        }
    }

    #[test]
    fn origins() {
        let (stamps, clock) = seconds([5, 7].map(|s| Time::Elapsed(s * S)));
        assert_eq!((stamps, clock.started_at()), (vec![5, 7], None));
        let (stamps, clock) = seconds([5, 7].map(|s| Time::Interval(s * S)));
        assert_eq!((stamps, clock.started_at()), (vec![5, 12], None));
        let (stamps, clock) = seconds([5, 7].map(|s| Time::Unix(s * 1_000_000_000)));
        assert_eq!(
            (stamps, clock.started_at()),
            (vec![0, 2], Some(5_000_000_000))
        );
        let (stamps, clock) = seconds([5, 7].map(|s| Time::Uptime(s * S)));
        assert_eq!((stamps, clock.started_at()), (vec![0, 2], None));
        let (stamps, _) = seconds([-5, 7].map(|s| Time::Civil(s * 1_000_000_000)));
        assert_eq!(stamps, [0, 12]);
        let mut clock = Clock::new();
        clock.set_started_at(9);
        clock.stamp(Time::Unix(5));
        assert_eq!(clock.started_at(), Some(9));
    }

    #[test]
    fn never_backwards() {
        let mut clock = Clock::new();
        for (line, s, want) in [(10, 5, 0), (20, 8, 3), (30, 7, 3), (40, 6, 3), (50, 9, 4)] {
            clock.at_line(line);
            let stamp = clock.stamp(Time::Unix(s * 1_000_000_000));
            assert_eq!(stamp.as_nanos(), want * S);
        }
        let want = Backward {
            count: 2,
            first_line: 30,
            largest: Nanos::new(2 * S),
            largest_line: 40,
        };
        assert_eq!(clock.issues().backward, want);
    }

    #[test]
    fn recordings_that_were_appended() {
        let (stamps, clock) = seconds([0, 30, 60, 0, 20, 22, 30].map(|s| Time::Elapsed(s * S)));
        assert_eq!(stamps, [0, 30, 60, 60, 80, 82, 90]);
        assert_eq!(clock.issues().restarts, 1);
        let three = [0, 30, 60].into_iter().chain(1..20).chain(1..5);
        let (stamps, clock) = seconds(three.map(|s| Time::Elapsed(s * S)));
        assert_eq!(stamps.last(), Some(&(60 + 19 + 4)));
        let issues = clock.issues();
        assert_eq!((issues.restarts, issues.first_restart), (2, Some(4)));
        assert_eq!(issues.backward.count, 0);
        // A line or two that were late are no restart.
        let (stamps, clock) = seconds([30, 60, 1, 2, 61, 62].map(|s| Time::Elapsed(s * S)));
        assert_eq!(stamps[5], 62);
        assert_eq!(clock.issues().restarts, 0);
        // `ts -s` shows hours of a day, and starts anew after one.
        let (stamps, _) = seconds([0, 86_399, 0, 5].map(|s| Time::Elapsed(s * S)));
        assert_eq!(stamps[3] / 60, 86_404 / 60);
    }

    #[test]
    fn midnight() {
        let times = [
            at(23, 58),
            at(0, 1),
            at(23, 59),
            at(0, 2),
            at(13, 0),
            at(14, 0),
            at(15, 0),
            at(16, 0),
            at(17, 0),
            at(18, 0),
            at(19, 0),
            at(20, 0),
            at(1, 0),
        ];
        let (stamps, clock) = seconds(times.map(Time::TimeOfDay));
        let minutes: Vec<_> = stamps.iter().map(|s| s / 60).collect();
        assert_eq!(minutes[..5], [0, 3, 3, 4, 782]);
        assert_eq!(minutes.last(), Some(&1502));
        assert_eq!(clock.issues().roll_overs, 2);
        // Ten hours back is no midnight.
        let (stamps, clock) = seconds([at(12, 0), at(2, 0)].map(Time::TimeOfDay));
        assert_eq!((stamps, clock.issues().roll_overs), (vec![0, 0], 0));
    }

    #[test]
    fn years_without_a_number() {
        let hours = |times: &[Time]| {
            let (stamps, clock) = seconds(times.iter().copied());
            let hours: Vec<_> = stamps.iter().map(|s| s / 3600).collect();
            (hours, clock.issues().roll_overs)
        };
        let new_year = [
            month_day(12, 31, 23),
            month_day(1, 1, 1),
            month_day(12, 31, 23),
        ];
        assert_eq!(hours(&new_year), (vec![0, 2, 2], 1));
        let common = [month_day(2, 28, 12), month_day(3, 1, 12)];
        assert_eq!(hours(&common), (vec![0, 24], 0));
        let leap = [
            month_day(2, 28, 12),
            month_day(2, 29, 12),
            month_day(3, 1, 12),
        ];
        assert_eq!(hours(&leap), (vec![0, 24, 48], 0));
        let both = [
            month_day(12, 31, 0),
            month_day(2, 29, 0),
            month_day(3, 1, 0),
        ];
        assert_eq!(hours(&both), (vec![0, 60 * 24, 61 * 24], 1));
    }

    #[test]
    fn daylight_saving_ends() {
        let times = [at(1, 50), at(2, 59), at(2, 1), at(2, 30), at(3, 0)];
        let civil = times.map(|ns| Time::Civil(i64::try_from(ns).expect("small")));
        for times in [civil, times.map(Time::TimeOfDay)] {
            let (stamps, clock) = seconds(times);
            let minutes: Vec<_> = stamps.iter().map(|s| s / 60).collect();
            assert_eq!(minutes, [0, 69, 71, 100, 130]);
            assert_eq!(clock.issues().daylight_saving, Some(3));
            assert_eq!(clock.issues().backward.count, 0);
        }
    }

    #[test]
    fn extremes_saturate() {
        let times = [
            Time::Elapsed(u64::MAX),
            Time::Elapsed(0),
            Time::Elapsed(u64::MAX),
            Time::Interval(u64::MAX),
            Time::Interval(u64::MAX),
            Time::Unix(i64::MIN),
            Time::Unix(i64::MAX),
            Time::Civil(i64::MIN),
            Time::Civil(i64::MAX),
            Time::Uptime(u64::MAX),
            Time::TimeOfDay(u64::MAX),
            Time::MonthDay {
                month: 255,
                day: 255,
                of_day: u64::MAX,
            },
            Time::MonthDay {
                month: 0,
                day: 0,
                of_day: 0,
            },
        ];
        let (stamps, _) = run(times.into_iter().chain(times.into_iter().rev()));
        assert!(stamps.is_sorted());
    }

    fn any_time() -> impl Strategy<Value = Time> {
        prop_oneof![
            any::<u64>().prop_map(Time::Elapsed),
            any::<u64>().prop_map(Time::Interval),
            any::<u64>().prop_map(Time::Uptime),
            any::<i64>().prop_map(Time::Unix),
            any::<i64>().prop_map(Time::Civil),
            any::<u64>().prop_map(Time::TimeOfDay),
            (any::<u8>(), any::<u8>(), any::<u64>())
                .prop_map(|(month, day, of_day)| Time::MonthDay { month, day, of_day }),
        ]
    }

    proptest! {
        #[test]
        fn any_times_give_rising_stamps(times in prop::collection::vec(any_time(), 0..60)) {
            prop_assert!(run(times).0.is_sorted());
        }

        #[test]
        fn times_in_order_are_kept(mut times in prop::collection::vec(0..at(30, 0), 1..60)) {
            times.sort_unstable();
            let first = times[0];
            let (stamps, clock) = run(times.iter().map(|&ns| Time::Elapsed(ns)));
            prop_assert_eq!(&stamps, &times);
            prop_assert_eq!(clock.issues(), ClockIssues::default());
            let unix = |ns| Time::Unix(i64::try_from(ns).expect("a day"));
            let (stamps, _) = run(times.iter().map(|&ns| unix(ns)));
            let want: Vec<_> = times.iter().map(|ns| ns - first).collect();
            prop_assert_eq!(stamps, want);
        }

        /// Shuffled or made up: never a sum of jumps.
        #[test]
        fn disorder_adds_little(times in prop::collection::vec(0..at(24, 0), 50..400)) {
            let largest = times.iter().copied().max().unwrap_or(0);
            let last = |time: fn(u64) -> Time| {
                run(times.iter().map(|&ns| time(ns))).0.last().copied().unwrap_or(0)
            };
            prop_assert!(last(Time::Elapsed) <= 2 * largest);
            prop_assert!(last(|ns| Time::Elapsed(ns / 100_000)) <= 2 * largest / 100_000);
            prop_assert!(last(Time::TimeOfDay) <= at(24 * 4, 0));
            let civil = |ns| Time::Civil(i64::try_from(ns).unwrap_or(0));
            prop_assert!(last(civil) <= largest + at(1, 0));
            let days = |ns: u64| Time::MonthDay {
                month: u8::try_from(ns % 12 + 1).unwrap_or(1),
                day: u8::try_from(ns % 28 + 1).unwrap_or(1),
                of_day: ns,
            };
            prop_assert!(last(days) <= at(24 * 366 * 4, 0));
        }
    }
}
