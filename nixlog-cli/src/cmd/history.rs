//! `nixlog history`.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use nixlog_core::analysis::elsewhere;
use nixlog_core::analysis::past_run::PastRun;
use nixlog_core::report::envelope::{Report, rfc3339};
use nixlog_core::report::format::{bytes, harmless, plural};
use nixlog_core::report::verbs::history::{HistoryResult, PastRunView, ProjectView};

use crate::archive::history::{History, ProjectRow, SCHEMA, Trouble, Which};
use crate::archive::runs::Place;
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::top;
use crate::base::unpack::unpack;
use crate::evidence::history;
use crate::evidence::sides::Sides;

/// List the projects and runs that can be compared, with how long they took
///
/// Each recorded run has rows in a database that outlive its recording: for two years
/// (`NIXLOG_KEEP_HISTORY_DAYS`; `unlimited`). Runs of one project, system and machine can be compared.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Ask the database yourself:\n\n    \
                  sqlite3 \"$(nixlog history sql --path)\" 'SELECT pname, avg(duration_ns) / 1e9 FROM all_units GROUP BY pname'"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sql(SqlArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    ImportHydra(HydraArgs),
    /// Make the history anew from the recordings
    ///
    /// Rows of runs whose recordings are gone are taken over, as far as they can be read.
    Rebuild,
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only runs of this project
    #[arg(long, value_name = "NAME", help_heading = "Selection")]
    project: Option<String>,

    /// How many runs to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    #[command(flatten)]
    output: OutputArgs,
}

/// Print where the database is, and its tables
#[derive(Debug, clap::Args)]
struct SqlArgs {
    /// Print only the path
    #[arg(long)]
    path: bool,
}

/// Write what the history has to standard output or a file
#[derive(Debug, clap::Args)]
struct ExportArgs {
    /// `jsonl`: one run a line, with its units; `csv`: one unit a line
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    format: ExportFormat,

    /// Only runs of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// Write to FILE, atomically
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    Jsonl,
    Csv,
}

/// Take over the runs that `nixlog history export` wrote: from a CI, or another machine
#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The file, or `-` for standard input; may be compressed
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Take over how long builds took on a Hydra, to estimate what was never built here
///
/// JSON as Hydra's API gives builds, or its database build steps (`select row_to_json(s) from buildsteps s`): a
/// list, or one object a line. Other machines are faster or slower; what both have built tells by how much.
#[derive(Debug, clap::Args)]
struct HydraArgs {
    /// The file, or `-` for standard input; may be compressed
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Remove runs from the history; their recordings stay
#[derive(Debug, clap::Args)]
struct RemoveArgs {
    /// A run, or several
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    match &args.command {
        None => list(&args.list),
        Some(Command::Sql(args)) => sql(args),
        Some(Command::Export(args)) => export(args),
        Some(Command::Import(args)) => import(args),
        Some(Command::ImportHydra(args)) => import_hydra(args),
        Some(Command::Rebuild) => rebuild(),
        Some(Command::Remove(args)) => remove(args),
    }
}

fn list(args: &ListArgs) -> Result<(), CliError> {
    let place = Place::known()?;
    let history = history::open(&place)?;
    let failed = |trouble| history.error(trouble);
    let mut result = HistoryResult::default();
    result.path = history.path().display().to_string();
    result.bytes = history.path().metadata().map_or(0, |file| file.len());
    result.total_runs = history.count().map_err(failed)?;
    let projects = history.projects().map_err(failed)?.into_iter();
    let projects = projects.filter(|row| args.project.is_none() || row.project == args.project);
    result.projects = projects.map(project).collect();
    result.matching_runs = result
        .projects
        .iter()
        .map(|project| usize::try_from(project.runs).unwrap_or(usize::MAX))
        .sum();
    let which = Which {
        project: args.project.clone(),
        limit: (args.top > 0).then_some(args.top),
        ..Which::default()
    };
    let runs = history.runs(&which).map_err(failed)?;
    result.runs = runs.iter().map(PastRunView::from).collect();
    let report = Report::without_log(&[], result);
    output::write(&args.output, Stream::Output, &report, &())
}

fn project(row: ProjectRow) -> ProjectView {
    let mut view = ProjectView::default();
    view.project = row.project;
    view.system = row.system;
    view.host = row.host;
    view.runs = row.runs;
    view.comparable = row.comparable;
    view.first_at = row.first_at.and_then(rfc3339);
    view.last_at = row.last_at.and_then(rfc3339);
    view.take_walls(row.walls);
    view
}

fn sql(args: &SqlArgs) -> Result<(), CliError> {
    let place = Place::known()?;
    let history = history::open(&place)?;
    let mut out = io::stdout().lock();
    let path = history.path().display();
    let written = match args.path {
        true => writeln!(out, "{path}"),
        false => writeln!(out, "-- {path}\n\n{SCHEMA}"),
    };
    written.map_err(|error| CliError::output("standard output", error))
}

fn export(args: &ExportArgs) -> Result<(), CliError> {
    let place = Place::known()?;
    let history = history::open(&place)?;
    let which = Which {
        project: args.project.clone(),
        ..Which::default()
    };
    let runs = history.runs(&which).map_err(|error| history.error(error))?;
    match &args.output {
        Some(path) => output::write_file(path, |out| write_runs(&history, runs, args.format, out)),
        None => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            write_runs(&history, runs, args.format, &mut out)
                .and_then(|()| out.flush())
                .map_err(|error| CliError::output("standard output", error))
        }
    }
}

