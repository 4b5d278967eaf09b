//! `nixlog cache`.

mod coverage;
mod probe;

use std::ffi::OsStr;
use std::time::Duration;

use clap::Subcommand;
use nixlog_core::analysis::cache::cache_use;
use nixlog_core::report::format::harmless;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs;

use crate::archive::history::History;
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::top;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// Show what caches gave, what they cost, and why the rest was built
///
/// For each cache: how often it was asked and had what was asked for, how fast it answered and sent, what
/// failed, and how much of that the build waited for. With a history, also what the caches saved: how long
/// what came from them usually takes to build.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Ask caches themselves:\n\n    \
                  nixlog cache probe\n    \
                  nixlog cache coverage .#foo\n\n\
                  A log that is called `probe` is `./probe`."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    report: ReportArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Probe(probe::Args),
    Coverage(coverage::Args),
}

/// What a log says of caches.
#[derive(Debug, clap::Args)]
struct ReportArgs {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// How many builds to name for each reason; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
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
    match &args.command {
        Some(Command::Probe(args)) => probe::run(args),
        Some(Command::Coverage(args)) => coverage::run(args),
        None => report(&args.report),
    }
}

/// Reads a time in seconds, which is more than none.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    let time = Duration::try_from_secs_f64(seconds).ok();
    time.filter(|time| *time > Duration::ZERO)
        .ok_or_else(|| "a timeout is longer than no time".to_owned())
}

/// Returns the caches that Nix is set to use on this machine.
fn configured() -> Result<Vec<String>, CliError> {
    let none = || CliError::new("no cache to ask").hint("name one: https://cache.nixos.org");
    let settings = crate::nix::settings::settings(OsStr::new("nix")).ok_or_else(|| {
        none().because(std::io::Error::other(
            "`nix` does not say what it is set to",
        ))
    })?;
    let found = settings.settings.get("substituters");
    let found = found.and_then(serde_json::Value::as_array);
    let found: Vec<String> = found
        .into_iter()
        .flatten()
        .filter_map(|it| it.as_str().map(|it| harmless(it).into_owned()))
        .collect();
    match found.is_empty() {
        true => Err(none()),
        false => Ok(found),
    }
}

fn report(args: &ReportArgs) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, &args.output)?;
    let caches = cache_use(&log.timeline, &log.source, &log.graph, log.known_path());
    let mut result = verbs::cache::result(&log.timeline, &caches, args.top);
    if let Some(history) = History::if_any() {
        let usual = |pname: &str| history.usual(pname).ok()?;
        result.add_ledger(&log.timeline, usual, args.top);
    }
    let report = log.report(result);
    let names = Names::new(args.full_paths);
    let written = output::write(&args.output, &args.input, &report, &names);
    log.end(written)
}
