//! The grammar of stamps: dates, times of day, counts of seconds. Each function reads one from
//! the front of a text and returns it with the rest; none allocates, but for names of months.

use jiff::civil::{Date, Time as JiffTime};
use jiff::tz::Offset;

use super::{Time, months};

/// Nanoseconds in a second, as the signed counts need it.
pub(super) const SECOND: i64 = 1_000_000_000;

/// Reads exactly `n` digits.
fn fixed(text: &[u8], n: usize) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(n)?;
    let mut value = 0_u32;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u32::from(digit - b'0');
    }
    Some((value, rest))
}

/// Reads one or more digits; `None` where the number exceeds 64 bits.
pub(super) fn integer(text: &[u8]) -> Option<(u64, &[u8])> {
    let n = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(n);
    if n == 0 {
        return None;
    }
    let mut value = 0_u64;
    for &digit in digits {
        value = value
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
    }
    Some((value, rest))
}

/// Reads `.123` or `,123` if it is there: nanoseconds, the number of digits, the rest. Digits
/// past the ninth are read and dropped.
fn fraction(text: &[u8]) -> (u32, usize, &[u8]) {
    let Some((b'.' | b',', digits)) = text.split_first() else {
        return (0, 0, text);
    };
    let n = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if n == 0 {
        return (0, 0, text);
    }
    let mut nanos = 0;
    let padded = digits[..n].iter().chain(std::iter::repeat(&b'0'));
    for &digit in padded.take(9) {
        nanos = nanos * 10 + u32::from(digit - b'0');
    }
    (nanos, n, &digits[n..])
}

/// Reads the gap between a stamp and its text: one space or tab, or the end of the line.
pub(super) fn gap(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [] | b"\r" => Some(rest),
        [b' ' | b'\t', text @ ..] => Some(text),
        _ => None,
    }
}

/// Reads `14:30:00` or `14:30:00.123`: nanoseconds since midnight and the fraction's digits.
pub(super) fn time_of_day(text: &[u8]) -> Option<(u64, usize, &[u8])> {
    let (hour, rest) = fixed(text, 2)?;
    let (minute, rest) = fixed(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = fixed(rest.strip_prefix(b":")?, 2)?;
    // A leap second is written as 60.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, digits, rest) = fraction(rest);
    let seconds = u64::from((hour * 60 + minute) * 60 + second);
    Some((seconds * 1_000_000_000 + u64::from(nanos), digits, rest))
}

/// A date and a time, with or without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime {
    /// Nanoseconds since 1970-01-01T00:00:00 in its zone.
    civil: i64,
    /// Nanoseconds east of Greenwich.
    offset: Option<i64>,
    /// Whether the zone is written as `Z`.
    pub(super) zulu: bool,
    /// How many digits the fraction has.
    pub(super) digits: usize,
    /// Whether a `T` stands between date and time.
    pub(super) has_t: bool,
}

impl DateTime {
    /// Returns the time as the clock takes it.
    pub(super) fn time(self) -> Time {
        match self.offset {
            Some(offset) => Time::Unix(self.civil.saturating_sub(offset)),
            None => Time::Civil(self.civil),
        }
    }

    /// Returns nanoseconds since 1970 if the zone is known.
    pub(super) fn unix(self) -> Option<i64> {
        self.offset.map(|offset| self.civil.saturating_sub(offset))
    }

    /// Whether a zone is written.
    pub(super) fn has_zone(self) -> bool {
        self.offset.is_some()
    }

    /// Returns the same date and time as read in UTC.
    pub(super) fn in_utc(self) -> Self {
        Self {
            offset: Some(0),
            ..self
        }
    }
}

