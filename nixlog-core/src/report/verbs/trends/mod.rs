//! `trends`: how the runs of a project change over time, and which packages cost the most.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::measures::MeasureUnit;
use crate::analysis::past_run::PastRun;
use crate::analysis::trends::{Change, Trends};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Report, rfc3339};
use crate::report::measured::Number;
use crate::report::table::limit;
use crate::timeline::UnitKind;

/// The result of `trends`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TrendsResult {
    /// What is built; `null` where the commands are not known.
    pub project: Option<String>,
    /// The system that is built on.
    pub system: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// How many runs there are.
    pub runs: usize,
    /// Of how many of them the critical path is known.
    pub runs_with_path: usize,
    /// When the first of them started, RFC 3339.
    pub first_at: Option<String>,
    /// When the last of them started.
    pub last_at: Option<String>,
    /// Numbers of whole runs over time.
    pub series: Vec<SeriesView>,
    /// How many packages were on a critical path, listed or not.
    pub total_packages: usize,
    /// The packages that were on a critical path, those with most to save first.
    pub packages: Vec<PackageView>,
}

/// One number over time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SeriesView {
    /// Which: `wall`, a phase's share of it, `hit-rate`, `downloaded`.
    pub measure: String,
    /// What it counts.
    pub unit: MeasureUnit,
    /// What it is now: the median since the last change.
    pub now: Number,
    /// What it was in each run, the oldest first.
    pub points: Vec<PointView>,
    /// Where it changed for good.
    pub changes: Vec<ChangeView>,
}

/// A number in one run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PointView {
    /// The run's id.
    pub run: String,
    /// When it started, RFC 3339.
    pub at: Option<String>,
    /// What it was.
    pub value: Number,
}

/// A run from which on a number is another one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ChangeView {
    /// The id of the first run that is different.
    pub run: String,
    /// When it started, RFC 3339.
    pub at: Option<String>,
    /// The median before, since the last change.
    pub before: Number,
    /// The median from then on, up to the next change.
    pub after: Number,
    /// How many times as large it is; `null` where it was nothing.
    pub ratio: Option<f64>,
    /// How unlikely it is by chance; 0.995 is the most that is ever said.
    pub confidence: f64,
    /// The revision that was checked out for that run.
    pub revision: Option<String>,
    /// The revision of the run before, where it was another one.
    pub previous_revision: Option<String>,
    /// When the newest input in `flake.lock` was changed, where that is another one than of the run before,
    /// RFC 3339.
    pub inputs_modified: Option<String>,
    /// The Nix of that run, where the run before had another one.
    pub nix_version: Option<String>,
}

/// What a package costs over all runs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PackageView {
    /// What kind of thing it is.
    pub kind: UnitKind,
    /// The name without version.
    pub pname: String,
    /// In how many runs there was one.
    pub runs: usize,
    /// In how many of them it was on the critical path.
    pub on_critical_path: usize,
    /// How much of the critical path lay in it, on average over the runs where it was on it.
    pub mean_critical_ns: u64,
    /// What would be saved without it in each run, on average, with a slot for everything.
    pub saving_ns: u64,
    /// How much of the critical path lay in it in each run, the oldest first; `null` where there was none.
    pub critical_ns: Vec<Option<u64>>,
}

impl ChangeView {
    /// Says how much it is, and what else was different.
    pub(in crate::report) fn words(&self) -> String {
        layout::change(self)
    }
}

impl SeriesView {
    /// Says what a point of a chart is.
    pub(in crate::report) fn point_words(&self, place: usize) -> String {
        layout::point(self, place)
    }
}

impl Answer for TrendsResult {
    const SCHEMA: &'static str = "nixlog.trends/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::document(report)
    }
}

/// Makes the result of runs, the oldest first, and what came of following them. `top` cuts the list of packages
/// (0: no cut).
#[must_use]
pub fn result(runs: &[PastRun], trends: &Trends, top: usize) -> TrendsResult {
    let newest = runs.last();
    let at = |run: &PastRun| run.started_at.and_then(rfc3339);
    let point = |&(place, value): &(usize, f64)| PointView {
        run: runs[place].id.clone(),
        at: at(&runs[place]),
        value: Number(value),
    };
    let series = trends.series.iter().map(|series| SeriesView {
        measure: series.measure.name(),
        unit: series.measure.unit(),
        now: Number(series.level()),
        points: series.points.iter().map(point).collect(),
        changes: series.changes.iter().map(|it| change(runs, it)).collect(),
    });
    let listed = limit(top, trends.packages.len());
    let packages = trends.packages.iter().take(listed).map(|it| PackageView {
        kind: it.kind,
        pname: it.pname.clone(),
        runs: it.runs,
        on_critical_path: it.on_critical_path,
        mean_critical_ns: whole(it.mean_critical),
        saving_ns: whole(it.saving),
        critical_ns: it.critical.iter().map(|value| value.map(whole)).collect(),
    });
    TrendsResult {
        project: newest.and_then(|run| run.project.clone()),
        system: newest.and_then(|run| run.system.clone()),
        host: newest.and_then(|run| run.host.clone()),
        runs: runs.len(),
        runs_with_path: trends.with_path,
        first_at: runs.first().and_then(at),
        last_at: newest.and_then(at),
        series: series.collect(),
        total_packages: trends.packages.len(),
        packages: packages.collect(),
    }
}

fn change(runs: &[PastRun], change: &Change) -> ChangeView {
    let (run, previous) = (&runs[change.run], &runs[change.previous]);
    let seconds = |seconds: i64| rfc3339(seconds.checked_mul(1_000_000_000)?);
    let other = |one: &Option<String>, other: &Option<String>| {
        other.clone().filter(|_| one.is_some() && one != other)
    };
    ChangeView {
        run: run.id.clone(),
        at: run.started_at.and_then(rfc3339),
        before: Number(change.before),
        after: Number(change.after),
        ratio: change.ratio(),
        confidence: change.confidence,
        revision: run.revision.clone(),
        previous_revision: other(&run.revision, &previous.revision),
        inputs_modified: run
            .inputs_modified
            .filter(|_| run.inputs_modified != previous.inputs_modified)
            .and_then(seconds),
        nix_version: other(&previous.nix_version, &run.nix_version),
    }
}

/// Takes nanoseconds that were averaged.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mean of lengths of time is one"
)]
fn whole(nanos: f64) -> u64 {
    nanos.round() as u64
}
