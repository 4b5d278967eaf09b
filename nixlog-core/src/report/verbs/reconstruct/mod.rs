//! `reconstruct`: the sessions that the store remembers.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::reconstruction::{Run, Session};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, rfc3339};
use crate::timeline::{Outcome, UnitKind};

/// What the store remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ReconstructResult {
    /// The sessions, the latest first.
    pub sessions: Vec<SessionView>,
}

/// A stretch of time in which something ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SessionView {
    /// When the first of it started, RFC 3339.
    pub started_at: Option<String>,
    /// When the last of it ended.
    pub ended_at: Option<String>,
    /// How long it was.
    pub wall_ns: u64,
    /// Derivations that were built, source fetches among them.
    pub builds: u64,
    /// Store paths that came from elsewhere.
    pub substitutions: u64,
    /// Builds that failed.
    pub failed: u64,
    /// How many of all have no known duration.
    pub unknown_durations: u64,
    /// How long nothing is known to have run, at most.
    pub longest_pause_ns: Option<u64>,
    /// How long before the start the first derivation or source was written, to the second: an evaluation,
    /// this one or an earlier one, was at work then.
    pub written_before_ns: Option<u64>,
    /// The id of the run that it was saved as.
    pub run: Option<String>,
    /// The file that it was saved in.
    pub path: Option<String>,
    /// It is the one that was asked for: the session that built or fetched it, else the latest of what it
    /// needs.
    pub asked_for: bool,
}

/// Makes the view of a session.
#[must_use]
pub fn session(session: &Session, run: Option<String>, path: Option<String>) -> SessionView {
    let count = |is_counted: &dyn Fn(&Run) -> bool| {
        let counted = session.runs.iter().filter(|run| is_counted(run));
        counted.count() as u64
    };
    SessionView {
        started_at: rfc3339(session.start),
        ended_at: rfc3339(session.end),
        wall_ns: session.end.abs_diff(session.start),
        builds: count(&|run| run.kind.is_derivation()),
        substitutions: count(&|run| run.kind == UnitKind::Substitution),
        failed: count(&|run| run.outcome == Outcome::Failed),
        unknown_durations: count(&|run| run.start.is_none() || run.end.is_none()),
        longest_pause_ns: session.pause.map(|(from, until)| until.abs_diff(from)),
        written_before_ns: session
            .written_since
            .filter(|&at| at < session.start)
            .map(|at| session.start.abs_diff(at)),
        run,
        path,
        asked_for: false,
    }
}

impl Answer for ReconstructResult {
    const SCHEMA: &'static str = "nixlog.reconstruct/1";
    type From = Input;
    /// How many sessions to list; 0 for all.
    type Options = usize;

    fn document(report: &Report<Self>, top: &usize) -> Document {
        layout::document(report, *top)
    }
}

/// Makes the result of `reconstruct`.
#[must_use]
pub fn result(sessions: Vec<SessionView>) -> ReconstructResult {
    ReconstructResult { sessions }
}
