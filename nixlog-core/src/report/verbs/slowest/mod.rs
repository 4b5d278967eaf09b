//! `slowest`: the units that took longest.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::critical_path::CriticalPath;
use crate::analysis::slowest::Slowest;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report};
use crate::report::evaluation_waits::{EvaluationWaitView, evaluation_waits};
use crate::report::table::Names;
use crate::report::unit::{UnitView, unit_view};
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

/// Makes the result of `slowest`. `path` is `None` where it is not known what depends on what, `wanted`
/// chooses among the units, `top` cuts the list (0: no cut).
#[must_use]
pub fn result(
    timeline: &Timeline,
    slowest: &Slowest,
    path: Option<&CriticalPath>,
    wanted: impl Fn(&UnitView) -> bool,
    top: usize,
) -> SlowestResult {
    let mut total_duration = None;
    let (mut total_units, mut unknown_durations) = (0, 0);
    let mut units = Vec::new();
    let on_path = path.map(CriticalPath::by_unit);
    for &index in &slowest.units {
        let mut view = unit_view(timeline, &timeline.units()[index]);
        view.on_critical_path = on_path.as_ref().map(|on_path| on_path.contains_key(&index));
        if !wanted(&view) {
            continue;
        }
        total_units += 1;
        match view.duration_ns {
            Some(took) => {
                total_duration = Some(u64::saturating_add(total_duration.unwrap_or(0), took));
            }
            None => unknown_durations += 1,
        }
        if top == 0 || units.len() < top {
            units.push(view);
        }
    }
    SlowestResult {
        total_units,
        unknown_durations,
        total_duration_ns: total_duration,
        units,
        evaluation_waits: evaluation_waits(timeline),
    }
}
