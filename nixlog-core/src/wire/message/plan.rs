//! The plan: what Nix says it will build and fetch, before it does.
//!
//! `printMissing` in Nix's `src/libmain/shared.cc`. The header and each path are messages of
//! their own, and nothing says where the list ends.

use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::{char, u64 as number};
use nom::combinator::{opt, value};
use nom::sequence::{delimited, terminated};

use super::grammar::{Parsed, size};
use super::note::Note;
use crate::store_path::StorePath;

/// Reads a plan header: `this derivation will be built:`, `these 2 paths will be fetched (…):`.
pub(super) fn header(text: &str) -> Option<Note<'_>> {
    alt((build, fetch)).parse(text).ok().map(|(_, note)| note)
}

/// Reads the header of the paths that nobody can make: `don't know how to build these paths:`,
/// in some modes with `(may be caused by read-only store access)` before the colon.
pub(super) fn unknown(text: &str) -> Option<Note<'_>> {
    let rest = text.strip_prefix("don't know how to build these paths")?;
    rest.ends_with(':').then_some(Note::PlanUnknown)
}

/// Reads a path of the plan: two spaces, and a store path to the end.
pub(super) fn item(text: &str) -> Option<Note<'_>> {
    let path = text
        .strip_prefix("  ")
        .filter(|path| path.starts_with('/'))?;
    let whole =
        StorePath::parse(path).is_some() && memchr::memchr2(b' ', b'\n', path.as_bytes()).is_none();
    whole.then_some(Note::PlanItem { path })
}

/// `this derivation will be built:` (≥ 2.4), `these derivations will be built:` (≤ 2.3).
fn build(input: &str) -> Parsed<'_, Note<'_>> {
    let mut header = terminated(count("derivation"), tag(" will be built:"));
    let (rest, count) = header.parse(input)?;
    Ok((rest, Note::PlanBuild { count }))
}

/// `this path will be fetched (0.00 MiB download, 0.29 MiB unpacked):`; units of their own and one
/// decimal since 2.33.
fn fetch(input: &str) -> Parsed<'_, Note<'_>> {
    let sizes = delimited(
        tag(" ("),
        (
            terminated(size, tag(" download, ")),
            terminated(size, tag(" unpacked")),
        ),
        char(')'),
    );
    let mut header = (
        count("path"),
        tag(" will be fetched"),
        opt(sizes),
        char(':'),
    );
    let (rest, (count, _, sizes, _)) = header.parse(input)?;
    let note = Note::PlanFetch {
        count,
        download_bytes: sizes.map(|(download, _)| download),
        unpacked_bytes: sizes.map(|(_, unpacked)| unpacked),
    };
    Ok((rest, note))
}

/// Reads `this <noun>` as one, `these N <noun>s` as N, and `these <noun>s` as unknown.
fn count(noun: &'static str) -> impl FnMut(&str) -> Parsed<'_, Option<u64>> {
    move |input| {
        let one = value(Some(1), (tag("this "), tag(noun)));
        let many = delimited(
            tag("these "),
            opt(terminated(number, char(' '))),
            (tag(noun), char('s')),
        );
        alt((one, many)).parse(input)
    }
}
