//! `script` of util-linux: a typescript, and its times in a second file.
//!
//! The timing file counts bytes: `0.014322 4` says that 0.014322 s after the previous chunk came
//! one of 4 bytes. The advanced form puts a letter before it: `O` output, `I` input, `S` signals,
//! `H` what is known beforehand. The typescript's first line is not counted.

use super::terminal::{Drawing, drawings};
use super::{Decode, IssueKind, Time, Unwrapped, stamp};

/// Makes a decoder of the typescript's physical lines that takes its times from `timing`, the
/// contents of the timing file in either form. A line has the
/// time of the chunk that ended it, a state of a status line that of the chunk that drew it.
#[must_use]
pub fn script(timing: &[u8]) -> Box<dyn Decode> {
    let mut script = Script::default();
    script.read_timing(timing);
    Box::new(script)
}

/// A chunk of output.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    /// Offset in the typescript, without its first line, at which the chunk ends.
    end: u64,
    /// Nanoseconds since the start.
    at: u64,
}

/// Decodes a typescript; without a timing file its lines have no times.
#[derive(Debug, Default)]
pub(super) struct Script {
    chunks: Vec<Chunk>,
    /// The first chunk that may end after the position.
    next: usize,
    position: u64,
    started: bool,
    started_at: Option<i64>,
    bad_entries: u64,
    /// An empty line that may be the one that `script` writes before its last.
    blank: Option<(Option<Time>, u64, Vec<u8>)>,
}

impl Script {
    fn read_timing(&mut self, timing: &[u8]) {
        let (mut end, mut at) = (0_u64, 0_u64);
        let (mut input_log, mut output_log) = (None, None);
        for line in timing.split(|&byte| byte == b'\n') {
            let line = line.trim_ascii();
            let (letter, entry) = match line {
                [] => continue,
                [letter @ (b'O' | b'I' | b'S' | b'H'), b' ', entry @ ..] => (*letter, entry),
                _ => (b'O', line),
            };
            let Some((delay, rest)) = stamp::seconds(entry) else {
                self.bad_entries += 1;
                continue;
            };
            at = at.saturating_add(delay.nanos);
            let rest = rest.trim_ascii_start();
            if letter == b'H' {
                if let Some(started_at) = rest.strip_prefix(b"START_TIME ") {
                    self.started_at = unix(started_at);
                } else if let Some(log) = rest.strip_prefix(b"INPUT_LOG ") {
                    input_log = Some(log);
                } else if let Some(log) = rest.strip_prefix(b"OUTPUT_LOG ") {
                    output_log = Some(log);
                }
                continue;
            }
            // `script -B` writes what was typed into the same file as the output.
            let in_typescript =
                letter == b'O' || letter == b'I' && input_log.is_some() && input_log == output_log;
            if !in_typescript {
                continue;
            }
            let Some((bytes, _)) = stamp::integer(rest) else {
                self.bad_entries += 1;
                continue;
            };
            end = end.saturating_add(bytes);
            self.chunks.push(Chunk { end, at });
        }
    }

    /// Returns the time of the chunk that holds the last byte of a part of the line, which is the
    /// line's end where nothing follows; or the last chunk's where the recording stopped before.
    fn time(&mut self, part: &Drawing<'_>, length: usize) -> Option<Time> {
        let start = self.position.saturating_add(part.start as u64);
        let last = part.last_byte().unwrap_or(length) as u64;
        let last = self.position.saturating_add(last);
        while self.chunks.get(self.next)?.end <= last {
            if self.next + 1 == self.chunks.len() {
                break;
            }
            self.next += 1;
        }
        let chunk = self.chunks.get(self.next)?;
        (start < chunk.end).then_some(Time::Elapsed(chunk.at))
    }

    fn first(&mut self, raw: &[u8], out: &mut Unwrapped) -> bool {
        self.started = true;
        for _ in 0..self.bad_entries {
            out.note(IssueKind::BadRecord);
        }
        let header = raw.strip_prefix(b"Script started on ");
        if let Some(started_at) = self.started_at.or_else(|| unix(header?)) {
            out.set_started_at(started_at);
        }
        header.is_some()
    }

    fn release_blank(&mut self, out: &mut Unwrapped) {
        if let Some((time, number, raw)) = self.blank.take() {
            out.push_from(number, time, &raw);
        }
    }
}

/// Reads `2026-11-21 19:58:52+00:00`; older versions write the date in the user's language.
fn unix(text: &[u8]) -> Option<i64> {
    stamp::date_time(text).and_then(|(stamp, _)| stamp.unix())
}

impl Decode for Script {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if !self.started && self.first(raw, out) {
            return;
        }
        if raw.starts_with(b"Script done on ") {
            self.blank = None;
            return;
        }
        self.release_blank(out);
        for part in drawings(raw) {
            let time = self.time(&part, raw.len());
            if part.text.is_empty() {
                self.blank = Some((time, out.number(), raw.to_vec()));
            } else {
                part.push(out.number(), time, out);
            }
        }
        self.position = self.position.saturating_add(raw.len() as u64 + 1);
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        self.release_blank(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(timing: &str, typescript: &str) -> (String, Vec<Option<u64>>, Option<i64>) {
        let (mut decoder, mut out) = (script(timing.as_bytes()), Unwrapped::new());
        for line in typescript.lines() {
            decoder.line(line.as_bytes(), &mut out);
        }
        decoder.finish(&mut out);
        let times = out.lines().iter().map(|line| match line.time {
            Some(Time::Elapsed(ns)) => Some(ns / 1_000_000),
            _ => None,
        });
        let times = times.collect();
        let text = String::from_utf8_lossy(out.text()).into_owned();
        (text, times, out.started_at())
    }

    const START: i64 = 1_795_291_132_000_000_000;

    #[test]
    fn classic() {
        let (text, times, started_at) = decode(
            "0.010 2\n0.190 1\n0.100 2\n",
            "Script started on 2026-11-21 19:58:52+00:00 [X=\"y\"]\na\nbc\n\nScript done on x\n",
        );
        assert_eq!(text, "a\nbc\n");
        assert_eq!(times, [Some(10), Some(300)]);
        assert_eq!(started_at, Some(START));
    }

    #[test]
    fn advanced_with_input_in_the_same_file() {
        let timing = "H 0.000000 START_TIME 2026-11-21 19:58:52+00:00\n\
            H 0.000000 OUTPUT_LOG x\nH 0.000000 INPUT_LOG x\nI 0.1 2\nO 0.1 4\nS 0.5 SIGWINCH\n\
            O 0.1 3\nH 0.000000 EXIT_CODE 0\n";
        let (text, times, started_at) = decode(
            timing,
            "Script started on Sat\nh\nabc\n\nno\nScript done on x",
        );
        assert_eq!(text, "h\nabc\n\nno\n");
        assert_eq!(times, [Some(100), Some(200), Some(800), Some(800)]);
        assert_eq!(started_at, Some(START));
    }

    #[test]
    fn without_times_nothing_is_made_up() {
        let (text, times, _) = decode("", "Script started on x\na\n\n");
        assert_eq!((text.as_str(), times), ("a\n\n", vec![None, None]));
        let (text, times, _) = decode("junk\n0.1 1\n", "a\nb\n");
        assert_eq!((text.as_str(), times), ("a\nb\n", vec![Some(100), None]));
    }
}
