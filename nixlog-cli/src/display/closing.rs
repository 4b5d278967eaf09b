//! What is said when a command has ended: three lines, and the recording's name.

use nixlog_core::analysis::phases::phases;
use nixlog_core::analysis::slowest::{Options, slowest};
use nixlog_core::report::document::{self, Ending};
use nixlog_core::report::view;
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
    let phases = view::phases(timeline, &phases(timeline));
    let units = slowest(timeline, &Options::default());
    let units = view::slowest(timeline, &units, None, |_| true, 0);
    let report = view::report("nixlog.phases/1", source, timeline, phases);
    for line in document::closing(&report, &units, ending) {
        output::note(&line);
    }
    if let Some(run) = recorded {
        output::note(&format!("recorded as {}", run.title()));
    }
}
