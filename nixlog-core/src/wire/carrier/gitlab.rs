//! GitLab job logs: the stamps of `FF_TIMESTAMPS`, and the section markers that are always there.
//!
//! A stamped line is `2024-05-30T14:30:00.000000Z 00O text`: the stream's number, `O` or `E`, and
//! `+` instead of a space where the line goes on where the stream's previous one stopped. Whether
//! a line goes on is known only from the next one, so one line of each stream is held back.

use memchr::memmem;

use super::prefix::whole;
use super::{Decode, IssueKind, LARGEST_LINE, Time, Unwrapped, stamp};

/// How much of a line may be its stamp; NUL bytes are dropped within it.
const HEAD: usize = 48;

/// Streams that may have a line held back at once; a job uses four at most.
const MAX_STREAMS: usize = 16;

/// A line taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts<'a> {
    time: Time,
    /// Number and letter of the stream: `00O`.
    stream: [u8; 3],
    goes_on: bool,
    payload: &'a [u8],
}

fn parts(raw: &[u8]) -> Option<Parts<'_>> {
    let mut head = [0_u8; HEAD];
    let mut n = 0;
    // Early 17.0 runners wrote NUL bytes into the stamp (GitLab runner issue 37479).
    for &byte in raw.iter().take(HEAD).filter(|&&byte| byte != 0) {
        head[n] = byte;
        n += 1;
    }
    let (stamp, rest) = stamp::date_time(head.get(..n)?)?;
    let [
        b' ',
        high,
        low,
        letter @ (b'O' | b'E'),
        goes_on @ (b'+' | b' '),
        after @ ..,
    ] = rest
    else {
        return None;
    };
    if !stamp.has_zone() || !high.is_ascii_hexdigit() || !low.is_ascii_hexdigit() {
        return None;
    }
    // Where the payload starts in `raw`: past as many other bytes as were used, and no further,
    // so that NUL bytes of the payload itself stay.
    let mut used = n - after.len();
    let start = raw.iter().position(|&byte| {
        let done = used == 0;
        used -= usize::from(byte != 0 && !done);
        done
    });
    Some(Parts {
        time: stamp.time(),
        stream: [*high, *low, *letter],
        goes_on: *goes_on == b'+',
        payload: &raw[start.unwrap_or(raw.len())..],
    })
}

/// Cuts a stamped line; for the detector, which needs no more.
pub(super) fn cut(raw: &[u8]) -> Option<(Time, &[u8])> {
    parts(raw).map(|parts| (parts.time, parts.payload))
}

/// A section marker, `section_start:1717079400:build_script[collapsed=true]\r\x1b[0K`.
struct Marker {
    start: usize,
    end: usize,
    /// Seconds since 1970.
    seconds: u64,
}

/// Finds the next section marker, with the escape sequence that the runner puts before it.
fn marker(text: &[u8], from: usize) -> Option<Marker> {
    const END: &[u8] = b"\r\x1b[0K";
    let mut from = from;
    loop {
        let start = from + memmem::find(text.get(from..)?, b"section_")?;
        from = start + 1;
        let rest = &text[start + b"section_".len()..];
        let Some(rest) = rest
            .strip_prefix(b"start:")
            .or_else(|| rest.strip_prefix(b"end:"))
        else {
            continue;
        };
        let Some((seconds, rest)) = stamp::integer(rest) else {
            continue;
        };
        let Some(rest) = rest.strip_prefix(b":") else {
            continue;
        };
        let Some(length) = memchr::memchr(b'\r', rest) else {
            continue;
        };
        // At the end of a line cut by the runner's limit, the escape sequence may be missing.
        let tail = &rest[length..];
        let after = match tail.strip_prefix(END) {
            Some(after) => after,
            None if tail == b"\r" => b"",
            None => continue,
        };
        let start = if text[..start].ends_with(b"\x1b[0K") {
            start - b"\x1b[0K".len()
        } else {
            start
        };
        return Some(Marker {
            start,
            end: text.len() - after.len(),
            seconds,
        });
    }
}

/// Says whether a section marker is in the line.
pub(super) fn has_section(raw: &[u8]) -> bool {
    marker(raw, 0).is_some()
}

/// Hands on a line without its markers. Text before a marker is a line of its own: the marker's
/// `\r\x1b[0K` would have erased it on a terminal. The markers' seconds are times for what follows
/// where the line has no stamp.
fn without_markers(number: u64, stamp: Option<Time>, payload: &[u8], out: &mut Unwrapped) {
    let (mut at, mut time) = (0, stamp);
    while let Some(marker) = marker(payload, at) {
        let start = marker.start.max(at);
        if start > at {
            out.push_from(number, time, &payload[at..start]);
        }
        let section = marker.seconds.checked_mul(1_000_000_000);
        time = stamp.or_else(|| section.and_then(stamp::unix)).or(time);
        at = marker.end;
    }
    out.push_from(number, time, &payload[at..]);
}

