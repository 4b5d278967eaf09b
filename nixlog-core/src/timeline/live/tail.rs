//! The last lines of a build's log.

use std::borrow::Cow;

use crate::json_str::JsonStr;

/// As many as Nix itself quotes of a failed build (`log-lines` from 2.20 on).
const LINES: usize = 25;

/// Of a longer line only the beginning is kept, so that what is shown of a build is at most 25 KiB.
const LONGEST: usize = 1024;

/// The longest escape of a character in JSON, a pair of surrogates.
const LONGEST_ESCAPE: usize = "\\ud83d\\ude00".len();

/// With so many lines the older ones are dropped.
const MOST_LINES: usize = 256;

/// With so many bytes, too.
const MOST_BYTES: usize = 64 * 1024;

/// The last lines with their escapes, since hardly any is ever shown, and some before them: to drop
/// many at once is much quicker than to drop one for each that comes.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Each line with a line feed behind it, of which there are none in a JSON string.
    text: String,
    lines: usize,
}

impl Tail {
    /// Returns the room for other lines.
    pub(super) fn emptied(mut self) -> Self {
        self.text.clear();
        self.lines = 0;
        self
    }

    /// Adds the inside of a JSON string.
    #[inline]
    pub(super) fn push(&mut self, raw: &str) {
        let raw = if raw.len() > LONGEST { clip(raw) } else { raw };
        if self.lines == MOST_LINES || self.text.len() + raw.len() >= MOST_BYTES {
            self.drop_old();
        }
        self.text.push_str(raw);
        self.text.push('\n');
        self.lines += 1;
    }

    /// Drops what nobody will see: room for one more line is left.
    #[cold]
    fn drop_old(&mut self) {
        let mut feeds = memchr::memrchr_iter(b'\n', self.text.as_bytes());
        // Behind the last line there is one, too.
        if let Some(before) = feeds.nth(LINES) {
            self.text.drain(..=before);
            self.lines = LINES;
        }
    }

    /// Returns the last line that holds anything.
    pub(super) fn last(&self) -> Option<Cow<'_, str>> {
        let mut lines = self.iter().filter(|line| !line.trim().is_empty());
        lines.next().map(|line| JsonStr::new(line).decode())
    }

    /// Returns the last lines, the oldest first.
    pub(super) fn to_lines(&self) -> Vec<String> {
        let decoded = |line: &str| JsonStr::new(line).decode().trim_end().to_owned();
        let mut lines: Vec<_> = self.iter().map(decoded).collect();
        lines.reverse();
        lines
    }

    /// Iterates over the last lines, the newest first.
    fn iter(&self) -> impl Iterator<Item = &str> {
        self.text.split_terminator('\n').rev().take(LINES)
    }
}

/// Cuts a line that is too long, neither in a character nor in an escape.
fn clip(raw: &str) -> &str {
    if raw.len() <= LONGEST {
        return raw;
    }
    let cut = &raw[..raw.floor_char_boundary(LONGEST)];
    let from = cut.floor_char_boundary(cut.len().saturating_sub(LONGEST_ESCAPE));
    cut[from..].find('\\').map_or(cut, |at| &cut[..from + at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_in_order() {
        let mut tail = Tail::default();
        assert_eq!(tail.last(), None);
        for n in 0..=600 {
            tail.push(&format!(r"line\t{n}"));
            let want = (0..=n).rev().take(LINES).map(|n| format!("line\t{n}"));
            let want: Vec<_> = want.collect();
            assert_eq!(tail.to_lines(), want.into_iter().rev().collect::<Vec<_>>());
        }
        assert!(tail.lines <= MOST_LINES && tail.text.len() <= MOST_BYTES);
        tail.push("");
        assert_eq!(tail.last().as_deref(), Some("line\t600"));
    }

    #[test]
    fn cuts_long_lines_between_characters() {
        let long = format!("{}\\u00e4{}", "x".repeat(LONGEST - 3), "y".repeat(9));
        assert_eq!(clip(&long), "x".repeat(LONGEST - 3));
        let mut tail = Tail::default();
        for _ in 0..1000 {
            tail.push(&long);
            assert!(tail.text.len() <= MOST_BYTES);
        }
        assert_eq!(tail.to_lines().len(), LINES);
        let wide = "ä".repeat(LONGEST);
        assert_eq!(clip(&wide).len(), LONGEST);
        assert!(wide.starts_with(clip(&wide)));
    }
}
