//! `history` and `baseline`: the runs that can be compared, and those that others are compared with.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::past_run::PastRun;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Report, rfc3339};
use crate::timeline::Phase;

/// What `history` tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct HistoryResult {
    /// The file.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// How many runs it has.
    pub total_runs: u64,
    /// The projects, those that were built last first.
    pub projects: Vec<ProjectView>,
    /// How many runs there are that were asked for, listed or not.
    pub matching_runs: usize,
    /// The newest of these, newest first.
    pub runs: Vec<PastRunView>,
}

/// The runs of a project on one system of one machine: these can be compared with each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ProjectView {
    /// What is built; `null` where the command is not known.
    pub project: Option<String>,
    /// The system that is built on.
    pub system: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// How many runs there are.
    pub runs: u64,
    /// How many of them are complete, have succeeded and have times of their own.
    pub comparable: u64,
    /// When the first of them started, RFC 3339.
    pub first_at: Option<String>,
    /// When the last of them started.
    pub last_at: Option<String>,
    /// The median of the latest wall times.
    pub median_wall_ns: Option<u64>,
    /// The wall times of the latest comparable runs, the oldest first.
    pub walls_ns: Vec<u64>,
}

impl ProjectView {
    /// Takes the latest wall times, the newest first.
    pub fn take_walls(&mut self, mut walls: Vec<u64>) {
        walls.reverse();
        self.walls_ns = walls;
        self.median_wall_ns = median(&self.walls_ns);
    }
}

/// A run in the history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PastRunView {
    /// Its id.
    pub id: String,
    /// When it started, RFC 3339.
    pub started_at: Option<String>,
    /// What was built.
    pub project: Option<String>,
    /// The system that was built on.
    pub system: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// How long it took.
    pub wall_ns: Option<u64>,
    /// The command's exit status.
    pub exit_status: Option<i32>,
    /// It is complete, has succeeded as far as anybody knows, and has times of its own.
    pub comparable: bool,
    /// How many derivations were built, downloads of sources not among them.
    pub builds: u64,
    /// How many paths came from caches.
    pub substituted: u64,
    /// Substituted over substituted and built that a cache was asked for.
    pub hit_rate: Option<f64>,
    /// The revision that was checked out where it ran.
    pub revision: Option<String>,
    /// The Nix that built.
    pub nix_version: Option<String>,
    /// The command line.
    pub command: Vec<String>,
}

impl From<&PastRun> for PastRunView {
    fn from(run: &PastRun) -> Self {
        Self {
            id: run.id.clone(),
            started_at: run.started_at.and_then(rfc3339),
            project: run.project.clone(),
            system: run.system.clone(),
            host: run.host.clone(),
            wall_ns: run.wall_ns,
            exit_status: run.exit_status,
            comparable: run.is_comparable(),
            builds: run.phase(Phase::Building).map_or(0, |phase| phase.units),
            substituted: run.substituted,
            hit_rate: run.hit_rate(),
            revision: run.revision.clone(),
            nix_version: run.nix_version.clone(),
            command: run.command.clone(),
        }
    }
}

/// What `baseline list` tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BaselineListResult {
    /// The folder.
    pub folder: String,
    /// The baselines, by project and name.
    pub baselines: Vec<BaselineView>,
}

/// Runs under a name, for others to be compared with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BaselineView {
    /// What it is of.
    pub project: Option<String>,
    /// Its name.
    pub name: String,
    /// It is the one that is meant where none is named.
    pub is_default: bool,
    /// When it was set, RFC 3339.
    pub set_at: Option<String>,
    /// The ids of its runs, the newest first.
    pub runs: Vec<String>,
    /// The median of their wall times.
    pub median_wall_ns: Option<u64>,
}

impl BaselineView {
    /// Takes the runs that it consists of.
    pub fn take_runs(&mut self, runs: &[PastRun]) {
        self.runs = runs.iter().map(|run| run.id.clone()).collect();
        let walls: Vec<u64> = runs.iter().filter_map(|run| run.wall_ns).collect();
        self.median_wall_ns = median(&walls);
    }
}

/// What `baseline show` tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BaselineShowResult {
    /// The baseline.
    pub baseline: BaselineView,
    /// Its runs, the newest first.
    pub runs: Vec<PastRunView>,
}

/// The middle one; of an even number, the mean of the two in the middle.
fn median(values: &[u64]) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(lower.midpoint(upper))
}

impl Answer for HistoryResult {
    const SCHEMA: &'static str = "nixlog.history/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::history(report)
    }
}

impl Answer for BaselineListResult {
    const SCHEMA: &'static str = "nixlog.baseline-list/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::baselines(report)
    }
}

impl Answer for BaselineShowResult {
    const SCHEMA: &'static str = "nixlog.baseline-show/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::baseline(report)
    }
}
