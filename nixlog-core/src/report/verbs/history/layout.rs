//! The history and the baselines, laid out.

use super::{
    BaselineListResult, BaselineShowResult, BaselineView, HistoryResult, PastRunView, ProjectView,
};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{bytes, duration, plural, short_id};
use crate::report::sparkline::sparkline;
use crate::report::table::{Cell, Columns, Table, Weight, more, plain};
use crate::report::words::{notes, second, shell_word};

/// Lays out the result of `history`.
pub(super) fn history(report: &Report<HistoryResult, ()>) -> Document {
    let result = &report.result;
    let path = Cell::text(&result.path).for_people();
    let verdict = match result.total_runs {
        0 => format!("no run in the history {path}"),
        n => format!(
            "{} of {} in {path}, {}",
            plural(n, "run"),
            plural(result.projects.len() as u64, "project"),
            bytes(result.bytes)
        ),
    };
    let mut columns = Columns::<&ProjectView>::new();
    columns
        .text("project", "project", |it| project(it.project.as_deref()))
        .wraps();
    columns
        .text("system", "system", |it| told(it.system.as_deref()))
        .rank(2);
    columns
        .text("host", "host", |it| told(it.host.as_deref()))
        .rank(3);
    columns.number("runs", "runs", |it| Cell::Count(it.runs));
    columns
        .number("comparable", "comparable", |it| Cell::Count(it.comparable))
        .rank(4);
    columns
        .text("last_at", "last (UTC)", |it| time(it.last_at.as_deref()))
        .rank(1);
    columns
        .text("first_at", "first (UTC)", |it| time(it.first_at.as_deref()))
        .for_programs();
    columns.number("median_wall_ns", "median wall", |it| {
        Cell::nanos(it.median_wall_ns)
    });
    columns
        .text("walls", "latest walls", |it| {
            let walls: Vec<f64> = it.walls_ns.iter().map(|&wall| wall as f64).collect();
            Cell::text(&sparkline(&walls))
        })
        .rank(5);
    let projects = Table::new(columns, &result.projects, plain).legend([
        (
            "comparable",
            "complete, successful, with times of their own",
        ),
        (
            "walls",
            "the oldest at the left, from nothing to the longest",
        ),
    ]);
    let mut all = Vec::new();
    all.extend(more(result.matching_runs, result.runs.len(), "more run"));
    all.extend(notes(&report.diagnostics));
    let next = match result.runs.iter().filter(|run| run.comparable).count() {
        _ if result.total_runs == 0 => "nixlog run -- nix build …",
        0 | 1 => "nixlog phases last",
        _ => "nixlog compare",
    };
    Document {
        verdict,
        tables: vec![projects, runs(&result.runs).titled("Latest runs")],
        notes: all,
        next: Some(next.to_owned()),
        ..Document::default()
    }
}

/// Lays out the result of `baseline list`.
pub(super) fn baselines(report: &Report<BaselineListResult, ()>) -> Document {
    let result = &report.result;
    let folder = Cell::text(&result.folder).for_people();
    let verdict = match result.baselines.len() {
        0 => format!("no baseline in {folder}"),
        n => format!("{} in {folder}", plural(n as u64, "baseline")),
    };
    let mut columns = Columns::<&BaselineView>::new();
    columns.text("name", "name", |it| Cell::text(&it.name));
    columns
        .text("project", "project", |it| project(it.project.as_deref()))
        .wraps();
    columns.text("default", "default", |it| {
        Cell::text(if it.is_default { "yes" } else { "" })
    });
    columns.number("runs", "runs", |it| Cell::number(it.runs.len()));
    columns.number("median_wall_ns", "median wall", |it| {
        Cell::nanos(it.median_wall_ns)
    });
    columns
        .text("set_at", "set (UTC)", |it| time(it.set_at.as_deref()))
        .rank(1);
    let next = match result.baselines.is_empty() {
        true => "nixlog baseline set main last",
        false => "nixlog compare baseline last",
    };
    Document {
        verdict,
        tables: vec![Table::new(columns, &result.baselines, plain)],
        notes: notes(&report.diagnostics),
        next: Some(next.to_owned()),
        ..Document::default()
    }
}

/// Lays out the result of `baseline show`.
pub(super) fn baseline(report: &Report<BaselineShowResult, ()>) -> Document {
    let result = &report.result;
    let baseline = &result.baseline;
    let wall = baseline
        .median_wall_ns
        .map(|wall| format!(", median wall {}", duration(wall)));
    let verdict = format!(
        "baseline {}{}: {}{}",
        Cell::text(&baseline.name).for_people(),
        if baseline.is_default {
            " (default)"
        } else {
            ""
        },
        plural(baseline.runs.len() as u64, "run"),
        wall.unwrap_or_default()
    );
    Document {
        verdict,
        tables: vec![runs(&result.runs)],
        notes: notes(&report.diagnostics),
        next: Some(format!(
            "nixlog compare {} last",
            shell_word(&baseline.name)
        )),
        ..Document::default()
    }
}

fn runs(runs: &[PastRunView]) -> Table {
    let mut columns = Columns::<&PastRunView>::new();
    columns.text("run", "run", |run| Cell::text(short_id(&run.id)));
    columns
        .text("id", "id", |run| Cell::text(&run.id))
        .for_programs();
    columns
        .text("started_at", "started (UTC)", |run| {
            time(run.started_at.as_deref())
        })
        .rank(2);
    columns.number("wall_ns", "wall", |run| Cell::nanos(run.wall_ns));
    columns
        .text("exit", "exit", |run| {
            told(run.exit_status.map(|status| status.to_string()).as_deref())
        })
        .rank(3);
    columns.number("builds", "built", |run| Cell::Count(run.builds));
    columns.number("substituted", "substituted", |run| {
        Cell::Count(run.substituted)
    });
    columns
        .number("hit_rate", "hit rate", |run| Cell::share(run.hit_rate))
        .rank(4);
    columns
        .text("revision", "revision", |run| {
            let revision = run.revision.as_deref();
            told(revision.map(|revision| revision.get(..8).unwrap_or(revision)))
        })
        .rank(5);
    columns
        .text("project", "project", |run| project(run.project.as_deref()))
        .rank(1)
        .wraps();
    columns
        .text("host", "host", |run| told(run.host.as_deref()))
        .for_programs();
    columns
        .text("system", "system", |run| told(run.system.as_deref()))
        .for_programs();
    Table::new(columns, runs, |run| match run.exit_status {
        Some(status) if status != 0 => Weight::Bad,
        _ => Weight::Plain,
    })
}

fn told(text: Option<&str>) -> Cell {
    Cell::text(text.unwrap_or_default())
}

fn time(rfc3339: Option<&str>) -> Cell {
    told(rfc3339.map(second).as_deref())
}

fn project(name: Option<&str>) -> Cell {
    Cell::text(name.unwrap_or("(command unknown)"))
}