/// The last line of a stream, until it is known to be whole.
#[derive(Debug)]
struct Held {
    stream: [u8; 3],
    time: Time,
    number: u64,
    text: Vec<u8>,
}

impl Held {
    /// Whether the line looks whole, so that a line of another stream may overtake nothing. Only
    /// a cut `@nix {…}` is worth the wait: its second half alone would be lost on the reader.
    fn looks_whole(&self) -> bool {
        !self.text.starts_with(b"@nix {") || self.text.trim_ascii_end().ends_with(b"}")
    }

    fn release(self, out: &mut Unwrapped) {
        without_markers(self.number, Some(self.time), &self.text, out);
    }
}

/// Decodes a GitLab job log.
#[derive(Debug, Default)]
pub(super) struct Gitlab {
    held: Vec<Held>,
}

impl Gitlab {
    fn release_all(&mut self, out: &mut Unwrapped) {
        for held in self.held.drain(..) {
            held.release(out);
        }
    }

    fn stamped(&mut self, parts: Parts<'_>, out: &mut Unwrapped) {
        let place = self
            .held
            .iter()
            .position(|held| held.stream == parts.stream);
        if parts.goes_on
            && let Some(held) = place.and_then(|place| self.held.get_mut(place))
        {
            if held.text.len().saturating_add(parts.payload.len()) <= LARGEST_LINE {
                held.text.extend_from_slice(parts.payload);
                held.time = parts.time;
                return;
            }
            out.note(IssueKind::TooLong);
        }
        let stream = parts.stream;
        let full = self.held.len() >= MAX_STREAMS;
        let whole = |held: &mut Held| held.stream == stream || held.looks_whole() || full;
        for held in self.held.extract_if(.., whole) {
            held.release(out);
        }
        self.held.push(Held {
            stream,
            time: parts.time,
            number: out.number(),
            text: parts.payload.to_vec(),
        });
    }
}

impl Decode for Gitlab {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if let Some(parts) = parts(raw) {
            self.stamped(parts, out);
            return;
        }
        self.release_all(out);
        if has_section(raw) {
            without_markers(out.number(), None, raw, out);
        } else {
            whole(raw, out);
        }
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        self.release_all(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_717_079_400_000_000_000;

    fn decode(lines: &[&str]) -> (String, Vec<(Option<Time>, u64)>) {
        let (mut decoder, mut out) = (Gitlab::default(), Unwrapped::new());
        for (number, line) in (1..).zip(lines) {
            out.at_line(number);
            decoder.line(line.as_bytes(), &mut out);
        }
        decoder.finish(&mut out);
        let table = out.lines().iter().map(|l| (l.time, l.number)).collect();
        (String::from_utf8_lossy(out.text()).into_owned(), table)
    }

    #[test]
    fn joins_continued_lines_of_each_stream() {
        let (text, table) = decode(&[
            "2024-05-30T14:30:00.000000Z 00O @nix {\"a\":",
            "2024-05-30T14:30:01.000000Z 00E other",
            "2024-05-30T14:30:02.000000Z 00O+1}",
            "2024-05-30T14:30:03.000000Z 00O last",
        ]);
        assert_eq!(text, "@nix {\"a\":1}\nother\nlast\n");
        let at = |seconds| Some(Time::Unix(NOON + seconds * stamp::SECOND));
        assert_eq!(table, [(at(2), 1), (at(1), 2), (at(3), 4)]);
    }

    #[test]
    fn drops_nul_bytes_of_the_stamp_only() {
        let raw = b"2024-05-30T14:30:00.5\0\0\0\0\0Z 00O a\0b";
        let parts = parts(raw).expect("a stamp");
        assert_eq!(parts.time, Time::Unix(NOON + stamp::SECOND / 2));
        assert_eq!(parts.payload, b"a\0b");
        let (text, _) = decode(&["2024-05-30T14:30:00.000000Z 00O \0x"]);
        assert_eq!(text, "\0x\n");
        assert_eq!(decode(&["2024-05-30T14:30:00.000000Z 00O "]).0, "\n");
    }

    #[test]
    fn section_markers_are_times_where_there_are_no_stamps() {
        let (text, table) = decode(&[
            "Running with gitlab-runner",
            "\x1b[0Ksection_start:1717079400:build[collapsed=true]\r\x1b[0KBuilding",
            "tail section_end:1717079401:build\r\x1b[0Ksection_start:1717079402:x\r\x1b[0K",
            "section_start:no",
            "2024-05-30T14:30:05.000000Z 01O section_end:1717079400:build\r\x1b[0Kz",
        ]);
        assert_eq!(
            text,
            "Running with gitlab-runner\nBuilding\ntail \n\nsection_start:no\nz\n"
        );
        let at = |seconds| Some(Time::Unix(NOON + seconds * stamp::SECOND));
        let times: Vec<_> = table.into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [None, at(0), None, at(2), None, at(5)]);
    }
}
