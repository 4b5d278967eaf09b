//! Leaf parsers that the catalogue is made of: quoted names, numbers with units, and the like.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_until};
use nom::character::complete::{char, digit1, u64 as number};
use nom::combinator::{opt, value};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

/// What a parser of ours returns. The errors say nothing: a text that does not fit is tried
/// against the next form.
pub(crate) type Parsed<'a, T> = IResult<&'a str, T, ()>;

/// Returns what `parser` finds at the start of `text`; what follows does not matter.
pub(crate) fn start<'a, T>(
    mut parser: impl Parser<&'a str, Output = T, Error = ()>,
    text: &'a str,
) -> Option<T> {
    parser.parse(text).ok().map(|(_, found)| found)
}

/// Reads `'text'` or `"text"`, or both at once.
///
/// Nix ≥ 2.33 prints paths with `"…"`, because `std::filesystem::path` quotes itself; 2.26 does
/// so inside of its own quotes (`copying '"/home/x"' to the store`).
pub(crate) fn quoted(input: &str) -> Parsed<'_, &str> {
    alt((
        delimited(tag("'\""), take_until("\"'"), tag("\"'")),
        delimited(char('\''), take_until("'"), char('\'')),
        delimited(char('"'), take_until("\""), char('"')),
    ))
    .parse(input)
}

/// Reads a quoted goal name, `'D^out'` (Nix ≥ 2.13) or `'D!out'` (before), as the derivation `D`.
pub(crate) fn goal(input: &str) -> Parsed<'_, &str> {
    quoted.map(without_outputs).parse(input)
}

/// Cuts the outputs off a derivation path: `x.drv^out,dev`, `x.drv!out` and `x.drv^*` are `x.drv`.
pub(crate) fn without_outputs(path: &str) -> &str {
    [".drv^", ".drv!"]
        .into_iter()
        .find_map(|mark| path.find(mark))
        .map_or(path, |at| &path[..at + ".drv".len()])
}

/// Returns the quoted name between `prefix` and `suffix`, which together are the whole text.
///
/// For texts that end in a name: unlike [`quoted`], this is right for a name with quotes inside.
pub(crate) fn between<'a>(text: &'a str, prefix: &str, suffix: &str) -> Option<&'a str> {
    let inner = text.strip_prefix(prefix)?.strip_suffix(suffix)?;
    let name = unquoted(inner);
    (name.len() < inner.len()).then_some(name)
}

/// Takes the quotes off a text, `'"…"'` being one pair; a text without quotes stays.
pub(crate) fn unquoted(text: &str) -> &str {
    let inner = without_pair(text, '\'').unwrap_or(text);
    without_pair(inner, '"').unwrap_or(inner)
}

fn without_pair(text: &str, quote: char) -> Option<&str> {
    text.strip_prefix(quote)?.strip_suffix(quote)
}

/// A decimal number, kept exact: `digits` is the number without its point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal {
    digits: u64,
    fraction_len: u32,
}

/// Digits after the point that are read; more do not make a nanosecond.
const MAX_FRACTION: usize = 9;

impl Decimal {
    /// Returns the number in units of `1 / unit`, to the nearest.
    pub(crate) fn scaled(self, unit: u64) -> u64 {
        let divisor = 10_u128.pow(self.fraction_len);
        let exact = u128::from(self.digits) * u128::from(unit);
        u64::try_from((exact + divisor / 2) / divisor).unwrap_or(u64::MAX)
    }
}

/// Reads `12` or `12.5`.
pub(crate) fn decimal(input: &str) -> Parsed<'_, Decimal> {
    let (rest, whole) = number.parse(input)?;
    let (rest, fraction) = opt(preceded(char('.'), digit1)).parse(rest)?;
    let fraction = fraction.map_or("", |all: &str| &all[..all.len().min(MAX_FRACTION)]);
    let digits = fraction.bytes().try_fold(whole, |digits, digit| {
        digits.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    match digits {
        Some(digits) => {
            let fraction_len = u32::try_from(fraction.len()).unwrap_or(0);
            Ok((
                rest,
                Decimal {
                    digits,
                    fraction_len,
                },
            ))
        }
        None => Err(nom::Err::Error(())),
    }
}

/// Reads the unit of a size as a number of bytes. All of Nix's units are binary.
pub(crate) fn unit(input: &str) -> Parsed<'_, u64> {
    alt((
        value(1 << 10, tag("KiB")),
        value(1 << 20, tag("MiB")),
        value(1 << 30, tag("GiB")),
        value(1 << 40, tag("TiB")),
        value(1 << 50, tag("PiB")),
        value(1 << 60, tag("EiB")),
        value(1, tag("bytes")),
        value(1, tag("B")),
    ))
    .parse(input)
}

/// Reads a size such as `0.29 MiB` as bytes.
pub(crate) fn size(input: &str) -> Parsed<'_, u64> {
    let (rest, (amount, _, unit)) = (decimal, char(' '), unit).parse(input)?;
    Ok((rest, amount.scaled(unit)))
}

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Reads seconds with a fraction, `1.204`, as nanoseconds.
pub(crate) fn seconds_as_nanos(input: &str) -> Parsed<'_, u64> {
    decimal
        .map(|seconds: Decimal| seconds.scaled(SECOND))
        .parse(input)
}
