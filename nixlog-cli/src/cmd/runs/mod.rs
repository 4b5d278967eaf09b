//! `nixlog runs`.

mod export;
mod list;
mod prune;
mod rename;
mod rm;
mod show;
mod stored;

use std::io::{self, Write as _};

use clap::Subcommand;
use clap_complete::ArgValueCompleter;

use crate::archive::runs::{complete, select};
use crate::base::error::CliError;

/// List, show, name, remove and export recorded runs
///
/// Builds recorded by `nixlog run`, `nixlog record` or a pipe into any other verb are kept for 30 days,
/// up to 100 runs and 1 GiB in all (`NIXLOG_KEEP_DAYS`, `NIXLOG_KEEP_RUNS`, `NIXLOG_KEEP_BYTES`; 0: no
/// limit). Runs with a name are kept for good.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Every verb that reads a log takes `last`, `last~2`, a run's name or id (four digits do):\n\n    \
                  nixlog critical-path last~1"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Rename(rename::Args),
    Rm(rm::Args),
    Prune(prune::Args),
    Export(export::Args),
    Path(PathArgs),
}

/// A run.
#[derive(Debug, clap::Args)]
struct RunArg {
    /// `last`, `last~2` …, a name, or an id (four digits do)
    #[arg(value_name = "RUN", default_value = select::LAST, add = ArgValueCompleter::new(complete::runs))]
    run: String,
}

/// Print the path of a run's recording
#[derive(Debug, clap::Args)]
struct PathArgs {
    #[command(flatten)]
    run: RunArg,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
        Command::Rename(args) => rename::run(args),
        Command::Rm(args) => rm::run(args),
        Command::Prune(args) => prune::run(args),
        Command::Export(args) => export::run(args),
        Command::Path(args) => path(args),
    }
}

fn path(args: &PathArgs) -> Result<(), CliError> {
    let chosen = select::run(&args.run.run)?;
    let path = chosen.run.path().display();
    writeln!(io::stdout(), "{path}").map_err(|error| CliError::output("standard output", error))
}
