//! The result of `slowest`, laid out.

use super::SlowestResult;
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{duration, harmless, plural};
use crate::report::table::{Names, more};
use crate::report::unit::UnitView;
use crate::report::unit_table::{Shown, marks, table};
use crate::report::words::{evaluation_waits, next, notes, with_failures};

/// Lays out the result of `slowest`.
pub(super) fn document(report: &Report<SlowestResult>, names: Names) -> Document {
    let result = &report.result;
    let mut notes = notes(&report.diagnostics);
    if let Some(more) = more(result.total_units, result.units.len(), "more unit") {
        notes.insert(0, more);
    }
    notes.extend(marks(&result.units, report.input.clock));
    notes.extend(evaluation_waits(&result.evaluation_waits));
    // Of a path that is known, each unit is on it or not.
    let has_path = |unit: &UnitView| unit.on_critical_path.is_some();
    let next = match result.units.iter().any(has_path) {
        true => next(&report.input, "critical-path"),
        false => next(&report.input, "phases"),
    };
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables: vec![table(
            &result.units,
            Shown {
                names,
                rank: true,
                start: false,
                evaluation: !result.evaluation_waits.is_empty(),
                wall_ns: report.input.wall_ns,
            },
        )],
        notes,
        next,
        ..Document::default()
    }
}

fn verdict(report: &Report<SlowestResult>) -> String {
    let result = &report.result;
    let units = plural(result.total_units as u64, "unit");
    let Some(first) = result.units.first() else {
        return "nothing in this log matches".to_owned();
    };
    let Some((took, total)) = first.duration_ns.zip(result.total_duration_ns) else {
        return format!("{units}; their durations are not in this log");
    };
    let name = harmless(&first.name);
    let took = duration(took);
    match result.unknown_durations {
        0 => format!(
            "{name} took longest: {took}; {units} took {} in total",
            duration(total)
        ),
        n => format!("{name} took longest: {took}; the durations of {n} of {units} are unknown"),
    }
}
