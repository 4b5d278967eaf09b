//! asciinema: recordings of a terminal, versions 1 to 3.
//!
//! Events are chunks of output, not lines: a line has the time of the event that ended it, and so
//! has each state of a status line. Times are seconds since the start in version 2, and since the previous event in versions 1 and 3.

use std::borrow::Cow;

use memchr::memmem;
use serde::Deserialize;

use super::prefix::whole;
use super::terminal::Terminal;
use super::{Decode, IssueKind, Time, Unwrapped};

/// The largest document of version 1 that is read: it has no lines, and is held as a whole.
const LARGEST_DOCUMENT: usize = 256 << 20;

/// A header of version 2 or 3.
#[derive(Debug, Deserialize)]
struct Header {
    version: u32,
    #[serde(default)]
    timestamp: Option<serde_json::Number>,
}

impl Header {
    fn started_at(&self) -> Option<i64> {
        let timestamp = self.timestamp.as_ref()?;
        match timestamp.as_i64() {
            Some(seconds) => seconds.checked_mul(1_000_000_000),
            None => i64::try_from(nanos(timestamp.as_f64()?)).ok(),
        }
    }
}

/// Makes nanoseconds of seconds; what is negative or not a number is zero.
fn nanos(seconds: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, which is what a nonsense time deserves"
    )]
    let nanos = (seconds * 1e9).round() as u64;
    nanos
}

/// Returns the version that a header states.
pub(super) fn version(raw: &[u8]) -> Option<u32> {
    if !raw.starts_with(b"{") {
        return None;
    }
    let header: Header = serde_json::from_slice(raw).ok()?;
    let has = |key: &[u8]| memmem::find(raw, key).is_some();
    match header.version {
        2 if has(b"\"width\"") => Some(2),
        3 if has(b"\"term\"") => Some(3),
        _ => None,
    }
}

/// Says whether a document of version 1 starts here; it may be cut, and may be indented.
pub(super) fn is_v1(sample: &[u8]) -> bool {
    let version = || {
        let at = memmem::find(sample, b"\"version\"")? + b"\"version\"".len();
        let rest = sample[at..].trim_ascii_start().strip_prefix(b":")?;
        let rest = rest.trim_ascii_start().strip_prefix(b"1")?;
        rest.first().map(|byte| !byte.is_ascii_digit())
    };
    sample.trim_ascii_start().starts_with(b"{")
        && memmem::find(sample, b"\"stdout\"").is_some()
        && version() == Some(true)
}

/// Decodes versions 2 and 3; the header tells which.
#[derive(Debug)]
pub(super) struct Events {
    intervals: bool,
    elapsed: u64,
    line: Terminal,
}

impl Events {
    /// Makes a decoder that takes times for intervals until a header says otherwise.
    pub(super) fn new(intervals: bool) -> Self {
        Self {
            intervals,
            elapsed: 0,
            line: Terminal::default(),
        }
    }

    fn header(&mut self, raw: &[u8], out: &mut Unwrapped) -> bool {
        let Ok(header) = serde_json::from_slice::<Header>(raw) else {
            return false;
        };
        // A further header is that of a second recording in the same file.
        self.line.finish(out);
        self.intervals = header.version >= 3;
        if let Some(started_at) = header.started_at() {
            out.set_started_at(started_at);
        }
        true
    }
}

impl Decode for Events {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if raw.starts_with(b"#") || raw.trim_ascii().is_empty() {
            return; // Comments, and the blank lines that editors leave.
        }
        if raw.starts_with(b"{") && self.header(raw, out) {
            return;
        }
        let event = serde_json::from_slice::<(f64, Cow<'_, str>, Cow<'_, str>)>(raw);
        let Ok((seconds, code, text)) = event else {
            if raw.starts_with(b"[") {
                out.note(IssueKind::BadRecord);
                out.push(None, raw);
            } else {
                whole(raw, out);
            }
            return;
        };
        self.elapsed = if self.intervals {
            self.elapsed.saturating_add(nanos(seconds))
        } else {
            nanos(seconds)
        };
        if code == "o" {
            let time = Some(Time::Elapsed(self.elapsed));
            self.line.chunk(time, text.as_bytes(), out);
        }
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        self.line.finish(out);
    }
}

/// Decodes version 1: one JSON document, read when it is complete.
#[derive(Debug, Default)]
pub(super) struct Document {
    text: Vec<u8>,
    gave_up: bool,
}

