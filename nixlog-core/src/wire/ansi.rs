//! Terminal escape sequences, taken out of texts before anything is matched against them.
//!
//! Nix colors its messages even where nobody sees them: the strings of `internal-json` carry
//! `\u001b[35;1m` around paths and numbers (`fmt` and `HintFmt` in Nix's `fmt.hh`), and builders
//! print what they like. Matching works on the stripped text; what is shown to a person is made
//! harmless elsewhere.

use std::borrow::Cow;

/// The byte that starts every escape sequence.
const ESC: u8 = 0x1b;

/// Removes escape sequences from a text; borrows where there are none.
///
/// Removed are `ESC [ … final`, `ESC ] … BEL` and `ESC ] … ESC \` (and the other strings: `ESC P`,
/// `ESC X`, `ESC ^`, `ESC _`), and the short `ESC x`. Of a sequence that is cut off or malformed
/// only the part that cannot be text is removed: no text is lost to a stray escape. The result
/// holds no escape byte, so stripping twice is stripping once.
///
/// # Examples
///
/// ```
/// use nixlog_core::wire::ansi::strip;
///
/// assert_eq!(strip("\u{1b}[31;1merror:\u{1b}[0m no"), "error: no");
/// ```
#[must_use]
pub fn strip(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(ESC, text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut at) = (text, first);
    loop {
        out.push_str(&rest[..at]);
        rest = &rest[at + sequence_len(&rest.as_bytes()[at..])..];
        match memchr::memchr(ESC, rest.as_bytes()) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Returns the escape sequences with which a text begins.
pub(super) fn leading(text: &str) -> &str {
    let mut length = 0;
    while text.as_bytes().get(length) == Some(&ESC) {
        length += sequence_len(&text.as_bytes()[length..]);
    }
    &text[..length]
}

/// Returns the length of the escape sequence at the start of `bytes`, which starts with `ESC`.
///
/// Never ends inside a character: everything that is counted is ASCII, or lies before an ASCII
/// terminator.
fn sequence_len(bytes: &[u8]) -> usize {
    match bytes.get(1) {
        Some(b'[') => csi_len(bytes),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => string_len(bytes),
        // `ESC ( B` and the like: intermediates, then a final byte.
        Some(0x20..=0x2f) => {
            let end = 1 + count(&bytes[1..], 0x20..=0x2f);
            end + usize::from(matches!(bytes.get(end), Some(0x30..=0x7e)))
        }
        Some(0x30..=0x7e) => 2,
        _ => 1,
    }
}

/// Returns the length of `ESC [ parameters intermediates final`.
fn csi_len(bytes: &[u8]) -> usize {
    let parameters = 2 + count(&bytes[2..], 0x30..=0x3f);
    let end = parameters + count(&bytes[parameters..], 0x20..=0x2f);
    end + usize::from(matches!(bytes.get(end), Some(0x40..=0x7e)))
}

/// Returns the length of a string such as a hyperlink or a window title, with its terminator; of
/// its introducer alone where it has none.
fn string_len(bytes: &[u8]) -> usize {
    // A line feed ends the search: no string of a line reaches into the next one.
    match memchr::memchr3(0x07, ESC, b'\n', &bytes[2..]) {
        Some(at) if bytes[2 + at] == 0x07 => 2 + at + 1,
        Some(at) if bytes[2 + at..].starts_with(b"\x1b\\") => 2 + at + 2,
        _ => 2,
    }
}

/// Counts the bytes at the start of `bytes` that lie in `range`.
fn count(bytes: &[u8], range: std::ops::RangeInclusive<u8>) -> usize {
    bytes.iter().take_while(|byte| range.contains(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strips_every_kind_of_sequence() {
        let cases = [
            ("plain", "plain"),
            ("", ""),
            ("\u{1b}[31;1merror:\u{1b}[0m x", "error: x"),
            ("\u{1b}[35;1m\u{1b}[0m", ""),
            ("\u{1b}[m\u{1b}[K\u{1b}[?25h\u{1b}[1 qx", "x"),
            ("\u{1b}]8;;https://x\u{7}link\u{1b}]8;;\u{7}.", "link."),
            ("\u{1b}]0;title\u{1b}\\text", "text"),
            ("\u{1b}Pq#0\u{1b}\\text", "text"),
            ("\u{1b}(B\u{1b}=\u{1b}Mx", "x"),
            // Cut off or malformed: the text stays.
            ("x\u{1b}", "x"),
            ("x\u{1b}[", "x"),
            ("x\u{1b}[31", "x"),
            ("\u{1b}[3äx", "äx"),
            ("\u{1b}]0;lost title", "0;lost title"),
            ("\u{1b}]a\nb\u{7}", "a\nb\u{7}"),
            ("\u{1b}ä", "ä"),
            ("\u{1b}\u{1b}[1mx", "x"),
        ];
        for (text, want) in cases {
            assert_eq!(strip(text), want, "{text:?}");
        }
    }

    #[test]
    fn borrows_where_nothing_is_colored() {
        assert!(matches!(strip("grün"), Cow::Borrowed("grün")));
    }

    proptest! {
        #[test]
        fn is_idempotent(text in "(\u{1b}|\\[|\\]|[0-9;?]|\u{7}|\\\\|[ a-zä\n])*") {
            let once = strip(&text).into_owned();
            prop_assert_eq!(memchr::memchr(ESC, once.as_bytes()), None);
            prop_assert_eq!(strip(&once), once.as_str());
        }
    }
}
