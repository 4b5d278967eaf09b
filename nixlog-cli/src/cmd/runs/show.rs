//! `nixlog runs show`.

use std::path::PathBuf;

use nixlog_core::report::verbs;

use super::RunArg;
use super::stored::stored;
use crate::archive::runs::select::{self, Store};
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::evidence::read;
use crate::intake::arguments::InputArgs;

/// Show the facts of a run: command, settings, outcome and contents
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    run: RunArg,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let word = &args.run.run;
    let chosen = select::run(word)?;
    let gone = || CliError::new(format!("the run `{word}` was just removed"));
    let run = stored(&chosen.run, &Store::open()?.names).ok_or_else(gone)?;
    if let Some(why) = &run.problem {
        return Err(CliError::new(format!(
            "`{}` cannot be read: {why}",
            run.path
        )));
    }
    // No file is called so.
    let input = InputArgs::of_file(PathBuf::from(chosen.run.id.to_string()));
    let mut log = read::log(&input, args.output.color.when)?;
    log.source.name.clone_from(word);
    let result = verbs::runs::show(run, &log.source, &log.timeline);
    let report = log.report(result);
    output::write(&args.output, &input, &report, &())
}
