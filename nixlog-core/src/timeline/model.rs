//! What a log tells, once it has been read: units with times, ends and outcomes.

use std::ops::Range;

use indexmap::IndexSet;

use crate::time::{Interval, Nanos, Stamp};

/// A text that occurs in the log, stored once: paths, machines, phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(u32);

/// The texts that [`Name`]s stand for.
#[derive(Debug, Clone, Default)]
pub struct Names(IndexSet<Box<str>, foldhash::fast::FixedState>);

impl Names {
    /// Stores a text, or finds it.
    ///
    /// # Panics
    ///
    /// With more than 2^32 different texts.
    pub fn intern(&mut self, text: &str) -> Name {
        let index = match self.0.get_index_of(text) {
            Some(index) => index,
            None => self.0.insert_full(text.into()).0,
        };
        Name(u32::try_from(index).expect("fewer than 2^32 texts fit into memory"))
    }

    /// Finds a text that is already there.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Name> {
        self.0
            .get_index_of(text)
            .and_then(|index| u32::try_from(index).ok())
            .map(Name)
    }

    /// Returns the text of a name that these names made; an empty one for any other.
    #[must_use]
    pub fn text(&self, name: Name) -> &str {
        self.0.get_index(name.0 as usize).map_or("", |text| text)
    }
}

/// What kind of thing took time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum UnitKind {
    /// The evaluator.
    Evaluation,
    /// A flake input or another `fetchTree`.
    InputFetch,
    /// A local path copied into the store.
    SourceImport,
    /// A substituter is asked about a path.
    Query,
    /// A store path from a substituter.
    Substitution,
    /// The build of a fixed-output derivation.
    SourceFetch,
    /// The build of any other derivation.
    Build,
    /// A store path to or from another store.
    Copy,
    /// The post-build hook of one build.
    PostBuildHook,
    /// The store is optimised.
    Optimise,
    /// Store paths are verified.
    Verify,
    /// A system or home configuration is activated.
    Activation,
}

impl UnitKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Evaluation,
        Self::InputFetch,
        Self::SourceImport,
        Self::Query,
        Self::Substitution,
        Self::SourceFetch,
        Self::Build,
        Self::Copy,
        Self::PostBuildHook,
        Self::Optimise,
        Self::Verify,
        Self::Activation,
    ];

    /// Returns the kind's name, as in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::InputFetch => "input-fetch",
            Self::SourceImport => "source-import",
            Self::Query => "query",
            Self::Substitution => "substitution",
            Self::SourceFetch => "source-fetch",
            Self::Build => "build",
            Self::Copy => "copy",
            Self::PostBuildHook => "post-build-hook",
            Self::Optimise => "optimise",
            Self::Verify => "verify",
            Self::Activation => "activation",
        }
    }

    /// Tells whether it is what a call of the store asks for: a build, a source fetch, a substitution.
    #[must_use]
    pub const fn is_asked_for(self) -> bool {
        matches!(self, Self::Build | Self::SourceFetch | Self::Substitution)
    }

    /// Tells whether a derivation is built: by a builder, with a log and builder phases.
    #[must_use]
    pub const fn is_derivation(self) -> bool {
        matches!(self, Self::Build | Self::SourceFetch)
    }
}

/// How the end of a unit is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The log says when it ended.
    Measured,
    /// The log's own line came too late, or never; the end follows from other lines.
    Inferred,
    /// The log stops before it ended.
    Open,
    /// The log has no end for it and nothing to infer one from.
    Unknown,
}

impl End {
    /// Returns the name, as in JSON; an unknown end is `null` there.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Measured => Some("measured"),
            Self::Inferred => Some("inferred"),
            Self::Open => Some("open"),
            Self::Unknown => None,
        }
    }
}

