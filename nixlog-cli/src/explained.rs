//! A log with what depends on what in it.

use std::ops::{Deref, DerefMut};

use nixlog_core::analysis::critical_path::{CriticalPath, critical_path};
use nixlog_core::analysis::run_graph::RunGraph;
use nixlog_core::analysis::under_way::ended_by;
use nixlog_core::graph::DerivationGraph;

use crate::cli::{Formats, InputArgs, OutputArgs};
use crate::derivations::{self, GraphArgs};
use crate::error::CliError;
use crate::input::quoted;
use crate::load::{self, Log};
use crate::selection::slots_of;

/// A log that has been read, joined with the derivations that it is about.
pub(crate) struct Explained {
    log: Log,
    /// Derivations and what they need; empty where none were found.
    pub(crate) graph: DerivationGraph,
    /// What ran, and what of it needed what.
    pub(crate) run: RunGraph,
    /// The chain that explains the wall clock.
    pub(crate) path: CriticalPath,
    /// Why no report can be made of it, for people: programs get theirs all the same, and the status.
    refusal: Option<CliError>,
}

impl Deref for Explained {
    type Target = Log;

    fn deref(&self) -> &Log {
        &self.log
    }
}

impl DerefMut for Explained {
    fn deref_mut(&mut self) -> &mut Log {
        &mut self.log
    }
}

impl Explained {
    /// Tells whether anything is known of what depends on what.
    pub(crate) fn is_known(&self) -> bool {
        !self.run.coverage().is_nothing()
    }

    /// Ends a verb whose result has been written.
    pub(crate) fn end(self, written: Result<(), CliError>) -> Result<(), CliError> {
        written?;
        self.refusal.map_or(Ok(()), Err)
    }

    /// Returns the chain, where it is known what depends on what: else it is not worth much.
    pub(crate) fn known_path(&self) -> Option<&CriticalPath> {
        self.is_known().then_some(&self.path)
    }
}

/// Reads the log that the command line names, and finds its derivations.
pub(crate) fn log<F: Formats>(
    input: &InputArgs,
    graph: &GraphArgs,
    output: &OutputArgs<F>,
) -> Result<Explained, CliError> {
    let log = load::log(input, output.color.when)?;
    let refusal = match is_log(&log) {
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
    log.source.graph = found.origin.name();
    log.source.derivations = args.words();
    log.source.issues.extend(found.issues);
    log.timeline
        .tell_fixed_outputs(|path| found.graph.is_fixed_output(path));
    let mut run = RunGraph::new(&log.timeline, &found.graph);
    let slots = slots_of(None, &log);
    if run.coverage().unknown_ends > 0 {
        let bounds = ended_by(&log.timeline, &run, &slots);
        log.timeline.tell_ended_by(bounds);
        run = RunGraph::new(&log.timeline, &found.graph);
    }
    log.source.issues.extend(run.issues(&log.timeline));
    let path = critical_path(&log.timeline, &run, &slots);
    Ok(Explained {
        log,
        graph: found.graph,
        run,
        path,
        refusal: None,
    })
}
