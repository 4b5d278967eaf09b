//! `nixlog runs prune`.

use std::time::Duration;

use nixlog_core::report::envelope::Report;
use nixlog_core::report::verbs::runs::{PrunedRunView, RunsPruneResult, StoredRunView};

use super::stored::stored;
use crate::archive::runs::select::Store;
use crate::archive::runs::{self, Limits, Place, limit, unlimited};
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::{duration, size};

/// Remove old runs now, as happens after each recorded run
///
/// Runs that have a name or still go on are kept, and do not count. Without options, the limits are
/// those that apply after each run. 0 or `unlimited` is no limit.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Remove runs older than this: 30d, 2w, 12h
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Limit>,

    /// Keep the newest N runs
    #[arg(long, value_name = "N", value_parser = number)]
    keep: Option<Limit>,

    /// Keep the newest runs up to this size in all: 1GiB, 500MB
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_size: Option<Limit>,

    /// Only show what would be removed
    #[arg(long, short = 'n')]
    dry_run: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// A limit that was given, if it is one.
#[derive(Debug, Clone, Copy)]
struct Limit(Option<u64>);

fn read(text: &str, read: impl FnOnce(&str) -> Result<u64, String>) -> Result<Limit, String> {
    match unlimited(text) {
        Some(unlimited) => Ok(Limit(unlimited)),
        None => read(text).map(|number| Limit(limit(number))),
    }
}

fn age(text: &str) -> Result<Limit, String> {
    read(text, |text| {
        // A bare number would count seconds.
        if text.bytes().all(|byte| byte.is_ascii_digit()) && text != "0" {
            return Err("expected a number and a unit, such as `30d` or `12h`".to_owned());
        }
        duration(text).map(nixlog_core::time::Nanos::get)
    })
}

fn number(text: &str) -> Result<Limit, String> {
    read(text, |text| {
        text.parse()
            .map_err(|_| "expected a number of runs".to_owned())
    })
}

fn bytes(text: &str) -> Result<Limit, String> {
    read(text, |text| {
        size(text, "expected a size such as `1GiB` or `500MB`")
    })
}

impl Args {
    fn limits(&self) -> Limits {
        let default = Limits::from_environment();
        Limits {
            age: self
                .older_than
                .map_or(default.age, |Limit(nanos)| nanos.map(Duration::from_nanos)),
            runs: self.keep.map_or(default.runs, |Limit(runs)| runs),
            bytes: self.max_size.map_or(default.bytes, |Limit(bytes)| bytes),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let place = Place::known()?;
    // What a run was can be read only while it is there.
    let store = Store::read(&place)?;
    let runs = store.runs.iter();
    let before: Vec<StoredRunView> = runs.filter_map(|run| stored(run, &store.names)).collect();
    let pruned = runs::prune(&place, args.limits(), args.dry_run).map_err(|error| {
        let folder = place.runs();
        CliError::new(format!("cannot prune the runs in `{}`", folder.display())).because(error)
    })?;
    let mut result = RunsPruneResult::default();
    result.dry_run = args.dry_run;
    result.removed_bytes = pruned.removed_bytes;
    result.kept_runs = pruned.kept_runs;
    result.kept_bytes = pruned.kept_bytes;
    result.named_runs = pruned.named_runs;
    let removed = pruned.removed.iter().filter_map(|(run, reason)| {
        let id = run.id.to_string();
        let mut view = PrunedRunView::default();
        view.run = before.iter().find(|before| before.id == id)?.clone();
        view.reason = *reason;
        Some(view)
    });
    result.removed = removed.collect();
    let report = Report::without_log(&[], result);
    output::write(&args.output, Stream::Output, &report, &())
}
