//! What reports say of a run in the store.

use nixlog_core::report::verbs::runs::StoredRunView;
use nixlog_core::timeline::{Issue, IssueCode};

use crate::archive::runs::{Names, Run, State, Summary};

/// Makes a view of a run; `None` where it is gone since the folder was read.
pub(super) fn stored(run: &Run, names: &Names) -> Option<StoredRunView> {
    let summary = run.summary().ok()?;
    let mut view = StoredRunView::default();
    view.id = run.id.to_string();
    view.name = names.of(run.id).map(str::to_owned);
    view.path = run.path().display().to_string();
    describe(&mut view, summary);
    Some(view)
}

fn describe(view: &mut StoredRunView, summary: Summary) {
    view.bytes = summary.bytes;
    view.state = (&summary.state).into();
    view.complete = summary.state == State::Complete;
    if let State::Damaged(why) = summary.state {
        view.problem = Some(why);
    }
    if let Some(header) = summary.header {
        view.started_at = header.started_at;
        view.command = header.command;
        view.via = Some(header.via);
        view.cwd = header.cwd;
        view.host = header.host;
    }
    if let Some(end) = summary.end {
        view.wall_ns = Some(end.duration_ns);
        view.exit_status = end.exit_status;
        view.signal = end.signal;
    }
}

/// Says what is wrong with damaged runs.
pub(super) fn problems(runs: &[StoredRunView]) -> Vec<Issue> {
    let damaged = runs.iter().filter_map(|run| {
        let why = run.problem.as_ref()?;
        let message = format!("`{}` cannot be read: {why}", run.path);
        Some(Issue::warning(IssueCode::DamagedRun, message))
    });
    damaged.collect()
}
