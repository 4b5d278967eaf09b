//! The status line of a terminal: `[1/0/4 built, 0.5 MiB DL] building foo (buildPhase): …`.
//!
//! `ProgressBar::getStatus` and `ProgressBar::draw` in Nix's `progress-bar.cc`. The line is cut at
//! the width of the terminal. Lix can show a line for each activity (`printMultiline`).

use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::{char, u64 as number};
use nom::combinator::{all_consuming, map, opt, value};
use nom::multi::separated_list1;
use nom::sequence::{delimited, preceded, terminated};

use crate::wire::message::grammar::{Decimal, Parsed, decimal, start, unit};

/// Counts of the status line: how much of something is running, done and expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// At work now; 0 where the line has only two numbers.
    pub running: u64,
    /// Done.
    pub done: u64,
    /// Expected in all, as far as Nix knows; grows while it learns.
    pub expected: u64,
    /// Failed.
    pub failed: u64,
}

/// One state of the status line. What it does not show is `None`.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BarStatus<'a> {
    /// Derivations.
    pub built: Option<Tally>,
    /// Store paths.
    pub copied: Option<Tally>,
    /// Bytes of those store paths, unpacked.
    pub copied_bytes: Option<Tally>,
    /// Bytes from the network, packed.
    pub downloaded_bytes: Option<Tally>,
    /// What is shown of the latest activity; maybe cut off, maybe empty.
    pub activity: &'a str,
    /// Characters of the whole line: as many as the terminal is wide where it was cut off.
    pub width: usize,
    /// Whether it was drawn over within its line: it was there before the line ended, nobody knows
    /// when.
    pub overdrawn: bool,
}

/// The substitution that the status line shows.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarFetch<'a> {
    /// The store path's name.
    pub name: &'a str,
    /// The substituter; maybe cut off.
    pub from: &'a str,
}

/// The build that the status line shows.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarBuild<'a> {
    /// The derivation's name; maybe cut off if nothing follows it.
    pub name: &'a str,
    /// The machine, for a remote build.
    pub machine: Option<&'a str>,
    /// The builder phase.
    pub phase: Option<&'a str>,
    /// The latest line of output.
    pub line: Option<&'a str>,
}

impl<'a> BarStatus<'a> {
    /// Makes a state that shows an activity and no counts.
    pub(super) fn of_activity(activity: &'a str) -> Self {
        Self {
            activity,
            width: activity.chars().count(),
            ..Self::default()
        }
    }

    /// Returns the substitution that is shown, if it is one: `fetching NAME from URI`, or `copying`
    /// from another store.
    #[must_use]
    pub fn fetch(&self) -> Option<BarFetch<'a>> {
        let verbs = ["fetching ", "copying "];
        let rest = verbs
            .into_iter()
            .find_map(|verb| self.activity.strip_prefix(verb))?;
        let (name, from) = rest.split_once(" from ")?;
        let is_name = !name.is_empty() && !name.contains([' ', '\'', '"', '/']);
        is_name.then_some(BarFetch { name, from })
    }

    /// Returns the build that is shown, if it is a build.
    #[must_use]
    pub fn build(&self) -> Option<BarBuild<'a>> {
        let rest = self.activity.strip_prefix("building ")?;
        let end = rest.find([' ', ':']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        // `building '…'` would be a title, which the bar never shows.
        if name.is_empty() || name.starts_with(['\'', '"']) {
            return None;
        }
        let (machine, rest) = match rest.strip_prefix(" on ") {
            // A URI has colons of its own; the one that ends it is followed by a space.
            Some(rest) => {
                let ends = [": ", " ("].into_iter().filter_map(|end| rest.find(end));
                let end = ends.min().unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        let (phase, rest) = match rest.strip_prefix(" (") {
            Some(rest) => {
                let (phase, rest) = rest.split_once(')').unwrap_or((rest, ""));
                (Some(phase), rest)
            }
            None => (None, rest),
        };
        let line = rest.strip_prefix(": ");
        Some(BarBuild {
            name,
            machine,
            phase,
            line,
        })
    }
}

/// Reads a status line that shows counts.
pub(super) fn status(text: &str) -> Option<BarStatus<'_>> {
    let inner = text.strip_prefix('[')?;
    let (counts, activity) = inner.split_once(']')?;
    let items = start(all_consuming(separated_list1(tag(", "), item)), counts)?;
    let mut status = BarStatus {
        activity: activity.trim(),
        width: text.chars().count(),
        ..BarStatus::default()
    };
    for item in items {
        match item {
            Item::Built(tally) => status.built = Some(tally),
            Item::Copied(tally, bytes) => {
                status.copied = Some(tally);
                status.copied_bytes = bytes;
            }
            Item::Downloaded(tally) => status.downloaded_bytes = Some(tally),
            Item::Upkeep => {}
        }
    }
    Some(status)
}

