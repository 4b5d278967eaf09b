//! What all documents say in the same words.

use super::super::format::{self, count, harmless};
use super::super::view::{Diagnostic, Input};

/// Words what a reader should know.
pub(super) fn notes(diagnostics: &[Diagnostic]) -> Vec<String> {
    let note = |diagnostic: &Diagnostic| {
        let times = if diagnostic.count > 1 {
            format!("{}× ", count(diagnostic.count))
        } else {
            String::new()
        };
        let line = diagnostic.first_line.map_or_else(String::new, |line| {
            format!(" (first in line {})", format::count(line))
        });
        format!(
            "{}: {times}{}{line}",
            diagnostic.severity,
            harmless(&diagnostic.message)
        )
    };
    diagnostics.iter().map(note).collect()
}

/// Says how to get a log with times.
pub(super) fn how_to_stamp(input: &Input) -> Option<String> {
    let how = "to get times, let nixlog read the build while it runs: nix build … --log-format internal-json -v |& nixlog phases";
    (input.clock == "none").then(|| how.to_owned())
}

/// Quotes a file name for the shell where it needs to be.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+=:,@~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", harmless(text).replace('\'', "'\\''"))
}
