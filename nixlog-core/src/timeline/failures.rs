//! What the messages say of failures. A `stop` carries no status, so this is where outcomes come
//! from, together with the counters.

use super::Map;
use super::model::{Name, Names, Outcome, Reason};
use crate::wire::message::{self, Failure, Note};

/// How one derivation ended, in the words of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) reason: Reason,
}

impl Verdict {
    pub(super) fn new(failure: Failure<'_>) -> Self {
        let outcome = match failure {
            Failure::TimedOut { .. } | Failure::Silent { .. } => Outcome::TimedOut,
            Failure::HashMismatch { .. } => Outcome::HashMismatch,
            Failure::Dependency { .. } => Outcome::DependencyFailed,
            _ => Outcome::Failed,
        };
        let reason = Reason {
            text: failure.to_string(),
            exit_code: if let Failure::Exit(code) = failure {
                Some(code)
            } else {
                None
            },
            signal: if let Failure::Signal { number, .. } = failure {
                Some(number)
            } else {
                None
            },
        };
        Self { outcome, reason }
    }
}

/// All failures that the log tells of.
#[derive(Debug, Default)]
pub(super) struct Failures {
    by_drv: Map<Name, Verdict>,
    /// What the remote machine said: the local message always says exit code 1.
    remote: Map<Name, Verdict>,
    /// In the order of the log, without a name (time-outs from Nix 2.34 on).
    unnamed: Vec<Verdict>,
    /// Programs that Nix itself ran and that failed: the post-build hook.
    programs: Map<Name, Verdict>,
    /// Store paths that could not be fetched.
    paths: Map<Name, Reason>,
    /// The user, or a signal, ended the whole thing.
    pub(super) interrupted: bool,
}

impl Failures {
    /// Takes in one message.
    pub(super) fn note(&mut self, note: &Note<'_>, names: &mut Names) {
        match *note {
            Note::BuildFailed {
                drv: Some(drv),
                failure,
            } => {
                let drv = names.intern(drv);
                let verdict = Verdict::new(failure);
                let known = self.by_drv.entry(drv).or_insert_with(|| verdict.clone());
                // "1 dependency failed" may come twice; a reason of its own always counts.
                if known.outcome == Outcome::DependencyFailed {
                    *known = verdict;
                }
            }
            Note::BuildFailed { drv: None, failure } => self.unnamed.push(Verdict::new(failure)),
            Note::RemoteBuildFailed { drv, detail, .. } => {
                if let Note::BuildFailed { failure, .. } = message::read(detail) {
                    self.remote.insert(names.intern(drv), Verdict::new(failure));
                }
            }
            Note::ProgramFailed { program, failure } => {
                let program = names.intern(program);
                self.programs
                    .entry(program)
                    .or_insert_with(|| Verdict::new(failure));
            }
            Note::Interrupted => self.interrupted = true,
            Note::IncompleteNar { path, .. } => self.path(names, path, "incomplete download"),
            Note::HashMismatchImporting { path } => self.path(names, path, "hash mismatch"),
            Note::WrongPath { path, .. } => self.path(names, path, "the cache sent another path"),
            Note::NotSigned { path, .. } => self.path(names, path, "not signed by a trusted key"),
            _ => {}
        }
    }

    fn path(&mut self, names: &mut Names, path: &str, text: &str) {
        let reason = Reason {
            text: text.to_owned(),
            ..Reason::default()
        };
        self.paths.entry(names.intern(path)).or_insert(reason);
    }

    /// Returns what is known of a derivation.
    pub(super) fn of(&self, drv: Name) -> Option<&Verdict> {
        let told = self.by_drv.get(&drv);
        match (told, self.remote.get(&drv)) {
            (Some(told), Some(remote)) if told.outcome == Outcome::Failed => Some(remote),
            (None, remote) => remote,
            (told, _) => told,
        }
    }

    /// Returns how a program failed that Nix itself ran.
    pub(super) fn of_program(&self, program: Name) -> Option<&Verdict> {
        self.programs.get(&program)
    }

    /// Returns why a store path could not be fetched.
    pub(super) fn of_path(&self, path: Name) -> Option<&Reason> {
        self.paths.get(&path)
    }

    /// Takes the verdicts that name no derivation, in the order of the log.
    pub(super) fn take_unnamed(&mut self) -> Vec<Verdict> {
        std::mem::take(&mut self.unnamed)
    }

    /// Iterates over the derivations that were never started, in no order.
    pub(super) fn named(&self) -> impl Iterator<Item = (Name, &Verdict)> {
        self.by_drv.iter().map(|(&drv, verdict)| (drv, verdict))
    }

    /// Tells whether anything failed.
    pub(super) fn any(&self) -> bool {
        let any_build = !self.by_drv.is_empty() || !self.remote.is_empty();
        any_build || !self.unnamed.is_empty() || !self.programs.is_empty()
    }
}
