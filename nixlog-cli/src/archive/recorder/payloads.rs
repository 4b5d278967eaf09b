//! Hands lines that were taken out of a wrapping to a recording, as many of one time at once as there are.

use nixlog_core::time::Stamp;

use super::Tap;

/// So many bytes are handed on, even if more of the same time come.
const ENOUGH: usize = 64 * 1024;

/// Lines of one time on their way to a recording.
pub(crate) struct Payloads {
    tap: Tap,
    stamp: Stamp,
    text: Vec<u8>,
}

impl Payloads {
    pub(crate) fn new(tap: Tap) -> Self {
        Self {
            tap,
            stamp: Stamp::ZERO,
            text: Vec::new(),
        }
    }

    /// Takes in a line as it was in its wrapping. One without a time has that of the line before.
    pub(crate) fn line(&mut self, stamp: Option<Stamp>, line: &[u8]) {
        let stamp = stamp.unwrap_or(self.stamp);
        if stamp != self.stamp || self.text.len() > ENOUGH {
            self.hand_on();
        }
        self.stamp = stamp;
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }

    /// Says that the last line had no line feed.
    pub(crate) fn unterminated(&mut self) {
        self.text.pop();
    }

    /// Hands on what has come.
    pub(crate) fn hand_on(&mut self) {
        if !self.text.is_empty() {
            self.tap.lines(&self.text, self.stamp);
            self.text.clear();
        }
    }
}
