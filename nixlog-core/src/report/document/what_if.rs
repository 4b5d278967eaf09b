//! The result of `what-if`, laid out.

use super::super::format::{bytes, duration, percent, plural};
use super::super::view::{
    ChangeView, CoverageView, Input, Report, SchedulingView, UnitBrief, WhatIfResult,
};
use super::parallelism::{LOAD, off, replay, untold, where_slots_come_from};
use super::scheduling;
use super::words::{coverage, next_of_path, notes};
use super::{Align, Cell, Column, Document, Row, Table, Weight, column};

/// How the result of `what-if` is shown.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct WhatIfOptions {
    /// Store paths in place of names; default: no.
    pub full_paths: bool,
    /// How many units each table lists, 0 for all; default: 10.
    pub top: usize,
}

impl Default for WhatIfOptions {
    fn default() -> Self {
        Self {
            full_paths: false,
            top: 10,
        }
    }
}

/// Lays out the result of `what-if`.
#[must_use]
pub fn what_if(report: &Report<WhatIfResult>, options: WhatIfOptions) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    if result.predicted_ns.is_some() {
        let hidden = |list: usize| options.top > 0 && list > options.top;
        let gone = result.gone.len() + result.downloaded.len();
        if hidden(result.then_critical.len()) || hidden(gone) {
            all.push("the tables show the longest units; `--top 0` lists all".to_owned());
        }
        all.push(format!("replay: {}", replay(&result.replay)));
        all.extend(nix_order(result));
        all.extend(luck(result));
        all.extend(downloads(result));
        let of_slots = where_slots_come_from(result.slots, result.slots_source);
        all.extend(of_slots.map(|text| text.replace("--max-jobs", "--recorded-max-jobs")));
        if let Some(it) = &result.scheduling {
            all.extend(scheduling::order(it));
            all.extend(build_users(result, it));
            all.extend(scheduling::hooks(it));
        }
        if result.changes.iter().any(|it| it.change == "machines") {
            all.push(
                "the added machines count as fast as this one, without time for copying".to_owned(),
            );
        }
        all.push(LOAD.to_owned());
    }
    all.extend(coverage(&result.coverage));
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: verdict(report),
        tables: vec![
            makespans(result),
            then_critical(result, options),
            gone(result, options),
        ],
        notes: all,
        next: next_command(report),
        ..Document::default()
    }
}

/// Says why nothing can be predicted.
pub(super) fn unpredictable(input: &Input, coverage: &CoverageView) -> String {
    let n_units = coverage.builds + coverage.substitutions;
    let is_known = coverage.known_builds + coverage.known_substitutions > 0;
    let untold = untold(input, coverage, n_units, Some(0).filter(|_| !is_known));
    untold.unwrap_or_else(|| "no prediction: dependencies are unknown".to_owned())
}

fn verdict(report: &Report<WhatIfResult>) -> String {
    let result = &report.result;
    let (Some(saving), Some(wall), Some(then)) =
        (result.saving_ns, result.wall_ns, result.predicted_wall_ns)
    else {
        return unpredictable(&report.input, &result.coverage);
    };
    let times = format!("{} wall instead of {}", duration(then), duration(wall));
    let part = result.saving_share.unwrap_or_default().abs();
    let length = duration(saving.unsigned_abs());
    match saving {
        0 => {
            let users = result.scheduling.as_ref().and_then(|it| it.build_users);
            let users = users.filter(|_| result.with_build_users_ns < result.predicted_ns);
            let users = users.map(|users| format!(" with {}", plural(users.into(), "build user")));
            let users = users.unwrap_or_default();
            format!("saves nothing{users}: {} wall either way", duration(wall))
        }
        1.. => format!(
            "saves {length} ({} of the makespan): {times}",
            percent(part)
        ),
        _ => format!("takes {length} longer ({}): {times}", percent(part)),
    }
}

/// Says where Nix's own order makes more of a difference than the replay shows.
fn nix_order(result: &WhatIfResult) -> Option<String> {
    let (baseline, measured) = result.baseline_ns.zip(result.replay.measured_ns)?;
    let error = baseline as f64 / measured.max(1) as f64 - 1.0;
    (error.abs() > 0.02).then(|| {
        format!(
            "in Nix's order, the simulation of the recorded build is {}: take the saving as no more exact than that",
            off(error)
        )
    })
}

/// Says how much of the saving is luck, where the slots stay as they are.
fn luck(result: &WhatIfResult) -> Option<String> {
    let more_slots = |it: &ChangeView| matches!(it.change, "max-jobs" | "machines");
    let saving = u64::try_from(result.saving_ns?).ok()?;
    let less = result.less_work_ns?;
    (saving > less && !result.changes.iter().any(more_slots)).then(|| {
        format!(
            "only {} of work is saved: the rest comes from another order of builds, which is luck",
            duration(less)
        )
    })
}

/// Says that build users hold builds back, and what more of them would give.
fn build_users(result: &WhatIfResult, scheduling: &SchedulingView) -> Option<String> {
    let then = result.with_build_users_ns?;
    let said = scheduling::build_users(scheduling, Some(u32::MAX))?;
    let saving = result.predicted_ns?.saturating_sub(then);
    Some(match saving {
        0 => format!("{said}, but here more would save nothing"),
        saving => format!(
            "{said}: with as many as there are jobs it would be {} faster still",
            duration(saving)
        ),
    })
}

