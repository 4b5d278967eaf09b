//! `nixlog cache-candidates`.

use nixlog_core::analysis::cache_candidates::cache_candidates;
use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::what_if::{Assumptions, Questions};
use nixlog_core::report::{document, view};
use regex::Regex;

use crate::cli::{InputArgs, OutputArgs};
use crate::derivations::GraphArgs;
use crate::error::CliError;
use crate::explained::{self, Explained};
use crate::output;
use crate::selection::{SlotArgs, names, top};

/// List the few builds whose presence in a cache would save most time together
///
/// The best one first, then the best in addition to it, and so on: each is simulated together with all
/// before it. What only they need is not built then.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    #[command(flatten)]
    slots: SlotArgs,

    /// How many to pick; 0 for as many as save anything
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Only those whose name or path matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<Regex>,

    /// Show store paths in place of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, args.output.color.when)?;
    let makespan = Makespan::new(&log.timeline, &log.run, &args.slots.of(&log));
    let wanted = |name: &str, path: &str| names(args.filter.as_ref(), &[name, path]);
    let suggestion = Suggestion {
        n: args.top,
        full_paths: args.full_paths,
        wanted: &wanted,
    };
    suggest(
        &log,
        makespan.as_ref(),
        &suggestion,
        &args.input,
        &args.output,
    )
}

/// What to suggest, and how.
pub(crate) struct Suggestion<'a> {
    pub(crate) n: usize,
    pub(crate) full_paths: bool,
    /// Chooses by name and path.
    pub(crate) wanted: &'a dyn Fn(&str, &str) -> bool,
}

/// Prints the builds that are worth having in a cache.
pub(crate) fn suggest(
    log: &Explained,
    makespan: Option<&Makespan>,
    suggestion: &Suggestion<'_>,
    input: &InputArgs,
    output: &OutputArgs,
) -> Result<(), CliError> {
    let sizes = Assumptions::from_graph(&log.run, &log.graph);
    let wanted: Vec<bool> = (0..log.timeline.units().len())
        .map(|unit| {
            let unit = view::brief(&log.timeline, unit);
            (suggestion.wanted)(&unit.name, &unit.path)
        })
        .collect();
    let known = makespan.filter(|_| log.is_known());
    let n = match suggestion.n {
        0 => usize::MAX,
        n => n,
    };
    let picks = known.map(|makespan| {
        let questions = Questions::new(&log.timeline, &log.run, makespan, sizes.clone());
        cache_candidates(&log.timeline, &log.run, &questions, |unit| wanted[unit], n)
    });
    let size = |unit: usize| sizes.nar_bytes.get(&unit).copied();
    let picks = picks.as_deref();
    let result = view::cache_candidates(&log.timeline, &log.run, &log.graph, makespan, picks, size);
    let report = log.report("nixlog.cache-candidates/1", result);
    let options = document::Options::new(suggestion.full_paths);
    let document = document::cache_candidates(&report, options);
    output::write(output, input, &report, &document)
}
