//! Buildkite: `ESC _bk;t=1745322209921 BEL`, an escape sequence that terminals do not show, and
//! `ESC _bk;dt=111 BEL`, the milliseconds since the one before.

use memchr::memmem;

use super::prefix::whole;
use super::{Decode, Time, Unwrapped, stamp};

const START: &[u8] = b"\x1b_bk;";

/// Reads a marker from the front of a text: milliseconds since 1970, and the rest. `before` is
/// what the last marker said.
fn marker(text: &[u8], before: u64) -> Option<(u64, &[u8])> {
    let text = text.strip_prefix(START)?;
    let (base, text) = match text.strip_prefix(b"t=") {
        Some(text) => (0, text),
        None => (before, text.strip_prefix(b"dt=")?),
    };
    let (millis, rest) = stamp::integer(text)?;
    let rest = rest
        .strip_prefix(b"\x07")
        .or_else(|| rest.strip_prefix(b"\x1b\\"))?;
    Some((base.saturating_add(millis), rest))
}

fn time(millis: u64) -> Option<Time> {
    stamp::unix(millis.checked_mul(1_000_000)?)
}

/// Cuts a line that starts with a marker; for the detector.
pub(super) fn cut(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (millis, payload) = marker(raw, 0)?;
    Some((time(millis)?, payload))
}

/// Decodes a Buildkite log. A line with several markers (a progress bar writes one with each
/// `\r`) has the time of the last, when it was nearest to done.
#[derive(Debug, Default)]
pub(super) struct Buildkite {
    line: Vec<u8>,
    millis: u64,
}

impl Decode for Buildkite {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if let Some((millis, payload)) = marker(raw, self.millis)
            && memmem::find(payload, START).is_none()
        {
            self.millis = millis;
            out.push(time(millis), payload);
            return;
        }
        self.line.clear();
        let (mut found, mut rest) = (false, raw);
        while let Some(at) = memmem::find(rest, START) {
            self.line.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
            if let Some((millis, after)) = marker(rest, self.millis) {
                (self.millis, found, rest) = (millis, true, after);
            } else {
                self.line.extend_from_slice(START);
                rest = &rest[START.len()..];
            }
        }
        if !found {
            whole(raw, out);
            return;
        }
        self.line.extend_from_slice(rest);
        out.push(time(self.millis), &self.line);
    }

    fn finish(&mut self, _out: &mut Unwrapped) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_anywhere() {
        let (mut decoder, mut out) = (Buildkite::default(), Unwrapped::new());
        for raw in [
            "\x1b_bk;t=1745322209921\x07a",
            "\x1b_bk;t=1\x1b\\1%\r\x1b_bk;t=2\x072%\r",
            "c\x1b_bk;dt=3\x07d\x1b_bk;dt=4\x07",
            "\x1b_bk;t=x\x07bad",
            "none",
        ] {
            decoder.line(raw.as_bytes(), &mut out);
        }
        assert_eq!(out.text(), b"a\n1%\r2%\ncd\n\x1b_bk;t=x\x07bad\nnone\n");
        let times: Vec<_> = out.lines().iter().map(|line| line.time).collect();
        let unix = |ns| Some(Time::Unix(ns));
        assert_eq!(
            times,
            [
                unix(1_745_322_209_921_000_000),
                unix(2_000_000),
                unix(9_000_000),
                None,
                None
            ]
        );
    }
}