fn downloads(result: &WhatIfResult) -> Option<String> {
    let n = result.downloaded.len();
    if n == 0 {
        return None;
    }
    let rate = result
        .bandwidth_bps
        .map(|rate| format!(" at {}/s each", bytes(rate)));
    let known = result.download_bytes.map(|size| {
        format!(
            "{} unpacked{}",
            bytes(size),
            rate.clone().unwrap_or_default()
        )
    });
    let unknown = match (result.unknown_downloads, known.is_some(), rate.is_some()) {
        (0, ..) => None,
        (n, true, false) => Some(format!(
            "{n} count as 0s: the log has no download to take the rate from; add `--substitution-bandwidth`"
        )),
        (n, ..) => Some(format!(
            "{n} of unknown size count as 0s; `--derivations` takes sizes from `nix path-info -r --json`"
        )),
    };
    let parts: Vec<String> = known.into_iter().chain(unknown).collect();
    Some(format!(
        "{}: {}",
        plural(n as u64, "download"),
        parts.join("; ")
    ))
}

/// What was, and what would be.
fn makespans(result: &WhatIfResult) -> Table {
    let signed = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let row = |what: &str, time, bounds: [Option<u64>; 2], wall, change, weight| Row {
        cells: vec![
            Cell::Text(what.to_owned()),
            Cell::nanos(time),
            Cell::nanos(bounds[0]),
            Cell::nanos(bounds[1]),
            change,
            Cell::nanos(wall),
        ],
        weight,
    };
    let (Some(baseline), Some(predicted)) = (result.baseline_ns, result.predicted_ns) else {
        return Table::default();
    };
    let change = signed(predicted).saturating_sub(signed(baseline));
    Table {
        columns: vec![
            column("what", "", Align::Left, 0),
            column("makespan_ns", "makespan", Align::Right, 0),
            column("lower_ns", "at least", Align::Right, 2),
            column("upper_ns", "at most", Align::Right, 2),
            column("change_ns", "change", Align::Right, 0),
            column("wall_ns", "wall", Align::Right, 1),
        ],
        rows: vec![
            row(
                "measured",
                result.replay.measured_ns,
                [None; 2],
                result.wall_ns,
                Cell::Unknown,
                Weight::Plain,
            ),
            row(
                "simulated, no changes",
                Some(baseline),
                [None; 2],
                None,
                Cell::Unknown,
                Weight::Plain,
            ),
            row(
                "simulated, with changes",
                Some(predicted),
                [result.lower_ns, result.upper_ns],
                result.predicted_wall_ns,
                Cell::Change(change),
                Weight::Plain,
            ),
        ],
        ..Table::default()
    }
}

fn name(unit: &UnitBrief, options: WhatIfOptions) -> Cell {
    Cell::text(if options.full_paths {
        &unit.path
    } else {
        &unit.name
    })
}

fn name_column(options: WhatIfOptions) -> Column {
    Column {
        keeps: options.full_paths,
        ..column("name", "name", Align::Left, 0)
    }
}

/// The chain that would explain the makespan: its longest members, in the order of time.
fn then_critical(result: &WhatIfResult, options: WhatIfOptions) -> Table {
    let mut longest: Vec<usize> = (0..result.then_critical.len()).collect();
    if options.top > 0 {
        longest.sort_by_key(|&at| {
            (
                std::cmp::Reverse(result.then_critical[at].then_duration_ns),
                at,
            )
        });
        longest.truncate(options.top);
        longest.sort_unstable();
    }
    let rows = longest.iter().map(|&at| {
        let it = &result.then_critical[at];
        Row {
            cells: vec![
                name(&it.unit, options),
                Cell::Text(it.unit.kind.to_owned()),
                Cell::nanos(it.unit.duration_ns),
                Cell::Nanos(it.then_duration_ns),
            ],
            ..Row::default()
        }
    });
    Table {
        title: Some("Critical path with the changes"),
        columns: vec![
            name_column(options),
            column("kind", "kind", Align::Left, 1),
            column("duration_ns", "took", Align::Right, 0),
            column("then_duration_ns", "would take", Align::Right, 0),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// What would not run any more, or come from a cache.
fn gone(result: &WhatIfResult, options: WhatIfOptions) -> Table {
    let downloaded = result.downloaded.iter().map(|unit| (unit, "downloaded"));
    let gone = result.gone.iter().map(|unit| (unit, "gone"));
    let mut all: Vec<(&UnitBrief, &str)> = downloaded.chain(gone).collect();
    all.sort_by_key(|(unit, _)| (std::cmp::Reverse(unit.duration_ns), &unit.path));
    if options.top > 0 {
        all.truncate(options.top);
    }
    let rows = all.iter().map(|(unit, what)| Row {
        cells: vec![
            name(unit, options),
            Cell::Text(unit.kind.to_owned()),
            Cell::nanos(unit.duration_ns),
            Cell::Text((*what).to_owned()),
        ],
        ..Row::default()
    });
    Table {
        title: Some("Not built any more"),
        columns: vec![
            name_column(options),
            column("kind", "kind", Align::Left, 1),
            column("duration_ns", "took", Align::Right, 0),
            column("then", "then", Align::Left, 0),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

fn next_command(report: &Report<WhatIfResult>) -> Option<String> {
    let asked_for_builds = report
        .result
        .changes
        .iter()
        .any(|it| matches!(it.change, "cached" | "remove"));
    let verb = if asked_for_builds {
        "cache-candidates"
    } else {
        "bottlenecks"
    };
    next_of_path(&report.input, &report.result.coverage, verb)
}
