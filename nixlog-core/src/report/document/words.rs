//! What all documents say in the same words.

use super::super::format::{count, harmless};
use super::super::view::{Diagnostic, Input};
use crate::analysis::sufficiency::HOW_TO_STAMP;

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

/// Returns the next command worth running: for a log without times or without a build, how to get one
/// with both.
pub(super) fn next(input: &Input, verb: &str) -> Option<String> {
    if input.clock == "none" || !input.is_nix {
        return Some(HOW_TO_STAMP.to_owned());
    }
    (input.source != "-").then(|| format!("nixlog {verb} {}", shell_word(&input.source)))
}

/// Quotes a file name for the shell where it needs to be.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=:,@~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", harmless(text).replace('\'', "'\\''"))
}
