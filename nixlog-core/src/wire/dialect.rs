//! Which Nix wrote a log: no line says so, but many give it away.
//!
//! The client and the daemon may be different programs of different versions. What is told here is
//! what the log shows; where two hints exclude each other, the log is of more than one Nix.

use std::fmt;

use super::event::{ActivityKind, ActivityResult, Message, ResultKind, Start};
use super::message::Note;
use crate::dialect::Dialect;

/// Collects what gives a version away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    dialect: Dialect,
    /// The first minor version (of 2.x) that fits.
    at_least: Option<u8>,
    /// The last minor version that fits.
    at_most: Option<u8>,
    /// Two hints exclude each other.
    mixed: bool,
    starts: bool,
    parents: bool,
}

impl Evidence {
    /// Looks at the start of an activity.
    #[inline]
    pub fn start(&mut self, start: &Start<'_>) {
        if !self.starts || start.parent.is_some() != self.parents {
            // `parent` came with 2.18 (`JSONLogger::startActivity`).
            if start.parent.is_some() {
                self.since(18);
            } else {
                self.until(17);
            }
            self.mixed |= self.starts;
            self.starts = true;
            self.parents = start.parent.is_some();
        }
        if start.session.is_some() {
            self.dialect = Dialect::Determinate;
        }
        match start.kind {
            ActivityKind::FETCH_TREE => self.since(20),
            ActivityKind::FETCH_TO_STORE => self.since(36),
            _ => {}
        }
    }

    /// Looks at a result other than progress.
    #[inline]
    pub fn result(&mut self, result: &ActivityResult<'_>) {
        if result.payload.is_some() {
            self.dialect = Dialect::Determinate;
        } else if result.kind == ResultKind::FETCH_TO_STORE_OR_HASH_MISMATCH {
            self.since(36);
        }
    }

    /// Looks at a message, and at what was read from it.
    pub fn message(&mut self, message: &Message<'_>, note: &Note<'_>) {
        if let (Some(file), Some(line)) = (message.file, message.line) {
            // From 2.20 on the file has line and column appended; «none»:0 has but one number.
            let tail = format!(":{line}:{}", message.column.unwrap_or_default());
            if file.raw().ends_with(&tail) {
                self.since(20);
            }
        }
        let text = message.raw.unwrap_or(message.text).raw();
        match note {
            Note::EvaluatingFile { path } => {
                if message.level.0 == 6 {
                    self.dialect = Dialect::Lix;
                }
                if path.starts_with("«nix-internal»") {
                    self.since(30);
                }
            }
            Note::PlanFetch { .. } if text.contains("KiB download") => self.since(33),
            // The old wording has two decimals, the new one has one.
            Note::PlanFetch { .. } if two_decimals(text) => self.until(32),
            Note::BuildFailed { drv: None, .. } => self.since(34),
            Note::BuildFailed { .. } if text.contains("from in-memory derivation") => {
                self.since(30);
                self.until(32);
            }
            Note::BuildFailed { .. } if text.starts_with("Cannot build") => self.since(29),
            Note::BuildFailed { .. } if text.contains("failed with exit code") => {
                self.old_wording();
            }
            _ => {}
        }
    }

    /// "builder for '…' failed with exit code": Nix up to 2.28, and Lix.
    fn old_wording(&mut self) {
        if self.dialect != Dialect::Lix {
            self.until(28);
        }
    }

    fn since(&mut self, minor: u8) {
        self.at_least = self.at_least.max(Some(minor));
        self.check();
    }

    fn until(&mut self, minor: u8) {
        self.at_most = Some(self.at_most.map_or(minor, |most| most.min(minor)));
        self.check();
    }

    fn check(&mut self) {
        self.mixed |= self
            .at_least
            .zip(self.at_most)
            .is_some_and(|(least, most)| least > most);
    }

    /// Returns the family.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Tells whether the log shows more than one Nix.
    #[must_use]
    pub const fn is_mixed(&self) -> bool {
        self.mixed
    }

    /// Returns the first and last minor version of Nix 2 that fit; Lix and Determinate Nix count as
    /// the Nix that they branched from or follow.
    #[must_use]
    pub const fn minor_versions(&self) -> (Option<u8>, Option<u8>) {
        (self.at_least, self.at_most)
    }
}

/// Shows the versions that fit, for people: `2.18 to 2.28`, `2.29 or later`.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least, self.at_most) {
            _ if self.mixed => f.write_str("more than one version"),
            (Some(least), Some(most)) if least == most => write!(f, "2.{least}"),
            // Lix left Nix at 2.18 and kept the words that Nix gave up after 2.28.
            (Some(18), Some(most)) if self.dialect == Dialect::Nix => {
                write!(f, "2.18 to 2.{most}, or Lix")
            }
            (Some(least), Some(most)) => write!(f, "2.{least} to 2.{most}"),
            (Some(least), None) => write!(f, "2.{least} or later"),
            (None, Some(most)) => write!(f, "2.{most} or earlier"),
            (None, None) => f.write_str("version not told"),
        }
    }
}

/// Tells whether the first number with a fraction has two decimals.
fn two_decimals(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let point =
        memchr::memchr_iter(b'.', bytes).find(|&at| at > 0 && digit(at - 1) && digit(at + 1));
    point.is_some_and(|at| digit(at + 2) && !digit(at + 3))
}
