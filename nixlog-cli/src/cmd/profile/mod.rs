//! `nixlog profile`.

mod analysis;
mod evaluation;
mod folder;

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nixlog_core::report::format::duration;
use nixlog_core::report::verbs::eval_compare::{self, EvalCompareResult, Side};

use self::analysis::Analysis;
use self::evaluation::{Evaluated, Evaluator};
use self::folder::Folder;
use super::run::{Args as RunArgs, recorded};
use crate::base::arguments::ColorArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::evidence::profiles::{self, PROFILE, STATS};

/// Evaluate and build with everything that tells where the time went, and keep it in a folder
///
/// The command is evaluated first, without the evaluation cache and without building it: once with
/// statistics and call counts, once with the profiler, if this Nix has one (2.30 or later, not Lix). Then it
/// is run and recorded. The folder has ANALYSIS.md, which also says why a file is not there.
///
/// Known are `nix build`, `nix eval`, `nix-build`, `nixos-rebuild`, `darwin-rebuild` and `home-manager`,
/// each with the action first.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The command and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,

    /// Only evaluate
    #[arg(long)]
    eval_only: bool,

    /// Evaluate once, with all of it at the same time: the profiler and the counting make the times of
    /// each other longer
    #[arg(long)]
    quick: bool,

    /// The folder; default: a new one in `nix-profiles`, named after the time
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Show of the build only what failed
    #[arg(long)]
    quiet: bool,

    /// The project that the run belongs to, for comparing; default: what the command builds
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    #[command(flatten)]
    color: ColorArgs,
}

const EXAMPLES: &str = "Examples:\n    \
    nixlog profile -- nix build .#foo\n    \
    nixlog profile --eval-only -- nixos-rebuild build --flake .#host\n    \
    nixlog compare nix-profiles/A nix-profiles/B";

pub(crate) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let evaluator = Evaluator::of(&args.command)?;
    let folder = Folder::create(args.output.as_deref())?;
    let mut analysis = Analysis::new(&folder, &args.command, evaluator.version());
    if args.eval_only || !evaluator.builds() {
        analysis.only_evaluates();
    }
    let status = profile(args, &evaluator, &folder, &mut analysis);
    // Whatever happened, what there is stays, and says so.
    let written = analysis.write();
    let status = status?;
    written?;
    output::note(&format!("{}", folder.path("ANALYSIS.md").display()));
    Ok(ExitCode::from(status))
}

/// Goes through the steps; returns the exit status of the first that failed, which ends it.
fn profile(
    args: &Args,
    evaluator: &Evaluator<'_>,
    folder: &Folder,
    analysis: &mut Analysis<'_>,
) -> Result<u8, CliError> {
    let profiler = match (evaluator.has_profiler(), args.quick) {
        (true, false) => 1,
        _ => 0,
    };
    let builds = !args.eval_only && evaluator.builds();
    let n_steps = 1 + profiler + usize::from(builds);
    let step = |n: usize, words: &str| output::note(&format!("{n} of {n_steps}: {words} …"));
    let with_profile = (evaluator.has_profiler() && args.quick).then(|| folder.path(PROFILE));
    step(1, "evaluating with statistics and call counts");
    let counted = evaluator.counted(with_profile.as_deref(), args.color)?;
    let mut status = told(analysis, "evaluation, counted", &counted);
    analysis.take_counted(counted)?;
    if with_profile.is_some() {
        analysis.take_profile()?;
    }
    if status == 0 && profiler > 0 {
        analysis.write()?;
        step(2, "evaluating with the profiler");
        let profiled = evaluator.profiled(&folder.path(PROFILE), args.color)?;
        status = told(analysis, "evaluation, profiled", &profiled);
        analysis.take_profile()?;
    }
    if status != 0 || !builds {
        return Ok(status);
    }
    analysis.write()?;
    step(n_steps, "building");
    let ran = recorded(&RunArgs::plain(
        args.command.clone(),
        args.quiet,
        args.project.clone(),
        args.color,
    ))?;
    if let Some(recorded) = ran.recorded {
        let file = recorded.file.map_or_else(|| File::open(&recorded.path), Ok);
        let file =
            file.map_err(|error| CliError::new("cannot read what was recorded").because(error))?;
        analysis.take_build(file, ran.status)?;
    }
    Ok(ran.status)
}

/// Compares the evaluations of two folders; `None` unless both have statistics.
pub(super) fn compared(
    [before, after]: [&Path; 2],
    top: usize,
) -> Result<Option<EvalCompareResult>, CliError> {
    let paths = [before, after].map(|folder| folder.join(STATS));
    if !paths.iter().all(|path| path.is_file()) {
        return Ok(None);
    }
    let [before, after] = paths;
    let stats = [profiles::stats(&before)?, profiles::stats(&after)?];
    let names = [before.display().to_string(), after.display().to_string()];
    let side = |at: usize| Side {
        name: &names[at],
        stats: Some(&stats[at]),
        times: (None, None),
    };
    Ok(Some(eval_compare::result(side(0), side(1), top)))
}

/// Says how an evaluation went; returns its exit status.
fn told(analysis: &mut Analysis<'_>, what: &str, evaluated: &Evaluated) -> u8 {
    let took = evaluated.exit.at.as_nanos();
    output::note(&format!("{what}: {}", duration(took)));
    analysis.ran(what, &evaluated.command, took, evaluated.exit.status());
    evaluated.exit.status()
}
