//! A point in time, a length of time, an interval. Whole nanoseconds, so that sums are exact.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A point in time: nanoseconds since the start of the recording.
///
/// Held as one more than that, so that an `Option` of it takes no more room: timelines consist of
/// little else, and a gigabyte of build logs needs a tenth less memory. The last nanosecond of
/// 584 years is lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(NonZeroU64);

impl Stamp {
    /// The start of the recording.
    pub const ZERO: Self = Self(NonZeroU64::MIN);

    /// Makes a stamp from nanoseconds since the start of the recording.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// Returns the nanoseconds since the start of the recording.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0.get() - 1
    }

    /// Returns the time from `earlier` to `self`, zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Nanos {
        Nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Stamp {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.as_nanos())
    }
}

impl Add<Nanos> for Stamp {
    type Output = Self;

    fn add(self, length: Nanos) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

/// A length of time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(u64);

impl Nanos {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Makes a length from nanoseconds.
    #[must_use]
    pub const fn new(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the number of nanoseconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<Nanos> for Duration {
    fn from(length: Nanos) -> Self {
        Self::from_nanos(length.get())
    }
}

impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ns", self.0)
    }
}

impl Add for Nanos {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Nanos {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Nanos {
    fn sum<I: Iterator<Item = Self>>(lengths: I) -> Self {
        lengths.fold(Self::ZERO, Add::add)
    }
}

/// A stretch of time that never ends before it starts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    start: Stamp,
    end: Stamp,
}

impl Interval {
    /// Makes an interval; `None` where `end` is before `start`.
    #[must_use]
    pub fn new(start: Stamp, end: Stamp) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// Returns where the interval starts.
    #[must_use]
    pub const fn start(self) -> Stamp {
        self.start
    }

    /// Returns where the interval ends.
    #[must_use]
    pub const fn end(self) -> Stamp {
        self.end
    }

    /// Returns how long the interval is.
    #[must_use]
    pub const fn length(self) -> Nanos {
        self.end.since(self.start)
    }

    /// Returns the part of the interval that lies within `other`, if any.
    #[must_use]
    pub fn clip(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start.as_nanos(), self.end.as_nanos())
    }
}