impl Decode for Document {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if self.gave_up {
            return;
        }
        if self.text.len().saturating_add(raw.len()) > LARGEST_DOCUMENT {
            out.note(IssueKind::TooLong);
            self.gave_up = true;
            self.text = Vec::new();
            return;
        }
        self.text.extend_from_slice(raw);
        self.text.push(b'\n');
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        let text = std::mem::take(&mut self.text);
        let Some(mut rest) = events(&text) else {
            if !text.is_empty() {
                out.note(IssueKind::BadRecord);
                out.push_text(None, &text);
            }
            return;
        };
        // One event after the other, so that a document that was cut is read up to the cut.
        let (mut elapsed, mut line) = (0_u64, Terminal::default());
        loop {
            rest = rest.trim_ascii_start();
            rest = rest.strip_prefix(b",").unwrap_or(rest);
            if rest.trim_ascii_start().starts_with(b"]") {
                break;
            }
            let mut stream =
                serde_json::Deserializer::from_slice(rest).into_iter::<(f64, Cow<'_, str>)>();
            let Some(Ok((delay, chunk))) = stream.next() else {
                out.note(IssueKind::BadRecord);
                break;
            };
            rest = &rest[stream.byte_offset()..];
            elapsed = elapsed.saturating_add(nanos(delay));
            line.chunk(Some(Time::Elapsed(elapsed)), chunk.as_bytes(), out);
        }
        line.finish(out);
    }
}

/// Finds the events of a document: what follows `"stdout": [`. Quotes within a string are
/// escaped, so that the key cannot be found inside one.
fn events(document: &[u8]) -> Option<&[u8]> {
    let at = memmem::find(document, b"\"stdout\"")? + b"\"stdout\"".len();
    let rest = document[at..].trim_ascii_start().strip_prefix(b":")?;
    rest.trim_ascii_start().strip_prefix(b"[")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(mut decoder: impl Decode, lines: &[&str]) -> Unwrapped {
        let mut out = Unwrapped::new();
        for (number, line) in (1..).zip(lines) {
            out.at_line(number);
            decoder.line(line.as_bytes(), &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    fn millis(out: &Unwrapped) -> Vec<u64> {
        out.lines()
            .iter()
            .map(|line| match line.time {
                Some(Time::Elapsed(ns)) => ns / 1_000_000,
                _ => u64::MAX,
            })
            .collect()
    }

    #[test]
    fn version_2_is_absolute() {
        let out = decode(
            Events::new(true),
            &[
                r#"{"version":2,"width":80,"height":24,"timestamp":1504467315}"#,
                r#"[0.5,"o","a"]"#,
                r#"[1.0,"i","typed\n"]"#,
                r#"[1.5,"o","b\r\nc\r\nd"]"#,
                r#"[2,"o","e"]"#,
                "junk",
                "[3",
            ],
        );
        assert_eq!(out.text(), b"ab\nc\njunk\n[3\nde\n");
        assert_eq!(millis(&out), [1500, 1500, u64::MAX, u64::MAX, 2000]);
        assert_eq!(out.started_at(), Some(1_504_467_315_000_000_000));
        assert_eq!(out.lines()[4].number, 4);
    }

    #[test]
    fn version_3_has_intervals_and_comments() {
        let out = decode(
            Events::new(false),
            &[
                r#"{"version":3,"term":{"cols":80,"rows":24},"timestamp":1.5}"#,
                "# comment",
                r#"[0.25,"o","a\n"]"#,
                r#"[0.5,"r","80x30"]"#,
                r#"[0.25,"o","b\n"]"#,
                r#"[0.1,"x","0"]"#,
                "",
            ],
        );
        assert_eq!(out.text(), b"a\nb\n");
        assert_eq!(millis(&out), [250, 1000]);
        assert_eq!(out.started_at(), Some(1_500_000_000));
        assert!(out.issues().is_empty());
    }

    #[test]
    fn version_1_is_one_document() {
        let document = [
            "{\"version\": 1,\n",
            r#" "title": "\"stdout\": [","stdout": [[0.5,"a\n"],"#,
            r#"[0.25,"b\n"], [1e0,"c"] ]}"#,
        ];
        assert!(is_v1(document.concat().as_bytes()));
        let out = decode(Document::default(), &document);
        assert_eq!(out.text(), b"a\nb\nc\n");
        assert_eq!(millis(&out), [500, 750, 1750]);
        assert!(out.issues().is_empty());
        let out = decode(Document::default(), &document[..2]);
        assert_eq!(out.text(), b"a\n");
        assert_eq!(out.issues()[0].kind, IssueKind::BadRecord);
    }

    #[test]
    fn nonsense_times_saturate() {
        for (seconds, want) in [(-1.0, 0), (f64::NAN, 0), (f64::INFINITY, u64::MAX)] {
            assert_eq!(nanos(seconds), want);
        }
    }
}
