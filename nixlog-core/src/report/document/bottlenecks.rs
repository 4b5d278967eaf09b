//! The result of `bottlenecks`, laid out.

use super::super::format::{duration, harmless, percent, plural};
use super::super::view::{
    BottleneckView, BottlenecksResult, IdleIntervalView, Report, UnitBrief, share,
};
use super::parallelism::{replay, untold, where_slots_come_from};
use super::slowest::Options;
use super::words::{coverage, next, next_of_path, notes, shell_word, with_failures};
use super::{Align, Cell, Column, Document, Row, Table, column, weight};

/// Lays out the result of `bottlenecks`.
#[must_use]
pub fn bottlenecks(report: &Report<BottlenecksResult>, options: Options) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    let cut = |total: usize, shown: usize, what: &str| {
        let more = total.saturating_sub(shown) as u64;
        (more > 0).then(|| format!("{}; `--top 0` lists all", plural(more, what)))
    };
    all.extend(cut(result.total_units, result.units.len(), "more unit"));
    all.extend(cut(
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
        tables: vec![unit_table(result, options), idle_table(result, options)],
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

fn name(unit: &UnitBrief, options: Options) -> Cell {
    Cell::text(if options.full_paths {
        &unit.path
    } else {
        &unit.name
    })
}

fn unit_table(result: &BottlenecksResult, options: Options) -> Table {
    let columns = vec![
        Column {
            keeps: options.full_paths,
            ..column("name", "unit", Align::Left, 0)
        },
        Column {
            for_programs: true,
            ..column("path", "path", Align::Left, 9)
        },
        column("kind", "kind", Align::Left, 6),
        column("duration_ns", "took", Align::Right, 0),
        column("saving_ns", "saves", Align::Right, 0),
        column("drag_ns", "unlimited slots", Align::Right, 3),
        column("slack_ns", "slack", Align::Right, 4),
        column("direct_dependents", "direct dependents", Align::Right, 5),
        column("transitive_dependents", "all dependents", Align::Right, 1),
        column("solo_ns", "alone", Align::Right, 2),
        column("blocked_ns", "blocked", Align::Right, 1),
    ];
    let count = |n: Option<usize>| n.map_or(Cell::Unknown, |n| Cell::Count(n as u64));
    let rows = result.units.iter().map(|it| Row {
        weight: weight(it.unit.outcome),
        cells: vec![
            name(&it.unit, options),
            Cell::text(&it.unit.path),
            Cell::Text(it.unit.kind.to_owned()),
            Cell::nanos(it.unit.duration_ns),
            Cell::nanos(it.saving_ns),
            Cell::nanos(it.drag_ns),
            Cell::nanos(it.slack_ns),
            count(it.direct_dependents),
            count(it.transitive_dependents),
            Cell::nanos(it.solo_ns),
            Cell::nanos(it.blocked_ns),
        ],
    });
    Table {
        columns,
        rows: rows.collect(),
        legend: vec![
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
        ],
        ..Table::default()
    }
}

fn idle_table(result: &BottlenecksResult, options: Options) -> Table {
    let slots = result.slots.unwrap_or_default();
    let row = |it: &IdleIntervalView| Row {
        cells: vec![
            Cell::Nanos(it.start_ns),
            Cell::Nanos(it.end_ns),
            Cell::Nanos(it.duration_ns),
            it.running.map_or(Cell::Unknown, |running| {
                Cell::Text(format!("{running:.1}/{slots}"))
            }),
            Cell::Nanos(it.idle_ns),
            match &it.held_by {
                Some(unit) => name(unit, options),
                None => Cell::Unknown,
            },
            Cell::Count(it.waiting_units as u64),
            Cell::Nanos(it.waiting_ns),
        ],
        ..Row::default()
    };
    Table {
        title: Some("Idle slots"),
        columns: vec![
            column("start_ns", "from", Align::Right, 0),
            column("end_ns", "to", Align::Right, 3),
            column("duration_ns", "length", Align::Right, 0),
            column("running", "running", Align::Right, 1),
            column("idle_ns", "idle", Align::Right, 2),
            Column {
                keeps: options.full_paths,
                ..column("held_by", "held by", Align::Left, 0)
            },
            column("waiting_units", "waiting units", Align::Right, 0),
            column("waiting_ns", "waiting work", Align::Right, 1),
        ],
        rows: result.intervals.iter().map(row).collect(),
        ..Table::default()
    }
}

/// Suggests to try what it would be like without the worst.
fn next_command(report: &Report<BottlenecksResult>) -> Option<String> {
    let what_if = next(&report.input, "what-if")?;
    if report.input.clock == "none" {
        return Some(what_if);
    }
    // With what was asked for in a cache, nothing would be left to do.
    let is_wanted = |it: &BottleneckView| it.transitive_dependents == Some(0);
    let worst = worst(&report.result).filter(|&(it, saving)| saving > 0 && !is_wanted(it));
    match worst.map(|(worst, _)| &worst.unit) {
        Some(unit) if unit.kind == "build" => Some(format!(
            "{what_if} --cached {}",
            shell_word(&harmless(&unit.pname))
        )),
        Some(unit) if matches!(unit.kind, "substitution" | "source-fetch") => Some(format!(
            "{what_if} --speedup {}=2",
            shell_word(&harmless(&unit.pname))
        )),
        _ => next_of_path(&report.input, &report.result.coverage, "critical-path"),
    }
}
