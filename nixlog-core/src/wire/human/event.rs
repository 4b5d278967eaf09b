//! What a line for people can say.

use super::bar::BarStatus;
use crate::time::Nanos;
use crate::wire::message::{ActivityNote, Note};

/// What a line for people says. Made by [`HumanReader`](super::HumanReader).
///
/// All texts are without escape sequences.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HumanEvent<'a> {
    /// A message of the catalogue: the plan and its items, warnings, and errors, whose
    /// [text](Self::Error) comes just before.
    Note(Note<'a>),
    /// An error, all lines of it: `error: `, and what follows is indented by seven spaces. Also
    /// `error: …` of a compiler, in logs that do not tell builds' output from Nix's.
    Error {
        /// The block, indentation and all; [`log_tail`](crate::wire::message::log_tail) reads it.
        text: &'a str,
    },
    /// The title of an activity and `...`: `building 'D'...`, `copying path 'P' from 'U'...`. It
    /// starts; no line says when it ends.
    Activity(ActivityNote<'a>),
    /// `NAME> line`: a line of a build's output.
    BuildLog {
        /// The derivation's name without version. Several builds can share it.
        pname: &'a str,
        /// The line.
        text: &'a str,
        /// The line is of the post-build hook: `NAME (post)> line`.
        post_hook: bool,
    },
    /// `post-build-hook: line`: a line of the post-build hook, in `nix-build`.
    HookLog {
        /// The line.
        text: &'a str,
    },
    /// `building the system configuration...`: `nixos-rebuild` and `darwin-rebuild` start to
    /// evaluate.
    SystemConfiguration,
    /// A line of a system's activation, after the build: `setting up /etc...`.
    Activation {
        /// The line.
        text: &'a str,
    },
    /// A step of a CI job begins or ends: what ran before does not run any more.
    Step,
    /// A CI job was cancelled, or took too long.
    Cancelled,
    /// `✔ NAME ⏱ 1m2s`: nom lists a build that succeeded, when all are done.
    Finished {
        /// The derivation's name.
        name: &'a str,
        /// How long it took, in whole seconds.
        took: Nanos,
    },
    /// One state of the status line of a terminal.
    BarStatus(BarStatus<'a>),
    /// Anything else: output of builds, and of whatever else writes to the same terminal.
    Text(&'a str),
}
