//! Stamps on lines of their own, each above its line: what a browser copies of a log that shows the two
//! side by side, such as Coolify's.

use super::{Decode, Time, Unwrapped, generic};

/// Reads a line that is nothing but a stamp.
pub(super) fn stamp(raw: &[u8]) -> Option<Time> {
    let (time, rest) = generic::date_time(raw.trim_ascii())?;
    rest.is_empty().then_some(time)
}

/// Takes the stamps away and gives them to the lines below.
#[derive(Debug, Default)]
pub(super) struct LineAbove {
    time: Option<Time>,
}

impl Decode for LineAbove {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        match stamp(raw) {
            Some(time) => self.time = Some(time),
            None => out.push(self.time, raw),
        }
    }

    fn finish(&mut self, _out: &mut Unwrapped) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_stamp_above_them() {
        let (mut decoder, mut out) = (LineAbove::default(), Unwrapped::new());
        for raw in [
            "before",
            "2024-05-30 14:30:00\r",
            "a",
            "b",
            "2024-May-30 14:30:01.5",
            "c",
        ] {
            decoder.line(raw.as_bytes(), &mut out);
        }
        assert_eq!(out.text(), b"before\na\nb\nc\n");
        let at = |millis: i64| Some(Time::Civil(1_717_079_400_000_000_000 + millis * 1_000_000));
        let times: Vec<_> = out.lines().iter().map(|line| line.time).collect();
        assert_eq!(times, [None, at(0), at(0), at(1500)]);
    }
}
