//! A log with what depends on what in it.

use std::ops::{Deref, DerefMut};

use nixlog_core::log::{Log, Reading};

use crate::base::arguments::{Formats, OutputArgs};
use crate::base::error::CliError;
use crate::evidence::derivations::{self, GraphArgs};
use crate::evidence::read;
use crate::intake::arguments::InputArgs;
use crate::intake::input::quoted;

/// A log that has been read, joined with the derivations that it is about.
pub(crate) struct Explained {
    of: nixlog_core::log::Explained,
    /// Why no report can be made of it, for people: programs get theirs all the same, and the status.
    refusal: Option<CliError>,
}

impl Deref for Explained {
    type Target = nixlog_core::log::Explained;

    fn deref(&self) -> &Self::Target {
        &self.of
    }
}

impl DerefMut for Explained {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.of
    }
}

impl Explained {
    /// Ends a verb whose result has been written.
    pub(crate) fn end(self, written: Result<(), CliError>) -> Result<(), CliError> {
        written?;
        self.refusal.map_or(Ok(()), Err)
    }
}

/// Reads the log that the command line names, and finds its derivations.
pub(crate) fn log<F: Formats>(
    input: &InputArgs,
    graph: &GraphArgs,
    output: &OutputArgs<F>,
) -> Result<Explained, CliError> {
    watched(input, graph, output, |_| {})
}

/// The same; `prepare` may let somebody watch the logs of builds while it is read.
pub(crate) fn watched<F: Formats>(
    input: &InputArgs,
    graph: &GraphArgs,
    output: &OutputArgs<F>,
    prepare: impl FnOnce(&mut Reading),
) -> Result<Explained, CliError> {
    watched_for(input, graph, output, prepare, || false)
}

/// The same, of a log that may have nothing of a build where `is_enough` says so.
pub(crate) fn watched_for<F: Formats>(
    input: &InputArgs,
    graph: &GraphArgs,
    output: &OutputArgs<F>,
    prepare: impl FnOnce(&mut Reading),
    is_enough: impl FnOnce() -> bool,
) -> Result<Explained, CliError> {
    let log = read::log_with(input, output.color.when, prepare)?;
    let refusal = match is_log(&log) {
        Err(_) if is_enough() => None,
        Err(error) if !output.is_json() => return Err(error),
        checked => checked.err(),
    };
    let mut log = join(log, graph)?;
    log.refusal = refusal;
    Ok(log)
}

/// Refuses what no report can be made of. A recording is a log, even if its command ran no Nix.
fn is_log(log: &Log) -> Result<(), CliError> {
    let (source, timeline) = (&log.source, &log.timeline);
    let is_something = timeline.is_nix() || !timeline.units().is_empty();
    if is_something || source.recording.header.is_some() {
        return Ok(());
    }
    let name = quoted(&source.name);
    if source.bytes == 0 {
        return Err(CliError::new(format!("{name} is empty"))
            .hint("Nix logs to standard error: `nix build … 2> build.log`"));
    }
    Err(CliError::new(format!("nothing of a Nix build in {name}"))
        .hint("what was read of it: `nixlog doctor`")
        .hint("which carrier it is in can be said: `--carrier NAME`"))
}

/// Joins a log with its derivations.
pub(crate) fn join(mut log: Log, args: &GraphArgs) -> Result<Explained, CliError> {
    let found = derivations::find(args, std::mem::take(&mut log.brought), &log.timeline)?;
    log.source.derivations = args.words();
    Ok(Explained {
        of: log.with_derivations(found),
        refusal: None,
    })
}
