//! What a log tells, once it has been read: units with times, ends and outcomes.

use std::borrow::Cow;
use std::hash::BuildHasher as _;
use std::num::NonZeroU32;
use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::named;
use crate::time::{Interval, Nanos, Stamp};

/// A text that occurs in the log, stored once: paths, machines, phases.
///
/// Held as one more than its place, so that an `Option` of it takes no more room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(NonZeroU32);

/// The texts that [`Name`]s stand for, one after the other in one piece of memory: in a log of many builds
/// a third of it are names.
#[derive(Debug, Clone, Default)]
pub struct Names {
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
    /// The places of the texts, by their hash.
    places: HashTable<u32>,
    hasher: FixedState,
}

impl Names {
    /// Stores a text, or finds it.
    ///
    /// # Panics
    ///
    /// With more than 2^32 - 1 different texts.
    pub fn intern(&mut self, text: &str) -> Name {
        let Self {
            texts,
            ends,
            places,
            hasher,
        } = self;
        let hash = |text: &str| hasher.hash_one(text);
        let at = |place: u32| piece(texts, ends, place);
        let entry = places.entry(
            hash(text),
            |&place| at(place) == text,
            |&place| hash(at(place)),
        );
        let place = match entry {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let place = u32::try_from(ends.len()).expect("fewer than 2^32 texts");
                entry.insert(place);
                texts.push_str(text);
                ends.push(texts.len());
                place
            }
        };
        Name(
            NonZeroU32::MIN
                .checked_add(place)
                .expect("fewer than 2^32 texts"),
        )
    }

    /// Finds a text that is already there.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Name> {
        let is_it = |&place: &u32| piece(&self.texts, &self.ends, place) == text;
        let place = self.places.find(self.hasher.hash_one(text), is_it)?;
        NonZeroU32::MIN.checked_add(*place).map(Name)
    }

    /// Returns the text of a name that these names made; an empty one for any other.
    #[must_use]
    pub fn text(&self, name: Name) -> &str {
        piece(&self.texts, &self.ends, name.0.get() - 1)
    }
}

/// Returns the text at a place; an empty one where there is none.
fn piece<'a>(texts: &'a str, ends: &[usize], place: u32) -> &'a str {
    let place = place as usize;
    let start = place.checked_sub(1).and_then(|before| ends.get(before));
    let end = ends.get(place).copied().unwrap_or_default();
    texts
        .get(start.copied().unwrap_or_default()..end)
        .unwrap_or_default()
}

named! {
    /// What kind of thing took time.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum UnitKind {
        /// The evaluator.
        Evaluation = "evaluation",
        /// A flake input or another `fetchTree`.
        InputFetch = "input-fetch",
        /// A local path copied into the store.
        SourceImport = "source-import",
        /// A substituter is asked about a path.
        Query = "query",
        /// A store path from a substituter.
        Substitution = "substitution",
        /// The build of a fixed-output derivation.
        SourceFetch = "source-fetch",
        /// The build of any other derivation.
        Build = "build",
        /// A store path to or from another store.
        Copy = "copy",
        /// The post-build hook of one build.
        PostBuildHook = "post-build-hook",
        /// The store is optimised.
        Optimise = "optimise",
        /// Store paths are verified.
        Verify = "verify",
        /// A system or home configuration is activated.
        Activation = "activation",
    }
}

impl UnitKind {
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
    /// All of them that have a name.
    const NAMED: [Self; 3] = [Self::Measured, Self::Inferred, Self::Open];

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

    /// Returns the end of a name; unknown for any other.
    #[must_use]
    pub fn named(name: Option<&str>) -> Self {
        let mut named = Self::NAMED.into_iter();
        named
            .find(|end| end.name() == name)
            .unwrap_or(Self::Unknown)
    }
}

impl Serialize for End {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for End {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = Option::<Cow<'_, str>>::deserialize(from)?;
        Ok(Self::named(name.as_deref()))
    }
}

impl JsonSchema for End {
    fn schema_name() -> Cow<'static, str> {
        "End".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Self::NAMED
            .into_iter()
            .map(Self::name)
            .chain([None])
            .collect();
        json_schema!({ "enum": names })
    }
}

named! {
    /// How a unit ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Outcome {
        /// It did what it should.
        Succeeded = "succeeded",
        /// It failed.
        Failed = "failed",
        /// It was stopped for taking too long, or for saying nothing for too long.
        TimedOut = "timed-out",
        /// A fixed-output derivation gave another hash than it promised.
        HashMismatch = "hash-mismatch",
        /// It was stopped: by the user, or since another build failed.
        Interrupted = "interrupted",
        /// It was never started, since something it needs failed.
        DependencyFailed = "dependency-failed",
        /// The log does not tell.
        Unknown = "unknown",
    }
}

impl Outcome {
    /// Tells whether something failed by itself: neither cut off, nor kept from starting by what it
    /// needs. The one meaning of "failed" in every report.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::HashMismatch)
    }
}

