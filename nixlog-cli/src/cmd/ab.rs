//! `nixlog ab`.

use std::ffi::OsString;
use std::fs::File;
use std::process::{Command, ExitCode, Stdio};

use nixlog_core::analysis::comparison::comparison;
use nixlog_core::analysis::past_run::PastRun;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::format::{duration, harmless};
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::compare::{self, Side};

use super::run::{Args as RunArgs, recorded};
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::top;
use crate::evidence::history;

/// Run two commands in turn, record every run, and compare them
///
/// A B A B …: so that a machine that becomes slower does so for both. For settings, the order of caches,
/// versions of Nix. Each command is recorded as by `nixlog run`. The first that fails ends it, with what is
/// known so far, and with its exit status.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "nixlog ab 'nix build .#foo --rebuild --cores 4' 'nix build .#foo --rebuild --cores 8'\n\n\
                        A command is taken apart into words; what needs a shell is `sh -c '…'`.\n\
                        The runs are in `nixlog history`, too: nixlog compare"
)]
pub(crate) struct Args {
    /// The first command, as one word
    #[arg(value_name = "A")]
    a: String,

    /// The second command
    #[arg(value_name = "B")]
    b: String,

    /// How often to run each; with fewer than four, no difference can count
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,

    /// A shell command that is run before each run, and not measured
    #[arg(long, value_name = "COMMAND")]
    prepare: Option<String>,

    /// Show of the runs only what failed
    #[arg(long, short)]
    quiet: bool,

    /// The project that the runs belong to; default: what each command builds
    #[arg(long, value_name = "NAME", help_heading = "Recording")]
    project: Option<String>,

    /// How many units to list of each kind of change; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
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

pub(crate) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let commands = [words(&args.a)?, words(&args.b)?];
    let mut sides: [Vec<PastRun>; 2] = Default::default();
    let mut status = ExitCode::SUCCESS;
    'all: for nth in 1..=args.runs {
        for (side, (letter, command)) in ["A", "B"].into_iter().zip(&commands).enumerate() {
            prepare(args)?;
            let ran = recorded(&RunArgs::plain(
                command.clone(),
                args.quiet,
                args.project.clone(),
                args.output.color,
            ))?;
            if ran.status != 0 {
                output::warning(&format!("{letter} failed in run {nth} of {}", args.runs));
                status = ExitCode::from(ran.status);
                break 'all;
            }
            let past = ran.recorded.ok_or_else(|| {
                CliError::new("a run was not recorded, so there is nothing to compare")
            })?;
            let file = past.file.map_or_else(|| File::open(&past.path), Ok);
            let past = file
                .and_then(|file| history::past_run(&past.id, file))
                .map_err(|error| CliError::new("cannot read what was recorded").because(error))?;
            let took = past.wall_ns.map_or_else(|| "?".to_owned(), duration);
            output::note(&format!("{letter} {nth} of {}: {took}", args.runs));
            sides[side].push(past);
        }
    }
    let [a, b] = &sides;
    if a.is_empty() || b.is_empty() {
        output::warning("there is nothing to compare");
        return Ok(status);
    }
    let compared = comparison(a, b, a);
    let sides = [Side::new(&args.a, a), Side::new(&args.b, b)];
    let result = compare::result(sides, &compared, args.top, |_| true);
    let report = Report::without_log(&[], result);
    let names = Names::new(args.full_paths);
    output::write(&args.output, Stream::Output, &report, &names)?;
    Ok(status)
}

fn words(command: &str) -> Result<Vec<OsString>, CliError> {
    let words = shlex::split(command).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| {
        CliError::new(format!("`{}` is no command line", harmless(command)))
            .hint("a quote may be missing at its end")
    })?;
    Ok(words.into_iter().map(OsString::from).collect())
}

/// Runs what is to be run before each run; what it prints goes to standard error.
fn prepare(args: &Args) -> Result<(), CliError> {
    let Some(command) = &args.prepare else {
        return Ok(());
    };
    let failed = || CliError::new(format!("`--prepare` failed: {}", harmless(command)));
    let ended = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| failed().because(error))?;
    match ended.success() {
        true => Ok(()),
        false => Err(failed().hint(format!("it ended with {ended}"))),
    }
}
