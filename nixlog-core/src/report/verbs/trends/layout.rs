//! The result of `trends`, laid out.

use super::{ChangeView, PackageView, SeriesView, TrendsResult};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{plural, short_id};
use crate::report::measured::{Number, cell, relative};
use crate::report::sparkline::sparkline;
use crate::report::table::{Cell, Columns, Table, more, plain};
use crate::report::words::{notes, second};

/// So many of the latest runs are drawn.
const DRAWN: usize = 40;

/// Fewer runs show no change of any size.
const FEW: usize = 6;

pub(super) fn document(report: &Report<TrendsResult, ()>) -> Document {
    let result = &report.result;
    let changes: Vec<(&SeriesView, &ChangeView)> = result
        .series
        .iter()
        .flat_map(|series| series.changes.iter().map(move |change| (series, change)))
        .collect();
    let mut all = Vec::new();
    if result.runs < FEW {
        all.push(format!("too few runs to find changes in: it takes {FEW}"));
    }
    if result.runs_with_path < result.runs {
        all.push(format!(
            "packages: of {} of {} the critical path is known",
            result.runs_with_path,
            plural(result.runs as u64, "run")
        ));
    }
    all.extend(more(
        result.total_packages,
        result.packages.len(),
        "more package",
    ));
    all.extend(notes(&report.diagnostics));
    let next = changes.iter().rev().find(|(series, _)| is_wall(series));
    let next = next.and_then(|(series, change)| {
        let place = series.points.iter().position(|it| it.run == change.run)?;
        let before = &series.points.get(place.checked_sub(1)?)?.run;
        let (before, run) = (short_id(before), short_id(&change.run));
        Some(format!("nixlog compare {before} {run}"))
    });
    Document {
        verdict: verdict(result),
        tables: vec![
            series(result),
            changed(&changes).titled("Changes"),
            packages(result).titled("Packages on the critical path"),
        ],
        notes: all,
        next: next.or_else(|| (result.runs > 1).then(|| "nixlog compare".to_owned())),
        ..Document::default()
    }
}

fn is_wall(series: &SeriesView) -> bool {
    series.measure == "wall"
}

fn verdict(result: &TrendsResult) -> String {
    let project = Cell::text(result.project.as_deref().unwrap_or("unknown project"));
    let runs = plural(result.runs as u64, "run");
    let project = project.for_people();
    let Some(wall) = result.series.iter().find(|series| is_wall(series)) else {
        return format!("{project}: {runs}, of which no wall time is known");
    };
    let now = cell(wall.unit, Some(wall.now)).for_people();
    let Some(change) = wall.changes.last() else {
        let change = match result.runs < FEW {
            true => "too few to tell of changes",
            false => "no lasting change",
        };
        return format!("{project}: {now} wall over {runs}, {change}");
    };
    let ratio = change.ratio.map(relative).unwrap_or_default();
    let at = change.at.as_deref().map(|at| format!(" ({})", day(at)));
    format!(
        "{project}: {now} wall, {ratio} since run {}{}, over {runs}",
        short_id(&change.run),
        at.unwrap_or_default()
    )
}

/// Returns the day of an instant.
fn day(rfc3339: &str) -> &str {
    rfc3339.get(..10).unwrap_or(rfc3339)
}

fn series(result: &TrendsResult) -> Table {
    let mut columns = Columns::<&SeriesView>::new();
    columns.text("measure", "measure", |it| Cell::text(&it.measure));
    columns.number("now", "now", |it| cell(it.unit, Some(it.now)));
    columns
        .number("least", "least", |it| cell(it.unit, extreme(it, f64::min)))
        .rank(2);
    columns
        .number("most", "most", |it| cell(it.unit, extreme(it, f64::max)))
        .rank(2);
    columns.number("changes", "changes", |it| Cell::number(it.changes.len()));
    columns
        .text("latest", "latest runs", |it| {
            let values: Vec<f64> = it.points.iter().map(|point| point.value.0).collect();
            let from = values.len().saturating_sub(DRAWN);
            Cell::text(&sparkline(&values[from..]))
        })
        .rank(1);
    Table::new(columns, &result.series, plain)
        .legend([("now", "the median since the last change, else of all")])
}

