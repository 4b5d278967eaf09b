//! `nixlog machines`.

use nixlog_core::analysis::machines::machines;
use nixlog_core::report::verbs;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// Show what remote machines built, and what that cost besides building
///
/// For each machine: how many builds it had, how long they waited for it, how long was spent on copying there
/// and back, and how much of what it had room for was used.
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
    let found = machines(
        &log.timeline,
        &log.source,
        &log.graph,
        &log.slots(None),
        log.known_path(),
    );
    let report = log.report(verbs::machines::result(&log.timeline, &found));
    let written = output::write(&args.output, &args.input, &report, &());
    log.end(written)
}
