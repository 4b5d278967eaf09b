//! What the messages say of failures. A `stop` carries no status, so this is where outcomes come
//! from, together with the counters.

use foldhash::fast::FixedState;
use indexmap::IndexMap;

use super::Map;
use super::activity::{Activity, Role, Row};
use super::blame::Blamed;
use super::model::{FailureKind, Name, Names, Outcome, Reason, Unreachable};
use crate::store_path::{base_name, name_of};
use crate::wire::message::{self, Failure, Note};

/// How one derivation ended, in the words of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) reason: Reason,
    /// A builder was started for it.
    pub(super) tried: bool,
    /// Paths failed that were to come in its place.
    pub(super) for_paths: bool,
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
            kind: kind(failure),
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
            hashes: match failure {
                Failure::HashMismatch { specified, got } if !got.is_empty() => {
                    Some(Box::new((specified.to_owned(), got.to_owned())))
                }
                _ => None,
            },
            words: None,
            log_tail: Box::default(),
            place: None,
        };
        Self {
            outcome,
            reason,
            tried: failure.was_tried(),
            for_paths: failure == Failure::Substitutes,
        }
    }

    /// Adds all that was said. What merely depends on a failure says nothing more, and there may be very
    /// many of those.
    fn with(mut self, words: Option<&str>) -> Self {
        if self.outcome != Outcome::DependencyFailed {
            self.reason.words = words.map(bounded);
            let tail = words.into_iter().flat_map(message::log_tail);
            self.reason.log_tail = tail.take(MOST_TAIL).map(bounded).collect();
        }
        self
    }
}

/// So many of the lines that Nix quotes are kept: its own default is 25, and the setting `log-lines` knows no
/// bounds.
const MOST_TAIL: usize = 100;

/// Keeps as much of an error as is kept.
pub(super) fn bounded(words: &str) -> Box<str> {
    words[..words.floor_char_boundary(Reason::MOST_WORDS)]
        .trim_end()
        .into()
}

/// Tells failures apart.
const fn kind(failure: Failure<'_>) -> FailureKind {
    match failure {
        Failure::Exit(_) | Failure::Died | Failure::Cached | Failure::Remote => {
            FailureKind::Builder
        }
        Failure::Signal { .. } => FailureKind::Killed,
        Failure::TimedOut { .. } => FailureKind::TimedOut,
        Failure::Silent { .. } => FailureKind::Silent,
        Failure::LogTooLong { .. } => FailureKind::LogTooLong,
        Failure::HashMismatch { .. } => FailureKind::HashMismatch,
        Failure::MissingOutput { .. } => FailureKind::OutputMissing,
        Failure::Refused(_) => FailureKind::OutputRefused,
        Failure::NotDeterministic => FailureKind::NotDeterministic,
        Failure::Dependency { .. } => FailureKind::Dependency,
        Failure::Substitutes => FailureKind::Substitution,
        Failure::Platform { .. } => FailureKind::SystemMissing,
        Failure::Features { .. } => FailureKind::FeaturesMissing,
        Failure::NoSlot => FailureKind::NoSlot,
        Failure::NotStarted(_) => FailureKind::NotStarted,
        Failure::Other(_) => FailureKind::Unknown,
    }
}

/// What one message said.
#[derive(Debug)]
struct Said {
    /// What the message names; `None` where it names nothing (time-outs from Nix 2.34 on).
    subject: Option<Name>,
    verdict: Verdict,
    /// So many activities had started by then: what fails has started before.
    before: Row,
}

/// All failures that the log tells of.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// In the order of the log.
    said: Vec<Said>,
    /// What the remote machine said: the local message always says exit code 1.
    remote: Map<Name, Verdict>,
    /// Programs that Nix itself ran and that failed: the post-build hook.
    programs: Map<Name, Verdict>,
    /// Store paths that could not be fetched.
    paths: Map<Name, Reason>,
    /// Store paths that nobody has.
    nowhere: Vec<Name>,
    /// Machines that could not be used.
    unreachable: IndexMap<Name, Unreachable, FixedState>,
    /// The user, or a signal, ended the whole thing.
    pub(super) interrupted: bool,
}

/// Who failed, now that all builds are known.
#[derive(Debug, Default)]
pub(super) struct Blame {
    pub(super) builds: Map<Row, Verdict>,
    /// Derivations that never started, in no order.
    pub(super) never_started: Map<Name, Verdict>,
    /// What names nobody who is known.
    pub(super) unnamed: Vec<Unnamed>,
}

