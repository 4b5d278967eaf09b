//! Identifiers, each with a type of its own so that they cannot be mixed up.

use std::fmt;

/// The number that Nix gives an activity: `counter + (pid << 32)`.
///
/// Zero means "no activity". Numbers exceed 2^53, so they leave Rust as strings. They are unique
/// within one process, but one stream may carry several processes, also of other hosts, and so
/// a number may recur. Source: `getCurActivity`/`Activity::Activity` in Nix's `logging.cc`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ActivityId(pub u64);

impl ActivityId {
    /// "No activity", as Nix writes it in `parent`.
    pub const NONE: Self = Self(0);

    /// Returns the process that made the activity: the upper 32 bits.
    #[must_use]
    pub fn pid(self) -> u64 {
        self.0 >> 32
    }
}

impl fmt::Debug for ActivityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for ActivityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
