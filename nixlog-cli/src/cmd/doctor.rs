//! `nixlog doctor`.

use nixlog_core::analysis::sufficiency::sufficiency;
use nixlog_core::report::verbs;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::evidence::read;
use crate::intake::arguments::InputArgs;

/// Check a log: what it contains, what it can answer, and how to get the rest
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
    // What is no log is told here, too.
    let log = read::log(&args.input, args.output.color.when)?;
    let log = explained::join(log, &args.graph)?;
    let answers = sufficiency(&log.timeline, &log.run.coverage());
    let result = verbs::doctor::result(&log.source, &log.timeline, &answers);
    let report = log.report(result);
    output::write(&args.output, &args.input, &report, &())
}