/// One part of the counts.
#[derive(Debug, Clone, Copy)]
enum Item {
    Built(Tally),
    Copied(Tally, Option<Tally>),
    Downloaded(Tally),
    /// Optimising and verifying: nothing that a build waits for.
    Upkeep,
}

fn item(input: &str) -> Parsed<'_, Item> {
    let built = (terminated(counts, tag(" built")), opt(failed));
    let copied = (
        terminated(counts, tag(" copied")),
        opt(failed),
        opt(delimited(tag(" ("), sizes, char(')'))),
    );
    let upkeep = (
        counts,
        alt((
            tag(" paths optimised"),
            tag(" paths verified"),
            tag(" corrupted"),
            tag(" untrusted"),
        )),
        opt(failed),
    );
    let freed = (sizes, tag(" / "), number, tag(" inodes freed"));
    alt((
        map(built, |(tally, failed)| Item::Built(with(tally, failed))),
        map(copied, |(tally, failed, bytes)| {
            Item::Copied(with(tally, failed), bytes)
        }),
        map(terminated(sizes, tag(" DL")), Item::Downloaded),
        value(Item::Upkeep, upkeep),
        value(Item::Upkeep, freed),
    ))
    .parse(input)
}

fn with(tally: Tally, failed: Option<u64>) -> Tally {
    Tally {
        failed: failed.unwrap_or(0),
        ..tally
    }
}

/// ` (1 failed)`.
fn failed(input: &str) -> Parsed<'_, u64> {
    delimited(tag(" ("), number, tag(" failed)")).parse(input)
}

/// `4`, `0/38` or `1/0/38`.
fn counts(input: &str) -> Parsed<'_, Tally> {
    map(up_to_three(number), |counts| tally(counts, |count| count)).parse(input)
}

/// `1.2 MiB`, `1.2/3.4 MiB` or `0.0/1.2/3.4 MiB`, and how much failed. From Nix 2.33 on, each has a
/// unit of its own where one for all does not do: `773.7 MiB/2.1 GiB`.
fn sizes(input: &str) -> Parsed<'_, Tally> {
    let (rest, sizes) = up_to_three(size).parse(input)?;
    let (first, second, third) = sizes;
    let Some(common) = third.or(second).unwrap_or(first).1 else {
        return Err(nom::Err::Error(()));
    };
    let tally = tally(sizes, |(size, unit)| size.scaled(unit.unwrap_or(common)));
    let failed = delimited(tag(" ("), size, tag(" failed)"));
    let (rest, failed) = opt(failed).parse(rest)?;
    // Before 2.33 without a unit, and then in the common one.
    let failed = failed.map(|(size, unit)| size.scaled(unit.unwrap_or(common)));
    Ok((rest, with(tally, failed)))
}

/// `1.2 MiB`, or `1.2` where a later one tells the unit.
fn size(input: &str) -> Parsed<'_, (Decimal, Option<u64>)> {
    (decimal, opt(preceded(char(' '), unit))).parse(input)
}

/// One to three numbers between slashes.
type UpToThree<T> = (T, Option<T>, Option<T>);

fn up_to_three<'a, T>(
    one: impl Fn(&'a str) -> Parsed<'a, T> + Copy,
) -> impl nom::Parser<&'a str, Output = UpToThree<T>, Error = ()> {
    (
        one,
        opt(preceded(char('/'), one)),
        opt(preceded(char('/'), one)),
    )
}

/// Three are running, done and expected; where nothing is running the first is missing, and where
/// all is done so is the last.
fn tally<T: Copy>(numbers: UpToThree<T>, count: impl Fn(T) -> u64) -> Tally {
    let (running, done, expected) = match numbers {
        (running, Some(done), Some(expected)) => (count(running), count(done), count(expected)),
        (done, Some(expected), _) => (0, count(done), count(expected)),
        (done, None, _) => {
            let done = count(done);
            (0, done, done)
        }
    };
    Tally {
        running,
        done,
        expected,
        failed: 0,
    }
}