/// How a unit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It did what it should.
    Succeeded,
    /// It failed.
    Failed,
    /// It was stopped for taking too long, or for saying nothing for too long.
    TimedOut,
    /// A fixed-output derivation gave another hash than it promised.
    HashMismatch,
    /// It was stopped: by the user, or since another build failed.
    Interrupted,
    /// It was never started, since something it needs failed.
    DependencyFailed,
    /// The log does not tell.
    Unknown,
}

impl Outcome {
    /// Tells whether something failed by itself: neither cut off, nor kept from starting by what it
    /// needs. The one meaning of "failed" in every report.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::HashMismatch)
    }

    /// Returns the name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::HashMismatch => "hash-mismatch",
            Self::Interrupted => "interrupted",
            Self::DependencyFailed => "dependency-failed",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a unit failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason {
    /// In words, for people: `exit code 1`, `timed out after 2 s`. Empty where nothing is told.
    pub text: String,
    /// The builder's exit status.
    pub exit_code: Option<i32>,
    /// The signal that ended the builder.
    pub signal: Option<i32>,
}

/// The phases of a whole invocation. Not to be mixed up with builder phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The evaluator is working.
    Evaluation,
    /// Waiting on a network.
    Fetching,
    /// Builders at work.
    Building,
    /// Store paths being written or moved.
    Copying,
    /// The new configuration is put into effect.
    Activation,
    /// None of the others, although work is left.
    Waiting,
}

impl Phase {
    /// All phases, in the order of reports.
    pub const ALL: [Self; 6] = [
        Self::Evaluation,
        Self::Fetching,
        Self::Building,
        Self::Copying,
        Self::Activation,
        Self::Waiting,
    ];

    /// Returns the name, as in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Fetching => "fetching",
            Self::Building => "building",
            Self::Copying => "copying",
            Self::Activation => "activation",
            Self::Waiting => "waiting",
        }
    }
}

/// What a stretch of time counts as: a part of a [`Phase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The evaluator.
    Evaluating,
    /// Asking substituters.
    Queries,
    /// Downloading store paths.
    Downloads,
    /// Fetching flake inputs and the like.
    Inputs,
    /// Building fixed-output derivations.
    Sources,
    /// Builders on this machine.
    LocalBuilds,
    /// Builders on remote machines.
    RemoteBuilds,
    /// What is left of a substitution after its download: unpack, hash, register.
    Unpacking,
    /// Copying local sources into the store.
    SourceImports,
    /// Copying to and from remote builders.
    Machines,
    /// Copying to and from other stores.
    Stores,
    /// The post-build hook.
    Hook,
    /// Optimising the store.
    Optimising,
    /// Verifying the store.
    Verifying,
    /// Activating a configuration.
    Activating,
    /// Ready, but all slots are taken. Only on the critical path: elsewhere something else runs then.
    Slot,
    /// Waiting for a build user.
    BuildUser,
    /// Waiting for a lock.
    Lock,
    /// Waiting for a remote machine, or for an answer of it.
    Machine,
    /// What is needed is still coming.
    AwaitedDownload,
    /// Nobody has asked for it yet.
    AwaitedEvaluation,
    /// Ready, and a slot is free: Nix's own time.
    Nix,
    /// Nothing in the log explains it.
    Unknown,
}

impl Part {
    /// All parts, in the order of reports.
    pub const ALL: [Self; 23] = [
        Self::Evaluating,
        Self::Queries,
        Self::Downloads,
        Self::Inputs,
        Self::Sources,
        Self::LocalBuilds,
        Self::RemoteBuilds,
        Self::Unpacking,
        Self::SourceImports,
        Self::Machines,
        Self::Stores,
        Self::Hook,
        Self::Optimising,
        Self::Verifying,
        Self::Activating,
        Self::Slot,
        Self::BuildUser,
        Self::Lock,
        Self::Machine,
        Self::AwaitedDownload,
        Self::AwaitedEvaluation,
        Self::Nix,
        Self::Unknown,
    ];

