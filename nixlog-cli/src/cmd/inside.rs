//! `nixlog inside`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use nixlog_core::analysis::inside::{Inside, StepOrder, Traces};
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::inside::{self, Listing};
use nixlog_core::timeline::{Unit, UnitKind, Watched};

use crate::base::arguments::{Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::top;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained::{self, Explained};
use crate::evidence::globs::Globs;
use crate::intake::arguments::InputArgs;

/// Show where the time went within one build: compiling, linking, tests, silence
///
/// Read from the lines that the build's tools print: ninja, make, cmake, meson, cargo, ghc, go, configure,
/// pytest, ctest … What a tool does not tell is marked, or missing.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The build: a name, with or without its version, a store path, or a glob; of several the longest
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// Sum all builds up that NAME matches
    #[arg(long, help_heading = "Selection")]
    sum: bool,

    /// What to sort steps by
    #[arg(long, value_name = "BY", default_value = StepOrder::Duration.name(), value_parser = order(), help_heading = "Selection")]
    sort: StepOrder,

    /// How many steps to list; 0 for all
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

const EXAMPLES: &str = "Examples:\n    \
    nixlog inside llvm\n    \
    nixlog inside 'python3*' build.log --sort start --top 0\n    \
    nixlog inside '*' --sum";

fn order() -> impl TypedValueParser<Value = StepOrder> {
    let names = PossibleValuesParser::new(StepOrder::ALL.map(StepOrder::name));
    names.try_map(|name| {
        let mut all = StepOrder::ALL.into_iter();
        all.find(|by| by.name() == name).ok_or("no such order")
    })
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let (log, mut traces) = traced(&args.input, &args.graph, &args.output, Traces::default())?;
    let units = log.timeline.units();
    let globs = Globs::new(&log);
    let mut matching = match units.iter().any(is_build) {
        true => globs.find("inside", &args.name, UnitKind::is_derivation)?,
        // Nothing could match: the report says why.
        false => Vec::new(),
    };
    matching.sort_by_key(|unit| Reverse(units[*unit].duration()));
    let insides = insides(&log, &matching, &mut traces);
    let listing = Listing::new(args.sort, args.top, args.sum);
    let report = log.report(inside::result(&log.timeline, &matching, &insides, listing));
    let names = Names::new(args.full_paths);
    let written = output::write(&args.output, &args.input, &report, &names);
    log.end(written)
}

/// Reads a log, and keeps of the lines of builds what tells of their insides.
pub(crate) fn traced<F: Formats>(
    input: &InputArgs,
    graph: &GraphArgs,
    output: &OutputArgs<F>,
    traces: Traces,
) -> Result<(Explained, Traces), CliError> {
    let watched = Watched::new(traces);
    let watcher = watched.clone();
    let log = explained::watched(input, graph, output, |reading| {
        reading.watch_builds(watcher);
    })?;
    Ok((log, watched.take()))
}

/// Tells whether a unit may have a log.
pub(crate) fn is_build(unit: &Unit) -> bool {
    unit.started && unit.kind.is_derivation()
}

/// Returns what is known of the insides of some units, by their places.
pub(crate) fn insides(
    log: &Explained,
    units: &[usize],
    traces: &mut Traces,
) -> BTreeMap<usize, Inside> {
    let timeline = &log.timeline;
    let inside = |unit: &usize| {
        let inside = Inside::new(timeline, &timeline.units()[*unit], traces)?;
        Some((*unit, inside))
    };
    units.iter().filter_map(inside).collect()
}