/// The columns of exported units.
const COLUMNS: &str = "run,project,started_at,kind,pname,name,system,outputs,path,machine,substituter,bytes,\
                       unpacked_bytes,duration_ns,end,outcome,critical_ns,saving_ns\n";

fn write_runs(
    history: &History,
    runs: Vec<PastRun>,
    format: ExportFormat,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if format == ExportFormat::Csv {
        out.write_all(COLUMNS.as_bytes())?;
    }
    // One at a time: all of them together may be large.
    for mut run in runs.into_iter().rev() {
        history.fill(&mut run).map_err(|trouble: Trouble| {
            io::Error::other(trouble.error(history.path()).to_string())
        })?;
        if format == ExportFormat::Jsonl {
            serde_json::to_writer(&mut *out, &run)?;
            out.write_all(b"\n")?;
            continue;
        }
        let started = run.started_at.and_then(rfc3339).unwrap_or_default();
        for unit in &run.units {
            let number = |it: Option<u64>| it.map(|it| it.to_string()).unwrap_or_default();
            let text = |it: &Option<String>| it.clone().unwrap_or_default();
            let fields = [
                run.id.clone(),
                text(&run.project),
                started.clone(),
                unit.kind.name().to_owned(),
                unit.pname.clone(),
                unit.name.clone(),
                text(&unit.system),
                unit.outputs.join(" "),
                unit.path.clone(),
                text(&unit.machine),
                text(&unit.substituter),
                number(unit.bytes),
                number(unit.unpacked_bytes),
                number(unit.duration_ns),
                unit.end.name().unwrap_or_default().to_owned(),
                unit.outcome.name().to_owned(),
                number(unit.critical_ns),
                number(unit.saving_ns),
            ];
            let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
            writeln!(out, "{}", fields.join(","))?;
        }
    }
    Ok(())
}

