//! `nixlog cache-candidates`.

use std::collections::HashSet;

use nixlog_core::analysis::cache_candidates::{Candidates, cache_candidates};
use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::what_if::Questions;
use nixlog_core::report::table::Names;
use nixlog_core::report::unit::brief;
use nixlog_core::report::verbs;
use regex::Regex;
use serde_json::Value;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::{SlotArgs, names, top};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained::{self, Explained};
use crate::evidence::globs::Globs;
use crate::evidence::sizes;
use crate::intake::arguments::InputArgs;

/// List the builds that would save most time if a cache had them
///
/// The first row is the best single build, the second the best in addition to it, and so on; each is
/// simulated together with those above. Builds that save nearly the same are ranked by how many others
/// need them. Left out are the requested outputs and builds with `allowSubstitutes = false`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    #[command(flatten)]
    slots: SlotArgs,

    /// How many builds to list; 0 for all that save time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Only units whose name or path matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<Regex>,

    /// Leave out builds that GLOB matches: a name, with or without its version, or a store path;
    /// repeatable
    #[arg(long, value_name = "GLOB", help_heading = "Selection")]
    exclude: Vec<String>,

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, &args.output)?;
    let makespan = Makespan::new(&log.timeline, &log.run, &args.slots.of(&log));
    let wanted = |name: &str, path: &str| names(args.filter.as_ref(), &[name, path]);
    let suggestion = Suggestion {
        n: args.top,
        full_paths: args.full_paths,
        wanted: &wanted,
        exclude: &args.exclude,
        graph: &args.graph,
    };
    let written = suggest(
        &log,
        makespan.as_ref(),
        &suggestion,
        &args.input,
        &args.output,
    );
    log.end(written)
}

/// What to suggest, and how.
pub(crate) struct Suggestion<'a> {
    pub(crate) n: usize,
    pub(crate) full_paths: bool,
    /// Chooses by name and path.
    pub(crate) wanted: &'a dyn Fn(&str, &str) -> bool,
    /// Globs of builds that are not to be suggested.
    pub(crate) exclude: &'a [String],
    pub(crate) graph: &'a GraphArgs,
}

/// Finds the builds that could come from a cache.
pub(super) fn candidates(log: &Explained, is_excluded: impl Fn(usize) -> bool) -> Candidates {
    let run = &log.source.recording;
    let settings = run.settings.as_ref().map(|it| &it.settings);
    let always = settings.and_then(|it| it.get("always-allow-substitutes"));
    let always = always == Some(&Value::Bool(true));
    let command = run.header.as_ref().map_or(&[][..], |it| &it.command);
    Candidates::new(
        &log.timeline,
        &log.run,
        &log.graph,
        command,
        always,
        is_excluded,
    )
}

/// Prints the builds that are worth having in a cache.
pub(crate) fn suggest(
    log: &Explained,
    makespan: Option<&Makespan>,
    suggestion: &Suggestion<'_>,
    input: &InputArgs,
    output: &OutputArgs,
) -> Result<(), CliError> {
    let assumptions = sizes::assumptions(log, suggestion.graph);
    let globs = Globs::new(log);
    let mut excluded = HashSet::new();
    for glob in suggestion.exclude {
        excluded.extend(globs.all(glob)?);
    }
    let mut candidates = candidates(log, |unit| excluded.contains(&unit));
    candidates.units.retain(|&unit| {
        let unit = brief(&log.timeline, unit);
        (suggestion.wanted)(&unit.name, &unit.path)
    });
    let known = makespan.filter(|_| log.is_known());
    let n = match suggestion.n {
        0 => usize::MAX,
        n => n,
    };
    let picks = known.map(|makespan| {
        let questions = Questions::new(&log.timeline, &log.run, makespan, assumptions.clone());
        cache_candidates(&log.run, &questions, &candidates.units, n)
    });
    let result = verbs::cache_candidates::result(
        &log.timeline,
        &log.run,
        &log.graph,
        makespan,
        &candidates,
        picks.as_deref(),
        |unit| assumptions.nar_bytes.get(&unit).copied(),
    );
    let report = log.report(result);
    let names = Names::new(suggestion.full_paths);
    output::write(output, input, &report, &names)
}
