//! The leaves of the scanner: where a string ends, what an integer says. Nothing else.
//!
//! Everything works on bytes and positions. A position is always on a character boundary, since
//! only ASCII bytes are ever looked for.

use wide::u8x16;

/// Bytes that one step of the string search looks at: two registers of SSE2 or NEON.
const WINDOW: usize = 32;

/// Returns `N` bytes from `at` on; `None` near the end of the text.
///
/// One check for all of them: what is done with them needs none.
#[inline(always)]
pub(super) fn window<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

/// Tells whether a literal of at least 16 bytes stands at a position.
///
/// In blocks, the last of which overlaps the one before: the compiler calls `memcmp` otherwise, for
/// a tenth of the time.
#[inline(always)]
pub(super) fn is_at<const N: usize>(bytes: &[u8], at: usize, literal: &[u8; N]) -> bool {
    const BLOCK: usize = 16;
    let Some(found) = window::<N>(bytes, at) else {
        return false;
    };
    let block = |text: &[u8; N], from: usize| {
        let mut block = [0; BLOCK];
        block.copy_from_slice(&text[from..from + BLOCK]);
        u8x16::new(block)
    };
    let mut same = u8x16::splat(u8::MAX);
    for index in 0..N.div_ceil(BLOCK) {
        let from = (index * BLOCK).min(N - BLOCK);
        same &= block(found, from).simd_eq(block(literal, from));
    }
    same.to_bitmask() == 0xffff
}

/// Returns where the string that starts at `from` (behind its opening quote) has its closing
/// quote. `None` where the string is not valid JSON: a control byte, a bad escape, no end.
///
/// Control bytes end the search, a line feed among them, so that damage stays within its line.
#[inline(always)]
pub(super) fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(window) = window::<WINDOW>(bytes, at) {
        let mask = special(window);
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
    string_end_last(bytes, at)
}

/// The same search for the last bytes of a text, fewer than a window: of a block, or of fields that
/// were cut out.
#[inline(never)]
fn string_end_last(bytes: &[u8], at: usize) -> Option<usize> {
    let Some(window) = bytes.last_chunk::<WINDOW>().filter(|_| at < bytes.len()) else {
        return string_end_bytewise(bytes, at);
    };
    // The window that ends with the text, without what was seen already.
    let seen = WINDOW - (bytes.len() - at);
    let mask = special(window) >> seen;
    let stop = at + mask.trailing_zeros() as usize;
    match bytes.get(stop)? {
        b'"' => Some(stop),
        _ => string_end_bytewise(bytes, stop),
    }
}

/// Marks the bytes that end a plain run: a quote, a backslash, a control byte.
#[inline(always)]
fn special(window: &[u8; WINDOW]) -> u32 {
    let (low, high) = halves(window);
    let special = |half: u8x16| {
        // With that bit turned over, the quote comes right behind the control bytes.
        let turned = half ^ u8x16::splat(b'"' ^ 0x20);
        let quote_or_control = turned.min(u8x16::splat(0x20)).simd_eq(turned);
        (quote_or_control | half.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
    };
    special(low) | (special(high) << 16)
}

#[inline(always)]
fn halves(window: &[u8; WINDOW]) -> (u8x16, u8x16) {
    let (mut low, mut high) = ([0; 16], [0; 16]);
    low.copy_from_slice(&window[..16]);
    high.copy_from_slice(&window[16..]);
    (u8x16::new(low), u8x16::new(high))
}

/// Goes on from the first special byte of a string that has escapes.
///
/// Walks the marks of each window instead of looking at the window again after every escape: a
/// text of nothing but escapes would otherwise be read sixteen times.
#[inline(never)]
fn string_end_escaped(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // The first byte that is not part of an escape already checked.
    let mut free = from;
    while let Some(window) = window::<WINDOW>(bytes, at) {
        let mut mask = special(window);
        if free > at {
            mask &= u32::MAX << (free - at);
        }
        while mask != 0 {
            let stop = at + mask.trailing_zeros() as usize;
            match bytes[stop] {
                b'"' => return Some(stop),
                b'\\' => free = escape_end(bytes, stop)?,
                _ => return None,
            }
            let behind = u32::try_from(free - at).unwrap_or(u32::BITS);
            mask &= u32::MAX.checked_shl(behind).unwrap_or(0);
        }
        at += WINDOW;
    }
    string_end_bytewise(bytes, at.max(free))
}

/// The same search byte by byte.
#[inline(never)]
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
#[inline(always)]
fn escape_end(bytes: &[u8], at: usize) -> Option<usize> {
    let kind = *bytes.get(at + 1)?;
    if ESCAPES[usize::from(kind)] & SIMPLE != 0 {
        return Some(at + 2);
    }
    let hex = window::<4>(bytes, at + 2)?;
    let all = hex
        .iter()
        .fold(HEX, |all, &digit| all & ESCAPES[usize::from(digit)]);
    (kind == b'u' && all != 0).then_some(at + 6)
}

/// What may follow a backslash but for `u`, and what may follow `u`. A table, since the compiler
/// makes jumps of a `match`, which builders' colours and quotes leave hard to predict.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        if matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') {
            table[byte as usize] |= SIMPLE;
        }
        if byte.is_ascii_hexdigit() {
            table[byte as usize] |= HEX;
        }
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

