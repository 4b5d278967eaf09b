//! What is said when a command has ended: three lines, and the recording's name.

use nixlog_core::analysis::phases::phases;
use nixlog_core::analysis::selection::{Selection, select};
use nixlog_core::report::closing::{Ending, closing};
use nixlog_core::report::envelope::Report;
use nixlog_core::report::verbs;
use nixlog_core::timeline::{Source, Timeline};

use crate::archive::runs::Recorded;
use crate::base::output;

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
