//! One frame of a stack: what was called, and from where.

/// One call of a stack, as the evaluator names it: `PLACE:WHAT`.
///
/// The place is where the call **is made**, not where the function is written: Nix names the function's own
/// place only where it does not know who calls (`LambdaFrameInfo::symbolize` in Nix's `eval-profiler.cc`). So one
/// function appears under as many places as call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// Where the call is made; `None` where Nix does not know.
    pub place: Option<Place<'a>>,
    /// What is called.
    pub what: What<'a>,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place<'a> {
    /// The file, as Nix writes it: a path, or `«github:owner/repo/rev»/path`, `«string»` and the like.
    pub file: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// All of it: `file:line:column`.
    pub text: &'a str,
}

/// What a frame calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum What<'a> {
    /// A function that is written under a name.
    Lambda(&'a str),
    /// A function without a name.
    Anonymous,
    /// A function of the language.
    Primop(&'a str),
    /// The making of a derivation, with its name.
    Derivation(&'a str),
    /// A set that is called like a function.
    Functor,
}

impl<'a> Frame<'a> {
    /// Reads a frame. Any text is one: what has no place is a name.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let (place, rest) = match Place::parse(text) {
            Some((place, rest)) => (Some(place), rest),
            None => (None, without_unknown(text)),
        };
        let what = if let Some(primop) = rest.strip_prefix("primop ") {
            match primop.strip_prefix("derivationStrict:") {
                Some(name) => What::Derivation(name),
                None => What::Primop(primop),
            }
        } else {
            match rest {
                "" => What::Anonymous,
                "functor" => What::Functor,
                name => What::Lambda(name),
            }
        };
        Self { place, what }
    }
}

impl<'a> Place<'a> {
    /// Reads `file:line:column` at the start of a text; returns what comes after its `:` too.
    fn parse(text: &'a str) -> Option<(Self, &'a str)> {
        let bytes = text.as_bytes();
        for at in memchr::memchr_iter(b':', bytes) {
            let Some((line, column_at)) = number(bytes, at + 1) else {
                continue;
            };
            if bytes.get(column_at) != Some(&b':') {
                continue;
            }
            let Some((column, end)) = number(bytes, column_at + 1) else {
                continue;
            };
            let rest = match bytes.get(end) {
                None => "",
                Some(b':') => &text[end + 1..],
                Some(_) => continue,
            };
            let place = Self {
                file: &text[..at],
                line,
                column,
                text: &text[..end],
            };
            return (at > 0).then_some((place, rest));
        }
        None
    }

    /// Returns `file:line`.
    #[must_use]
    pub fn file_and_line(self) -> &'a str {
        let end = self.text.rfind(':').unwrap_or(self.text.len());
        &self.text[..end]
    }
}

/// Returns what is left of a text without the words by which Nix says that it knows no place.
fn without_unknown(text: &str) -> &str {
    let rest = ["«none»:0", "undefined position"]
        .into_iter()
        .find_map(|unknown| text.strip_prefix(unknown));
    match rest {
        Some("") => "",
        Some(rest) => rest.strip_prefix(':').unwrap_or(text),
        None => text,
    }
}

/// Reads the digits from a byte on; returns the number and where it ends.
fn number(bytes: &[u8], from: usize) -> Option<(u32, usize)> {
    let digits = bytes.get(from..)?.iter();
    let n_digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
    let text = std::str::from_utf8(&bytes[from..from + n_digits]).ok()?;
    Some((text.parse().ok()?, from + n_digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form() {
        let cases = [
            (
                "/exp/t.nix:11:7:mk",
                Some(("/exp/t.nix", 11, 7)),
                What::Lambda("mk"),
            ),
            (
                "/exp/t.nix:2:28",
                Some(("/exp/t.nix", 2, 28)),
                What::Anonymous,
            ),
            (
                "«nix-internal»/derivation-internal.nix:60:2:primop head",
                Some(("«nix-internal»/derivation-internal.nix", 60, 2)),
                What::Primop("head"),
            ),
            (
                "«nix-internal»/derivation-internal.nix:37:12:primop derivationStrict:hello-2.10",
                Some(("«nix-internal»/derivation-internal.nix", 37, 12)),
                What::Derivation("hello-2.10"),
            ),
            (
                "/a/b.nix:1:2:functor",
                Some(("/a/b.nix", 1, 2)),
                What::Functor,
            ),
            ("primop attrNames", None, What::Primop("attrNames")),
            ("«none»:0", None, What::Anonymous),
            ("«none»:0:functor", None, What::Functor),
            ("undefined position", None, What::Anonymous),
            (
                "«github:NixOS/nixpkgs/45cd»/lib/lists.nix:40:14:fold'",
                Some(("«github:NixOS/nixpkgs/45cd»/lib/lists.nix", 40, 14)),
                What::Lambda("fold'"),
            ),
            (
                "/with space/a:b.nix:3:4:x:1 y",
                Some(("/with space/a:b.nix", 3, 4)),
                What::Lambda("x:1 y"),
            ),
            ("«string»:1:2", Some(("«string»", 1, 2)), What::Anonymous),
            ("", None, What::Anonymous),
            (":1:2:x", None, What::Lambda(":1:2:x")),
            ("a:1", None, What::Lambda("a:1")),
            ("a:1:2x", None, What::Lambda("a:1:2x")),
            ("a:99999999999:2", None, What::Lambda("a:99999999999:2")),
        ];
        for (text, place, what) in cases {
            let frame = Frame::parse(text);
            let found = frame.place.map(|at| (at.file, at.line, at.column));
            assert_eq!((found, frame.what), (place, what), "{text}");
        }
        let place = Frame::parse("/a/b.nix:1:2:f").place.expect("a place");
        assert_eq!(
            (place.text, place.file_and_line()),
            ("/a/b.nix:1:2", "/a/b.nix:1")
        );
    }
}
