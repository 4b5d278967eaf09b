//! `ts` and the stamps that programs of all kinds put before their lines.
//!
//! Some forms mean several things, and only the numbers tell which: `00:00:05` is `ts -s`, `ts -i`
//! or a time of day, `5.123456` is `ts -s '%.s'` or `ts -i '%.s'`. See [`super::detect`].

use super::Time;
use super::stamp::{self, DateTime};

/// Cuts `Nov 21 19:58:52 text`: `ts` as it comes.
pub(super) fn month_day(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (time, rest) = bracketed(raw, stamp::month_day)?;
    Some((time, stamp::gap(rest)?))
}

/// Cuts `2024-05-30T14:30:00.123 text` with or without a zone, a `T`, a fraction, brackets; and dates
/// with names of months.
pub(super) fn date_time(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (stamp, payload) = date_time_parts(raw)?;
    Some((stamp.time(), payload))
}

/// Cuts like [`date_time`] and returns the stamp with all that is known of it.
pub(super) fn date_time_parts(raw: &[u8]) -> Option<(DateTime, &[u8])> {
    // A byte order mark opens some downloads.
    let raw = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    let (stamp, rest) = bracketed(raw, |text| {
        stamp::date_time(text).or_else(|| stamp::written_out(text))
    })?;
    Some((stamp, stamp::gap(rest)?))
}

/// Cuts `00:00:05 text` as a time of day.
pub(super) fn time_of_day(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (nanos, payload) = hms(raw)?;
    Some((Time::TimeOfDay(nanos), payload))
}

/// Cuts `00:00:05 text` as the time since the start: `ts -s`.
pub(super) fn elapsed(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (nanos, payload) = hms_or_seconds(raw)?;
    Some((Time::Elapsed(nanos), payload))
}

/// Cuts `00:00:05 text` as the time since the previous line: `ts -i`.
pub(super) fn interval(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (nanos, payload) = hms_or_seconds(raw)?;
    Some((Time::Interval(nanos), payload))
}

/// Cuts `1717079400.123 text`.
pub(super) fn unix_seconds(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (stamp, payload) = seconds_parts(raw)?;
    Some((stamp::unix(stamp.nanos)?, payload))
}

/// Cuts `1717079400123 text`.
pub(super) fn unix_millis(raw: &[u8]) -> Option<(Time, &[u8])> {
    unix_integer(raw, 1_000_000)
}

/// Cuts `1717079400123456 text`.
pub(super) fn unix_micros(raw: &[u8]) -> Option<(Time, &[u8])> {
    unix_integer(raw, 1_000)
}

/// Cuts `1717079400123456789 text`.
pub(super) fn unix_nanos(raw: &[u8]) -> Option<(Time, &[u8])> {
    unix_integer(raw, 1)
}

fn unix_integer(raw: &[u8], unit: u64) -> Option<(Time, &[u8])> {
    let (count, payload) = integer(raw)?;
    Some((stamp::unix(count.checked_mul(unit)?)?, payload))
}

/// Cuts `61040528 text`.
pub(super) fn integer(raw: &[u8]) -> Option<(u64, &[u8])> {
    let (count, rest) = stamp::integer(raw)?;
    Some((count, stamp::gap(rest)?))
}

/// Cuts `00:00:05 text` into nanoseconds and payload.
pub(super) fn hms(raw: &[u8]) -> Option<(u64, &[u8])> {
    let (nanos, rest) = bracketed(raw, |text| {
        let (nanos, _, rest) = stamp::time_of_day(text)?;
        Some((nanos, rest))
    })?;
    Some((nanos, stamp::gap(rest)?))
}

/// Cuts `12.345678 text` or `[   12.345678] text`.
pub(super) fn seconds_parts(raw: &[u8]) -> Option<(stamp::Seconds, &[u8])> {
    let (stamp, rest) = bracketed(raw, stamp::seconds)?;
    Some((stamp, stamp::gap(rest)?))
}

fn hms_or_seconds(raw: &[u8]) -> Option<(u64, &[u8])> {
    hms(raw).or_else(|| {
        let (stamp, payload) = seconds_parts(raw)?;
        Some((stamp.nanos, payload))
    })
}

/// Reads a stamp that may stand in brackets; within them spaces may pad it.
fn bracketed<T>(raw: &[u8], read: impl Fn(&[u8]) -> Option<(T, &[u8])>) -> Option<(T, &[u8])> {
    let Some(inner) = raw.strip_prefix(b"[") else {
        return read(raw);
    };
    let (stamp, rest) = read(inner.trim_ascii_start())?;
    let rest = rest.strip_prefix(b"]")?;
    Some((stamp, rest))
}

#[cfg(test)]
mod tests {
    use super::super::prefix::Cut;
    use super::*;

    #[test]
    fn forms() {
        const NOON: i64 = 1_717_079_400_000_000_000;
        let table: [(Cut, &str, Time, &str); 14] = [
            (date_time, "[2024-05-30 14:30:00] a", Time::Civil(NOON), "a"),
            (date_time, "2024-05-30T14:30:00Z a", Time::Unix(NOON), "a"),
            (
                date_time,
                "2024-05-30 14:30:00,000  a",
                Time::Civil(NOON),
                " a",
            ),
            (date_time, "2024-05-30T14:30:00Z", Time::Unix(NOON), ""),
            (unix_seconds, "1717079400.0 a", Time::Unix(NOON), "a"),
            (unix_seconds, "1717079400 a", Time::Unix(NOON), "a"),
            (unix_millis, "1717079400000 a", Time::Unix(NOON), "a"),
            (unix_micros, "1717079400000000 a", Time::Unix(NOON), "a"),
            (unix_nanos, "1717079400000000000 a", Time::Unix(NOON), "a"),
            (
                elapsed,
                "[   12.345678] a",
                Time::Elapsed(12_345_678_000),
                "a",
            ),
            (
                elapsed,
                "00:00:05 <3>a",
                Time::Elapsed(5_000_000_000),
                "<3>a",
            ),
            (interval, "5.000001 a", Time::Interval(5_000_001_000), "a"),
            (
                time_of_day,
                "00:00:01.5 a",
                Time::TimeOfDay(1_500_000_000),
                "a",
            ),
            (
                month_day,
                "Nov 21 00:00:00 \x1b[1ma",
                Time::MonthDay {
                    month: 11,
                    day: 21,
                    of_day: 0,
                },
                "\x1b[1ma",
            ),
        ];
        for (cut, raw, time, payload) in table {
            assert_eq!(
                cut(raw.as_bytes()),
                Some((time, payload.as_bytes())),
                "{raw}"
            );
        }
        for raw in [
            "2024-05-30T14:30:00Zx",
            "[2024-05-30 14:30:00 a",
            "12a",
            "12.x a",
            "",
        ] {
            assert_eq!(date_time(raw.as_bytes()), None, "{raw}");
            assert_eq!(elapsed(raw.as_bytes()), None, "{raw}");
        }
    }
}