/// Quotes a field where it needs it.
fn quoted(field: &str) -> String {
    match field.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

/// So many runs are written at once.
const AT_ONCE: usize = 500;

fn import(args: &ImportArgs) -> Result<(), CliError> {
    let name = args.file.display().to_string();
    let unreadable = |error: io::Error| {
        CliError::new(format!("cannot read `{name}` as runs"))
            .because(error)
            .hint("`nixlog history export` writes such a file")
    };
    let read = match args.file == Path::new("-") {
        true => unpack(io::stdin()),
        false => File::open(&args.file).and_then(unpack),
    };
    let lines = BufReader::new(read.map_err(unreadable)?.bytes).lines();
    let place = Place::known()?;
    let mut history = history::open(&place)?;
    let before = history.count().map_err(|error| history.error(error))?;
    let (mut runs, mut n_read): (Vec<PastRun>, u64) = (Vec::new(), 0);
    for (number, line) in (1..).zip(lines) {
        let line = line.map_err(unreadable)?;
        let run = serde_json::from_str(&line).map_err(|error| {
            unreadable(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {number}: {error}"),
            ))
        })?;
        runs.push(run);
        n_read += 1;
        if runs.len() == AT_ONCE {
            history
                .add_all(&runs)
                .map_err(|error| history.error(error))?;
            runs.clear();
        }
    }
    history
        .add_all(&runs)
        .map_err(|error| history.error(error))?;
    let after = history.count().map_err(|error| history.error(error))?;
    let added = after.saturating_sub(before);
    let known = n_read.saturating_sub(added);
    output::note(&format!(
        "{} added, {known} were there already",
        plural(added, "run")
    ));
    Ok(())
}

fn import_hydra(args: &HydraArgs) -> Result<(), CliError> {
    let name = args.file.display().to_string();
    let unreadable = |error: io::Error| {
        CliError::new(format!("cannot read `{name}` as build steps"))
            .because(error)
            .hint("Hydra's API writes such JSON: curl -H 'Accept: application/json' https://hydra.example.org/eval/1/builds")
    };
    let read = match args.file == Path::new("-") {
        true => unpack(io::stdin()),
        false => File::open(&args.file).and_then(unpack),
    };
    let mut text = Vec::new();
    read.and_then(|mut unpacked| unpacked.bytes.read_to_end(&mut text))
        .map_err(unreadable)?;
    let read = elsewhere::steps(&text).map_err(|error| unreadable(error.into()))?;
    let times = elsewhere::times(&read.steps);
    let place = Place::known()?;
    let mut history = history::open(&place)?;
    history
        .add_elsewhere(&times)
        .map_err(|error| history.error(error))?;
    output::note(&format!(
        "{} of builds; {} left out: failed, cached, or without start and stop",
        plural(read.steps.len() as u64, "time"),
        plural(read.left_out, "record")
    ));
    let machines = history.machines_elsewhere();
    for (machine, packages) in machines.map_err(|error| history.error(error))? {
        let factor = history
            .factor_of(&machine)
            .map_err(|error| history.error(error))?;
        let name = match &*harmless(&machine) {
            "" => "machine unknown".to_owned(),
            name => name.to_owned(),
        };
        let factor = match factor {
            Some(factor) => format!("builds take {factor:.2} times as long here"),
            None => "nothing that was also built here: its times are taken as they are".to_owned(),
        };
        output::note(&format!(
            "{name}: {}, {factor}",
            plural(packages, "package")
        ));
    }
    Ok(())
}

fn rebuild() -> Result<(), CliError> {
    let place = Place::known()?;
    let rebuilt = history::rebuild(&place)?;
    if let Some(aside) = &rebuilt.aside {
        output::note(&format!("the old history is now `{}`", aside.display()));
    }
    let kept = match rebuilt.kept as u64 {
        0 => String::new(),
        n => format!(", {} without one taken over", plural(n, "run")),
    };
    let path = History::path_in(&place);
    let size = path.metadata().map_or(0, |file| file.len());
    output::note(&format!(
        "{} from recordings{kept}: {} ({})",
        plural(rebuilt.read as u64, "run"),
        path.display(),
        bytes(size)
    ));
    Ok(())
}

fn remove(args: &RemoveArgs) -> Result<(), CliError> {
    let sides = Sides::open()?;
    let mut ids = Vec::new();
    for word in &args.runs {
        ids.extend(sides.find(word)?.runs.into_iter().map(|run| run.id));
    }
    let mut history = sides.history;
    for id in &ids {
        let removed = history.remove(id).map_err(|error| history.error(error))?;
        if removed {
            output::note(&format!("removed {id} from the history"));
        }
    }
    Ok(())
}
