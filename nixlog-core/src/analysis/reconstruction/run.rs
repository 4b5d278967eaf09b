//! One build or substitution, as the store remembers it.

use super::facts::{Facts, LogFacts, PathFacts, TOLERANCE};
use crate::graph::{DerivationGraph, NodeIdx};
use crate::timeline::{Outcome, UnitKind};

/// What a run is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A derivation.
    Derivation(NodeIdx),
    /// A store path, by its base name.
    Path(Box<str>),
}

/// How well a point in time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Known {
    /// From the times of a file, to some milliseconds.
    Measured,
    /// From the store's database, to the second.
    Second,
    /// Not before or not after this: what else is known leaves no more room.
    Estimated,
}

/// A point in time and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since 1970.
    pub at: i64,
    /// How well that is known.
    pub known: Known,
}

/// Why less is known of a run than should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// An earlier try made the log, so that its birth says nothing of this one.
    EarlierTry,
    /// The derivation was built again although its outputs were there, into the same log.
    BuiltAgain,
    /// The file system has no times of birth.
    NoBirth,
    /// The log was copied here from elsewhere, and its times are those of the copy.
    CopiedLog,
    /// It was built here, but there is no log.
    NoLog,
    /// The log was never finished: the build still runs, or Nix was killed.
    UnfinishedLog,
    /// The start of a substitution is not known, as its file does not tell.
    NoStart,
}

impl Fault {
    /// Returns the name, as in recordings.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EarlierTry => "earlier-try",
            Self::BuiltAgain => "built-again",
            Self::NoBirth => "no-birth",
            Self::CopiedLog => "copied-log",
            Self::NoLog => "no-log",
            Self::UnfinishedLog => "unfinished-log",
            Self::NoStart => "no-start",
        }
    }
}

/// One build or substitution, as the store remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// A build, a source fetch or a substitution.
    pub kind: UnitKind,
    /// What it is about.
    pub subject: Subject,
    /// When it started.
    pub start: Option<Moment>,
    /// When it ended.
    pub end: Option<Moment>,
    /// Until when Nix was busy with it: outputs are hashed and registered after the builder has ended.
    pub settled: Option<i64>,
    /// How it ended, as far as the store shows.
    pub outcome: Outcome,
    /// Why less is known than should be.
    pub fault: Option<Fault>,
    /// Bytes of the unpacked archive of a substitution.
    pub nar_bytes: Option<u64>,
}

impl Run {
    pub(super) fn new(kind: UnitKind, subject: Subject) -> Self {
        Self {
            kind,
            subject,
            start: None,
            end: None,
            settled: None,
            outcome: Outcome::Unknown,
            fault: None,
            nar_bytes: None,
        }
    }

    /// Returns the first sign of the run.
    #[must_use]
    pub fn first_sign(&self) -> Option<i64> {
        self.start.or(self.end).map(|moment| moment.at)
    }

    /// Returns the last sign of the run.
    #[must_use]
    pub fn last_sign(&self) -> Option<i64> {
        let end = self.end.or(self.start).map(|moment| moment.at);
        end.max(self.settled)
    }
}

/// How long after its builder Nix may register an output: it hashes it and looks through it for
/// references first, some hundred megabytes a second.
const SETTLING: i64 = 15 * 60 * 1_000_000_000;

/// A copy of a log takes no longer than this; what was born after its outputs and took longer was
/// written by a builder.
const COPY: i64 = 1_000_000_000;

const fn measured(at: i64) -> Moment {
    let known = Known::Measured;
    Moment { at, known }
}

/// Finds what ran: of each derivation, the last build, the one before where the outputs show that there
/// was one, and of each path that was not built, its substitution.
pub(super) fn runs(graph: &DerivationGraph, facts: &Facts) -> Vec<Run> {
    let made = super::outputs::Made::new(graph, facts);
    let mut runs = Vec::new();
    for node in graph
        .nodes()
        .filter(|&node| graph.node(node).is_derivation())
    {
        let outputs: Vec<_> = made.valid_outputs(node).collect();
        let log = facts.logs.get(&node);
        derivation(graph, node, log, &outputs, &mut runs);
    }
    for (path, fact) in made.strangers() {
        runs.extend(substitution(path, fact));
    }
    runs
}

/// A valid output and what is known of it.
pub(super) type Valid<'a> = (&'a str, &'a PathFacts);

