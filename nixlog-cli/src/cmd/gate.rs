//! `nixlog gate`.

use std::process::ExitCode;

use clap::ValueEnum;
use nixlog_core::analysis::estimate::{Options, Usual, estimate};
use nixlog_core::report::envelope::Report;
use nixlog_core::report::estimated::EstimateView;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::gate::{Gate, GateResult};
use nixlog_core::time::Nanos;

use super::run as run_verb;
use crate::base::arguments::{Format, OutputArgs};
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::{duration, size};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::slots::SlotArgs;
use crate::evidence::{past, plan};
use crate::nix::dry_run;

/// Run a command only if it would not build or download too much
///
/// nixlog gate --max-build 30m -- nixos-rebuild switch
///
/// Asks the command's dry run what it would build and fetch, and estimates how long that takes. Within the limits
/// it runs the command as `nixlog run` does; beyond them it says what stands in the way, and exits with status 1.
/// What nobody knows is beyond the limits.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// How long building may take, in nine of ten runs: 30m, 2h
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Limits")]
    max_build: Option<Nanos>,

    /// How much may be downloaded: 5GiB, 800M
    #[arg(long, value_name = "SIZE", value_parser = bytes, help_heading = "Limits")]
    max_download: Option<u64>,

    #[command(flatten)]
    slots: SlotArgs,

    /// How to say why it refuses; JSON goes to standard output
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    format: GateFormat,

    /// Short for `--format json`
    #[arg(long, help_heading = "Output", conflicts_with = "format")]
    json: bool,

    #[command(flatten)]
    run: run_verb::Args,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GateFormat {
    /// A table for people, to standard error
    Text,
    /// One JSON object, stable and versioned
    Json,
}

fn bytes(text: &str) -> Result<u64, String> {
    size(text, "expected a size such as `5GiB` or `800M`")
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let said = dry_run::of(args.run.command())?;
    let log = nixlog_core::read(&said);
    let found = plan::of_dry_run(&log, &GraphArgs::default())?;
    let usual = Usual::new(&past::runs(&found.plan));
    let words = args.run.command().iter();
    let words = words.map(|word| word.to_string_lossy().into_owned());
    let (slots, source) = args.slots.find_for(words.collect());
    let options = Options::new(slots);
    let estimate = estimate(&found.plan, &usual, &options);
    let view = EstimateView::new(&found.plan, &estimate, 10);
    let view = view.with(slots, source, usual.n_runs(), options.samples);
    let max_build = args.max_build.map(Nanos::get);
    let result = GateResult::new(view, max_build, args.max_download);
    let report = Report::without_log(&found.issues, result);
    let names = Names::default();
    if report.result.verdict == Gate::Passed {
        output::note(&report.document(&names).verdict);
        return run_verb::run(&args.run);
    }
    let json = args.json || args.format == GateFormat::Json;
    let to = match json {
        true => Stream::Output,
        false => Stream::Error,
    };
    let how = OutputArgs {
        format: Format::Text,
        json,
        output: None,
        color: args.run.color(),
    };
    output::write(&how, to, &report, &names)?;
    Ok(ExitCode::from(1))
}
