//! `nixlog failures`.

use clap::ValueEnum;
use nixlog_core::analysis::excerpts::Excerpts;
use nixlog_core::analysis::failures::failures;
use nixlog_core::report::table::Names;
use nixlog_core::report::unit::UnitView;
use nixlog_core::report::{github, junit, verbs};
use nixlog_core::timeline::Watched;
use regex::Regex;

use crate::base::arguments::{Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::{matches, top};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::{explained, stored_logs};
use crate::intake::arguments::InputArgs;

/// Show what failed, the lines of its log that say why, and what could not be built for it
///
/// What failed by itself comes first; what merely depends on it is counted there. Of each log the lines are
/// shown that name the cause, and the last ones.
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

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs<FailuresFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailuresFormat {
    /// A table, and what there is to know of each
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown, for step summaries and issues
    #[value(alias = "markdown")]
    Md,
    /// The table, in nanoseconds
    Csv,
    /// JUnit XML: each derivation is a test case
    Junit,
    /// Annotations of GitHub Actions, ten at most
    Github,
}

impl Formats for FailuresFormat {
    const JSON: Self = Self::Json;
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let excerpts = Watched::<Excerpts>::default();
    let log = explained::watched(&args.input, &args.graph, &args.output, |reading| {
        reading.watch_builds(excerpts.clone());
    })?;
    let mut excerpts = excerpts.take();
    if !args.graph.no_store {
        stored_logs::add(&log, &mut excerpts);
    }
    let failures = failures(&log.timeline, &log.graph, &excerpts);
    // A list of test cases has all of them.
    let top = match args.output.format {
        FailuresFormat::Junit => 0,
        _ => args.top,
    };
    let wanted = |unit: &UnitView| matches(args.filter.as_ref(), unit);
    let result = verbs::failures::result(&log.timeline, &failures, wanted, top);
    let report = log.report(result);
    let options = verbs::failures::Options::new(Names::new(args.full_paths));
    let written = output::write_with(&args.output, &args.input, |format, style, out| {
        let common = match format {
            FailuresFormat::Text => Format::Text,
            FailuresFormat::Json => Format::Json,
            FailuresFormat::Md => Format::Md,
            FailuresFormat::Csv => Format::Csv,
            FailuresFormat::Junit => return junit::write(&report, out),
            FailuresFormat::Github => return github::write(&report, out),
        };
        output::render(common, style, &report, &options, out)
    });
    log.end(written)
}
