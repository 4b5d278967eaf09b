//! The units that took longest.

use std::cmp::Reverse;

use crate::time::Nanos;
use crate::timeline::{Timeline, UnitKind};

/// Which units to list, and how many.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// Only these kinds; all where empty.
    pub kinds: Vec<UnitKind>,
    /// Only units that took at least this long; default: any.
    pub min_duration: Option<Nanos>,
}

/// The units that took longest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slowest {
    /// Indices into [`Timeline::units`], the longest first; those without a duration come last.
    pub units: Vec<usize>,
}

/// Sorts the units by how long they took. Those that never started are left out.
#[must_use]
pub fn slowest(timeline: &Timeline, options: &Options) -> Slowest {
    let all = timeline.units().iter().enumerate();
    let wanted = all.filter(|(_, unit)| {
        let kind = options.kinds.is_empty() || options.kinds.contains(&unit.kind);
        let long = options
            .min_duration
            .is_none_or(|least| unit.duration().is_some_and(|took| took >= least));
        kind && long && unit.started
    });
    let mut units: Vec<usize> = wanted.map(|(index, _)| index).collect();
    units.sort_by_key(|&index| {
        let unit = &timeline.units()[index];
        (Reverse((unit.duration(), unit.at_most())), index)
    });
    Slowest { units }
}
