//! How late an end may be in a log: decided here, for every analysis.
//!
//! Nix writes that something started when it has started it. That it ended is written when Nix has
//! registered what it made, and by then the next may run in its slot. So there are two questions:
//!
//! ```text
//! slot 1  ├─ a ───────┼──┤            who had the slot?       a, up to here ┼
//!                     ├─ b ───        could b have needed a?  yes, although a ends after b starts
//! ```

use crate::time::{Interval, Nanos, Stamp};

/// With this, each of the recordings made with a known number of slots has exactly that number. With
/// 20 ms, short builds that did run at once begin to share a slot.
const SLOT_FREED: Nanos = Nanos::new(10_000_000);

/// Half a second on large graphs with Nix 2.34; this holds nearly everywhere.
const REGISTERED: Nanos = Nanos::new(50_000_000);

/// Returns for how long a unit certainly had its slot. Of a short one, half is certain.
#[must_use]
pub fn surely(interval: Interval) -> Interval {
    let length = interval.length();
    let sure = (length - SLOT_FREED).get().max(length.get() / 2);
    Interval::new(interval.start(), interval.start() + Nanos::new(sure)).unwrap_or(interval)
}

/// Returns the latest end, as the log has it, of what somebody who started then may have needed.
#[must_use]
pub fn needed_by(start: Stamp) -> Stamp {
    start + REGISTERED
}