/// A failure of nobody knows whom.
#[derive(Debug, Clone)]
pub(super) struct Unnamed {
    /// An output, if anything, that fits no build or several.
    pub(super) subject: Option<Name>,
    pub(super) verdict: Verdict,
    /// So many activities had started by then.
    pub(super) before: Row,
}

impl Failures {
    /// Takes in one message, by when so many activities had started; `words` are all of it, where it is an
    /// error.
    pub(super) fn note(
        &mut self,
        note: &Note<'_>,
        words: Option<&str>,
        names: &mut Names,
        before: Row,
    ) {
        match *note {
            Note::BuildFailed { drv, failure } => self.said.push(Said {
                subject: drv.map(|drv| names.intern(drv)),
                verdict: Verdict::new(failure).with(words),
                before,
            }),
            Note::RemoteBuildFailed { drv, detail, .. } => {
                if let Note::BuildFailed { failure, .. } = message::read_error(detail) {
                    let verdict = Verdict::new(failure).with(Some(detail));
                    self.remote.insert(names.intern(drv), verdict);
                }
            }
            Note::ProgramFailed { program, failure } => {
                let program = names.intern(program);
                self.programs.entry(program).or_insert_with(|| {
                    let mut verdict = Verdict::new(failure).with(words);
                    verdict.reason.kind = FailureKind::Hook;
                    verdict
                });
            }
            Note::CannotBuildOn { machine, detail } => {
                let machine = names.intern(machine);
                let message = || {
                    let line = detail.lines().next().unwrap_or_default();
                    bounded(line.strip_prefix("error:").unwrap_or(line).trim_start())
                };
                let unreachable = self.unreachable.entry(machine);
                let unreachable = unreachable.or_insert_with(|| Unreachable {
                    machine,
                    message: message(),
                    count: 0,
                });
                unreachable.count += 1;
            }
            Note::Interrupted => self.interrupted = true,
            Note::IncompleteNar { path, .. } => self.path(names, path, "incomplete download"),
            Note::HashMismatchImporting { path } => self.path(names, path, "hash mismatch"),
            Note::WrongPath { path, .. } => self.path(names, path, "the cache sent another path"),
            Note::NotSigned { path, .. } => self.path(names, path, "not signed by a trusted key"),
            _ => {}
        }
    }

    /// Takes in an error; the same words in another message may be harmless.
    pub(super) fn error(&mut self, note: &Note<'_>, names: &mut Names) {
        if let Note::NoSubstituter { path } = *note {
            let path = names.intern(path);
            if !self.nowhere.contains(&path) {
                self.nowhere.push(path);
            }
        }
    }

    fn path(&mut self, names: &mut Names, path: &str, text: &str) {
        let reason = Reason::new(FailureKind::Substitution, text);
        self.paths.entry(names.intern(path)).or_insert(reason);
    }

    /// Finds out who failed. A derivation that is tried again fails once for each message.
    pub(super) fn blame(
        &self,
        activities: &[Activity],
        names: &Names,
        planned: &Map<Name, Name>,
    ) -> Blame {
        let mut blame = Blame::default();
        let mut builds = Builds::new(activities, names, planned);
        for said in &self.said {
            let unnamed = || Unnamed {
                subject: said.subject,
                verdict: said.verdict.clone(),
                before: said.before,
            };
            let Some(subject) = said.subject else {
                blame.unnamed.push(unnamed());
                continue;
            };
            let blamed_only = said.verdict.outcome == Outcome::DependencyFailed;
            match builds.find(subject, said.before, &blame.builds) {
                // It runs, or ran: what it needs has not failed, or it was tried again.
                Found::Build(_) if blamed_only => {}
                Found::Build(row) => {
                    blame
                        .builds
                        .entry(row)
                        .or_insert_with(|| self.of(row, said, activities));
                }
                Found::Again => {}
                Found::Nobody(Blamed::Output(_)) => blame.unnamed.push(unnamed()),
                Found::Nobody(_) => {
                    let verdict = blame.never_started.entry(subject);
                    let verdict = verdict.or_insert_with(|| said.verdict.clone());
                    // "1 dependency failed" may come twice; a reason of its own always counts.
                    if verdict.outcome == Outcome::DependencyFailed {
                        *verdict = said.verdict.clone();
                    }
                }
            }
        }
        // A remote machine may be all that says it.
        for (row, activity) in (0..).zip(activities) {
            if activity.role == Role::Build
                && let Some(remote) = activity.subject.and_then(|drv| self.remote.get(&drv))
                && activity.source.is_some()
            {
                blame.builds.entry(row).or_insert_with(|| remote.clone());
            }
        }
        blame
    }

