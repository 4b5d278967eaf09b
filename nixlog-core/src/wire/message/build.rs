//! The forms of a failed build, from Nix 2.0 to after 2.35.
//!
//! `DerivationGoal::buildDone`, `fixupBuilderFailureErrorMessage` and `Goal::timedOut` in Nix's
//! `src/libstore/build`, `build-remote.cc` for the build hook.

use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_until};
use nom::character::complete::{char, i32 as code, u64 as number};
use nom::combinator::{map, opt, rest, value};
use nom::sequence::{delimited, preceded, terminated};

use super::failure::Failure;
use super::grammar::{Parsed, goal, quoted, seconds_as_nanos, start};
use super::note::Note;

/// A failure of one derivation.
fn failed<'a>(drv: &'a str, failure: Failure<'a>) -> Note<'a> {
    let drv = Some(drv);
    Note::BuildFailed { drv, failure }
}

/// `builder for 'D' failed with exit code 1` (≤ 2.28, Lix), `… failed to produce output path …`
/// (all), `… terminated with status 0, …` (level 6).
pub(super) fn builder_for(text: &str) -> Option<Note<'_>> {
    let (drv, rest) = start(
        (delimited(tag("builder for "), goal, char(' ')), rest),
        text,
    )?;
    if let Some(failure) = start(status, rest)
        .or_else(|| start(missing_output, rest))
        .or_else(|| start(remote_or_cached, rest))
    {
        return Some(failed(drv, failure));
    }
    if let Some((status, user_ns, system_ns)) = start(cpu, rest) {
        return Some(Note::BuilderCpu {
            drv,
            status,
            user_ns,
            system_ns,
        });
    }
    let reason = rest
        .lines()
        .next()
        .filter(|line| line.starts_with("failed") || line.starts_with("has no "))?;
    Some(failed(drv, Failure::Other(reason)))
}

/// `Cannot build 'D'.` and `Reason: …` (≥ 2.29).
pub(super) fn cannot_build(text: &str) -> Option<Note<'_>> {
    let (drv, tail) = start((preceded(tag("Cannot build "), goal), rest), text)?;
    let mut lines = tail.lines().map(str::trim_start);
    let reason = lines.find_map(|line| line.strip_prefix("Reason:"));
    let reason = reason.unwrap_or("no reason given").trim();
    let failure = match reason.trim_end_matches('.') {
        "platform mismatch"
        | "missing system features"
        | "required system or feature not available" => {
            requirement(lines).unwrap_or(Failure::Other(reason))
        }
        known => reason_given(known),
    };
    Some(failed(drv, failure))
}

/// Reads the one line of a `Reason:`.
fn reason_given(reason: &str) -> Failure<'_> {
    let dependencies = terminated(
        number,
        alt((tag(" dependencies failed"), tag(" dependency failed"))),
    );
    alt((
        preceded(opt(tag("builder ")), status),
        map(dependencies, |count| Failure::Dependency { count }),
        time_or_size_limit,
        value(Failure::NoSlot, tag("local builds are disabled")),
    ))
    .parse(reason)
    .map_or(Failure::Other(reason), |(_, failure)| failure)
}

/// Reads what follows a `Reason:` about the platform.
///
/// ≥ 2.34 `Required system: 'x'` and `Current system: 'y'`, or the same of features; 2.30 to 2.33
/// `Required system: 'x' with features {a, b}` for either.
fn requirement<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Failure<'a>> {
    let (mut required, mut present) = (None, None);
    let mut about_features = false;
    for line in lines {
        let Some((label, text)) = line.split_once(": ") else {
            continue;
        };
        match label.split(' ').next() {
            Some("Required") => required = Some(text),
            Some("Current" | "Available" | "Supported") => present = Some(text),
            _ => continue,
        }
        about_features |= label.contains("features");
    }
    let (required, present) = (required?, present.unwrap_or(""));
    if about_features {
        return Some(Failure::Features {
            required,
            available: present,
        });
    }
    let required = system(required)?;
    let current = system(present).unwrap_or((present, None));
    Some(unmet(required, current))
}

/// A system, and its features where they are told.
type System<'a> = (&'a str, Option<&'a str>);

/// Reads `'x86_64-linux'` or `'x86_64-linux' with features {kvm}`.
fn system(text: &str) -> Option<System<'_>> {
    let features = delimited(tag(" with features {"), take_until("}"), char('}'));
    start((quoted, opt(features)), text)
}

