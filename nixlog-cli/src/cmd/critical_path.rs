//! `nixlog critical-path`.

use nixlog_core::analysis::structural::{structural, without_builder_phases};
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::top;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// Show the chain of work and waits that explains the wall time
///
/// The chain leads from the start to the unit that ended last. Each step shows how long it took, how
/// long it waited and for what, and what would be saved if it were free. The steps add up to the wall
/// time exactly.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// Show the longest path of the dependency graph instead: the build time with unlimited slots
    #[arg(long, help_heading = "Selection")]
    structural: bool,

    /// Also list units with little slack: at most this share of the longest path, such as 5%
    #[arg(long, value_name = "PERCENT", value_parser = percent, requires = "structural", help_heading = "Selection")]
    near: Option<f64>,

    /// Show the builder phases below each build
    #[arg(long, conflicts_with = "structural", help_heading = "Selection")]
    by_builder_phase: bool,

    /// How many of the longest steps to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
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
    let structural = structural(&log.run);
    let without = without_builder_phases(&log.timeline, &log.run, &structural);
    let result =
        verbs::critical_path::result(&log.timeline, &log.run, &log.path, &structural, &without);
    let report = log.report(result);
    let mut options = verbs::critical_path::Options::default();
    options.names = Names::new(args.full_paths);
    options.top = args.top;
    options.structural = args.structural;
    options.near = args.near;
    options.by_builder_phase = args.by_builder_phase;
    log.end(output::write(&args.output, &args.input, &report, &options))
}

/// Reads `5%`, or `5`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let number: Option<f64> = number.parse().ok();
    number
        .filter(|number| (0.0..=100.0).contains(number))
        .map(|number| number / 100.0)
        .ok_or_else(|| "expected a percentage from 0% to 100%".to_owned())
}