    /// Returns how a build failed: a machine knows better than what is said of it here.
    fn of(&self, row: Row, said: &Said, activities: &[Activity]) -> Verdict {
        let drv = activities[row as usize].subject;
        let remote = drv.and_then(|drv| self.remote.get(&drv));
        match remote {
            Some(remote) if said.verdict.outcome == Outcome::Failed => remote.clone(),
            _ => said.verdict.clone(),
        }
    }

    /// Returns the machines that could not be used, in the order of the log.
    pub(super) fn take_unreachable(&mut self) -> Vec<Unreachable> {
        let unreachable = std::mem::take(&mut self.unreachable);
        unreachable.into_values().collect()
    }

    /// Returns how a program failed that Nix itself ran.
    pub(super) fn of_program(&self, program: Name) -> Option<&Verdict> {
        self.programs.get(&program)
    }

    /// Returns why a store path could not be fetched.
    pub(super) fn of_path(&self, path: Name) -> Option<&Reason> {
        self.paths.get(&path)
    }

    /// Returns the store paths that nobody has, in the order of the log.
    pub(super) fn nowhere(&self) -> &[Name] {
        &self.nowhere
    }

    /// Tells whether anything failed.
    pub(super) fn any(&self) -> bool {
        let any_build = !self.said.is_empty() || !self.remote.is_empty();
        any_build || !self.programs.is_empty() || !self.nowhere.is_empty()
    }
}

/// Whom a message is about.
enum Found<'a> {
    Build(Row),
    /// The same as an earlier message.
    Again,
    Nobody(Blamed<'a>),
}

/// All builds, to be found by what messages call them.
struct Builds<'a> {
    names: &'a Names,
    /// By the base name of the derivation, and of the planned one where there is another; in order.
    by_base_name: Map<&'a str, Vec<Row>>,
    /// Derivations by the name in their path.
    by_name: Map<&'a str, Vec<&'a str>>,
    /// Whom a message about an output was about.
    known: Map<Name, Row>,
}

impl<'a> Builds<'a> {
    fn new(activities: &[Activity], names: &'a Names, planned: &Map<Name, Name>) -> Self {
        let mut builds = Self {
            names,
            by_base_name: Map::default(),
            by_name: Map::default(),
            known: Map::default(),
        };
        for (row, activity) in (0..).zip(activities) {
            let (Role::Build, Some(drv)) = (activity.role, activity.subject) else {
                continue;
            };
            for drv in [Some(drv), planned.get(&drv).copied()]
                .into_iter()
                .flatten()
            {
                let drv = base_name(names.text(drv));
                let rows = builds.by_base_name.entry(drv).or_default();
                if rows.is_empty() {
                    builds.by_name.entry(name_of(drv)).or_default().push(drv);
                }
                rows.push(row);
            }
        }
        builds
    }

    fn find(&mut self, subject: Name, before: Row, failed: &Map<Row, Verdict>) -> Found<'a> {
        let blamed = Blamed::of(self.names.text(subject));
        let latest = |rows: &[Row]| rows.iter().rev().copied().find(|&row| row < before);
        let latest_of = |drv: &str| latest(self.by_base_name.get(drv)?);
        let output = match blamed {
            Blamed::Output(output) => output,
            Blamed::Derivation(drv) | Blamed::Other(drv) => {
                // A status line gives no more than names.
                let row = latest_of(base_name(drv)).or_else(|| latest_of(name_of(drv)));
                return row.map_or(Found::Nobody(blamed), Found::Build);
            }
        };
        // The longest name that fits is the likeliest: an output's own part is short.
        let mut ends = output.match_indices('-').map(|(at, _)| at).rev();
        let drvs = self.by_name.get(output);
        let drvs = drvs.or_else(|| ends.find_map(|end| self.by_name.get(&output[..end])));
        let mut rows: Vec<Row> = drvs
            .into_iter()
            .flatten()
            .filter_map(|drv| latest_of(drv))
            .collect();
        let known = self.known.get(&subject);
        if rows.iter().any(|row| known == Some(row)) {
            return Found::Again;
        }
        // Of several, those that have failed already have had their own message.
        rows.retain(|row| !failed.contains_key(row));
        match rows.as_slice() {
            &[row] => {
                self.known.insert(subject, row);
                Found::Build(row)
            }
            _ => Found::Nobody(blamed),
        }
    }
}