const SIMPLE: u8 = 1;
const HEX: u8 = 2;

/// Reads an unsigned integer at `from`; returns it and the position behind it. `None` where there
/// is none, where it has a leading zero (not JSON), or where it might not fit.
#[inline(always)]
pub(super) fn integer(bytes: &[u8], from: usize) -> Option<(u64, usize)> {
    let Some(window) = window::<16>(bytes, from) else {
        return integer_bytewise(bytes, from);
    };
    let length = non_digits(u8x16::new(*window)).trailing_zeros() as usize;
    if length > 15 {
        return long_integer(bytes, from, window);
    }
    let canonical = length == 1 || (length > 1 && window[0] != b'0');
    canonical.then(|| (digits(window, length), from + length))
}

/// The same where the first 16 bytes are digits: most ids have 15 to 17.
#[inline(never)]
fn long_integer(bytes: &[u8], from: usize, window: &[u8; 16]) -> Option<(u64, usize)> {
    let mut value = digits(window, 16);
    let mut at = from + 16;
    while let Some(digit) = bytes
        .get(at)
        .map(|byte| byte.wrapping_sub(b'0'))
        .filter(|&digit| digit < 10)
    {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    // 19 digits always fit; the rare longer ones are left to the general reader.
    (at - from < 20 && window[0] != b'0').then_some((value, at))
}

/// The same for the last bytes of a block.
#[cold]
fn integer_bytewise(bytes: &[u8], from: usize) -> Option<(u64, usize)> {
    short_integer(bytes, from)
}

/// Reads an integer that mostly has one digit: a level, a kind.
#[inline(always)]
pub(super) fn short_integer(bytes: &[u8], from: usize) -> Option<(u64, usize)> {
    let (value, length) = leading_digits(bytes.get(from..)?);
    let canonical = length == 1 || (length > 1 && length < 20 && bytes[from] != b'0');
    canonical.then_some((value, from + length))
}

#[inline(always)]
fn leading_digits(bytes: &[u8]) -> (u64, usize) {
    let mut value = 0_u64;
    let mut length = 0;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        length += 1;
    }
    (value, length)
}

/// Marks the bytes that are no digits.
#[inline(always)]
fn non_digits(window: u8x16) -> u32 {
    let value = window - u8x16::splat(b'0');
    !value.min(u8x16::splat(9)).simd_eq(value).to_bitmask() & 0xffff
}

/// Returns the integer that the first `length` bytes are, 1 to 16 digits.
///
/// The digits are moved to the end of the register, so that zeros come before them, and are then
/// added up in pairs, fours and eights: without a branch on their number, which nobody can predict.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the two halves of the register"
)]
fn digits(window: &[u8; 16], length: usize) -> u64 {
    const ZEROS: u128 = u128::from_ne_bytes([b'0'; 16]);
    let padded = (u128::from_le_bytes(*window) ^ ZEROS) << ((16 - length) * 8);
    eight_digits(padded as u64) * 100_000_000 + eight_digits((padded >> 64) as u64)
}

/// Adds up eight digits, the first in the lowest byte.
#[inline(always)]
fn eight_digits(digits: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits * 10 + (digits >> 8);
    let outer = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let inner = ((pairs >> 16) & PAIRS).wrapping_mul(1 + (10_000 << 32));
    outer.wrapping_add(inner) >> 32
}

