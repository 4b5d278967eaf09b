//! `nixlog phases`.

use nixlog_core::analysis;
use nixlog_core::report::{document, view};

use crate::cli::{InputArgs, OutputArgs};
use crate::error::CliError;
use crate::{load, output};

/// Show where the wall clock went: evaluation, fetching, building, copying, waiting
///
/// Each instant is split equally among the phases that are active in it, so the wall column adds up to
/// the wall time exactly. Below it: the phases inside the builders (buildPhase, checkPhase …).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = load::log(&args.input, args.output.color)?;
    let phases = analysis::phases::phases(&log.timeline);
    let result = view::phases(&log.timeline, &phases);
    let report = log.report("nixlog.phases/1", result);
    output::write(
        &args.output,
        &args.input,
        &report,
        &document::phases(&report),
    )
}
