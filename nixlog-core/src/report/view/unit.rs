//! Units in few words, for results that name many.

use serde::Serialize;

use super::nanos;
use super::slowest::unit_name;
use crate::store_path::pname_of;
use crate::time::Stamp;
use crate::timeline::{Outcome, Timeline};

/// A unit, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnitBrief {
    /// What kind of thing.
    pub kind: &'static str,
    /// Its name without hash.
    pub name: String,
    /// The name without version.
    pub pname: String,
    /// The `.drv`, the store path, the address.
    pub path: String,
    /// The remote machine; `null` when local.
    pub machine: Option<String>,
    /// When it started.
    pub start_ns: Option<u64>,
    /// When it ended.
    pub end_ns: Option<u64>,
    /// How long it took.
    pub duration_ns: Option<u64>,
    /// How the end is known: `measured`, `inferred`, `open`.
    pub end: Option<&'static str>,
    /// By when it had certainly ended, where the end is unknown or only estimated.
    pub end_at_most_ns: Option<u64>,
    /// How it ended.
    pub outcome: &'static str,
    /// Evaluation stood still until it was there.
    pub evaluation_waited: bool,
}

/// Describes a unit of a timeline, by its index.
///
/// # Panics
///
/// Where the timeline has no such unit.
#[must_use]
pub fn brief(timeline: &Timeline, index: usize) -> UnitBrief {
    let unit = &timeline.units()[index];
    let path = timeline.name(unit.subject);
    let name = unit_name(unit.kind, path);
    UnitBrief {
        kind: unit.kind.name(),
        name: name.to_owned(),
        pname: pname_of(name).to_owned(),
        path: path.to_owned(),
        machine: unit
            .machine
            .map(|machine| timeline.name(machine).to_owned()),
        start_ns: unit.start.map(Stamp::as_nanos),
        end_ns: unit.end.map(Stamp::as_nanos),
        duration_ns: nanos(unit.duration()),
        end: unit.end_kind.name(),
        end_at_most_ns: unit.end_at_most.map(Stamp::as_nanos),
        outcome: unit.outcome.name(),
        evaluation_waited: timeline.import_of(unit).is_some(),
    }
}

/// Tells whether an outcome, by its name, is a failure of the unit itself.
#[must_use]
pub fn is_failed(outcome: &str) -> bool {
    let failures = [Outcome::Failed, Outcome::TimedOut, Outcome::HashMismatch];
    failures.iter().any(|failure| failure.name() == outcome)
}