/// Reads integers and the bracket behind them, all within 32 bytes; returns the position behind the
/// bracket, and the integers where they are exactly four. `None` where it is anything else, or
/// longer.
///
/// All separators are found at once: a progress result is little else than its four counters. Against
/// one integer after another, that is worth a third of the time of a log of downloads.
#[inline(always)]
pub(super) fn integers(bytes: &[u8], from: usize) -> Option<(Option<[u64; 4]>, usize)> {
    // The digits of the last integer are taken from a window of their own.
    let window = window::<48>(bytes, from)?;
    let (low, high) = halves(window.first_chunk()?);
    let marks = non_digits(low) | (non_digits(high) << 16);
    let commas = equal(low, high, b',');
    let zeros = equal(low, high, b'0');
    let end = (marks & !commas).trailing_zeros() as usize;
    if end >= 32 || window[end] != b']' {
        return None;
    }
    // No integer is empty, and none begins with a zero but zero itself.
    let starts = (marks << 1) | 1;
    let bad = starts & (marks | (zeros & !(marks >> 1)));
    if bad & (u32::MAX >> (31 - end)) != 0 {
        return None;
    }
    let first = marks.trailing_zeros() as usize;
    let later = marks & marks.wrapping_sub(1);
    let second = later.trailing_zeros() as usize;
    let later = later & later.wrapping_sub(1);
    let third = later.trailing_zeros() as usize;
    let later = later & later.wrapping_sub(1);
    let fourth = later.trailing_zeros() as usize;
    if fourth != end {
        return Some((None, from + end + 1));
    }
    let done = between(window, 0, first)?;
    let expected = between(window, first + 1, second)?;
    // Both counters behind are nearly always a single digit.
    let (running, failed) = if third == second + 2 && end == second + 4 {
        (
            u64::from(window[second + 1] & 15),
            u64::from(window[second + 3] & 15),
        )
    } else {
        (
            between(window, second + 1, third)?,
            between(window, third + 1, end)?,
        )
    };
    Some((Some([done, expected, running, failed]), from + end + 1))
}

#[inline(always)]
fn between(window: &[u8; 48], from: usize, to: usize) -> Option<u64> {
    let digits_at = self::window(window, from)?;
    let length = to - from;
    (length <= 16).then(|| digits(digits_at, length))
}

#[inline(always)]
fn equal(low: u8x16, high: u8x16, byte: u8) -> u32 {
    let byte = u8x16::splat(byte);
    low.simd_eq(byte).to_bitmask() | (high.simd_eq(byte).to_bitmask() << 16)
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
            let padded = format!("{bad},                ");
            for text in [bad, &padded] {
                assert_eq!(integer(text.as_bytes(), 0), None, "{text}");
                assert_eq!(short_integer(text.as_bytes(), 0), None, "{text}");
            }
        }
    }

    #[test]
    fn reads_integers_of_every_length() {
        let mut value = 0;
        for digit in 1..20 {
            value = value * 10 + digit % 10;
            for tail in ["", ",", ",12345678901234567890", "]}\n                 "] {
                let text = format!("{value}{tail}");
                let length = value.to_string().len();
                let want = Some((value, length));
                assert_eq!(integer(text.as_bytes(), 0), want, "{text}");
                assert_eq!(short_integer(text.as_bytes(), 0), want, "{text}");
            }
        }
    }

    #[test]
    fn reads_integers_at_once() {
        let sizes = [
            0,
            1,
            9,
            10,
            99,
            679_912_248,
            1_678_862_832,
            9_876_543_210_123_456,
        ];
        let pad = ",\"id\":12345678901234567890123456789012345678901234567890";
        for done in sizes {
            for expected in sizes {
                for running in sizes {
                    for failed in sizes {
                        let text = format!("{done},{expected},{running},{failed}]");
                        let found = integers(format!("{text}{pad}").as_bytes(), 0);
                        let want = (Some([done, expected, running, failed]), text.len());
                        let fits = text.len() <= 32;
                        assert_eq!(found, fits.then_some(want), "{text}");
                    }
                }
            }
        }
        for bad in [
            "1,2,3,]",
            ",2,3,4]",
            "1,,3,4]",
            "1,02,3,4]",
            "01,2,3,4]",
            "1,2,3,00]",
            "1,2,-3,4]",
            "1,2,3,4}",
            "1, 2,3,4]",
            "1,2,3,4,]",
            "]",
            "1.5,2,3,4]",
        ] {
            let found = integers(format!("{bad}{pad}").as_bytes(), 0);
            assert_eq!(found, None, "{bad}");
        }
        for other in ["1]", "0,0]", "100,0]", "1,2,3]", "1,2,3,4,5]"] {
            let found = integers(format!("{other}{pad}").as_bytes(), 0);
            assert_eq!(found, Some((None, other.len())), "{other}");
        }
    }
}
