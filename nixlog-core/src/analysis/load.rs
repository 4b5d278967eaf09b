//! How much was going on at each instant: units at work, and bytes on the wire.

use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Part, Unit};

/// How many bytes went over the wire, in stretches of equal length.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// How long each stretch is.
    pub step: Nanos,
    /// The bytes in each stretch, from the start of the recording on.
    pub bytes: Vec<u64>,
}

/// A log tells how many bytes came, but hardly when: shorter stretches would show rates that no
/// network has.
const SHORTEST: u64 = 100_000_000;

/// No screen shows more.
const MOST_STEPS: u64 = 1000;

/// Spreads each unit's bytes evenly over the time in which it was transferring.
#[must_use]
pub fn traffic<'a>(wall: Interval, units: impl IntoIterator<Item = &'a Unit>) -> Traffic {
    let length = wall.length().get();
    let step = (length / MOST_STEPS + 1).max(SHORTEST);
    let n_steps = usize::try_from(length / step + 1).unwrap_or(1);
    let mut bytes = vec![0_u64; n_steps];
    for unit in units {
        spread(unit, wall.start(), step, &mut bytes);
    }
    Traffic {
        step: Nanos::new(step),
        bytes,
    }
}

fn spread(unit: &Unit, origin: Stamp, step: u64, bytes: &mut [u64]) {
    let Some(total) = unit.wire_bytes.filter(|&bytes| bytes > 0) else {
        return;
    };
    let transfers = |part| {
        matches!(
            part,
            Part::Downloads | Part::Queries | Part::Inputs | Part::Sources | Part::Stores
        )
    };
    let stretches = || {
        let stretches = unit.stretches.iter();
        stretches.filter(|stretch| transfers(stretch.part))
    };
    let length: u64 = stretches().map(|s| s.interval.length().get()).sum();
    let (mut passed, mut counted) = (0_u64, 0_u64);
    let up_to = |passed: u64| {
        let share = u128::from(total) * u128::from(passed) / u128::from(length.max(1));
        u64::try_from(share).unwrap_or(total)
    };
    for stretch in stretches() {
        let mut at = stretch.interval.start().since(origin).get();
        let end = stretch.interval.end().since(origin).get();
        while at < end {
            let index = at / step;
            let until = end.min((index + 1) * step);
            passed += until - at;
            let sum = up_to(passed);
            add(bytes, index, sum - counted);
            counted = sum;
            at = until;
        }
    }
    // All of it came in one piece.
    if length == 0
        && let Some(stretch) = stretches().next()
    {
        let at = stretch.interval.start().since(origin).get();
        add(bytes, at / step, total);
    }
}

fn add(bytes: &mut [u64], index: u64, more: u64) {
    let last = bytes.len().saturating_sub(1);
    let index = usize::try_from(index).map_or(last, |index| index.min(last));
    if let Some(sum) = bytes.get_mut(index) {
        *sum = sum.saturating_add(more);
    }
}
