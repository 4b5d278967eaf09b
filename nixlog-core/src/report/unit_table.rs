//! A table of units, for verbs that list them.

use super::envelope::share;
use super::format::harmless;
use super::table::{Cell, Columns, Names, Table, weight};
use super::unit::UnitView;
use crate::timeline::{Clock, End, Outcome, UnitKind};

/// What a table of units shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) names: Names,
    /// A number in front of each.
    pub(super) rank: bool,
    /// When each started.
    pub(super) start: bool,
    /// For which of them evaluation waited.
    pub(super) evaluation: bool,
    /// How long all took.
    pub(super) wall_ns: Option<u64>,
}

/// Makes the table.
pub(super) fn table(units: &[UnitView], shown: Shown) -> Table {
    type Line<'a> = (usize, &'a UnitView);
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
    if shown.rank {
        columns.number("rank", "#", |&(rank, _)| Cell::number(rank));
    }
    if shown.start {
        columns.number("start_ns", "started", |(_, unit)| {
            Cell::nanos(unit.start_ns)
        });
    }
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
        .number("share", "of wall", move |(_, unit)| {
            Cell::share(share(unit.duration_ns, shown.wall_ns))
        })
        .rank(4);
    columns
        .text("kind", "kind", |(_, unit)| Cell::text(unit.kind.name()))
        .rank(2);
    columns.names(shown.names, "name", |(_, unit)| (&*unit.name, &*unit.path));
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

    if shown.evaluation {
        let waited = |(_, unit): &Line<'_>| match unit.evaluation_waited {
            true => Cell::text("waited for it"),
            false => Cell::Unknown,
        };
        columns.text("evaluation", "evaluation", waited).rank(1);
    }
    let lines = (1..).zip(units);
    Table::new(columns, lines, |(_, unit)| weight(unit.outcome))
}

/// Says what the marks beside durations mean, those that are there.
pub(super) fn marks(units: &[UnitView], clock: Clock) -> Vec<String> {
    let mut marks = Vec::new();
    if units.iter().any(is_inferred) {
        marks.push(match clock {
            Clock::Reconstructed => "~: estimated from other traces in the store".to_owned(),
            _ => "~: estimated; the log does not say when this ended".to_owned(),
        });
    }
    let is_bounded = |unit: &UnitView| unit.duration_ns.is_none() && at_most(unit).is_some();
    if units.iter().any(is_bounded) {
        marks.push(
            "≤: the log does not say when this ended; by then it had, since the log ends or what needs it starts".to_owned(),
        );
    }
    marks
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