named! {
    /// What kind of failure it was.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum FailureKind, default Unknown {
        /// The builder ended with an exit status that is not 0.
        Builder = "builder-failed",
        /// A signal ended the builder.
        Killed = "killed",
        /// Memory ran out: the log says so.
        OutOfMemory = "out-of-memory",
        /// The disk is full: the log says so.
        DiskFull = "disk-full",
        /// It took longer than the setting `timeout`.
        TimedOut = "timed-out",
        /// It printed nothing for longer than the setting `max-silent-time`.
        Silent = "silent",
        /// It printed more than the setting `max-build-log-size`.
        LogTooLong = "log-too-long",
        /// A fixed-output derivation made something else than it should.
        HashMismatch = "hash-mismatch",
        /// The builder succeeded without making one of its outputs.
        OutputMissing = "output-missing",
        /// The builder succeeded, and Nix does not take what it has made: an output check, a cycle.
        OutputRefused = "output-refused",
        /// Building again gave something else.
        NotDeterministic = "not-deterministic",
        /// A store path could not be fetched.
        Substitution = "substitution-failed",
        /// The evaluator gave up.
        Evaluation = "evaluation-failed",
        /// No machine is of the system that it is for.
        SystemMissing = "system-missing",
        /// No machine has the features that it asks for.
        FeaturesMissing = "features-missing",
        /// Nothing may be built here, and no machine takes it.
        NoSlot = "no-slot",
        /// The builder could not be started.
        NotStarted = "not-started",
        /// Something that it needs failed.
        Dependency = "dependency-failed",
        /// The post-build hook failed.
        Hook = "hook-failed",
        /// It was stopped: by the user, or since something else failed.
        Interrupted = "interrupted",
        /// The log does not tell.
        Unknown = "unknown",
    }
}

/// Why a unit failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reason {
    /// What kind of failure it was, as far as Nix's words tell.
    pub kind: FailureKind,
    /// In words, for people: `exit code 1`, `timed out after 2 s`. Empty where nothing is told.
    pub text: String,
    /// The builder's exit status.
    pub exit_code: Option<i32>,
    /// The signal that ended the builder.
    pub signal: Option<i32>,
    /// Of a hash mismatch: the hash that was asked for, and that of what was made, as Nix writes them.
    pub hashes: Option<Box<(String, String)>>,
    /// All that Nix said, without color; up to [`MOST_WORDS`](Self::MOST_WORDS) bytes of it.
    pub words: Option<Box<str>>,
    /// The last lines of the build's log, where Nix quotes them.
    pub log_tail: Box<[Box<str>]>,
    /// Where in an expression it happened.
    pub place: Option<Box<Place>>,
}

impl Reason {
    /// So many bytes of an error are kept.
    pub const MOST_WORDS: usize = 16 * 1024;

    /// Makes a reason of a kind that needs no more than a text.
    pub(super) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            ..Self::default()
        }
    }
}

impl Place {
    /// Makes one; Nix up to 2.33 has line and column behind the name of the file, too.
    pub(super) fn new(file: &str, line: u64, column: Option<u64>) -> Self {
        let place = match column {
            Some(column) => format!(":{line}:{column}"),
            None => format!(":{line}"),
        };
        Self {
            file: file.strip_suffix(place.as_str()).unwrap_or(file).to_owned(),
            line,
            column,
        }
    }
}

/// A remote machine that Nix could not use, so that it tried the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// The machine's address.
    pub machine: Name,
    /// Why not, in Nix's words.
    pub message: Box<str>,
    /// How often.
    pub count: u64,
}

/// A place in a file of expressions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file, as Nix names it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: Option<u64>,
}

named! {
    /// The phases of a whole invocation. Not to be mixed up with builder phases.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Phase {
        /// The evaluator is working.
        Evaluation = "evaluation",
        /// Waiting on a network.
        Fetching = "fetching",
        /// Builders at work.
        Building = "building",
        /// Store paths being written or moved.
        Copying = "copying",
        /// The new configuration is put into effect.
        Activation = "activation",
        /// None of the others, although work is left.
        Waiting = "waiting",
    }
}

named! {
    /// What a stretch of time counts as: a part of a [`Phase`].
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum Part {
        /// The evaluator.
        Evaluating = "evaluating",
        /// Asking substituters.
        Queries = "queries",
        /// Downloading store paths.
        Downloads = "downloads",
        /// Fetching flake inputs and the like.
        Inputs = "flake inputs",
        /// Building fixed-output derivations.
        Sources = "sources",
        /// Builders on this machine.
        LocalBuilds = "local builds",
        /// Builders on remote machines.
        RemoteBuilds = "remote builds",
        /// What is left of a substitution after its download: unpack, hash, register.
        Unpacking = "unpacking",
        /// Copying local sources into the store.
        SourceImports = "source imports",
        /// Copying to and from remote builders.
        Machines = "to and from machines",
        /// Copying to and from other stores.
        Stores = "other stores",
        /// The post-build hook.
        Hook = "post-build hook",
        /// Optimising the store.
        Optimising = "optimising",
        /// Verifying the store.
        Verifying = "verifying",
        /// Activating a configuration.
        Activating = "activating",
        /// Ready, but all slots are taken. Only on the critical path: elsewhere something else runs then.
        Slot = "slot",
        /// Waiting for a build user.
        BuildUser = "build-user",
        /// Waiting for a lock.
        Lock = "lock",
        /// Waiting for a remote machine, or for an answer of it.
        Machine = "machine",
        /// What is needed is still coming.
        AwaitedDownload = "download",
        /// Nobody has asked for it yet.
        AwaitedEvaluation = "evaluation",
        /// Ready, and a slot is free: Nix's own time.
        Nix = "nix",
        /// Nothing in the log explains it.
        Unknown = "unknown",
    }
}

impl Part {
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
    /// The number of its activity among those of the log: lines of its own log name it by that.
    pub activity: Option<u32>,
    /// The build hook told of it: it is about a remote machine, which asks and fetches for itself.
    pub by_hook: bool,
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