fn extreme(series: &SeriesView, choose: fn(f64, f64) -> f64) -> Option<Number> {
    let values = series.points.iter().map(|point| point.value.0);
    values.reduce(choose).map(Number)
}

fn changed(changes: &[(&SeriesView, &ChangeView)]) -> Table {
    let mut columns = Columns::<&(&SeriesView, &ChangeView)>::new();
    columns.text("measure", "measure", |(series, _)| {
        Cell::text(&series.measure)
    });
    columns.text("run", "since run", |(_, it)| Cell::text(short_id(&it.run)));
    columns
        .text("at", "started (UTC)", |(_, it)| {
            Cell::text(&it.at.as_deref().map(second).unwrap_or_default())
        })
        .rank(1);
    columns.number("before", "before", |(series, it)| {
        cell(series.unit, Some(it.before))
    });
    columns.number("after", "after", |(series, it)| {
        cell(series.unit, Some(it.after))
    });
    columns.text("ratio", "change", |(_, it)| {
        Cell::text(&it.ratio.map(relative).unwrap_or_default())
    });
    columns
        .number("confidence", "confidence", |(_, it)| {
            Cell::Share(it.confidence)
        })
        .rank(3);
    columns
        .text("with", "with", |(_, it)| Cell::text(&with(it)))
        .rank(2)
        .wraps();
    Table::new(columns, changes, plain).legend([("with", "what else was different in that run")])
}

/// Says how much a number changed.
pub(super) fn change(change: &ChangeView) -> String {
    let ratio = change.ratio.map(relative).unwrap_or_default();
    format!("{ratio} {}", with(change)).trim().to_owned()
}

/// Says what else was different in the first run after a change.
fn with(change: &ChangeView) -> String {
    let short = |revision: &str| revision.get(..8).unwrap_or(revision).to_owned();
    let mut all = Vec::new();
    if change.previous_revision.is_some() {
        let revision = change.revision.as_deref().map(short);
        all.extend(revision.map(|revision| format!("revision {revision}")));
    }
    let lock = change.inputs_modified.as_deref();
    all.extend(lock.map(|at| format!("flake.lock of {}", day(at))));
    all.extend(change.nix_version.clone());
    all.join(", ")
}

fn packages(result: &TrendsResult) -> Table {
    let of = result.runs_with_path;
    let mut columns = Columns::<&PackageView>::new();
    columns.text("pname", "package", |it| Cell::text(&it.pname));
    columns
        .text("kind", "kind", |it| Cell::text(it.kind.name()))
        .rank(2);
    columns.text("on_path", "on the path", move |it| {
        Cell::text(&format!("{} of {of}", it.on_critical_path))
    });
    columns
        .number("runs", "runs", |it| Cell::number(it.runs))
        .for_programs();
    columns
        .number("on_critical_path", "on the path", |it| {
            Cell::number(it.on_critical_path)
        })
        .for_programs();
    columns.number("mean_critical_ns", "mean on it", |it| {
        Cell::Nanos(it.mean_critical_ns)
    });
    columns.number("saving_ns", "saving a run", |it| Cell::Nanos(it.saving_ns));
    columns
        .text("latest", "latest runs", |it| {
            let from = it.critical_ns.len().saturating_sub(DRAWN);
            let values = it.critical_ns[from..].iter();
            let values: Vec<f64> = values
                .map(|value| value.unwrap_or_default() as f64)
                .collect();
            Cell::text(&sparkline(&values))
        })
        .rank(1);
    Table::new(columns, &result.packages, plain).legend([(
        "saving_ns",
        "the build would be so much shorter without it, on average, with a slot for everything",
    )])
}

/// Says what a point of a chart is.
pub(super) fn point(series: &SeriesView, place: usize) -> String {
    let point = &series.points[place];
    let value = cell(series.unit, Some(point.value)).for_people();
    let at = point.at.as_deref().map(second).unwrap_or_default();
    format!("{value}, run {} {at}", short_id(&point.run))
        .trim_end()
        .to_owned()
}
