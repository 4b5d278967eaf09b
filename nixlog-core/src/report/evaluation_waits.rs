//! Evaluation that waited for the store: import from derivation.

use schemars::JsonSchema;
use serde::Serialize;

use super::unit::{UnitBrief, brief};
use crate::names::named;
use crate::timeline::{Import, Timeline};

/// A stretch in which evaluation stood still, until the store had what it asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct EvaluationWaitView {
    /// What it waited for.
    pub reason: WaitedFor,
    /// Since when evaluation stood still.
    pub start_ns: u64,
    /// When it went on.
    pub end_ns: u64,
    /// For how long it stood still.
    pub duration_ns: u64,
    /// The builds and substitutions that it waited for, in the order of their ends: what it asked for
    /// comes last.
    pub units: Vec<UnitBrief>,
}

named! {
    /// What evaluation waited for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum WaitedFor {
        /// Something was built for it.
        Import = "import-from-derivation",
        /// Something was downloaded: for an import, or as a flake's input.
        Store = "store",
    }
}

/// Lists the stretches, in the order of time.
#[must_use]
pub fn evaluation_waits(timeline: &Timeline) -> Vec<EvaluationWaitView> {
    let imports = timeline.imports();
    let mut units: Vec<Vec<usize>> = vec![Vec::new(); imports.len()];
    for (index, unit) in timeline.units().iter().enumerate() {
        let place = timeline.import_of(unit);
        if let Some(units) = place.and_then(|place| units.get_mut(place)) {
            units.push(index);
        }
    }
    let wait = |(import, mut units): (&Import, Vec<usize>)| {
        let unit = |index: usize| &timeline.units()[index];
        units.sort_by_key(|&index| (unit(index).end, index));
        let built = units.iter().any(|&index| unit(index).kind.is_derivation());
        EvaluationWaitView {
            reason: match built {
                true => WaitedFor::Import,
                false => WaitedFor::Store,
            },
            start_ns: import.interval.start().as_nanos(),
            end_ns: import.interval.end().as_nanos(),
            duration_ns: import.interval.length().get(),
            units: units
                .into_iter()
                .map(|index| brief(timeline, index))
                .collect(),
        }
    };
    imports.iter().zip(units).map(wait).collect()
}
