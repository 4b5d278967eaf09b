//! `nixlog slowest`.

use nixlog_core::analysis::selection::{SortBy, select};
use nixlog_core::report::table::Names;
use nixlog_core::report::unit::UnitView;
use nixlog_core::report::verbs;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::{UnitArgs, top};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// List the units that took longest: builds, downloads, queries, evaluation
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// How many to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    #[command(flatten)]
    units: UnitArgs,

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, &args.output)?;
    let units = select(&log.timeline, &args.units.selection(SortBy::Duration));
    let wanted = |unit: &UnitView| args.units.matches(unit);
    let result = verbs::slowest::result(&log.timeline, &units, log.known_path(), wanted, args.top);
    let report = log.report(result);
    let names = Names::new(args.full_paths);
    log.end(output::write(&args.output, &args.input, &report, &names))
}
