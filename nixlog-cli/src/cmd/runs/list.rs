//! `nixlog runs list`.

use nixlog_core::report::envelope::Report;
use nixlog_core::report::verbs::runs::{RunsListResult, StoredRunView};
use regex::Regex;

use super::stored::{problems, stored};
use crate::archive::runs::Place;
use crate::archive::runs::select::Store;
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::{names, top};

/// List the recorded runs, newest first
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Only runs whose name, id or command line matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<Regex>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let place = Place::known()?;
    let store = Store::read(&place)?;
    let runs = store.runs.iter();
    let runs: Vec<StoredRunView> = runs.filter_map(|run| stored(run, &store.names)).collect();
    let wanted = |run: &StoredRunView| {
        let command = run.command.join(" ");
        let name = run.name.as_deref().unwrap_or_default();
        names(args.filter.as_ref(), &[name, &run.id, &command])
    };
    let mut result = RunsListResult::default();
    result.folder = place.runs().display().to_string();
    result.total_runs = runs.len();
    result.total_bytes = runs.iter().map(|run| run.bytes).sum();
    result.runs = runs.into_iter().filter(wanted).collect();
    result.matching_runs = result.runs.len();
    if args.top > 0 {
        result.runs.truncate(args.top);
    }
    let problems = problems(&result.runs);
    let report = Report::without_log(&problems, result);
    output::write(&args.output, Stream::Output, &report, &())
}
