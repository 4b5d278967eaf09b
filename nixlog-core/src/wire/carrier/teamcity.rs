//! `TeamCity`'s build log: `[14:52:19]W: [Step 1/2] text`, a local time, a letter for the kind of message,
//! and which step it is of.

use super::{Time, stamp};

/// Cuts a line.
pub(super) fn cut(raw: &[u8]) -> Option<(Time, &[u8])> {
    let (of_day, _, rest) = stamp::time_of_day(raw.strip_prefix(b"[")?)?;
    let rest = rest.strip_prefix(b"]")?;
    let rest = match rest {
        [b' ' | b'i' | b'W' | b'E' | b'F' | b'D' | b'N', rest @ ..] => rest,
        rest => rest,
    };
    let mut rest = rest.strip_prefix(b":")?;
    // Blocks within blocks are indented by tabs.
    while let [b'\t', inner @ ..] = rest {
        rest = inner;
    }
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    Some((Time::TimeOfDay(of_day), without_step(rest).unwrap_or(rest)))
}

fn without_step(text: &[u8]) -> Option<&[u8]> {
    let (_, rest) = stamp::integer(text.strip_prefix(b"[Step ")?)?;
    let (_, rest) = stamp::integer(rest.strip_prefix(b"/")?)?;
    stamp::gap(rest.strip_prefix(b"]")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let time = Time::TimeOfDay((((14 * 60) + 52) * 60 + 19) * 1_000_000_000);
        for (raw, want) in [
            ("[14:52:19]W:\t [Step 1/2] these", "these"),
            ("[14:52:19] :\t [Step 1/2]   /nix/store/x", "  /nix/store/x"),
            ("[14:52:19]i: text", "text"),
            ("[14:52:19]E:\t\t [Step 10/12]", ""),
            ("[14:52:19]:\t [block] text", "[block] text"),
            ("[14:52:19]:", ""),
        ] {
            assert_eq!(cut(raw.as_bytes()), Some((time, want.as_bytes())), "{raw}");
        }
        for raw in ["[14:52:19] text", "14:52:19 : text", "[14:52]W: x"] {
            assert_eq!(cut(raw.as_bytes()), None, "{raw}");
        }
    }
}
