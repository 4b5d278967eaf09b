//! `nixlog rebuilds`.

use std::path::PathBuf;

use clap_complete::ArgValueCompleter;
use nixlog_core::analysis::cache::cache_use;
use nixlog_core::analysis::rebuilds::{Ran, Side};
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs;

use crate::archive::runs::complete;
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::top;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained::{self, Explained};
use crate::intake::arguments::InputArgs;

/// Show why things were built this time, and not last time
///
/// Compares the derivations of two runs, the earlier one first. What differs by itself is a root; what differs
/// only because something below it does follows. Of one run alone: why what was built came from no cache.
#[derive(Debug, clap::Args)]
#[command(after_help = "The last run and the one before it: nixlog rebuilds last~1 last")]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    /// The later run, where there are two; named like the first
    #[arg(value_name = "LATER", add = ArgValueCompleter::new(complete::inputs))]
    later: Option<PathBuf>,

    #[command(flatten)]
    graph: GraphArgs,

    /// How many roots to list, and how many builds that nothing explains; 0 for all
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
    let read = |input: &InputArgs| {
        explained::watched(input, &args.graph, &args.output, |reading| {
            reading.keep_recipes();
        })
    };
    let (before, log) = match &args.later {
        None => (None, read(&args.input)?),
        Some(later) => {
            let before = read(&args.input)?;
            (Some(before), read(&args.input.with(later.clone()))?)
        }
    };
    let before_ran = before.as_ref().map(|it| (&it.source, ran(it, args)));
    let after = ran(&log, args);
    let caches = cache_use(&log.timeline, &log.source, &log.graph, None);
    let before_ran = before_ran.as_ref().map(|(source, ran)| (*source, ran));
    let result = verbs::rebuilds::result(&after, before_ran, &caches.built, args.top);
    let report = log.report(result);
    let names = Names::new(args.full_paths);
    let written = output::write(&args.output, &args.input, &report, &names);
    log.end(written)
}

/// Takes the derivations of a run; where some are given, those of the other run are among them.
fn ran<'a>(log: &'a Explained, args: &Args) -> Ran<'a> {
    let side = match args.graph.derivations.is_empty() {
        true => Side::all(&log.graph),
        false => Side::of_run(&log.graph, &log.run),
    };
    Ran::new(&log.timeline, &log.run, side)
}
