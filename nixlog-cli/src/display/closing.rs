//! What is said when a command has ended: three lines, and the recording's name.

use std::io::{self, BufWriter, Write as _};

use nixlog_core::analysis::excerpts::Excerpts;
use nixlog_core::analysis::failures::failures;
use nixlog_core::analysis::phases::phases;
use nixlog_core::analysis::selection::{Selection, select};
use nixlog_core::graph::DerivationGraph;
use nixlog_core::report::closing::{Ending, closing};
use nixlog_core::report::envelope::{Answer as _, Report};
use nixlog_core::report::verbs::failures::Options;
use nixlog_core::report::{text, verbs};
use nixlog_core::timeline::{Source, Timeline};

use crate::archive::runs::Recorded;
use crate::base::arguments::ColorWhen;
use crate::base::held::step_aside;
use crate::base::output;

/// How many failures are shown.
const MOST_FAILURES: usize = 3;

/// Shows what failed and which lines of the logs say why, on standard error.
pub(crate) fn show_failures(
    source: &Source,
    timeline: &Timeline,
    graph: &DerivationGraph,
    excerpts: &Excerpts,
    color: ColorWhen,
) {
    let failures = failures(timeline, graph, excerpts);
    if failures.failed.iter().all(|failed| failed.recovered) {
        return;
    }
    let result = verbs::failures::result(timeline, &failures, |_| true, MOST_FAILURES);
    let report = Report::new(source, timeline, result);
    let document = verbs::failures::FailuresResult::document(&report, &Options::brief());
    step_aside();
    let mut out = BufWriter::new(io::stderr().lock());
    let style = output::style(color, &io::stderr());
    // Where standard error is gone, there is nobody to tell.
    drop(
        writeln!(out)
            .and_then(|()| text::write(&document, &style, &mut out))
            .and_then(|()| writeln!(out))
            .and_then(|()| out.flush()),
    );
}

/// Says it, on standard error.
pub(crate) fn say(
    source: &Source,
    timeline: &Timeline,
    ending: Ending,
    recorded: Option<&Recorded>,
) {
    let phases = verbs::phases::result(timeline, &phases(timeline));
    let units = select(timeline, &Selection::default());
    let units = verbs::slowest::result(timeline, &units, None, |_| true, 0);
    let report = Report::new(source, timeline, phases);
    for line in closing(&report, &units, ending) {
        output::note(&line);
    }
    if let Some(run) = recorded {
        output::note(&format!("recorded as {}", run.title()));
    }
}
