//! `slowest`: the units that took longest.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::critical_path::CriticalPath;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report};
use crate::report::evaluation_waits::{EvaluationWaitView, evaluation_waits};
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitView, listed};
use crate::timeline::Timeline;

/// The result of `slowest`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SlowestResult {
    /// How many units there are of the kinds asked for, listed or not.
    pub total_units: usize,
    /// How many of them have no known duration.
    pub unknown_durations: usize,
    /// The sum of all durations that are known.
    pub total_duration_ns: Option<u64>,
    /// The units, the longest first.
    pub units: Vec<UnitView>,
    /// When evaluation stood still for the store, and for what.
    pub evaluation_waits: Vec<EvaluationWaitView>,
}

impl Answer for SlowestResult {
    const SCHEMA: &'static str = "nixlog.slowest/1";
    type From = Input;
    type Options = Names;

    fn document(report: &Report<Self>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

/// Makes the result of `slowest` of selected units, the longest first. `path` is `None` where it is not known
/// what depends on what, `wanted` chooses among the units, `top` cuts the list (0: no cut).
#[must_use]
pub fn result(
    timeline: &Timeline,
    units: &[usize],
    path: Option<&CriticalPath>,
    wanted: impl Fn(&UnitView) -> bool,
    top: usize,
) -> SlowestResult {
    let listed = listed(timeline, units, path, wanted, limit(top, units.len()));
    SlowestResult {
        total_units: listed.wanted.len(),
        unknown_durations: listed.unknown_durations,
        total_duration_ns: listed.total_duration_ns,
        units: listed.units,
        evaluation_waits: evaluation_waits(timeline),
    }
}
