//! `nixlog critical-path`.

use nixlog_core::analysis::structural::{structural, without_builder_phases};
use nixlog_core::report::document::{self, PathOptions};
use nixlog_core::report::view;

use crate::cli::{InputArgs, OutputArgs};
use crate::derivations::GraphArgs;
use crate::error::CliError;
use crate::selection::top;
use crate::{explained, output};

/// Show the chain that explains the wall clock: what was done, and what it waited for
///
/// From the last thing to end back to the start: each step with how long it took, how long it waited
/// and for what, and how much sooner all would have been done without it. The steps add up to the wall
/// time exactly.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// Show the longest path of the graph instead: what no number of slots gets below
    #[arg(long, help_heading = "Selection")]
    structural: bool,

    /// List what is nearly critical too: with at most this much slack, say 5% of the longest path
    #[arg(long, value_name = "PERCENT", value_parser = percent, requires = "structural", help_heading = "Selection")]
    near: Option<f64>,

    /// Below each build, the builder phases that it consists of
    #[arg(long, conflicts_with = "structural", help_heading = "Selection")]
    by_builder_phase: bool,

    /// How many steps to list, the longest; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Show store paths in place of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, args.output.color.when)?;
    let structural = structural(&log.run);
    let without = without_builder_phases(&log.timeline, &log.run, &structural);
    let result = view::critical_path(&log.timeline, &log.run, &log.path, &structural, &without);
    let report = log.report("nixlog.critical-path/1", result);
    let mut options = PathOptions::default();
    options.full_paths = args.full_paths;
    options.top = args.top;
    options.structural = args.structural;
    options.near = args.near;
    options.by_builder_phase = args.by_builder_phase;
    let document = document::critical_path(&report, &options);
    output::write(&args.output, &args.input, &report, &document)
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
