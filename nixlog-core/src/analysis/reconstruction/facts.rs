//! What a store remembers of builds: plain facts, with what is not known left out.
//!
//! Times are nanoseconds since 1970, as a file system has them; registrations are whole seconds, as
//! Nix's database has them.

use indexmap::IndexMap;

use foldhash::fast::FixedState;

use crate::graph::NodeIdx;
use crate::store_path::base_name;
use crate::time::Nanos;

/// One second in nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// File times are those of the kernel's last tick, up to 10 ms old; the clock that Nix asks may be
/// another tick ahead. Within this, one cannot be told to be before the other.
pub(super) const TOLERANCE: i64 = 50_000_000;

/// Between the last change to a path's folder and its registration, Nix goes through all files in it.
const REGISTERING: i64 = 60 * SECOND;

/// What is known of the stored log of one derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogFacts {
    /// When the file was made. Nix makes it right before the builder starts, unless an earlier try left
    /// one: that is emptied and written again, and keeps its time of birth.
    pub born: Option<i64>,
    /// When it was last written: when the builder ended.
    pub modified: Option<i64>,
    /// Its size, compressed as it is.
    pub bytes: Option<u64>,
    /// How long the build took by what its own log says.
    pub told: Option<Told>,
}

/// How long a build took by what its own log says: stdenv tells of each builder phase that takes half
/// a minute or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// No less than this: the phases that tell.
    pub at_least: Nanos,
    /// No more than this: half a minute for each of the others.
    pub at_most: Nanos,
}

/// What is known of one store path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PathFacts {
    /// When it first became valid: seconds since 1970. `None`: it is not in the store.
    pub registered: Option<i64>,
    /// It was built on this machine, and not copied to it.
    pub built_here: bool,
    /// The base name of the derivation that made it.
    pub deriver: Option<Box<str>>,
    /// When its file or folder was made.
    pub born: Option<i64>,
    /// When that was last changed.
    pub changed: Option<i64>,
    /// The bytes of its unpacked archive.
    pub nar_bytes: Option<u64>,
}

impl PathFacts {
    /// Returns the second in which the path was registered, as its first and last nanosecond.
    pub(super) fn second(&self) -> Option<(i64, i64)> {
        let first = self.registered?.saturating_mul(SECOND);
        Some((first, first.saturating_add(SECOND - 1)))
    }

    /// Returns when the path was complete, and whether that is better known than to the second. Nix touches
    /// it for the last time before it registers it; where that is not the last change any more, or was
    /// long before, the second is all there is, and its first nanosecond no later than the truth.
    pub(super) fn completed(&self) -> Option<(i64, bool)> {
        let (first, last) = self.second()?;
        let changed = self.changed;
        let within = changed.filter(|&at| at >= first && at <= last.saturating_add(TOLERANCE));
        Some(within.map_or((first, false), |changed| (changed, true)))
    }

    /// Returns when the path began to be written, where its file is the one that was registered then: made
    /// before, and not changed since. One that was copied from elsewhere with its store is another.
    pub(super) fn begun(&self) -> Option<i64> {
        let (first, last) = self.second()?;
        let last = last.saturating_add(TOLERANCE);
        let changed = self.changed?;
        let is_same = changed >= first.saturating_sub(REGISTERING) && changed <= last;
        self.born.filter(|&born| is_same && born <= last)
    }
}

/// All that is known, by derivation and by the base name of the path.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub(super) logs: IndexMap<NodeIdx, LogFacts, FixedState>,
    pub(super) paths: IndexMap<Box<str>, PathFacts, FixedState>,
}

impl Facts {
    /// Adds what is known of the log of a derivation. The last word counts.
    pub fn log(&mut self, node: NodeIdx, facts: LogFacts) {
        self.logs.insert(node, facts);
    }

    /// Returns what is known of the log of a derivation, to be filled in.
    pub fn log_mut(&mut self, node: NodeIdx) -> Option<&mut LogFacts> {
        self.logs.get_mut(&node)
    }

    /// Adds what is known of a store path, with or without the store directory. The last word counts.
    pub fn path(&mut self, path: &str, facts: PathFacts) {
        self.paths.insert(base_name(path).into(), facts);
    }

    /// Tells whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.paths.is_empty()
    }
}