/// Blames the features where the systems agree.
fn unmet<'a>(required: System<'a>, current: System<'a>) -> Failure<'a> {
    match (required, current) {
        ((wanted, Some(required)), (there, Some(available))) if wanted == there => {
            Failure::Features {
                required,
                available,
            }
        }
        ((required, _), (current, _)) => Failure::Platform { required, current },
    }
}

/// `a 'SYS' with features {…} is required to build 'D', but I am a 'SYS2' with features {…}`
/// (≤ 2.29).
pub(super) fn required_to_build(text: &str) -> Option<Note<'_>> {
    let features = || delimited(tag(" with features {"), take_until("}"), char('}'));
    let form = (
        preceded(tag("a "), quoted),
        opt(features()),
        preceded(tag(" is required to build "), goal),
        preceded(tag(", but I am a "), quoted),
        opt(features()),
    );
    let (required, wanted, drv, current, there) = start(form, text)?;
    Some(failed(drv, unmet((required, wanted), (current, there))))
}

/// `1 dependencies of derivation 'D' failed to build` (2.4 to 2.28, and Lix).
pub(super) fn dependencies_of(text: &str) -> Option<Note<'_>> {
    let noun = alt((
        tag(" dependencies of derivation "),
        tag(" dependency of derivation "),
    ));
    let form = (number, noun, goal, tag(" failed to build"));
    let (count, _, drv, _) = start(form, text)?;
    Some(failed(drv, Failure::Dependency { count }))
}

/// `cannot build derivation 'D': 1 dependencies couldn't be built` (2.0 to 2.3),
/// `cannot build on 'M': …`, `cannot build 'D' during evaluation because …`.
pub(super) fn cannot(text: &str) -> Option<Note<'_>> {
    let text = text.strip_prefix("cannot build ")?;
    let dependencies = (
        preceded(tag("derivation "), goal),
        delimited(tag(": "), number, tag(" dependenc")),
    );
    if let Some((drv, count)) = start(dependencies, text) {
        return Some(failed(drv, Failure::Dependency { count }));
    }
    if let Some((machine, tail)) = start((preceded(tag("on "), quoted), rest), text) {
        let detail = tail.strip_prefix(": ").unwrap_or(tail);
        return Some(Note::CannotBuildOn { machine, detail });
    }
    let drv = start(terminated(goal, tag(" during evaluation because ")), text)?;
    Some(Note::ImportFromDerivationForbidden { drv })
}

/// `build of 'D' on 'M' failed: …` (the build hook), `build of 'A', 'B' failed` (the last words).
pub(super) fn build_of(text: &str) -> Option<Note<'_>> {
    let names = text.strip_prefix("build of ")?;
    let remote = (goal, preceded(tag(" on "), quoted), tag(" failed:"), rest);
    if let Some((drv, machine, _, detail)) = start(remote, names) {
        return Some(Note::RemoteBuildFailed {
            drv,
            machine,
            detail: detail.trim_start_matches(' '),
        });
    }
    let whole = names.starts_with(['\'', '"']) && names.ends_with(" failed");
    whole.then_some(Note::BuildsFailed)
}

/// `GOAL timed out after 2 seconds`, `GOAL killed after writing more than N bytes of log output`.
///
/// GOAL is `building of 'D^out' from .drv file` (≤ 2.29, Lix), `building of 'D' from in-memory
/// derivation` (2.30 to 2.32) or `building derivation 'D'` (2.33). Since 2.34 timeouts have none.
pub(super) fn stopped(text: &str) -> Option<Note<'_>> {
    let origin = alt((
        tag(" from .drv file "),
        tag(" from in-memory derivation "),
        tag(" "),
    ));
    let named = delimited(
        alt((tag("building of "), tag("building derivation "))),
        goal,
        origin,
    );
    let form = (opt(named), time_or_size_limit);
    let (drv, failure) = start(form, text)?;
    Some(Note::BuildFailed { drv, failure })
}

/// `hash mismatch in fixed-output derivation 'D':`, and the two hashes (≥ 2.2). In 2.2 and 2.3 the
/// path is that of the output.
pub(super) fn hash_mismatch(text: &str) -> Option<Note<'_>> {
    let form = (tag("hash mismatch in fixed-output derivation "), goal, rest);
    let (_, drv, hashes) = start(form, text)?;
    let specified = hash(hashes, "specified:")
        .or_else(|| hash(hashes, "wanted:"))
        .unwrap_or("");
    let got = hash(hashes, "got:").unwrap_or("");
    Some(failed(drv, Failure::HashMismatch { specified, got }))
}

