//! `nixlog cache`.

use nixlog_core::analysis::cache::cache_use;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::top;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// Show what caches gave, what they cost, and why the rest was built
///
/// For each cache: how often it was asked and had what was asked for, how fast it answered and sent, what
/// failed, and how much of that the build waited for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// How many builds to name for each reason; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, &args.output)?;
    let caches = cache_use(&log.timeline, &log.source, &log.graph, log.known_path());
    let result = verbs::cache::result(&log.timeline, &caches, args.top);
    let report = log.report(result);
    let names = Names::new(args.full_paths);
    let written = output::write(&args.output, &args.input, &report, &names);
    log.end(written)
}