    /// Returns the part's place in [`ALL`](Self::ALL).
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns the phase that the part belongs to.
    #[must_use]
    pub const fn phase(self) -> Phase {
        match self {
            Self::Evaluating => Phase::Evaluation,
            Self::Queries | Self::Downloads | Self::Inputs | Self::Sources => Phase::Fetching,
            Self::LocalBuilds | Self::RemoteBuilds => Phase::Building,
            Self::Unpacking
            | Self::SourceImports
            | Self::Machines
            | Self::Stores
            | Self::Hook
            | Self::Optimising
            | Self::Verifying => Phase::Copying,
            Self::Activating => Phase::Activation,
            Self::Slot
            | Self::BuildUser
            | Self::Lock
            | Self::Machine
            | Self::AwaitedDownload
            | Self::AwaitedEvaluation
            | Self::Nix
            | Self::Unknown => Phase::Waiting,
        }
    }

    /// Returns the name, as in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evaluating => "evaluating",
            Self::Queries => "queries",
            Self::Downloads => "downloads",
            Self::Inputs => "flake inputs",
            Self::Sources => "sources",
            Self::LocalBuilds => "local builds",
            Self::RemoteBuilds => "remote builds",
            Self::Unpacking => "unpacking",
            Self::SourceImports => "source imports",
            Self::Machines => "to and from machines",
            Self::Stores => "other stores",
            Self::Hook => "post-build hook",
            Self::Optimising => "optimising",
            Self::Verifying => "verifying",
            Self::Activating => "activating",
            Self::Slot => "slot",
            Self::BuildUser => "build-user",
            Self::Lock => "lock",
            Self::Machine => "machine",
            Self::AwaitedDownload => "download",
            Self::AwaitedEvaluation => "evaluation",
            Self::Nix => "nix",
            Self::Unknown => "unknown",
        }
    }
}

/// A stretch of time and what it counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stretch {
    /// When.
    pub interval: Interval,
    /// What it counts as.
    pub part: Part,
}

/// A stretch of time in which the log says that something waits, or that Nix looks into its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Filler {
    /// When, and what it counts as where nothing else is going on.
    pub stretch: Stretch,
    /// What waits: the `.drv`, or the paths that are locked, as the log lists them.
    pub subject: Option<Name>,
}

/// One builder phase of one build (stdenv's `buildPhase` …): up to the next, or to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuilderPhase {
    /// The phase's name; free text.
    pub name: Name,
    /// When it ran; `None` without timestamps.
    pub interval: Option<Interval>,
}

/// Where the time of a build on a remote machine went. `None`: the log does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RemoteParts {
    /// Waiting for the upload lock, and for a slot on the machine.
    pub waiting: Option<Nanos>,
    /// Copying the dependencies there.
    pub upload: Option<Nanos>,
    /// The builder at work.
    pub build: Option<Nanos>,
    /// Copying the outputs back.
    pub download: Option<Nanos>,
}

/// A thing that took time and that others waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unit {
    /// What kind of thing.
    pub kind: UnitKind,
    /// What it is about: the `.drv`, the store path, the address.
    pub subject: Name,
    /// The derivation of the plan, where this is the resolved one of a content-addressed build.
    pub planned: Option<Name>,
    /// The remote machine; `None` when local.
    pub machine: Option<Name>,
    /// The substituter, or the store that a copy comes from.
    pub source: Option<Name>,
    /// The store that a copy goes to.
    pub target: Option<Name>,
    /// It ran; else a message merely names it, say since something it needs failed.
    pub started: bool,
    /// Which of [`Timeline::calls`](super::Timeline::calls) asked for it; `None` where the log does not tell.
    pub call: Option<u32>,
    /// When it started.
    pub start: Option<Stamp>,
    /// When it ended. An open one ends at the last stamp.
    pub end: Option<Stamp>,
    /// How the end is known; in a reconstruction, how the less certain of start and end is.
    pub end_kind: End,
    /// By when it had certainly ended, where the end is not known or only estimated.
    pub end_at_most: Option<Stamp>,
    /// How long it was at work, where that is not the whole time between start and end.
    pub at_work: Option<Nanos>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed.
    pub reason: Option<Box<Reason>>,
    /// Bytes that went over the wire.
    pub wire_bytes: Option<u64>,
    /// Bytes of the unpacked archive (NAR).
    pub nar_bytes: Option<u64>,
    /// Lines of its log.
    pub log_lines: u64,
    /// Bytes of its log, without line ends, as the log escapes them.
    pub log_bytes: u64,
    /// Builder phases, in order.
    pub phases: Vec<BuilderPhase>,
    /// What the time between start and end counts as.
    pub stretches: Vec<Stretch>,
    /// Where the time of a remote build went.
    pub remote: Option<Box<RemoteParts>>,
}

