//! `nixlog bottlenecks`.

use nixlog_core::analysis::bottlenecks::bottlenecks;
use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::structural::structural;
use nixlog_core::report::table::Names;
use nixlog_core::report::unit::UnitBrief;
use nixlog_core::report::verbs;
use nixlog_core::time::Nanos;
use regex::Regex;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::{SlotArgs, duration, names, top};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// List the units that hold others up, and the times when slots stood idle
///
/// Units are ranked by what would be saved if they were free, simulated on the recorded slots; the
/// saving with unlimited slots stands beside it. A second table lists the intervals in which slots
/// stood idle although work was left, and the unit that held them up.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    #[command(flatten)]
    slots: SlotArgs,

    /// How many rows of each table to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Only units whose name or path matches, and the intervals that they held up
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<Regex>,

    /// Only units and intervals that took at least this long: 500ms, 30s, 2m
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Selection")]
    min_duration: Option<Nanos>,

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, &args.output)?;
    let makespan = Makespan::new(&log.timeline, &log.run, &args.slots.of(&log));
    let makespan = makespan.as_ref();
    let structural = structural(&log.run);
    let found = bottlenecks(&log.timeline, &log.run, &log.path, &structural, makespan);
    let wanted = |unit: &UnitBrief| names(args.filter.as_ref(), &[&unit.name, &unit.path]);
    let listed = verbs::bottlenecks::Listed::new(wanted, args.min_duration, args.top);
    let result = verbs::bottlenecks::result(&log.timeline, &log.run, &found, makespan, &listed);
    let report = log.report(result);
    let names = Names::new(args.full_paths);
    log.end(output::write(&args.output, &args.input, &report, &names))
}
