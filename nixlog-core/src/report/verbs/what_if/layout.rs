//! The result of `what-if`, laid out.

use std::cmp::Reverse;

use super::{ChangeKind, ChangeView, ThenCriticalView, WhatIfResult};
use crate::report::coverage::{coverage, next_of_path};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{bytes, duration, percent, plural};
use crate::report::simulated::{
    self, LOAD, SchedulingView, off, replay, unpredictable, where_slots_come_from,
};
use crate::report::table::{Cell, Columns, Names, Table, limit, plain};
use crate::report::unit::UnitBrief;
use crate::report::words::notes;

/// How the result of `what-if` is shown.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Options {
    /// How units are called.
    pub names: Names,
    /// How many units each table lists, 0 for all; default: 10.
    pub top: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            names: Names::default(),
            top: 10,
        }
    }
}

/// Lays out the result of `what-if`.
pub(super) fn document(report: &Report<WhatIfResult>, options: Options) -> Document {
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
            all.extend(simulated::order(it));
            all.extend(build_users(result, it));
            all.extend(simulated::hooks(it));
        }
        if result
            .changes
            .iter()
            .any(|it| it.change == ChangeKind::Machines)
        {
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
    let more_slots =
        |it: &ChangeView| matches!(it.change, ChangeKind::MaxJobs | ChangeKind::Machines);
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
    let said = simulated::build_users(scheduling, Some(u32::MAX))?;
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

/// A makespan: measured or simulated.
struct Line {
    what: &'static str,
    makespan: Option<u64>,
    bounds: [Option<u64>; 2],
    change: Cell,
    wall: Option<u64>,
}

/// What was, and what would be.
fn makespans(result: &WhatIfResult) -> Table {
    let (Some(baseline), Some(predicted)) = (result.baseline_ns, result.predicted_ns) else {
        return Table::default();
    };
    let signed = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let lines = [
        Line {
            what: "measured",
            makespan: result.replay.measured_ns,
            bounds: [None; 2],
            change: Cell::Unknown,
            wall: result.wall_ns,
        },
        Line {
            what: "simulated, no changes",
            makespan: Some(baseline),
            bounds: [None; 2],
            change: Cell::Unknown,
            wall: None,
        },
        Line {
            what: "simulated, with changes",
            makespan: Some(predicted),
            bounds: [result.lower_ns, result.upper_ns],
            change: Cell::Change(signed(predicted).saturating_sub(signed(baseline))),
            wall: result.predicted_wall_ns,
        },
    ];
    let mut columns = Columns::<Line>::new();
    columns.text("what", "", |line| Cell::text(line.what));
    columns.number("makespan_ns", "makespan", |line| Cell::nanos(line.makespan));
    columns
        .number("lower_ns", "at least", |line| Cell::nanos(line.bounds[0]))
        .rank(2);
    columns
        .number("upper_ns", "at most", |line| Cell::nanos(line.bounds[1]))
        .rank(2);
    columns.number("change_ns", "change", |line| line.change.clone());
    columns
        .number("wall_ns", "wall", |line| Cell::nanos(line.wall))
        .rank(1);

    Table::new(columns, lines, plain)
}

/// The chain that would explain the makespan: its longest members, in the order of time.
fn then_critical(result: &WhatIfResult, options: Options) -> Table {
    let all = &result.then_critical;
    let mut longest: Vec<usize> = (0..all.len()).collect();
    longest.sort_by_key(|&at| (Reverse(all[at].then_duration_ns), at));
    longest.truncate(limit(options.top, all.len()));
    longest.sort_unstable();
    let mut columns = Columns::<&ThenCriticalView>::new();
    columns
        .text("name", "name", move |it| it.unit.called(options.names))
        .keeps(options.names.full_paths);
    columns
        .text("kind", "kind", |it| Cell::text(it.unit.kind.name()))
        .rank(1);
    columns.number("duration_ns", "took", |it| Cell::nanos(it.unit.duration_ns));
    columns.number("then_duration_ns", "would take", |it| {
        Cell::Nanos(it.then_duration_ns)
    });

    let longest = longest.into_iter().map(|at| &all[at]);
    Table::new(columns, longest, plain).titled("Critical path with the changes")
}

/// What would not run any more, or come from a cache.
fn gone(result: &WhatIfResult, options: Options) -> Table {
    type Line<'a> = (&'a UnitBrief, &'static str);
    let downloaded = result.downloaded.iter().map(|unit| (unit, "downloaded"));
    let gone = result.gone.iter().map(|unit| (unit, "gone"));
    let mut all: Vec<Line<'_>> = downloaded.chain(gone).collect();
    all.sort_by_key(|(unit, _)| (Reverse(unit.duration_ns), &unit.path));
    all.truncate(limit(options.top, all.len()));
    let mut columns = Columns::<Line<'_>>::new();
    columns
        .text("name", "name", move |(unit, _)| unit.called(options.names))
        .keeps(options.names.full_paths);
    columns
        .text("kind", "kind", |(unit, _)| Cell::text(unit.kind.name()))
        .rank(1);
    columns.number("duration_ns", "took", |(unit, _)| {
        Cell::nanos(unit.duration_ns)
    });
    columns.text("then", "then", |(_, then)| Cell::text(then));

    Table::new(columns, all, plain).titled("Not built any more")
}

fn next_command(report: &Report<WhatIfResult>) -> Option<String> {
    let asked_for_builds = report
        .result
        .changes
        .iter()
        .any(|it| matches!(it.change, ChangeKind::Cached | ChangeKind::Remove));
    let verb = if asked_for_builds {
        "cache-candidates"
    } else {
        "bottlenecks"
    };
    next_of_path(&report.input, &report.result.coverage, verb)
}
