//! The result of `slowest`, laid out.

use super::super::format::{duration, harmless, plural};
use super::super::view::{Report, SlowestResult, UnitView, share};
use super::words::{evaluation_waits, next, notes, with_failures};
use super::{Align, Cell, Column, Document, Row, Table, column, weight};

/// How names are shown.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Options {
    /// Store paths in place of names; default: no.
    pub full_paths: bool,
}

impl Options {
    /// Makes options.
    #[must_use]
    pub const fn new(full_paths: bool) -> Self {
        Self { full_paths }
    }
}

/// Lays out the result of `slowest`.
#[must_use]
pub fn slowest(report: &Report<SlowestResult>, options: Options) -> Document {
    let result = &report.result;
    let for_programs = |key, align| Column {
        for_programs: true,
        ..column(key, key, align, 9)
    };
    let name = Column {
        keeps: options.full_paths,
        ..column("name", "name", Align::Left, 0)
    };
    let mut columns = vec![
        column("rank", "#", Align::Right, 0),
        column("duration_ns", "took", Align::Right, 0),
        for_programs("end", Align::Left),
        for_programs("duration_at_most_ns", Align::Right),
        column("share", "of wall", Align::Right, 4),
        column("kind", "kind", Align::Left, 2),
        name,
        for_programs("path", Align::Left),
        column("machine", "machine", Align::Left, 3),
        column("outcome", "outcome", Align::Left, 1),
        column(
            "longest_builder_phase",
            "longest builder phase",
            Align::Left,
            5,
        ),
        for_programs("longest_builder_phase_ns", Align::Right),
        column("log_lines", "log lines", Align::Right, 7),
        column("bytes", "transferred", Align::Right, 6),
    ];
    if !result.evaluation_waits.is_empty() {
        columns.push(column("evaluation", "evaluation", Align::Left, 1));
    }
    let cells = |unit: &UnitView, rank: u64| {
        let longest_phase = longest_phase(unit);
        let mut cells = vec![
            Cell::Count(rank),
            match (unit.duration_ns, at_most(unit)) {
                (None, Some(most)) => Cell::AtMostNanos(most),
                (took, _) => Cell::estimated(took, is_inferred(unit)),
            },
            Cell::text(unit.end.unwrap_or_default()),
            Cell::nanos(at_most(unit)),
            Cell::share(share(unit.duration_ns, report.input.wall_ns)),
            Cell::Text(unit.kind.to_owned()),
            Cell::text(if options.full_paths {
                &unit.path
            } else {
                &unit.name
            }),
            Cell::text(&unit.path),
            Cell::text(unit.machine.as_deref().unwrap_or_default()),
            Cell::Text(outcome(unit)),
            longest_phase.map_or(Cell::Unknown, |(name, took)| {
                Cell::NamedNanos(harmless(name).into_owned(), took)
            }),
            Cell::nanos(longest_phase.map(|(_, took)| took)),
            Cell::count(unit.log_lines),
            unit.bytes.map_or(Cell::Unknown, Cell::Bytes),
        ];
        if !result.evaluation_waits.is_empty() {
            let waited = if unit.evaluation_waited {
                "waited for it"
            } else {
                ""
            };
            cells.push(Cell::text(waited));
        }
        cells
    };
    let rows = result.units.iter().zip(1..).map(|(unit, rank)| Row {
        weight: weight(unit.outcome),
        cells: cells(unit, rank),
    });
    let rows = rows.collect();
    let mut notes = notes(&report.diagnostics);
    let n_more = result.total_units - result.units.len();
    if n_more > 0 {
        notes.insert(
            0,
            format!(
                "{}; `--top 0` lists all",
                plural(n_more as u64, "more unit")
            ),
        );
    }
    if result.units.iter().any(is_inferred) {
        notes.push(match report.input.clock {
            "reconstructed" => "~: estimated from other traces in the store".to_owned(),
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
        verdict: with_failures(slowest_verdict(report), &report.input),
        tables: vec![Table {
            title: None,
            columns,
            rows,
            ..Table::default()
        }],
        notes,
        next,
        ..Document::default()
    }
}

fn slowest_verdict(report: &Report<SlowestResult>) -> String {
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
        n if report.input.clock == "reconstructed" => {
            format!("{name} took longest: {took}; the durations of {n} of {units} are unknown")
        }
        n => format!("{name} took longest: {took}; the durations of {n} of {units} are unknown"),
    }
}

/// Says how a unit ended, with the reason, and whether its end is known.
fn outcome(unit: &UnitView) -> String {
    let mut text = match unit.reason.as_deref() {
        Some(reason) if unit.outcome == "failed" => format!("failed: {}", harmless(reason)),
        Some(reason) if unit.outcome == "timed-out" => harmless(reason).into_owned(),
        _ => unit.outcome.to_owned(),
    };
    if unit.end == Some("open") {
        text += " (still open)";
    }
    text
}

/// Tells whether how long something took depends on an end that the log does not have. Evaluation has no
/// end of its own in any log.
fn is_inferred(unit: &UnitView) -> bool {
    unit.end == Some("inferred") && unit.kind != "evaluation"
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
