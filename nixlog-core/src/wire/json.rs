//! The leaves of the scanner: where a string ends, what an integer says. Nothing else.
//!
//! Everything works on bytes and positions. A position is always on a character boundary, since
//! only ASCII bytes are ever looked for.

use wide::u8x16;

/// Bytes that one step of the string search looks at.
const WINDOW: usize = 16;

/// Returns where the string that starts at `from` (behind its opening quote) has its closing
/// quote. `None` where the string is not valid JSON: a control byte, a bad escape, no end.
///
/// Control bytes end the search, a line feed among them, so that damage stays within its line.
#[inline]
pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(window) = bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<WINDOW>())
    {
        let mask = special(*window);
        if mask != 0 {
            let stop = at + mask.trailing_zeros() as usize;
            return if bytes[stop] == b'"' {
                Some(stop)
            } else {
                string_end_escaped(bytes, stop)
            };
        }
        at += WINDOW;
    }
    string_end_bytewise(bytes, at)
}

/// Marks the bytes that end a plain run: a quote, a backslash, a control byte.
#[inline]
fn special(window: [u8; WINDOW]) -> u32 {
    let window = u8x16::new(window);
    let quote = window.simd_eq(u8x16::splat(b'"'));
    let escape = window.simd_eq(u8x16::splat(b'\\'));
    let control = window.simd_le(u8x16::splat(0x1f));
    (quote | escape | control).to_bitmask()
}

/// Goes on from the first special byte of a string that has escapes.
///
/// Walks the marks of each window instead of looking at the window again after every escape: a
/// text of nothing but escapes would otherwise be read sixteen times.
fn string_end_escaped(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // The first byte that is not part of an escape already checked.
    let mut free = from;
    while let Some(window) = bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<WINDOW>())
    {
        let mut mask = special(*window);
        while mask != 0 {
            let stop = at + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            if stop < free {
                continue;
            }
            match bytes[stop] {
                b'"' => return Some(stop),
                b'\\' => free = escape_end(bytes, stop)?,
                _ => return None,
            }
        }
        at += WINDOW;
    }
    string_end_bytewise(bytes, at.max(free))
}

/// The same search for the last bytes of a block.
fn string_end_bytewise(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match *bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at = escape_end(bytes, at)?,
            0..=0x1f => return None,
            _ => at += 1,
        }
    }
}

/// Returns the position behind the escape whose backslash is at `at`; `None` where it is none.
#[inline]
fn escape_end(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => {
            let hex = bytes.get(at + 2..at + 6)?;
            hex.iter().all(u8::is_ascii_hexdigit).then_some(at + 6)
        }
        _ => None,
    }
}

/// Reads an unsigned integer at `from`; returns it and the position behind it. `None` where there
/// is none, where it has a leading zero (not JSON), or where it might not fit.
#[inline]
pub(super) fn integer(bytes: &[u8], from: usize) -> Option<(u64, usize)> {
    let mut at = from;
    let mut value = 0_u64;
    while let Some(digit) = bytes
        .get(at)
        .map(|byte| byte.wrapping_sub(b'0'))
        .filter(|&d| d < 10)
    {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    let length = at - from;
    // 19 digits always fit; the rare longer ones are left to the general reader.
    let canonical = length == 1 || (length > 1 && length < 20 && bytes[from] != b'0');
    canonical.then_some((value, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_strings_at_every_offset() {
        for pad in 0..40 {
            for tail in 0..40 {
                let text = format!(
                    r#"{}\"\\\u001b{}" after"#,
                    "x".repeat(pad),
                    "y".repeat(tail)
                );
                let want = pad + 2 + 2 + 6 + tail;
                assert_eq!(string_end(text.as_bytes(), 0), Some(want), "{text}");
            }
        }
    }

    #[test]
    fn refuses_what_is_not_json() {
        for bad in [
            "no end",
            "a\nb\"",
            "a\u{1}b\"",
            r#"\x""#,
            r#"\u12g4""#,
            r"\",
            r#"\u12""#,
        ] {
            let padded = format!("{bad}{}", " ".repeat(40));
            let end = string_end(bad.as_bytes(), 0);
            assert_eq!(end, None, "{bad:?}");
            if bad != "no end" {
                assert_eq!(string_end(padded.as_bytes(), 0), None, "{padded:?}");
            }
        }
    }

    #[test]
    fn reads_integers() {
        assert_eq!(integer(b"0,", 0), Some((0, 1)));
        assert_eq!(
            integer(b"x17752014662402048]", 1),
            Some((17_752_014_662_402_048, 18))
        );
        for bad in ["", "-1", "01", "x", "18446744073709551615"] {
            assert_eq!(integer(bad.as_bytes(), 0), None, "{bad}");
        }
    }
}
