//! The shape of a line.
//!
//! A pattern is text with holes in it: `{n}` is a whole number with blanks before it, `{ }` blanks, `{took}` a
//! time in seconds (`1.25`), `{*}` anything, `{name}` what the step is called, `{command}` the same where it may
//! be a command; `{name+}` takes the text behind it in. The last four reach to the text behind them, or to the
//! end of the line. A line must fit to its end, blanks aside, unless the pattern ends in `{*}`.

use crate::time::Nanos;

/// What was found in the holes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) name: &'a str,
    pub(super) took: Option<Nanos>,
    pub(super) command: Option<&'a str>,
}

/// Where to look a pattern up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// By the byte with which a line begins, which is one of these.
    First(Vec<u8>),
    /// By the byte with which it ends, since it may begin with any.
    Last(u8),
}

/// Tells where to look a pattern up.
pub(super) fn key(pattern: &str) -> Key {
    if pattern.starts_with("{n}") || pattern.starts_with("{took}") {
        return Key::First([b' '].into_iter().chain(b'0'..=b'9').collect());
    }
    match (pattern.bytes().next(), pattern.bytes().next_back()) {
        _ if pattern.starts_with("{ }") => Key::First(vec![b' ']),
        (Some(b'{'), Some(last)) => Key::Last(last),
        (first, _) => Key::First(first.into_iter().collect()),
    }
}

/// Fits a line to a pattern.
pub(super) fn find<'a>(pattern: &str, line: &'a str) -> Option<Found<'a>> {
    let (mut pattern, mut rest) = (pattern, line);
    let mut found = Found::default();
    loop {
        let literal = pattern.find('{').unwrap_or(pattern.len());
        rest = rest.strip_prefix(&pattern[..literal])?;
        pattern = &pattern[literal..];
        let Some((hole, behind)) = pattern.strip_prefix('{').and_then(|p| p.split_once('}')) else {
            return rest.trim().is_empty().then_some(found);
        };
        pattern = behind;
        match hole {
            "n" => {
                let digits = rest.trim_start_matches(' ');
                rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
                if rest.len() == digits.len() {
                    return None;
                }
            }
            " " => {
                let text = rest.trim_start_matches(' ');
                if text.len() == rest.len() {
                    return None;
                }
                rest = text;
            }
            "took" => {
                let digits = rest.trim_start_matches(' ');
                let is_part = |c: char| !c.is_ascii_digit() && c != '.';
                let end = digits.find(is_part).unwrap_or(digits.len());
                found.took = Some(seconds(&digits[..end])?);
                rest = &digits[end..];
            }
            _ => {
                let next = &pattern[..pattern.find('{').unwrap_or(pattern.len())];
                let end = match next {
                    "" => rest.len(),
                    next => rest.find(next)?,
                };
                let text = match hole {
                    "name+" => &rest[..end + next.len()],
                    _ => &rest[..end],
                };
                rest = &rest[end..];
                if hole != "*" {
                    if text.trim().is_empty() {
                        return None;
                    }
                    found.name = text;
                    found.command = (hole == "command").then_some(text);
                }
            }
        }
    }
}

/// Reads seconds, to the nanosecond.
fn seconds(text: &str) -> Option<Nanos> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = whole.parse().ok()?;
    let mut nanos = 0_u64;
    for at in 0..9 {
        let digit = match part.as_bytes().get(at) {
            Some(digit) => u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?),
            None => 0,
        };
        nanos = nanos * 10 + digit;
    }
    Some(Nanos::new(
        whole.checked_mul(1_000_000_000)?.checked_add(nanos)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled() {
        let cases = [
            (
                "[{n}/{n}] Building {name}",
                "[ 3/212] Building a b",
                Some(("a b", None)),
            ),
            ("[{n}/{n}] Building {name}", "[3/212] Linking a", None),
            ("[{n}/{n}] Building {name}", "[/212] Building a", None),
            ("[{n}/{n}] Building {name}", "[3/212] Building ", None),
            (
                "test {name} ... ok",
                "test a::b ... ok  ",
                Some(("a::b", None)),
            ),
            ("test {name} ... ok", "test a::b ... okay", None),
            (
                "test {name} ... {*}",
                "test a::b ... FAILED",
                Some(("a::b", None)),
            ),
            (
                "ok {name}\t{took}s",
                "ok x\t1.25s",
                Some(("x", Some(1_250_000_000))),
            ),
            ("ok {name}\t{took}s", "ok x\t(cached)", None),
            ("ok {name}\t{took}s", "ok x\t99999999999999999999s", None),
            ("ok {name}\t{took}s", "ok x\t.s", None),
            ("{ }CC{ }{name}", "  CC    a.o", Some(("a.o", None))),
            ("{ }CC{ }{name}", "  CCLD  a", None),
            (
                "{name} ({*}) ... ok",
                "test_a (m.T) ... ok",
                Some(("test_a", None)),
            ),
        ];
        for (pattern, line, expected) in cases {
            let found = find(pattern, line);
            let found = found.map(|found| (found.name, found.took.map(Nanos::get)));
            assert_eq!(found, expected, "{pattern} {line}");
        }
    }
}
