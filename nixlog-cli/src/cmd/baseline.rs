//! `nixlog baseline`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use clap_complete::ArgValueCompleter;
use nixlog_core::report::envelope::{Report, rfc3339};
use nixlog_core::report::format::{harmless, plural};
use nixlog_core::report::verbs::history::{
    BaselineListResult, BaselineShowResult, BaselineView, PastRunView,
};

use crate::archive::baselines::{self, Baseline, Stored};
use crate::archive::runs::{Place, complete, objection};
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::evidence::sides::{Sides, baselines_of};

/// Keep runs under a name, for others to be compared with
///
/// A baseline has all that is kept of its runs, and is never pruned; neither are their recordings. The first
/// one of a project is its default: `nixlog compare baseline last`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Set(SetArgs),
    List(ListArgs),
    Show(ShowArgs),
    Remove(OneArgs),
    Export(ExportArgs),
    Import(ImportArgs),
}

/// Set a baseline: one run or several under a name
///
/// nixlog baseline set main last~0..5
#[derive(Debug, clap::Args)]
struct SetArgs {
    /// What to call it
    name: String,

    /// A run (`last`, its name or id), several (`last~0..5`: the last five of the project), or a file
    #[arg(value_name = "RUN", default_value = "last", add = ArgValueCompleter::new(complete::inputs))]
    runs: Vec<String>,

    /// Make it the default of its project
    #[arg(long)]
    default: bool,
}

/// List the baselines
#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Show the runs of a baseline
#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    one: OneArgs,

    #[command(flatten)]
    output: OutputArgs,
}

/// Remove a baseline; its runs stay
#[derive(Debug, clap::Args)]
struct OneArgs {
    /// Its name
    name: String,

    /// The project that it is of, where several have one of that name
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
}

/// Write baselines to a file, for a CI or another machine
#[derive(Debug, clap::Args)]
struct ExportArgs {
    /// The file, or `-` for standard output
    file: PathBuf,

    /// Which; default: all
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Only those of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
}

/// Take over the baselines of a file that `nixlog baseline export` wrote
#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The file, or `-` for standard input
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let place = Place::known()?;
    match &args.command {
        Command::Set(args) => set(&place, args),
        Command::List(args) => list(&place, args),
        Command::Show(args) => show(&place, args),
        Command::Remove(args) => {
            let found = one(&place, args)?;
            found.remove().map_err(|error| failed(&place, error))?;
            output::note(&format!(
                "removed the baseline {}",
                called(&found.header.name)
            ));
            Ok(())
        }
        Command::Export(args) => export(&place, args),
        Command::Import(args) => import(&place, args),
    }
}

fn called(name: &str) -> String {
    format!("`{}`", harmless(name))
}

fn failed(place: &Place, error: io::Error) -> CliError {
    let folder = place.baselines();
    CliError::new(format!(
        "cannot use the baselines in `{}`",
        folder.display()
    ))
    .because(error)
}

fn set(place: &Place, args: &SetArgs) -> Result<(), CliError> {
    if let Some(objection) = objection(&args.name) {
        return Err(CliError::new(format!(
            "a baseline cannot be called {}",
            called(&args.name)
        ))
        .hint(objection));
    }
    if args.name == "baseline" {
        return Err(CliError::new("a baseline cannot be called `baseline`")
            .hint("the word means the default baseline of a project"));
    }
    let sides = Sides::open()?;
    let mut runs = Vec::new();
    for word in &args.runs {
        runs.extend(sides.find(word)?.runs);
    }
    runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
    runs.dedup_by(|a, b| a.id == b.id);
    let Some(first) = runs.first() else {
        return Err(CliError::new("no run for the baseline"));
    };
    if let Some(other) = runs.iter().find(|run| run.project != first.project) {
        let project = |run: &nixlog_core::analysis::past_run::PastRun| {
            harmless(run.project.as_deref().unwrap_or("unknown")).into_owned()
        };
        return Err(
            CliError::new("the runs of a baseline belong to one project").hint(format!(
                "these belong to `{}` and `{}`",
                project(first),
                project(other)
            )),
        );
    }
    let odd = runs.iter().filter(|run| !run.is_comparable()).count();
    if odd > 0 {
        output::warning(&format!(
            "{} cannot be compared well: failed, incomplete, or without times of its own",
            plural(odd as u64, "run")
        ));
    }
    let baseline = Baseline::new(&args.name, args.default, runs);
    let set = place
        .set_baseline(baseline)
        .map_err(|error| failed(place, error))?;
    output::note(&format!(
        "baseline {}{}: {}",
        called(&set.header.name),
        if set.header.is_default {
            " (default)"
        } else {
            ""
        },
        plural(set.runs.len() as u64, "run"),
    ));
    Ok(())
}

