//! `nixlog silence`.

use nixlog_core::analysis::inside::Traces;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::silence;
use nixlog_core::time::Nanos;

use super::inside::{insides, is_build, traced};
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::{duration, names, top};
use crate::evidence::derivations::GraphArgs;
use crate::intake::arguments::InputArgs;

/// List the longest stretches without output, and the `max-silent-time` that they need
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// Only builds whose name or path matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<regex::Regex>,

    /// Only silences of at least this length: 500ms, 30s, 2m
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Selection")]
    min_duration: Option<Nanos>,

    /// How many to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
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
    let traces = Traces::of_silences();
    let (log, mut traces) = traced(&args.input, &args.graph, &args.output, traces)?;
    let timeline = &log.timeline;
    let is_wanted = |unit: &usize| {
        let unit = &timeline.units()[*unit];
        let own = [timeline.unit_name(unit), timeline.name(unit.subject)];
        is_build(unit) && names(args.filter.as_ref(), &own)
    };
    let builds: Vec<usize> = (0..timeline.units().len()).filter(is_wanted).collect();
    let insides = insides(&log, &builds, &mut traces);
    let min_ns = args.min_duration.unwrap_or_default().get();
    let result = silence::result(timeline, &builds, &insides, min_ns, args.top);
    let report = log.report(result);
    let names = Names::new(args.full_paths);
    let written = output::write(&args.output, &args.input, &report, &names);
    log.end(written)
}
