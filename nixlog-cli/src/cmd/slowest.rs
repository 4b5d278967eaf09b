//! `nixlog slowest`.

use nixlog_core::analysis::slowest::{self, Options};
use nixlog_core::report::table::Names;
use nixlog_core::report::unit::UnitView;
use nixlog_core::report::verbs;
use nixlog_core::time::Nanos;
use nixlog_core::timeline::UnitKind;
use regex::Regex;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::{duration, kind, matches, top};
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

    /// Only units whose name or path matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<Regex>,

    /// Only units of these kinds: build, source-fetch, substitution, query, evaluation …
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind, help_heading = "Selection")]
    kind: Vec<UnitKind>,

    /// Only units that took at least this long: 500ms, 30s, 2m
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
    let mut options = Options::default();
    options.kinds.clone_from(&args.kind);
    options.min_duration = args.min_duration;
    let slowest = slowest::slowest(&log.timeline, &options);
    let wanted = |unit: &UnitView| matches(args.filter.as_ref(), unit);
    let result =
        verbs::slowest::result(&log.timeline, &slowest, log.known_path(), wanted, args.top);
    let report = log.report(result);
    let names = Names::new(args.full_paths);
    log.end(output::write(&args.output, &args.input, &report, &names))
}
