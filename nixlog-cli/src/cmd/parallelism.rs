//! `nixlog parallelism`.

use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::parallelism::parallelism;
use nixlog_core::report::verbs;

use crate::base::arguments::{Format, OutputArgs};
use crate::base::error::CliError;
use crate::base::selection::{SlotArgs, slots};
use crate::base::{output, terminal};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// Show how parallel the build was, and what more jobs would gain
///
/// Shows work, span, utilization and the number of builds at once, then simulates the build with every
/// number of jobs. It tells from which number on more jobs gain nothing, and what Nix's order of builds
/// costs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    #[command(flatten)]
    slots: SlotArgs,

    /// The highest number of jobs to simulate; default: four times the recorded number, from 16 to 64
    #[arg(
        long,
        value_name = "N",
        value_parser = slots(),
        help_heading = "Simulation"
    )]
    most_slots: Option<u32>,

    /// Draw with ASCII characters only; default if the locale is not UTF-8
    #[arg(long, help_heading = "Output")]
    ascii: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, &args.output)?;
    let makespan = Makespan::new(&log.timeline, &log.run, &args.slots.of(&log));
    let found = makespan
        .as_ref()
        .map(|makespan| parallelism(&log.timeline, &log.run, makespan, args.most_slots));
    let result =
        verbs::parallelism::result(&log.timeline, &log.run, makespan.as_ref(), found.as_ref());
    let report = log.report(result);
    let mut options = verbs::parallelism::Options::default();
    options.ascii = args.ascii || terminal::is_ascii();
    options.every = args.output.format == Format::Csv;
    log.end(output::write(&args.output, &args.input, &report, &options))
}
