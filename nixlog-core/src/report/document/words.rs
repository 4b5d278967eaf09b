//! What all documents say in the same words.

use super::super::format::{count, harmless, plural};
use super::super::view::{Diagnostic, Input};

/// Says of a log that holds nothing of a build what it is.
pub(super) fn nothing(input: &Input) -> Option<String> {
    if input.lines == 0 {
        return Some("this log is empty".to_owned());
    }
    let lines = plural(input.lines, "line");
    (!input.is_nix).then(|| format!("nothing of a Nix build in {lines}"))
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

/// Returns the next command worth running: for a log without times, how to get one with them.
pub(super) fn next(input: &Input, verb: &str) -> Option<String> {
    if input.clock == "none" {
        return Some(HOW_TO_STAMP.to_owned());
    }
    (input.source != "-").then(|| format!("nixlog {verb} {}", shell_word(&input.source)))
}

/// Lets nixlog read a build while it runs.
const HOW_TO_STAMP: &str = "nix build … --log-format internal-json -v |& nixlog phases";

/// Quotes a file name for the shell where it needs to be.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=:,@~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", harmless(text).replace('\'', "'\\''"))
}