/// Reads `2024-05-30T14:30:00.123Z` and its like: `T` or a space between, `.` or `,` before the
/// fraction, `Z`, `+02:00`, `+0200`, `+02` or nothing as the zone.
pub(super) fn date_time(text: &[u8]) -> Option<(DateTime, &[u8])> {
    let (year, rest) = fixed(text, 4)?;
    let (month, rest) = fixed(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = fixed(rest.strip_prefix(b"-")?, 2)?;
    let (has_t, rest) = match rest.split_first()? {
        (b'T' | b't', rest) => (true, rest),
        (b' ', rest) => (false, rest),
        _ => return None,
    };
    let (of_day, digits, rest) = time_of_day(rest)?;
    let midnight = midnight(year, month, day)?;
    let (offset, zulu, rest) = zone(rest);
    let stamp = DateTime {
        civil: midnight.checked_add(i64::try_from(of_day).ok()?)?,
        offset,
        zulu,
        digits,
        has_t,
    };
    Some((stamp, rest))
}

fn midnight(year: u32, month: u32, day: u32) -> Option<i64> {
    let date = Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()?;
    let midnight = date.to_datetime(JiffTime::midnight());
    let seconds = Offset::UTC.to_timestamp(midnight).ok()?.as_second();
    seconds.checked_mul(SECOND)
}

fn zone(text: &[u8]) -> (Option<i64>, bool, &[u8]) {
    let (sign, rest) = match text.split_first() {
        Some((b'Z' | b'z', rest)) => return (Some(0), true, rest),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        _ => return (None, false, text),
    };
    let Some((hours, rest)) = fixed(rest, 2) else {
        return (None, false, text);
    };
    let (minutes, rest) = fixed(rest.strip_prefix(b":").unwrap_or(rest), 2).unwrap_or((0, rest));
    let seconds = i64::from(hours * 60 + minutes) * 60;
    (Some(sign * seconds * SECOND), false, rest)
}

/// Reads `Nov 21 19:58:52`, with a day of one or two digits, padded or not, and the month in any
/// language; `21. Nov 19:58:52`; `11-21 19:58:52`.
///
/// Of a month whose name is not known, the time of day is left.
pub(super) fn month_day(text: &[u8]) -> Option<(Time, &[u8])> {
    // Names of months are padded where they are numbers.
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (month, day, rest) = match months::month(text) {
        Some((month, rest)) => {
            let rest = rest.strip_prefix(b" ")?;
            let rest = rest.strip_prefix(b" ").unwrap_or(rest);
            let (day, rest) = integer(rest)?;
            (month, day, rest)
        }
        None => match integer(text)? {
            (day, [b' ', rest @ ..] | [b'.', b' ', rest @ ..]) => {
                let (month, rest) = months::month(rest)?;
                (month, day, rest)
            }
            (month, [b'-' | b'/', rest @ ..]) => {
                let (day, rest) = integer(rest)?;
                (u8::try_from(month).ok(), day, rest)
            }
            _ => return None,
        },
    };
    let (of_day, _, rest) = time_of_day(rest.strip_prefix(b" ")?)?;
    let day = u8::try_from(day)
        .ok()
        .filter(|day| (1..=31).contains(day))?;
    let time = match month {
        Some(month @ 1..=12) => Time::MonthDay { month, day, of_day },
        Some(_) => return None,
        None => Time::TimeOfDay(of_day),
    };
    Some((time, rest))
}

/// Reads dates and times in other orders, with names of months and days, as programs and people write
/// them: `2025-Jan-13 15:35:03.7`, `Mon Jan 13 15:35:03 UTC 2025`, `13/Jan/2025:15:35:03 +0000`,
/// `Mon, 13 Jan 2025 15:35:03 GMT`, `2025/01/13 15:35:03`, `13.01.2025 15:35:03`.
///
/// Of `03/04/2025` it does not matter which is the day: without a zone, only distances are used.
pub(super) fn written_out(text: &[u8]) -> Option<(DateTime, &[u8])> {
    let mut rest = weekday(text).unwrap_or(text);
    let (mut month, mut year, mut numbers) = (None, None, [None; 2]);
    let (of_day, digits, after) = loop {
        if let Some((hour, digits, after)) = clock(rest) {
            break (hour, digits, after);
        }
        let n = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if n > 0 && !matches!(months::month(rest), Some((Some(_), _))) {
            let (number, after) = fixed(rest, n.min(5))?;
            match n {
                4 if year.is_none() => year = Some(number),
                1 | 2 => {
                    let place = numbers.iter_mut().find(|place| place.is_none())?;
                    *place = Some((number, year.is_some()));
                }
                _ => return None,
            }
            rest = after;
        } else {
            let (name, after) = months::month(rest).filter(|_| month.is_none())?;
            (month, rest) = (Some(name?), after);
        }
        let n = rest
            .iter()
            .take_while(|byte| b" -/.,:T".contains(byte))
            .count();
        if !(1..=2).contains(&n) {
            return None;
        }
        rest = &rest[n..];
    };
    let (offset, zulu, mut rest) = named_zone(after);
    if year.is_none() {
        // `UTC 2025`: only a year behind it shows that a word is a zone.
        let text = rest.strip_prefix(b" ")?;
        let n = text
            .iter()
            .take_while(|byte| byte.is_ascii_uppercase())
            .count();
        let text = if n > 0 {
            text[n..].strip_prefix(b" ")?
        } else {
            text
        };
        let (number, after) = fixed(text, 4)?;
        (year, rest) = (Some(number), after);
    }
    let (month, day) = match (month, numbers) {
        (Some(month), [Some((day, _)), None]) => (u32::from(month), day),
        (None, [Some((month, true)), Some((day, _))]) => (month, day),
        (None, [Some((month, false)), Some((day, _))]) if day > 12 => (month, day),
        (None, [Some((day, false)), Some((month, _))]) => (month, day),
        _ => return None,
    };
    let stamp = DateTime {
        civil: midnight(year?, month, day)?.checked_add(i64::try_from(of_day).ok()?)?,
        offset,
        zulu,
        digits,
        has_t: false,
    };
    Some((stamp, rest))
}

/// Reads a time of day with `AM` or `PM`, or one of 24 hours.
fn clock(text: &[u8]) -> Option<(u64, usize, &[u8])> {
    const HOUR: u64 = 3_600_000_000_000;
    let (of_day, digits, rest) = time_of_day(text).or_else(|| one_digit_time(text))?;
    let half = rest.strip_prefix(b" ").unwrap_or(rest);
    let (is_pm, rest) = match half {
        [b'A' | b'a', b'M' | b'm', rest @ ..] => (false, rest),
        [b'P' | b'p', b'M' | b'm', rest @ ..] => (true, rest),
        _ => return time_of_day(text),
    };
    let in_half = of_day % (12 * HOUR);
    Some((in_half + if is_pm { 12 * HOUR } else { 0 }, digits, rest))
}

/// Reads `3:35:03`.
fn one_digit_time(text: &[u8]) -> Option<(u64, usize, &[u8])> {
    let mut padded = [b'0'; 20];
    let n = text.len().min(padded.len() - 1);
    padded[1..=n].copy_from_slice(&text[..n]);
    let (of_day, digits, rest) = time_of_day(&padded[..=n])?;
    Some((of_day, digits, &text[n - rest.len()..]))
}

/// Reads a day of the week in front of a date: a word that is no month, before another word or number.
fn weekday(text: &[u8]) -> Option<&[u8]> {
    let (month, rest) = months::month(text)?;
    let rest = rest.strip_prefix(b",").unwrap_or(rest);
    let rest = rest.strip_prefix(b" ")?;
    let is_word = text.first().is_some_and(|byte| !byte.is_ascii_digit());
    // `mar. 13 janv.` is a Tuesday: what counts is whether a month follows.
    let followed = months::month(rest).is_some() || months::month(day_and_after(rest)).is_some();
    (is_word && (month.is_none() || followed)).then_some(rest)
}

/// Passes over `13 ` or `13. `.
fn day_and_after(text: &[u8]) -> &[u8] {
    let n = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &text[n..];
    let rest = rest.strip_prefix(b".").unwrap_or(rest);
    rest.strip_prefix(b" ").unwrap_or(rest)
}

/// Reads a zone behind a time, with or without a blank in front.
fn named_zone(text: &[u8]) -> (Option<i64>, bool, &[u8]) {
    let spaced = text.strip_prefix(b" ").unwrap_or(text);
    for name in [&b"UTC"[..], b"GMT"] {
        if let Some(rest) = spaced.strip_prefix(name)
            && gap(rest).is_some()
        {
            return (Some(0), false, rest);
        }
    }
    match zone(spaced) {
        (Some(offset), zulu, rest) if gap(rest).is_some() || rest.starts_with(b"]") => {
            (Some(offset), zulu, rest)
        }
        _ => (None, false, text),
    }
}

/// A count of seconds with or without a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds {
    /// The count in nanoseconds.
    pub(super) nanos: u64,
    /// How many digits the fraction has.
    pub(super) digits: usize,
}