impl Unit {
    /// Returns the time between start and end; `None` where either is not known.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        Interval::new(self.start?, self.end?)
    }

    /// Returns when the unit may have been at work although the log does not say so: from its end as
    /// estimated, or from its start, until something proves that it had ended.
    #[must_use]
    pub fn may_run(&self) -> Option<Interval> {
        Interval::new(self.end.or(self.start)?, self.end_at_most?)
    }

    /// Returns how long the unit took at most, where its end is not known.
    #[must_use]
    pub fn at_most(&self) -> Option<Nanos> {
        let bound = self.end_at_most.filter(|_| self.end.is_none())?;
        Some(bound.since(self.start?))
    }

    /// Takes the bound for the end where it says as much: within a hundredth of the wall time.
    pub(super) fn settle(&mut self, wall: Nanos) {
        if self
            .at_most()
            .is_some_and(|most| most.get() <= wall.get() / 100)
        {
            self.end = self.end_at_most;
            self.end_kind = End::Inferred;
            let part = self.part();
            let whole = self.interval().map(|interval| Stretch { interval, part });
            self.stretches = whole.into_iter().collect();
        }
    }

    /// Returns what the unit's time counts as where no part of it is told apart.
    #[must_use]
    pub const fn part(&self) -> Part {
        match self.kind {
            UnitKind::Evaluation => Part::Evaluating,
            UnitKind::InputFetch => Part::Inputs,
            UnitKind::SourceImport => Part::SourceImports,
            UnitKind::Query => Part::Queries,
            UnitKind::Substitution => Part::Downloads,
            UnitKind::SourceFetch => Part::Sources,
            UnitKind::Build if self.machine.is_some() => Part::RemoteBuilds,
            UnitKind::Build => Part::LocalBuilds,
            UnitKind::Copy => Part::Stores,
            UnitKind::PostBuildHook => Part::Hook,
            UnitKind::Optimise => Part::Optimising,
            UnitKind::Verify => Part::Verifying,
            UnitKind::Activation => Part::Activating,
        }
    }

    /// Returns how long the unit took; `None` without timestamps or without an end.
    #[must_use]
    pub fn duration(&self) -> Option<Nanos> {
        self.at_work.or_else(|| Some(self.end?.since(self.start?)))
    }
}

/// A call of the store for which evaluation stood still, and after which it went on: import from
/// derivation, and whatever else the evaluator needs from the store before it can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Index into [`Timeline::calls`](super::Timeline::calls).
    pub call: u32,
    /// When evaluation stood still.
    pub interval: Interval,
    /// The calls that evaluation made after it, up to the next import and with it.
    pub before: Range<u32>,
}

/// What Nix said it would do, summed over all its announcements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// Derivations to build.
    pub builds: Option<u64>,
    /// Paths to fetch.
    pub fetches: Option<u64>,
    /// Bytes to download.
    pub download_bytes: Option<u64>,
    /// Bytes unpacked.
    pub unpacked_bytes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_their_places_agree() {
        for (place, part) in Part::ALL.into_iter().enumerate() {
            assert_eq!(part.index(), place, "{part:?}");
        }
        assert!(
            Phase::ALL
                .iter()
                .all(|&phase| Part::ALL.iter().any(|part| part.phase() == phase))
        );
    }
}
