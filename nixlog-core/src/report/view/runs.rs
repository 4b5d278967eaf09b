//! What `runs` leaves: recorded runs, without what is in their logs.

use serde::Serialize;

use super::doctor::kinds;
use super::{Diagnostic, Input, KindView};
use crate::timeline::{Issue, Source, Timeline};

/// A result about the store of runs, for which no log was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunsReport<R> {
    /// `nixlog.runs-<verb>/<version>`.
    pub schema: &'static str,
    /// The version of nixlog that made it.
    pub nixlog_version: &'static str,
    /// Always `null`.
    pub input: Option<Input>,
    /// What a reader of the result should know.
    pub diagnostics: Vec<Diagnostic>,
    /// The result.
    pub result: R,
}

/// Wraps a result about the store of runs.
#[must_use]
pub fn runs_report<R>(schema: &'static str, issues: &[Issue], result: R) -> RunsReport<R> {
    RunsReport {
        schema,
        nixlog_version: env!("CARGO_PKG_VERSION"),
        input: None,
        diagnostics: issues.iter().map(Diagnostic::from).collect(),
        result,
    }
}

/// A run in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
    /// `complete`, `running`, `cut-off` or `damaged`.
    pub state: &'static str,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
pub fn runs_show(run: StoredRunView, source: &Source, timeline: &Timeline) -> RunsShowResult {
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PrunedRunView {
    /// The run.
    pub run: StoredRunView,
    /// The limit that it is beyond: `age`, `runs` or `bytes`.
    pub reason: &'static str,
}
