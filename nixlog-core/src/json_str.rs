//! The inside of a JSON string, kept escaped until somebody reads it.

use std::borrow::Cow;
use std::fmt;

/// What stands between the quotes of a valid JSON string.
///
/// Nix escapes few strings and most are never read, so the scanner only finds their ends.
/// [`decode`](Self::decode) pays for the escapes, and only where there are some.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct JsonStr<'a>(&'a str);

impl<'a> JsonStr<'a> {
    /// Takes the text between the quotes of a JSON string that is known to be valid.
    pub(crate) const fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// Returns the text as it stands in the log, escapes and all.
    #[must_use]
    pub const fn raw(self) -> &'a str {
        self.0
    }

    /// Tells whether the string is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Returns the text that the string stands for; borrows unless an escape forces a copy.
    ///
    /// Half a surrogate pair (`\ud800` alone) becomes U+FFFD: builders print such things.
    #[must_use]
    pub fn decode(self) -> Cow<'a, str> {
        if memchr::memchr(b'\\', self.0.as_bytes()).is_none() {
            return Cow::Borrowed(self.0);
        }
        let mut out = String::with_capacity(self.0.len());
        self.decode_into(&mut out);
        Cow::Owned(out)
    }

    /// Appends the text that the string stands for to `out`; hot loops reuse `out`.
    pub fn decode_into(self, out: &mut String) {
        let mut rest = self.0;
        while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
            out.push_str(&rest[..at]);
            let (decoded, used) = escape(&rest[at..]);
            out.push(decoded);
            rest = &rest[at + used..];
        }
        out.push_str(rest);
    }
}

/// Decodes the escape at the start of `text`; returns the character and the bytes it took.
fn escape(text: &str) -> (char, usize) {
    let plain = match text.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode_escape(text),
        Some(&other) if other.is_ascii() => other as char,
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (plain, 2)
}

/// Decodes `\uXXXX`, or a surrogate pair of two of them.
fn unicode_escape(text: &str) -> (char, usize) {
    let unit = |from: usize| {
        let hex = text.get(from..from + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(hex, 16).ok()
    };
    let Some(first) = unit(0) else {
        return (char::REPLACEMENT_CHARACTER, 2);
    };
    if let Some(plain) = char::from_u32(first) {
        return (plain, 6);
    }
    if let (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) = (first, unit(6)) {
        let joined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        if let Some(pair) = char::from_u32(joined) {
            return (pair, 12);
        }
    }
    (char::REPLACEMENT_CHARACTER, 6)
}

impl fmt::Debug for JsonStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl fmt::Display for JsonStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.decode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_every_escape() {
        let cases = [
            ("plain", "plain"),
            (r"a\nb\tc\rd\be\f", "a\nb\tc\rd\u{8}e\u{c}"),
            (r#"\"\\\/"#, "\"\\/"),
            (
                r"\u001b[31;1merror:\u001b[0m",
                "\u{1b}[31;1merror:\u{1b}[0m",
            ),
            (r"\u00e4\ud83d\ude00", "ä😀"),
            (r"\ud83d x", "\u{fffd} x"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\ude00", "\u{fffd}"),
        ];
        for (raw, want) in cases {
            assert_eq!(JsonStr::new(raw).decode(), want, "{raw}");
        }
    }

    #[test]
    fn borrows_where_nothing_is_escaped() {
        assert!(matches!(
            JsonStr::new("grün").decode(),
            Cow::Borrowed("grün")
        ));
    }
}