/// Reads `1717079400.123`; `None` where the count exceeds 64 bits of nanoseconds.
pub(super) fn seconds(text: &[u8]) -> Option<(Seconds, &[u8])> {
    let (whole, rest) = integer(text)?;
    let (nanos, digits, rest) = fraction(rest);
    let nanos = whole
        .checked_mul(1_000_000_000)?
        .checked_add(u64::from(nanos))?;
    Some((Seconds { nanos, digits }, rest))
}

/// Makes a Unix time of a count of nanoseconds.
pub(super) fn unix(nanos: u64) -> Option<Time> {
    i64::try_from(nanos).ok().map(Time::Unix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let noon = 1_717_079_400 * SECOND;
        for (text, time) in [
            ("2024-05-30T14:30:00Z", Time::Unix(noon)),
            ("2024-05-30 14:30:00,5", Time::Civil(noon + SECOND / 2)),
            ("2024-05-30T16:30:00+02:00", Time::Unix(noon)),
            ("2024-05-30T16:30:00+0200", Time::Unix(noon)),
            ("2024-05-30T09:30:00.0000000001-05", Time::Unix(noon)),
            ("1969-12-31T23:59:59Z", Time::Unix(-SECOND)),
            ("2016-12-31T23:59:60Z", Time::Unix(1_483_228_800 * SECOND)),
        ] {
            let (stamp, rest) = date_time(text.as_bytes()).expect(text);
            assert_eq!((stamp.time(), rest), (time, &b""[..]), "{text}");
        }
        for text in [
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00",
            "2024-05-30T24:00:00",
            "9999-05-30T00:00:00Z",
            "2024-05-30",
        ] {
            assert_eq!(date_time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn dates_that_are_written_out() {
        let noon = 1_717_079_400 * SECOND;
        for text in [
            "2024-May-30 14:30:00",
            "30-May-2024 14:30:00",
            "30 May 2024 14:30:00",
            "30. Mai 2024, 14:30:00",
            "May 30, 2024 14:30:00",
            "May 30, 2024 2:30:00 PM",
            "Thu May 30 14:30:00 2024",
            "Thu May 30 14:30:00 CEST 2024",
            "Thu May 30 02:30:00 PM CEST 2024",
            "jeu. 30 mai 2024 14:30:00",
            "2024/05/30 14:30:00",
            "30.05.2024 14:30:00",
            "30/05/2024 14:30:00",
            "05/30/2024 02:30:00 PM",
        ] {
            let (stamp, rest) = written_out(text.as_bytes()).expect(text);
            assert_eq!(
                (stamp.time(), rest),
                (Time::Civil(noon), &b""[..]),
                "{text}"
            );
        }
        for text in [
            "30/May/2024:14:30:00 +0000",
            "Thu, 30 May 2024 14:30:00 GMT",
            "Thu May 30 14:30:00 UTC 2024",
            "2024/05/30 16:30:00 +02:00",
        ] {
            let (stamp, rest) = written_out(text.as_bytes()).expect(text);
            assert_eq!((stamp.time(), rest), (Time::Unix(noon), &b""[..]), "{text}");
        }
        let (stamp, rest) = written_out(b"2024-May-30 14:30:00.5 ERROR x").expect("a date");
        assert_eq!(
            (stamp.time(), rest),
            (Time::Civil(noon + SECOND / 2), &b" ERROR x"[..])
        );
        for text in [
            "May 30 14:30:00",
            "30 2024 14:30:00",
            "2024-Foo-30 14:30:00",
            "2024-May-32 14:30:00",
            "version 1.2.2024 x",
            "14:30:00",
            "",
        ] {
            assert_eq!(written_out(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn months_and_seconds() {
        let time = Time::MonthDay {
            month: 9,
            day: 8,
            of_day: 1_000_000_000,
        };
        for text in ["Sep 08 00:00:01 x", "Sep  8 00:00:01 x", "Sep 8 00:00:01 x"] {
            assert_eq!(
                month_day(text.as_bytes()),
                Some((time, &b" x"[..])),
                "{text}"
            );
        }
        for text in [
            "Sep 32 00:00:01",
            "13-01 00:00:01",
            "1 00:00:01",
            "Sep 00:00:01",
        ] {
            assert_eq!(month_day(text.as_bytes()), None, "{text}");
        }
        for text in [
            "8 Sep 00:00:01 x",
            "8. Sep 00:00:01 x",
            "09-08 00:00:01 x",
            "9/8 00:00:01 x",
            " 9月 08 00:00:01 x",
        ] {
            assert_eq!(
                month_day(text.as_bytes()),
                Some((time, &b" x"[..])),
                "{text}"
            );
        }
        let unknown = "يوليو 07 00:00:01 x".as_bytes();
        let of_day = Time::TimeOfDay(1_000_000_000);
        assert_eq!(month_day(unknown), Some((of_day, &b" x"[..])));
        let (read, rest) = seconds(b"5.12 x").expect("a count");
        assert_eq!(
            (read.nanos, read.digits, rest),
            (5_120_000_000, 2, &b" x"[..])
        );
        assert_eq!(seconds(b"99999999999999999999"), None);
        assert_eq!(integer(b"18446744073709551616"), None);
    }
}