fn view(baseline: &Baseline) -> BaselineView {
    let mut view = BaselineView::default();
    view.project.clone_from(&baseline.header.project);
    view.name.clone_from(&baseline.header.name);
    view.is_default = baseline.header.is_default;
    view.set_at = baseline.header.set_at.and_then(rfc3339);
    view.take_runs(&baseline.runs);
    view
}

fn list(place: &Place, args: &ListArgs) -> Result<(), CliError> {
    let mut result = BaselineListResult::default();
    result.folder = place.baselines().display().to_string();
    for stored in baselines_of(place)? {
        let baseline = stored.load().map_err(|error| failed(place, error))?;
        result.baselines.push(view(&baseline));
    }
    let report = Report::without_log(&[], result);
    output::write(&args.output, Stream::Output, &report, &())
}

fn show(place: &Place, args: &ShowArgs) -> Result<(), CliError> {
    let found = one(place, &args.one)?;
    let baseline = found.load().map_err(|error| failed(place, error))?;
    let mut result = BaselineShowResult::default();
    result.baseline = view(&baseline);
    result.runs = baseline.runs.iter().map(PastRunView::from).collect();
    let report = Report::without_log(&[], result);
    output::write(&args.output, Stream::Output, &report, &())
}

/// Finds the baseline that is named.
fn one(place: &Place, args: &OneArgs) -> Result<Stored, CliError> {
    let mut found: Vec<Stored> = baselines_of(place)?
        .into_iter()
        .filter(|it| it.header.name == args.name)
        .filter(|it| args.project.is_none() || it.header.project == args.project)
        .collect();
    match found.len() {
        0 => Err(
            CliError::new(format!("there is no baseline {}", called(&args.name)))
                .hint("to see all: nixlog baseline list"),
        ),
        1 => Ok(found.remove(0)),
        _ => {
            let mut error = CliError::new(format!(
                "several projects have a baseline {}",
                called(&args.name)
            ));
            for it in found {
                let project = it.header.project.unwrap_or_default();
                error = error.hint(format!("--project '{}'", harmless(&project)));
            }
            Err(error)
        }
    }
}

fn export(place: &Place, args: &ExportArgs) -> Result<(), CliError> {
    let all = baselines_of(place)?;
    for name in &args.names {
        if !all.iter().any(|it| it.header.name == *name) {
            return Err(
                CliError::new(format!("there is no baseline {}", called(name)))
                    .hint("to see all: nixlog baseline list"),
            );
        }
    }
    let wanted = |it: &&Stored| {
        (args.names.is_empty() || args.names.contains(&it.header.name))
            && (args.project.is_none() || it.header.project == args.project)
    };
    let wanted: Vec<&Stored> = all.iter().filter(wanted).collect();
    if wanted.is_empty() {
        return Err(CliError::new("there is no baseline to export")
            .hint("to set one: nixlog baseline set main last"));
    }
    let write = |out: &mut dyn io::Write| {
        wanted
            .iter()
            .try_for_each(|stored| stored.load()?.write(out))
    };
    if args.file == Path::new("-") {
        let mut out = io::stdout().lock();
        return write(&mut out)
            .and_then(|()| out.flush())
            .map_err(|error| CliError::output("standard output", error));
    }
    output::write_file(&args.file, |out| write(out))?;
    output::note(&format!(
        "{} in {}",
        plural(wanted.len() as u64, "baseline"),
        args.file.display()
    ));
    Ok(())
}

fn import(place: &Place, args: &ImportArgs) -> Result<(), CliError> {
    let read = match args.file == Path::new("-") {
        true => baselines::read(io::stdin()),
        false => File::open(&args.file).and_then(baselines::read),
    };
    let found = read.map_err(|error| {
        CliError::new(format!(
            "cannot read `{}` as baselines",
            args.file.display()
        ))
        .because(error)
        .hint("`nixlog baseline export FILE` writes such a file")
    })?;
    if found.is_empty() {
        return Err(CliError::new(format!("`{}` is empty", args.file.display())));
    }
    for mut baseline in found {
        // Which one is the default is for this machine to say.
        baseline.header.is_default = false;
        let set = place
            .set_baseline(baseline)
            .map_err(|error| failed(place, error))?;
        output::note(&format!(
            "baseline {}: {}",
            called(&set.header.name),
            plural(set.runs.len() as u64, "run")
        ));
    }
    Ok(())
}
