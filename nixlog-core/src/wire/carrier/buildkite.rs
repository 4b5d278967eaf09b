//! Buildkite: `ESC _bk;t=1745322209921 BEL`, an escape sequence that terminals do not show.

use memchr::memmem;

use super::prefix::whole;
use super::{Decode, Time, Unwrapped, stamp};

const START: &[u8] = b"\x1b_bk;t=";

/// Reads a marker from the front of a text.
fn marker(text: &[u8]) -> Option<(Time, &[u8])> {
    let (millis, rest) = stamp::integer(text.strip_prefix(START)?)?;
    let rest = rest
        .strip_prefix(b"\x07")
        .or_else(|| rest.strip_prefix(b"\x1b\\"))?;
    Some((stamp::unix(millis.checked_mul(1_000_000)?)?, rest))
}

/// Cuts a line that starts with a marker; for the detector.
pub(super) fn cut(raw: &[u8]) -> Option<(Time, &[u8])> {
    marker(raw)
}

/// Decodes a Buildkite log. A line with several markers (a progress bar writes one with each
/// `\r`) has the time of the last, when it was nearest to done.
#[derive(Debug, Default)]
pub(super) struct Buildkite {
    line: Vec<u8>,
}

impl Decode for Buildkite {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if let Some((time, payload)) = marker(raw)
            && memmem::find(payload, START).is_none()
        {
            out.push(Some(time), payload);
            return;
        }
        self.line.clear();
        let (mut time, mut rest) = (None, raw);
        while let Some(at) = memmem::find(rest, START) {
            self.line.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
            if let Some((found, after)) = marker(rest) {
                (time, rest) = (Some(found), after);
            } else {
                self.line.extend_from_slice(START);
                rest = &rest[START.len()..];
            }
        }
        if time.is_none() {
            whole(raw, out);
            return;
        }
        self.line.extend_from_slice(rest);
        out.push(time, &self.line);
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
            "\x1b_bk;t=x\x07bad",
            "none",
        ] {
            decoder.line(raw.as_bytes(), &mut out);
        }
        assert_eq!(out.text(), b"a\n1%\r2%\n\x1b_bk;t=x\x07bad\nnone\n");
        let times: Vec<_> = out.lines().iter().map(|line| line.time).collect();
        let unix = |ns| Some(Time::Unix(ns));
        assert_eq!(
            times,
            [unix(1_745_322_209_921_000_000), unix(2_000_000), None, None]
        );
    }
}
