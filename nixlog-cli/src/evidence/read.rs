//! Reads what a verb is about: a log, or what the store remembers of a build without one.

use std::path::Path;

use nixlog_core::log::Log;

use crate::archive::runs::select;
use crate::base::arguments::ColorWhen;
use crate::base::error::CliError;
use crate::base::output;
use crate::evidence::reconstruct;
use crate::intake::arguments::InputArgs;
use crate::intake::load::load;

/// Reads the log that the command line names; records it, where it is one that comes in live, and says
/// so.
pub(crate) fn log(args: &InputArgs, color: ColorWhen) -> Result<Log, CliError> {
    if let Some(name) = args.input.as_deref().and_then(Path::to_str)
        && !select::is_last(name)
        && let Some(text) = reconstruct::as_input(name)
    {
        return Ok(recording(name, &text?));
    }
    let loaded = load(args, color)?;
    if let Some(run) = loaded.saved.filter(|_| !args.quiet) {
        output::note(&format!("recorded as {}", run.title()));
    }
    Ok(loaded.log)
}

/// Reads a recording that is in memory.
pub(crate) fn recording(name: &str, text: &[u8]) -> Log {
    let mut log = nixlog_core::read(text);
    log.source.name = name.to_owned();
    log
}
