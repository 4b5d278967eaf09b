//! Lines of a build's own output: the tail that Nix quotes in a failure, and what stdenv says
//! about its phases.

use nom::bytes::complete::tag;
use nom::character::complete::{char, u64 as number};
use nom::combinator::{eof, opt, value};
use nom::sequence::terminated;

use super::grammar::{SECOND, start};
use crate::time::Nanos;

/// Iterates over the last log lines that a failure message quotes.
///
/// `last N log lines:` up to Nix 2.28, `Last N log lines:` since; each line after `> `, up to 2.3
/// after two spaces. Nix leaves the tail out where it prints the logs anyway.
///
/// # Examples
///
/// ```
/// use nixlog_core::wire::message::log_tail;
///
/// let text = "builder for '/nix/store/x.drv' failed with exit code 1;\nlast 2 log lines:\n> a\n> b\nFor full logs, run …";
/// assert_eq!(log_tail(text).collect::<Vec<_>>(), ["a", "b"]);
/// ```
#[must_use]
pub fn log_tail(text: &str) -> LogTail<'_> {
    let mut rest = text;
    while let Some(at) = rest.find("ast ") {
        rest = &rest[at..];
        let header = terminated((tag("ast "), number), tag(" log lines:\n"));
        if let Some((_, left)) = start(header, rest) {
            let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
            return LogTail {
                rest: &rest[end..],
                left,
            };
        }
        rest = &rest["ast ".len()..];
    }
    LogTail { rest: "", left: 0 }
}

/// The last log lines in a failure message. Made by [`log_tail`].
#[derive(Debug, Clone)]
pub struct LogTail<'a> {
    rest: &'a str,
    left: u64,
}

impl<'a> Iterator for LogTail<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.left == 0 || self.rest.is_empty() {
            return None;
        }
        self.left -= 1;
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        let marked = line.trim_start().strip_prefix('>');
        // An unmarked line is one of Nix ≤ 2.3 if it is indented, else the message goes on.
        let quoted = marked.map(|text| text.strip_prefix(' ').unwrap_or(text));
        let quoted = quoted.or_else(|| line.strip_prefix("  "));
        if quoted.is_none() {
            self.left = 0;
        }
        quoted
    }
}

impl std::iter::FusedIterator for LogTail<'_> {}

/// Reads the footer that stdenv prints after a phase of 30 s and more: the only duration that a
/// log without timestamps holds.
///
/// `showPhaseFooter` in nixpkgs' `pkgs/stdenv/generic/setup.sh`: `buildPhase completed in 3 minutes
/// 2 seconds`, with hours in front where there are some.
#[must_use]
pub fn phase_footer(line: &str) -> Option<(&str, Nanos)> {
    let (phase, time) = line.trim_end().split_once(" completed in ")?;
    if phase.is_empty() || phase.contains(' ') {
        return None;
    }
    let part = |unit: &'static str| terminated(number, (char(' '), tag(unit), opt(char('s'))));
    let form = (
        opt(terminated(part("hour"), char(' '))),
        opt(terminated(part("minute"), char(' '))),
        part("second"),
        value((), eof),
    );
    let (hours, minutes, seconds, ()) = start(form, time)?;
    let hours = hours.unwrap_or(0).checked_mul(3600)?;
    let minutes = minutes.unwrap_or(0).checked_mul(60)?;
    let total = hours.checked_add(minutes)?.checked_add(seconds)?;
    let nanos = Nanos::new(total.checked_mul(SECOND)?);
    Some((phase, nanos))
}

/// Reads the header that stdenv prints before a phase, where the log does not carry phases:
/// `Running phase: buildPhase` (since late 2023), or the words of the time before (`building`).
#[must_use]
pub fn phase_header(line: &str) -> Option<&str> {
    let line = line.trim_end();
    if let Some(phase) = line.strip_prefix("Running phase: ") {
        return Some(phase).filter(|phase| !phase.is_empty());
    }
    match line {
        "unpacking sources" => Some("unpackPhase"),
        "patching sources" => Some("patchPhase"),
        "updateAutotoolsGnuConfigScriptsPhase" => Some("updateAutotoolsGnuConfigScriptsPhase"),
        "configuring" => Some("configurePhase"),
        "building" => Some("buildPhase"),
        "running tests" => Some("checkPhase"),
        "installing" => Some("installPhase"),
        "post-installation fixup" => Some("fixupPhase"),
        "running install tests" => Some("installCheckPhase"),
        _ => None,
    }
}
