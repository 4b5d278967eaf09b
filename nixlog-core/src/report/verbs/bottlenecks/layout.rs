//! The result of `bottlenecks`, laid out.

use super::{BottleneckView, BottlenecksResult, IdleIntervalView};
use crate::report::coverage::{coverage, next_of_path};
use crate::report::document::Document;
use crate::report::envelope::{Report, share};
use crate::report::format::{duration, harmless, percent, plural};
use crate::report::simulated::{replay, untold, where_slots_come_from};
use crate::report::table::{Cell, Columns, Names, Table, more, plain, weight};
use crate::report::words::{next, notes, shell_word, with_failures};
use crate::timeline::{Clock, UnitKind};

/// Lays out the result of `bottlenecks`.
pub(super) fn document(report: &Report<BottlenecksResult>, names: Names) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    all.extend(more(result.total_units, result.units.len(), "more unit"));
    all.extend(more(
        result.total_intervals,
        result.intervals.len(),
        "more idle interval",
    ));
    let simulated = replay(&result.replay);
    if !simulated.is_empty() {
        all.push(format!("replay: {simulated}; savings do not add up"));
    }
    if !result.intervals.is_empty() {
        all.extend(where_slots_come_from(result.slots, result.slots_source));
    }
    all.extend(coverage(&result.coverage));
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables: vec![unit_table(result, names), idle_table(result, names)],
        notes: all,
        next: next_command(report),
        ..Document::default()
    }
}

/// Returns the first unit, and what would be saved without it.
fn worst(result: &BottlenecksResult) -> Option<(&BottleneckView, u64)> {
    let known = result.replay.measured_ns.is_some();
    let worst = result.units.first().filter(|_| known)?;
    Some((worst, worst.saving_ns?))
}

fn verdict(report: &Report<BottlenecksResult>) -> String {
    let result = &report.result;
    let n_units = result.coverage.builds + result.coverage.substitutions;
    if let Some(untold) = untold(&report.input, &result.coverage, n_units, result.makespan_ns) {
        let first = result.units.first();
        if let Some((first, needed)) =
            first.and_then(|unit| Some((unit, unit.transitive_dependents?)))
            && needed > 0
        {
            let name = harmless(&first.unit.name);
            let n_units = plural(needed as u64, "unit");
            return format!("{untold}; {name} has most dependents: {n_units}");
        }
        return untold;
    }
    let wall = result.wall_ns;
    let of_wall = |time: u64| {
        share(Some(time), wall).map_or(String::new(), |part| {
            format!(" ({} of the wall time)", percent(part))
        })
    };
    if result.total_units == 0 {
        return "nothing in this log matches".to_owned();
    }
    let text = match worst(result) {
        Some((worst, saving)) if saving > 0 => {
            let name = harmless(&worst.unit.name);
            format!(
                "{name} is the worst bottleneck: it costs {}{}",
                duration(saving),
                of_wall(saving)
            )
        }
        Some(_) => {
            "no single unit is a bottleneck: the build takes as long without any one of them"
                .to_owned()
        }
        None => "bottlenecks are unknown: no derivations found".to_owned(),
    };
    if let Some((idle, part)) = result.idle_ns.zip(result.idle_share)
        && idle > 0
    {
        return format!(
            "{text}; slots stood idle for {}, {} of their time",
            duration(idle),
            percent(part)
        );
    }
    text
}

fn unit_table(result: &BottlenecksResult, names: Names) -> Table {
    let count = |n: Option<usize>| n.map_or(Cell::Unknown, Cell::number);
    let mut columns = Columns::<&BottleneckView>::new();
    columns.names(names, "unit", |it| it.unit.names());
    columns
        .text("kind", "kind", |it| Cell::text(it.unit.kind.name()))
        .rank(6);
    columns.number("duration_ns", "took", |it| Cell::nanos(it.unit.duration_ns));
    columns.number("saving_ns", "saves", |it| Cell::nanos(it.saving_ns));
    columns
        .number("drag_ns", "unlimited slots", |it| Cell::nanos(it.drag_ns))
        .rank(3);
    columns
        .number("slack_ns", "slack", |it| Cell::nanos(it.slack_ns))
        .rank(4);
    columns
        .number("direct_dependents", "direct dependents", move |it| {
            count(it.direct_dependents)
        })
        .rank(5);
    columns
        .number("transitive_dependents", "all dependents", move |it| {
            count(it.transitive_dependents)
        })
        .rank(1);
    columns
        .number("solo_ns", "alone", |it| Cell::nanos(it.solo_ns))
        .rank(2);
    columns
        .number("blocked_ns", "blocked", |it| Cell::nanos(it.blocked_ns))
        .rank(1);

    Table::new(columns, &result.units, |it| weight(it.unit.outcome)).legend([
        (
            "saving_ns",
            "what the build would save if the unit were free",
        ),
        ("drag_ns", "the same saving with unlimited slots"),
        ("slack_ns", "how much later it may end with unlimited slots"),
        ("solo_ns", "time with no other unit running"),
        (
            "blocked_ns",
            "time with a free slot and nothing ready to run",
        ),
    ])
}

fn idle_table(result: &BottlenecksResult, names: Names) -> Table {
    let slots = result.slots.unwrap_or_default();
    let running = move |it: &&IdleIntervalView| {
        it.running.map_or(Cell::Unknown, |running| {
            Cell::Text(format!("{running:.1}/{slots}"))
        })
    };
    let mut columns = Columns::<&IdleIntervalView>::new();
    columns.number("start_ns", "from", |it| Cell::Nanos(it.start_ns));
    columns
        .number("end_ns", "to", |it| Cell::Nanos(it.end_ns))
        .rank(3);
    columns.number("duration_ns", "length", |it| Cell::Nanos(it.duration_ns));
    columns.number("running", "running", running).rank(1);
    columns
        .number("idle_ns", "idle", |it| Cell::Nanos(it.idle_ns))
        .rank(2);
    columns
        .text("held_by", "held by", move |it| {
            let unit = it.held_by.as_ref();
            unit.map_or(Cell::Unknown, |unit| unit.called(names))
        })
        .keeps(names.full_paths);
    columns.number("waiting_units", "waiting units", |it| {
        Cell::number(it.waiting_units)
    });
    columns
        .number("waiting_ns", "waiting work", |it| {
            Cell::Nanos(it.waiting_ns)
        })
        .rank(1);

    Table::new(columns, &result.intervals, plain).titled("Idle slots")
}

/// Suggests to try what it would be like without the worst.
fn next_command(report: &Report<BottlenecksResult>) -> Option<String> {
    let what_if = next(&report.input, "what-if")?;
    if report.input.clock == Clock::None {
        return Some(what_if);
    }
    // With what was asked for in a cache, nothing would be left to do.
    let is_wanted = |it: &BottleneckView| it.transitive_dependents == Some(0);
    let worst = worst(&report.result).filter(|&(it, saving)| saving > 0 && !is_wanted(it));
    match worst.map(|(worst, _)| &worst.unit) {
        Some(unit) if unit.kind == UnitKind::Build => Some(format!(
            "{what_if} --cached {}",
            shell_word(&harmless(&unit.pname))
        )),
        Some(unit) if matches!(unit.kind, UnitKind::Substitution | UnitKind::SourceFetch) => {
            Some(format!(
                "{what_if} --speedup {}=2",
                shell_word(&harmless(&unit.pname))
            ))
        }
        _ => next_of_path(&report.input, &report.result.coverage, "critical-path"),
    }
}
