//! The result of `slowest`, laid out.

use super::SlowestResult;
use crate::report::document::Document;
use crate::report::envelope::{Report, share};
use crate::report::format::{duration, harmless, plural};
use crate::report::table::{Cell, Columns, Names, Table, more, weight};
use crate::report::unit::UnitView;
use crate::report::words::{evaluation_waits, next, notes, with_failures};
use crate::timeline::{Clock, End, Outcome, UnitKind};

/// Lays out the result of `slowest`.
pub(super) fn document(report: &Report<SlowestResult>, names: Names) -> Document {
    let result = &report.result;
    let mut notes = notes(&report.diagnostics);
    if let Some(more) = more(result.total_units, result.units.len(), "more unit") {
        notes.insert(0, more);
    }
    if result.units.iter().any(is_inferred) {
        notes.push(match report.input.clock {
            Clock::Reconstructed => "~: estimated from other traces in the store".to_owned(),
            _ => "~: estimated; the log does not say when this ended".to_owned(),
        });
    }
    notes.extend(evaluation_waits(&result.evaluation_waits));
    if result
        .units
        .iter()
        .any(|unit| unit.duration_ns.is_none() && at_most(unit).is_some())
    {
        notes.push(
            "≤: the log does not say when this ended; by then it had, since the log ends or what needs it starts".to_owned(),
        );
    }
    // Of a path that is known, each unit is on it or not.
    let has_path = |unit: &UnitView| unit.on_critical_path.is_some();
    let next = match result.units.iter().any(has_path) {
        true => next(&report.input, "critical-path"),
        false => next(&report.input, "phases"),
    };
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables: vec![table(report, names)],
        notes,
        next,
        ..Document::default()
    }
}

fn table(report: &Report<SlowestResult>, names: Names) -> Table {
    type Line<'a> = (usize, &'a UnitView);
    let result = &report.result;
    let took = |(_, unit): &Line<'_>| match (unit.duration_ns, at_most(unit)) {
        (None, Some(most)) => Cell::AtMostNanos(most),
        (took, _) => Cell::estimated(took, is_inferred(unit)),
    };
    let longest = |(_, unit): &Line<'_>| {
        longest_phase(unit).map_or(Cell::Unknown, |(name, took)| {
            Cell::NamedNanos(harmless(name).into_owned(), took)
        })
    };
    let mut columns = Columns::<Line<'_>>::new();
    columns.number("rank", "#", |&(rank, _)| Cell::number(rank));
    columns.number("duration_ns", "took", took);
    columns
        .text("end", "end", |(_, unit)| {
            Cell::text(unit.end.name().unwrap_or_default())
        })
        .for_programs();
    columns
        .number("duration_at_most_ns", "duration_at_most_ns", |(_, unit)| {
            Cell::nanos(at_most(unit))
        })
        .for_programs();
    columns
        .number("share", "of wall", |(_, unit)| {
            Cell::share(share(unit.duration_ns, report.input.wall_ns))
        })
        .rank(4);
    columns
        .text("kind", "kind", |(_, unit)| Cell::text(unit.kind.name()))
        .rank(2);
    columns.names(names, "name", |(_, unit)| (&*unit.name, &*unit.path));
    columns
        .text("machine", "machine", |(_, unit)| {
            Cell::text(unit.machine.as_deref().unwrap_or_default())
        })
        .rank(3);
    columns
        .text("outcome", "outcome", |(_, unit)| Cell::Text(outcome(unit)))
        .rank(1);
    columns
        .text("longest_builder_phase", "longest builder phase", longest)
        .rank(5);
    columns
        .number(
            "longest_builder_phase_ns",
            "longest_builder_phase_ns",
            |(_, unit)| Cell::nanos(longest_phase(unit).map(|(_, took)| took)),
        )
        .for_programs();
    columns
        .number("log_lines", "log lines", |(_, unit)| {
            Cell::count(unit.log_lines)
        })
        .rank(7);
    columns
        .number("bytes", "transferred", |(_, unit)| Cell::bytes(unit.bytes))
        .rank(6);

    if !result.evaluation_waits.is_empty() {
        let waited = |(_, unit): &Line<'_>| match unit.evaluation_waited {
            true => Cell::text("waited for it"),
            false => Cell::Unknown,
        };
        columns.text("evaluation", "evaluation", waited).rank(1);
    }
    let lines = (1..).zip(&result.units);
    Table::new(columns, lines, |(_, unit)| weight(unit.outcome))
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

/// Says how a unit ended, with the reason, and whether its end is known.
fn outcome(unit: &UnitView) -> String {
    let mut text = match unit.reason.as_deref() {
        Some(reason) if unit.outcome == Outcome::Failed => format!("failed: {}", harmless(reason)),
        Some(reason) if unit.outcome == Outcome::TimedOut => harmless(reason).into_owned(),
        _ => unit.outcome.name().to_owned(),
    };
    if unit.end == End::Open {
        text += " (still open)";
    }
    text
}

/// Tells whether how long something took depends on an end that the log does not have. Evaluation has no
/// end of its own in any log.
fn is_inferred(unit: &UnitView) -> bool {
    unit.end == End::Inferred && unit.kind != UnitKind::Evaluation
}

/// Returns how long a unit took at most, where its end is not known or only estimated.
fn at_most(unit: &UnitView) -> Option<u64> {
    Some(unit.end_at_most_ns?.saturating_sub(unit.start_ns?))
}

/// Returns the builder phase that took longest, all its occurrences together, and for how long.
fn longest_phase(unit: &UnitView) -> Option<(&str, u64)> {
    let phases = &unit.builder_phases;
    // Builders have a dozen phases; one that prints thousands is not worth a sum for each.
    if phases.len() > 200 {
        return None;
    }
    let total = |name: &str| {
        let same = phases.iter().filter(|phase| phase.name == name);
        same.filter_map(|phase| phase.duration_ns).sum::<u64>()
    };
    let totals = phases
        .iter()
        .map(|phase| (&*phase.name, total(&phase.name)));
    let longest = totals.max_by_key(|&(_, took)| took)?;
    // Without times, or where all of them came in one piece, none is the longest.
    (longest.1 > 0).then_some(longest)
}
