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

    /// Returns the number under which an activity goes where several logs are mixed into one: the same
    /// process number on another host is another process. Those of strands up to 1 keep theirs.
    #[must_use]
    pub fn in_strand(self, strand: u32) -> Self {
        if self == Self::NONE {
            return self;
        }
        Self(self.0 ^ Self::strand_bits(strand))
    }

    /// Tells whether the number is one of [`in_strand`](Self::in_strand).
    #[must_use]
    pub fn is_in_strand(self, strand: u32) -> bool {
        self.0 >> Self::STRAND_SHIFT << Self::STRAND_SHIFT == Self::strand_bits(strand)
    }

    /// No process has a number of more than 22 bits.
    const STRAND_SHIFT: u32 = 54;

    fn strand_bits(strand: u32) -> u64 {
        u64::from(strand.saturating_sub(1)) << Self::STRAND_SHIFT
    }

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