/// Returns the hash behind its label.
fn hash<'a>(lines: &'a str, label: &str) -> Option<&'a str> {
    let mut lines = lines.lines().map(str::trim_start);
    lines
        .find_map(|line| line.strip_prefix(label))
        .map(str::trim)
}

/// `derivation 'D' may not be deterministic: output 'P' differs`.
pub(super) fn not_deterministic(text: &str) -> Option<Note<'_>> {
    let form = (tag("derivation "), goal, tag(" may not be deterministic"));
    let (_, drv, _) = start(form, text)?;
    Some(failed(drv, Failure::NotDeterministic))
}

/// `Failed to find a machine for remote build!`, then `derivation: …`.
pub(super) fn no_machine(text: &str) -> Option<Note<'_>> {
    let rest = text.strip_prefix("Failed to find a machine for remote build!")?;
    let mut lines = rest.lines().map(str::trim_start);
    let drv = lines.find_map(|line| line.strip_prefix("derivation: "));
    Some(Note::NoMachine { drv })
}

/// `program 'H' failed with exit code 1`.
pub(super) fn program(text: &str) -> Option<Note<'_>> {
    let form = (
        preceded(tag("program "), quoted),
        preceded(char(' '), status),
    );
    let (program, failure) = start(form, text)?;
    Some(Note::ProgramFailed { program, failure })
}

/// `built 'D^out' during evaluation due to …` (Nix), `building 'D' during evaluation due to …`
/// (Lix).
pub(super) fn import(text: &str) -> Option<Note<'_>> {
    let verb = alt((tag("built "), tag("building ")));
    let form = delimited(verb, goal, tag(" during evaluation due to "));
    let drv = start(form, text)?;
    Some(Note::ImportFromDerivation { drv })
}

/// The status phrase that all versions share (`statusToString` in Nix's `processes.cc`).
fn status(input: &str) -> Parsed<'_, Failure<'_>> {
    let signal = (
        delimited(tag("failed due to signal "), code, tag(" (")),
        terminated(take_until(")"), char(')')),
    );
    alt((
        map(preceded(tag("failed with exit code "), code), Failure::Exit),
        map(signal, |(number, name)| Failure::Signal { number, name }),
        value(Failure::Died, tag("died abnormally")),
    ))
    .parse(input)
}

/// `failed to produce output path for output 'out' at 'P'` (≥ 2.4), `… output path 'P'` (2.3).
fn missing_output(input: &str) -> Parsed<'_, Failure<'_>> {
    let output = preceded(
        tag("failed to produce output path "),
        preceded(opt(tag("for output ")), quoted),
    );
    map(output, |output| Failure::MissingOutput { output }).parse(input)
}

/// `failed on remote builder` (Lix), `failed previously (cached)` (before 2.0).
fn remote_or_cached(input: &str) -> Parsed<'_, Failure<'_>> {
    alt((
        value(Failure::Remote, tag("failed on remote builder")),
        value(Failure::Cached, tag("failed previously")),
    ))
    .parse(input)
}

/// `terminated with status 0, user CPU 0.010s, system CPU 0.004s`.
fn cpu(input: &str) -> Parsed<'_, (i32, u64, u64)> {
    (
        preceded(tag("terminated with status "), code),
        preceded(tag(", user CPU "), seconds_as_nanos),
        preceded(tag("s, system CPU "), seconds_as_nanos),
    )
        .parse(input)
}

/// `timed out after 2 seconds`, `timed out after 2 seconds of silence`, `killed after writing more
/// than 9 bytes of log output`.
fn time_or_size_limit(input: &str) -> Parsed<'_, Failure<'_>> {
    let time = (
        delimited(tag("timed out after "), number, tag(" seconds")),
        opt(tag(" of silence")),
    );
    let size = delimited(
        tag("killed after writing more than "),
        number,
        tag(" bytes of log output"),
    );
    alt((
        map(time, |(seconds, silent)| match silent {
            Some(_) => Failure::Silent { seconds },
            None => Failure::TimedOut { seconds },
        }),
        map(size, |bytes| Failure::LogTooLong { bytes }),
    ))
    .parse(input)
}