fn derivation(
    graph: &DerivationGraph,
    node: NodeIdx,
    log: Option<&LogFacts>,
    outputs: &[Valid<'_>],
    runs: &mut Vec<Run>,
) {
    let kind = match graph.node(node).is_fixed_output {
        true => UnitKind::SourceFetch,
        false => UnitKind::Build,
    };
    let build = Run::new(kind, Subject::Derivation(node));
    let of_log = log.and_then(|log| from_log(log, build.clone()));
    // The outputs of one build are registered together, and those built here before any other.
    let here = outputs.iter().filter(|(_, fact)| fact.built_here);
    let registered = here.filter_map(|(_, fact)| fact.second()).min();
    let settled = outputs.iter().filter(|(_, fact)| fact.built_here);
    let settled = settled
        .filter_map(|(_, fact)| Some(fact.completed()?.0))
        .max();
    let Some(mut last) = of_log else {
        runs.extend(registered.map(|second| without_log(build, second, settled)));
        runs.extend(copies(outputs, |_| true));
        return;
    };
    let (born, ended) = (last.start.map(|start| start.at), last.end.map(|end| end.at));
    // Copied back from a remote builder while the log was open.
    let is_from_machine = |fact: &PathFacts| {
        let (second, ended) = (fact.second(), ended);
        second.zip(ended).is_some_and(|((first, until), ended)| {
            let after_start = born.is_some_and(|born| until.saturating_add(TOLERANCE) >= born);
            after_start && first <= ended.saturating_add(TOLERANCE)
        })
    };
    let (fits, is_copy) = match registered {
        None => (outputs.iter().any(|(_, fact)| is_from_machine(fact)), false),
        Some((first, until)) => {
            let before = ended.or(born);
            let before = before.is_some_and(|at| until.saturating_add(TOLERANCE) < at);
            let long_after = ended.is_some_and(|ended| first.saturating_sub(ended) > SETTLING);
            let is_copy = before
                && born.is_none_or(|born| until.saturating_add(TOLERANCE) < born)
                && took(&last).is_none_or(|took| took < COPY);
            if !is_copy && (before || long_after) {
                // The outputs are those of another build than the log that is there now.
                let mut other = without_log(build.clone(), (first, until), settled);
                match born.filter(|&born| before && born <= until) {
                    Some(born) => {
                        other.start = Some(measured(born));
                        other.fault = None;
                        last.start = None;
                        last.fault = Some(Fault::BuiltAgain);
                    }
                    None => other.fault = Some(Fault::NoLog),
                }
                runs.push(other);
            }
            (!before && !long_after, is_copy)
        }
    };
    if is_copy {
        // The copy says nothing but that it was built.
        let second = registered.unwrap_or_default();
        let mut only = without_log(build, second, settled);
        only.fault = Some(Fault::CopiedLog);
        runs.push(only);
    } else {
        if fits {
            last.outcome = Outcome::Succeeded;
            last.settled = settled;
            if last.end.is_none() {
                finish_by_outputs(&mut last, registered, settled);
            }
        }
        runs.push(last);
    }
    runs.extend(copies(outputs, |fact| !is_from_machine(fact)));
}

fn took(run: &Run) -> Option<i64> {
    Some(run.end?.at.saturating_sub(run.start?.at))
}

/// Reads what a log's file says by itself; `None` where it says nothing.
fn from_log(log: &LogFacts, mut run: Run) -> Option<Run> {
    let modified = log.modified.or(log.born)?;
    run.end = Some(measured(modified));
    match log.born {
        None => run.fault = Some(Fault::NoBirth),
        // Copied with its time of modification, or the clock went back.
        Some(born) if born.saturating_sub(modified) > TOLERANCE => {
            run.fault = Some(Fault::CopiedLog);
        }
        Some(born) => run.start = Some(measured(born.min(modified))),
    }
    // Even a builder that says nothing leaves some bytes behind when the file is compressed. Where
    // there are none, all that was done to the file is that it was opened and emptied.
    if log.bytes == Some(0) {
        run.start = Some(measured(modified));
        run.end = None;
        run.fault = run.fault.or(Some(Fault::UnfinishedLog));
    }
    Some(run)
}

/// A build whose outputs alone tell of it.
fn without_log(mut run: Run, second: (i64, i64), settled: Option<i64>) -> Run {
    finish_by_outputs(&mut run, Some(second), settled);
    run.outcome = Outcome::Succeeded;
    run.fault = Some(Fault::NoLog);
    run
}

/// Ends a build when its outputs were complete.
fn finish_by_outputs(run: &mut Run, second: Option<(i64, i64)>, settled: Option<i64>) {
    let Some((first, last)) = second else { return };
    let within = settled.filter(|&at| at > first && at <= last.saturating_add(TOLERANCE));
    let at = within.unwrap_or(first);
    let at = run.start.map_or(at, |start| at.max(start.at));
    run.end = Some(Moment {
        at,
        known: if within.is_some() {
            Known::Measured
        } else {
            Known::Second
        },
    });
    run.settled = settled;
    if run.fault == Some(Fault::UnfinishedLog) {
        run.fault = None;
    }
}

/// The substitutions of a derivation's outputs that were not built here.
fn copies(outputs: &[Valid<'_>], is_copied: impl Fn(&PathFacts) -> bool) -> Vec<Run> {
    let copied = outputs
        .iter()
        .filter(|(_, fact)| !fact.built_here && is_copied(fact));
    copied
        .filter_map(|(path, fact)| substitution(path, fact))
        .collect()
}

/// A path that came from elsewhere. Nix unpacks it where it will stay, so that its file is as old as
/// its first byte, and was changed last when it was complete.
fn substitution(path: &str, fact: &PathFacts) -> Option<Run> {
    let (completed, is_measured) = fact.completed()?;
    let mut run = Run::new(UnitKind::Substitution, Subject::Path(path.into()));
    let born = fact.begun();
    run.start = born.map(measured);
    run.end = Some(Moment {
        at: born.map_or(completed, |born| completed.max(born)),
        known: if is_measured {
            Known::Measured
        } else {
            Known::Second
        },
    });
    run.outcome = Outcome::Succeeded;
    run.nar_bytes = fact.nar_bytes;
    if born.is_none() {
        run.fault = Some(Fault::NoStart);
    }
    Some(run)
}
