//! Which units to list, and in which order.

use std::cmp::Reverse;

use crate::names::named;
use crate::time::Nanos;
use crate::timeline::{Timeline, UnitKind};

named! {
    /// What a list is sorted by.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum SortBy, default Duration {
        /// When it started, the first first.
        Start = "start",
        /// How long it took, the longest first.
        Duration = "duration",
        /// The name.
        Name = "name",
        /// How many lines its log has, the most first.
        LogLines = "log-lines",
        /// How much came over the wire, the most first.
        Bytes = "bytes",
    }
}

/// Which units to list, and in which order.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Selection {
    /// Only these kinds; all where empty.
    pub kinds: Vec<UnitKind>,
    /// Only units that took at least this long; default: any.
    pub min_duration: Option<Nanos>,
    /// What to sort by; default: how long they took.
    pub sort: SortBy,
}

/// Returns the units, as indices into [`Timeline::units`]: those of which it is not known what they are sorted
/// by come last, and what is equal stays as it was. Those that never started are left out.
#[must_use]
pub fn select(timeline: &Timeline, selection: &Selection) -> Vec<usize> {
    let all = timeline.units().iter().enumerate();
    let wanted = all.filter(|(_, unit)| {
        let kind = selection.kinds.is_empty() || selection.kinds.contains(&unit.kind);
        let long = selection
            .min_duration
            .is_none_or(|least| unit.duration().is_some_and(|took| took >= least));
        kind && long && unit.started
    });
    let mut units: Vec<usize> = wanted.map(|(index, _)| index).collect();
    let of = |&index: &usize| &timeline.units()[index];
    match selection.sort {
        SortBy::Start => units.sort_by_key(|it| (of(it).start.is_none(), of(it).start)),
        SortBy::Duration => units.sort_by_key(|it| Reverse((of(it).duration(), of(it).at_most()))),
        SortBy::Name => {
            units.sort_by(|a, b| timeline.unit_name(of(a)).cmp(timeline.unit_name(of(b))));
        }
        // A reconstruction has only the last ones.
        SortBy::LogLines if timeline.is_reconstructed() => {}
        SortBy::LogLines => units.sort_by_key(|it| Reverse(of(it).log_lines)),
        SortBy::Bytes => units.sort_by_key(|it| Reverse(of(it).wire_bytes)),
    }
    units
}
