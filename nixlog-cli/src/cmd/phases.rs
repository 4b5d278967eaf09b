//! `nixlog phases`.

use nixlog_core::analysis;
use nixlog_core::report::verbs;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// Show how the wall time divides into evaluation, fetching, building, copying and waiting
///
/// Each instant is split equally among the phases active in it, so the wall column adds up to the wall
/// time exactly. A second table shows the builder phases (buildPhase, checkPhase …).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    graph: GraphArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, &args.output)?;
    let mut phases = analysis::phases::phases(&log.timeline);
    phases.explain(&log.path);
    if let Some(path) = log.known_path() {
        phases.book(&log.timeline, path);
    }
    let result = verbs::phases::result(&log.timeline, &phases);
    let report = log.report(result);
    log.end(output::write(&args.output, &args.input, &report, &()))
}
