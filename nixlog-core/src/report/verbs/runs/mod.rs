//! `runs`: recorded runs, without what is in their logs.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use super::doctor::{KindView, kinds};
use crate::names::named;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report};
use crate::timeline::{Source, Timeline};

named! {
    /// How a recording is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RunState, default Complete {
        /// It has its end.
        Complete = "complete",
        /// It is still being written.
        Running = "running",
        /// It stops early.
        CutOff = "cut-off",
        /// It cannot be read.
        Damaged = "damaged",
    }
}

named! {
    /// The limit that a removed run is beyond.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PruneReason, default Age {
        /// It is too old.
        Age = "age",
        /// There are too many newer ones.
        Runs = "runs",
        /// It and the newer ones are too large.
        Bytes = "bytes",
    }
}

/// A run in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct StoredRunView {
    /// Its id.
    pub id: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The instant of stamp zero, RFC 3339.
    pub started_at: Option<String>,
    /// From the start until the command or its log ended; `null` where the recording has no end.
    pub wall_ns: Option<u64>,
    /// The command line; empty where it is not known.
    pub command: Vec<String>,
    /// The command's exit status; `null` where a signal ended it, or where nobody knows: in a pipe.
    pub exit_status: Option<i32>,
    /// The signal that ended the command.
    pub signal: Option<i32>,
    /// The recording has its end.
    pub complete: bool,
    /// How the recording is.
    pub state: RunState,
    /// What is wrong with a damaged recording.
    pub problem: Option<String>,
    /// How the log came in: `run`, `pipe`, `socket`, `import`, `reconstruct`.
    pub via: Option<String>,
    /// The working directory.
    pub cwd: Option<String>,
    /// The machine's name.
    pub host: Option<String>,
    /// How long the recording's file is.
    pub bytes: u64,
    /// Where it is.
    pub path: String,
}

/// What `runs list` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RunsListResult {
    /// The folder.
    pub folder: String,
    /// How many runs there are.
    pub total_runs: usize,
    /// How long their files are together.
    pub total_bytes: u64,
    /// How many of them `--filter` lets through.
    pub matching_runs: usize,
    /// The newest of these, newest first.
    pub runs: Vec<StoredRunView>,
}

/// What `runs show` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RunsShowResult {
    /// The run.
    pub run: StoredRunView,
    /// The nixlog that recorded it.
    pub recorded_by: Option<String>,
    /// The log that was imported.
    pub imported_from: Option<String>,
    /// What was wrapped around the lines of an imported log.
    pub carrier: Option<String>,
    /// Progress results that were left out.
    pub thinned: Option<u64>,
    /// How many units of each kind there are.
    pub units: Vec<KindView>,
}

/// Tells of a run what its recording says.
#[must_use]
pub fn show(run: StoredRunView, source: &Source, timeline: &Timeline) -> RunsShowResult {
    let header = source.recording.header.as_deref();
    RunsShowResult {
        run,
        recorded_by: header.map(|header| header.nixlog_version.clone()),
        imported_from: header.and_then(|header| header.imported_from.clone()),
        carrier: header.and_then(|header| header.carrier.clone()),
        thinned: source.recording.end.as_ref().map(|end| end.thinned),
        units: kinds(timeline),
    }
}

/// What `runs prune` did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RunsPruneResult {
    /// Nothing was removed: this is only what would be.
    pub dry_run: bool,
    /// What was removed, newest first.
    pub removed: Vec<PrunedRunView>,
    /// How long the removed files were together.
    pub removed_bytes: u64,
    /// How many runs are left.
    pub kept_runs: usize,
    /// How long their files are together.
    pub kept_bytes: u64,
    /// How many of them are kept because they have a name.
    pub named_runs: usize,
}

/// A run that was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PrunedRunView {
    /// The run.
    pub run: StoredRunView,
    /// The limit that it is beyond.
    pub reason: PruneReason,
}

impl Answer for RunsListResult {
    const SCHEMA: &'static str = "nixlog.runs-list/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::list(report)
    }
}

impl Answer for RunsShowResult {
    const SCHEMA: &'static str = "nixlog.runs-show/1";
    type From = Input;
    type Options = ();

    fn document(report: &Report<Self>, (): &()) -> Document {
        layout::show(report)
    }
}

impl Answer for RunsPruneResult {
    const SCHEMA: &'static str = "nixlog.runs-prune/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::prune(report)
    }
}
