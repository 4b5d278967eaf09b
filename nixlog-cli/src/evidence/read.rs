//! Reads what a verb is about: a log, or what the store remembers of a build without one.

use std::path::Path;

use nixlog_core::log::{Log, Reading};
use nixlog_core::wire::LogReader;

use crate::archive::runs::select;
use crate::base::arguments::ColorWhen;
use crate::base::error::CliError;
use crate::base::output;
use crate::evidence::{forecast, history, reconstruct};
use crate::intake::arguments::InputArgs;
use crate::intake::load::load;

/// Reads the log that the command line names; records it, where it is one that comes in live, and says
/// so.
pub(crate) fn log(args: &InputArgs, color: ColorWhen) -> Result<Log, CliError> {
    log_with(args, color, |_| {})
}

/// The same; `prepare` may let somebody watch.
pub(crate) fn log_with(
    args: &InputArgs,
    color: ColorWhen,
    prepare: impl FnOnce(&mut Reading),
) -> Result<Log, CliError> {
    if let Some(name) = args.input.as_deref().and_then(Path::to_str)
        && !select::is_last(name)
        && let Some(text) = reconstruct::as_input(name)
    {
        return Ok(recording_with(name, &text?, prepare));
    }
    let loaded = load(args, color, |reading, display| {
        prepare(reading);
        if let Some(display) = display {
            forecast::ahead(display, None);
        }
    })?;
    if let Some(run) = loaded.saved {
        if !args.quiet {
            output::note(&format!("recorded as {}", run.title()));
        }
        history::remember(&run);
    }
    Ok(loaded.log)
}

/// Reads a recording that is in memory.
pub(crate) fn recording(name: &str, text: &[u8]) -> Log {
    recording_with(name, text, |_| {})
}

fn recording_with(name: &str, text: &[u8], prepare: impl FnOnce(&mut Reading)) -> Log {
    let mut reading = Reading::new(LogReader::new(None));
    prepare(&mut reading);
    // What is in memory can be read to its end.
    drop(reading.all(text));
    reading.finish(name, None)
}
