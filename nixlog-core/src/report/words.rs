//! What all documents say in the same words.

use super::envelope::{Diagnostic, Input};
use super::evaluation_waits::{EvaluationWaitView, WaitedFor};
use super::format::{count, duration, harmless, plural, short_id};
use crate::analysis::cache::Why;
use crate::analysis::critical_path::Wait;
use crate::analysis::sufficiency::HOW_TO_STAMP;
use crate::timeline::{Clock, Part};

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
    let started_at = input
        .started_at
        .as_ref()
        .map(|started_at| format!(", {} UTC", second(started_at)));
    let words: Vec<String> = run.command.iter().map(|word| shell_word(word)).collect();
    let command = (!words.is_empty()).then(|| format!(": {}", words.join(" ")));
    let parts = [id, name, started_at, command].into_iter().flatten();
    Some(format!("run{}", parts.collect::<String>()))
}

/// Shows an instant to the second.
pub(super) fn second(rfc3339: &str) -> String {
    let second: String = rfc3339.chars().take(19).collect();
    second.replace('T', " ")
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
            [] => format!("{}: {message}", diagnostic.severity.name()),
            place => format!(
                "{}: {message} ({})",
                diagnostic.severity.name(),
                place.join(", ")
            ),
        }
    };
    diagnostics.iter().map(note).collect()
}

/// How many of what evaluation waited for are named.
const MOST_IMPORTS: usize = 3;

/// Says for how long evaluation stood still, and for what.
pub(super) fn evaluation_waits(waits: &[EvaluationWaitView]) -> Vec<String> {
    let about = [
        (WaitedFor::Import, "import from derivation: evaluation"),
        (WaitedFor::Store, "evaluation"),
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

/// Says in words what a part of the phase `waiting` is; others have their names.
pub(super) fn part_words(part: Part) -> &'static str {
    let mut waits = Wait::ALL.into_iter();
    waits
        .find(|wait| wait.name() == part.name())
        .map_or(part.name(), Wait::words)
}

/// Returns the next command worth running: for a log without times or without a build, how to get one
/// with both.
pub(super) fn next(input: &Input, verb: &str) -> Option<String> {
    if input.clock == Clock::None || !input.is_nix {
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

/// Says in words why something was built and not fetched.
pub(super) const fn built_because(reason: Why) -> &'static str {
    match reason {
        Why::Disabled => "Nix was told to use no cache",
        Why::NotAllowed => "allowSubstitutes = false",
        Why::Absent => "in no cache that was asked",
        Why::NotSigned => "in a cache, not signed by a trusted key",
        Why::DownloadFailed => "in a cache, the download failed",
        Why::Unanswered => "a cache did not answer",
        Why::Present => "in a cache, built all the same",
        Why::NotAsked => "no question in this log",
        Why::Unknown => "unknown",
    }
}

/// Quotes a file name for the shell where it needs to be.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=:,@~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", harmless(text).replace('\'', "'\\''"))
}
