//! Folds in the logs of CI: build output is out of sight until somebody wants it, and what matters
//! stands outside.
//!
//! Whoever reads such a log is a program, which takes some lines for commands. Text from a build must
//! never be one.

use std::borrow::Cow;

/// Whose CI it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ci {
    /// GitHub Actions, and those that are compatible.
    GitHub,
    /// GitLab.
    GitLab,
}

impl Ci {
    /// Opens a fold. `number` tells it from others, `at` is the time in seconds since 1970.
    pub(super) fn open(self, number: u32, at: u64, title: &str) -> String {
        match self {
            Self::GitHub => format!("::group::{title}\n"),
            Self::GitLab => format!(
                "\u{1b}[0Ksection_start:{at}:nixlog_{number}[collapsed=true]\r\u{1b}[0K{title}\n"
            ),
        }
    }

    /// Closes the fold.
    pub(super) fn close(self, number: u32, at: u64) -> String {
        match self {
            Self::GitHub => "::endgroup::\n".to_owned(),
            Self::GitLab => format!("\u{1b}[0Ksection_end:{at}:nixlog_{number}\r\u{1b}[0K\n"),
        }
    }

    /// Returns what makes a line harmless that came from elsewhere.
    pub(super) fn guard(self) -> fn(&str) -> Cow<'_, str> {
        match self {
            Self::GitHub => no_command,
            // Its marks need a carriage return, and text from elsewhere has none any more.
            Self::GitLab => no_section,
        }
    }
}

/// Takes GitHub's commands out of a line: `::name::` with nothing but spaces in front, and `##[name]`
/// anywhere (`ActionCommand.TryParseV2` and `TryParse` in its runner).
fn no_command(line: &str) -> Cow<'_, str> {
    let is_command = line.trim_start().starts_with("::");
    let is_old_command = line.contains("##[");
    if !is_command && !is_old_command {
        return Cow::Borrowed(line);
    }
    let line = line.replace("##[", "#\\#[");
    match is_command {
        true => line.replacen("::", "\\::", 1).into(),
        false => line.into(),
    }
}

/// Takes GitLab's marks out of a line, for whoever reads the log with something more lenient.
fn no_section(line: &str) -> Cow<'_, str> {
    if !line.contains("section_") {
        return Cow::Borrowed(line);
    }
    let line = line.replace("section_start:", "section_start\\:");
    line.replace("section_end:", "section_end\\:").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_command() {
        let cases = [
            ("plain", "plain"),
            ("::error::x", "\\::error::x"),
            (" \t::error::x", " \t\\::error::x"),
            ("a::b", "a::b"),
            ("hello> ::error::x", "hello> ::error::x"),
            ("##[error]x", "#\\#[error]x"),
            ("x ##[group]y", "x #\\#[group]y"),
            ("::x ##[y]", "\\::x #\\#[y]"),
            ("###[y]", "##\\#[y]"),
        ];
        for (line, want) in cases {
            assert_eq!(no_command(line), want, "{line:?}");
            assert!(!no_command(line).contains("##["), "{line:?}");
        }
        assert_eq!(no_section("section_end:1:x"), "section_end\\:1:x");
    }

    #[test]
    fn folds() {
        assert_eq!(
            Ci::GitHub.open(3, 7, "build output"),
            "::group::build output\n"
        );
        assert_eq!(Ci::GitHub.close(3, 7), "::endgroup::\n");
        let open = "\u{1b}[0Ksection_start:7:nixlog_3[collapsed=true]\r\u{1b}[0Kbuild output\n";
        assert_eq!(Ci::GitLab.open(3, 7, "build output"), open);
        let close = "\u{1b}[0Ksection_end:7:nixlog_3\r\u{1b}[0K\n";
        assert_eq!(Ci::GitLab.close(3, 7), close);
    }
}
