//! What all documents say in the same words.

use super::super::format::{count, duration, harmless, plural, short_id};
use super::super::view::{CoverageView, Diagnostic, EvaluationWaitView, Input};
use crate::analysis::critical_path::Wait;
use crate::analysis::sufficiency::HOW_TO_STAMP;

/// What stands for the last run.
const LAST: &str = "last";

/// Says which run a report is about.
pub(super) fn heading(input: &Input) -> Option<String> {
    let run = input.run.as_ref()?;
    let id = run
        .id
        .as_ref()
        .map(|id| format!(" {}", harmless(short_id(id))));
    let name = run
        .name
        .as_ref()
        .map(|name| format!(" ({})", harmless(name)));
    let started_at = input.started_at.as_ref().map(|started_at| {
        let second: String = started_at.chars().take(19).collect();
        format!(", {} UTC", second.replace('T', " "))
    });
    let words: Vec<String> = run.command.iter().map(|word| shell_word(word)).collect();
    let command = (!words.is_empty()).then(|| format!(": {}", words.join(" ")));
    let parts = [id, name, started_at, command].into_iter().flatten();
    Some(format!("run{}", parts.collect::<String>()))
}

/// Says of a log that holds nothing of a build what it is.
pub(super) fn nothing(input: &Input) -> Option<String> {
    if input.lines == 0 {
        return Some("this log is empty".to_owned());
    }
    let lines = plural(input.lines, "line");
    (!input.is_nix).then(|| format!("no Nix build in {lines}"))
}

/// Says what failed; `None` where nothing did.
pub(super) fn failures(input: &Input) -> Option<String> {
    let failed = input.failed;
    let counted = |n: usize, one: &str, how: &str| {
        (n > 0).then(|| format!("{} {how}", plural(n as u64, one)))
    };
    let parts = [
        failed.evaluation.then(|| "evaluation failed".to_owned()),
        failed.command.then(|| "the command failed".to_owned()),
        counted(failed.builds, "build", "failed"),
        counted(failed.paths, "path", "could not be fetched"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Adds to a first line what failed.
pub(super) fn with_failures(verdict: String, input: &Input) -> String {
    match failures(input) {
        Some(failures) => format!("{verdict}; {failures}"),
        None => verdict,
    }
}

/// Words what a reader should know.
pub(super) fn notes(diagnostics: &[Diagnostic]) -> Vec<String> {
    let note = |diagnostic: &Diagnostic| {
        let times = (diagnostic.count > 1).then(|| format!("{}×", count(diagnostic.count)));
        let line = diagnostic.first_line.map(|line| match diagnostic.count {
            0 | 1 => format!("line {}", count(line)),
            _ => format!("first in line {}", count(line)),
        });
        let place: Vec<String> = times.into_iter().chain(line).collect();
        let message = harmless(&diagnostic.message);
        match place.as_slice() {
            [] => format!("{}: {message}", diagnostic.severity),
            place => format!("{}: {message} ({})", diagnostic.severity, place.join(", ")),
        }
    };
    diagnostics.iter().map(note).collect()
}

/// Says how to get to know what depends on what, where nothing of it is known.
pub(super) fn coverage(coverage: &CoverageView) -> Option<String> {
    (coverage.is_nothing() && coverage.ignored_builds.is_none()).then(|| {
        "dependencies unknown: no derivations found; add them with `--derivations FILE`, from `nix derivation show -r`".to_owned()
    })
}

/// How many of what evaluation waited for are named.
const MOST_IMPORTS: usize = 3;

/// Says for how long evaluation stood still, and for what.
pub(super) fn evaluation_waits(waits: &[EvaluationWaitView]) -> Vec<String> {
    let about = [
        (
            "import-from-derivation",
            "import from derivation: evaluation",
        ),
        ("store", "evaluation"),
    ];
    let mut said = Vec::new();
    for (reason, subject) in about {
        let waits = || waits.iter().filter(|wait| wait.reason == reason);
        let asked_for: Vec<_> = waits().filter_map(|wait| wait.units.last()).collect();
        if asked_for.is_empty() {
            continue;
        }
        let shown = match asked_for.len() {
            n if n <= MOST_IMPORTS + 1 => n,
            _ => MOST_IMPORTS,
        };
        let mut names: Vec<String> = asked_for[..shown]
            .iter()
            .map(|unit| harmless(&unit.name).into_owned())
            .collect();
        if asked_for.len() > shown {
            names.push(format!("{} more", asked_for.len() - shown));
        }
        let last = names.pop().unwrap_or_default();
        let names = match names.as_slice() {
            [] => last,
            names => format!("{} and {last}", names.join(", ")),
        };
        let total = duration(waits().map(|wait| wait.duration_ns).sum());
        let times = match asked_for.len() {
            1 => String::new(),
            n => format!("{n} times, "),
        };
        said.push(format!(
            "{subject} stood still {times}{total}, until {names} {}",
            match asked_for.len() {
                1 => "was there",
                _ => "were there",
            }
        ));
    }
    said
}

/// Says in words what somebody waited for, or what a part of the phase `waiting` is; other names stay.
pub(super) fn waited_for(reason: &'static str) -> &'static str {
    let mut waits = Wait::ALL.into_iter();
    waits
        .find(|wait| wait.name() == reason)
        .map_or(reason, Wait::words)
}

/// Returns the next command worth running: for a log without times or without a build, how to get one
/// with both.
pub(super) fn next(input: &Input, verb: &str) -> Option<String> {
    if input.clock == "none" || !input.is_nix {
        return Some(HOW_TO_STAMP.to_owned());
    }
    let mut command = format!("nixlog {verb}");
    // The last run needs no name.
    if input.source != LAST {
        command.push(' ');
        command.push_str(&shell_word(&input.source));
    }
    for path in input.derivations.iter().filter(|_| verb != "doctor") {
        command.push_str(" --derivations ");
        command.push_str(&shell_word(path));
    }
    (input.source != "-").then_some(command)
}

/// Returns the next command worth running after one that needs to know what depends on what: where that
/// is not known, how to get to know it.
pub(super) fn next_of_path(input: &Input, coverage: &CoverageView, verb: &str) -> Option<String> {
    let verb = if coverage.is_nothing() {
        "doctor"
    } else {
        verb
    };
    next(input, verb)
}

/// Quotes a file name for the shell where it needs to be.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=:,@~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", harmless(text).replace('\'', "'\\''"))
}
