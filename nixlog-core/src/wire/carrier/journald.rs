//! The text forms of `journalctl`: a stamp, a host, `unit[123]:`, the message.

use memchr::{memchr, memmem};

use super::join::Joiner;
use super::prefix::whole;
use super::{Decode, Time, Unwrapped, stamp};

/// Reads a stamp from the front of a line.
type Stamp = fn(&[u8]) -> Option<(Time, &[u8])>;

/// A line taken apart.
struct Parts<'a> {
    time: Time,
    /// `host unit[123]`.
    source: &'a [u8],
    payload: &'a [u8],
}

fn parts(raw: &[u8], stamp: Stamp) -> Option<Parts<'_>> {
    /// Names of hosts and units are short; what is further right is the message.
    const LONGEST_SOURCE: usize = 512;
    let (time, rest) = stamp(raw)?;
    let rest = rest.strip_prefix(b" ")?;
    let head = &rest[..rest.len().min(LONGEST_SOURCE)];
    let host = memchr(b' ', head).filter(|&n| n > 0)?;
    // `--no-hostname`.
    if let Some(source) = head[..host].strip_suffix(b"]:") {
        return Some(Parts {
            time,
            source: &head[..source.len() + 1],
            payload: &rest[host + 1..],
        });
    }
    // A message may be empty, with or without the space before it.
    let (end, payload) = match memmem::find(&head[host..], b": ") {
        Some(at) => (host + at, &rest[host + at + 2..]),
        None => (rest.trim_ascii_end().strip_suffix(b":")?.len(), &b""[..]),
    };
    let source = rest.get(..end)?;
    let unit = source.get(host + 1..).filter(|unit| !unit.is_empty())?;
    // Some identifiers have blanks, and then only a process number shows that it is one.
    if memchr(b' ', unit).is_some() && !unit.ends_with(b"]") {
        return None;
    }
    Some(Parts {
        time,
        source,
        payload,
    })
}

/// Reads the stamp of `-o short` and `-o short-precise`: `Sep 08 17:20:30`, in the journal's language.
pub(super) fn short(raw: &[u8]) -> Option<(Time, &[u8])> {
    stamp::month_day(raw)
}

/// Reads the stamp of `-o short-iso` and `-o short-iso-precise`.
pub(super) fn iso(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (stamp, rest) = stamp::date_time(raw)?;
    Some((stamp.time(), rest))
}

/// Reads the stamp of `-o short-unix`: `1694186430.655028`.
pub(super) fn unix(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (stamp, rest) = stamp::seconds(raw)?;
    Some((stamp::unix(stamp.nanos)?, rest))
}

/// Reads the stamp of `-o short-full`: `Fri 2023-09-08 17:20:30 CEST`. Of the names of zones, only
/// UTC's says how far from Greenwich it is; with any other the time is local.
pub(super) fn full(raw: &[u8]) -> Option<(Time, &[u8])> {
    let rest = &raw[memchr(b' ', raw.get(..12)?)? + 1..];
    let (stamp, rest) = stamp::date_time(rest)?;
    let zone = rest.strip_prefix(b" ")?;
    let n = memchr(b' ', zone)?;
    let stamp = match &zone[..n] {
        b"UTC" | b"GMT" => stamp.in_utc(),
        _ => stamp,
    };
    Some((stamp.time(), &zone[n..]))
}

/// Reads the stamp of `-o short-monotonic` and `-o short-delta`: `[   12.345678]` and
/// `[   12.345678 <    0.000123 >]`, since the machine's boot.
pub(super) fn monotonic(raw: &[u8]) -> Option<(Time, &[u8])> {
    let inner = raw.strip_prefix(b"[")?.trim_ascii_start();
    let (stamp, rest) = stamp::seconds(inner)?;
    let rest = match rest.strip_prefix(b"]") {
        Some(rest) => rest,
        None => {
            let delta = rest.strip_prefix(b" <")?;
            &delta[memmem::find(delta, b">]")? + 2..]
        }
    };
    Some((Time::Uptime(stamp.nanos), rest))
}

/// Cuts a line for the detector, which asks more than the decoder: a process number, so that
/// `Nov 21 19:58:52 building foo: bar` of `ts` is not taken for an entry.
pub(super) fn cut(raw: &[u8], stamp: Stamp) -> Option<(Time, &[u8])> {
    let parts = parts(raw, stamp)?;
    parts
        .source
        .ends_with(b"]")
        .then_some((parts.time, parts.payload))
}

/// Decodes the text that `journalctl` prints.
pub(super) struct Journald {
    stamp: Stamp,
    joiner: Joiner,
}

impl Journald {
    /// Makes a decoder for entries with this kind of stamp.
    pub(super) fn new(stamp: Stamp) -> Self {
        Self {
            stamp,
            joiner: Joiner::default(),
        }
    }
}

impl Decode for Journald {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        match parts(raw, self.stamp) {
            Some(parts) => {
                let payload = parts.payload.strip_suffix(b"\r").unwrap_or(parts.payload);
                self.joiner
                    .entry(parts.source, Some(parts.time), payload, out);
            }
            None => whole(raw, out),
        }
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        self.joiner.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        const AT: i64 = 1_694_186_430_655_028_000;
        let local = Time::Civil(AT + 7_200 * stamp::SECOND);
        let table: [(Stamp, &str, Time); 8] = [
            (iso, "2023-09-08T17:20:30.655028+0200", Time::Unix(AT)),
            (iso, "2023-09-08T17:20:30.655028+02:00", Time::Unix(AT)),
            (unix, "1694186430.655028", Time::Unix(AT)),
            (full, "Fri 2023-09-08 17:20:30.655028 CEST", local),
            (full, "Fri 2023-09-08 15:20:30.655028 UTC", Time::Unix(AT)),
            (monotonic, "[   12.345678]", Time::Uptime(12_345_678_000)),
            (
                monotonic,
                "[   12.345678 <    0.000123 >]",
                Time::Uptime(12_345_678_000),
            ),
            (
                short,
                "Sep 08 17:20:30",
                Time::MonthDay {
                    month: 9,
                    day: 8,
                    of_day: 62_430_000_000_000,
                },
            ),
        ];
        for (stamp, text, time) in table {
            for (source, message) in [
                ("host nix[1]", "a: b"),
                ("host my unit[2]", ""),
                ("h k", "@nix {"),
            ] {
                let raw = format!("{text} {source}: {message}");
                let parts = parts(raw.as_bytes(), stamp).expect(&raw);
                assert_eq!(parts.time, time, "{raw}");
                assert_eq!(parts.source, source.as_bytes(), "{raw}");
                assert_eq!(parts.payload, message.as_bytes(), "{raw}");
            }
            let raw = format!("{text} nix[1]: a b: c");
            let taken = parts(raw.as_bytes(), stamp).expect(&raw);
            assert_eq!(
                (taken.source, taken.payload),
                (&b"nix[1]"[..], &b"a b: c"[..])
            );
            let raw = format!("{text} host nix[1]:");
            assert!(parts(raw.as_bytes(), stamp).is_some_and(|parts| parts.payload.is_empty()));
            for text in ["{text} building foo bar: x", "-- No entries --", ""] {
                assert!(parts(text.as_bytes(), stamp).is_none());
            }
        }
    }
}
