//! `nixlog eval`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use nixlog_core::analysis::evaluation::{Evaluation, EvaluationLog};
use nixlog_core::eval::jobs::Job;
use nixlog_core::eval::stacks::{By, Unit};
use nixlog_core::eval::stats::{EvaluationStats, NoCounter};
use nixlog_core::log::Reading;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::eval::{self, Material, Shown, SourceKind, SourceView};
use nixlog_core::report::verbs::eval_compare;
use nixlog_core::time::Nanos;
use nixlog_core::timeline::Watched;

use super::flamegraph::frequency;
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::top;
use crate::base::unpack;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained::{self, Explained};
use crate::evidence::profiles::{self, InputNames, LockFile, PROFILE, STATS};
use crate::evidence::sources::largest;
use crate::intake::arguments::InputArgs;
use crate::intake::input::PROFILED;

/// Show where the time of evaluation went: waiting, files, inputs, functions, modules
///
/// Joins what the log says with whatever else there is: statistics (`NIX_SHOW_STATS=1`), which are found in
/// the log too, a profile (`--eval-profiler flamegraph`), function calls, what nix-eval-jobs printed. With
/// one of these and no INPUT, no log is read.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// What Nix wrote with `NIX_SHOW_STATS=1`, to a file of its own or with other lines around it
    #[arg(long, value_name = "FILE", help_heading = "Sources")]
    stats: Option<PathBuf>,

    /// What Nix's profiler has written (`--eval-profiler flamegraph`), or other stacks in that form;
    /// compressed or not
    #[arg(long, value_name = "FILE", help_heading = "Sources")]
    profile: Option<PathBuf>,

    /// How many samples it took in a second (`eval-profiler-frequency`; Nix takes 99 unless it is told otherwise)
    #[arg(long, value_name = "HZ", value_parser = frequency, requires = "profile", help_heading = "Sources")]
    frequency: Option<f64>,

    /// A log with function calls in it (`--trace-function-calls`)
    #[arg(long, value_name = "FILE", help_heading = "Sources")]
    function_calls: Option<PathBuf>,

    /// What nix-eval-jobs printed
    #[arg(long, value_name = "FILE", help_heading = "Sources")]
    jobs: Option<PathBuf>,

    /// The flake's `flake.lock`, to tell its inputs apart; default: that of the directory where the
    /// recorded command ran
    #[arg(long, value_name = "FILE", help_heading = "Sources")]
    lock: Option<PathBuf>,

    /// Show what differs between two evaluations: logs or recorded runs with statistics, or files of
    /// statistics
    ///
    /// Counters are the same each time, so that their differences are exact; times are not.
    #[arg(
        long,
        value_names = ["BEFORE", "AFTER"],
        num_args = 2,
        conflicts_with_all = ["input", "stats", "profile", "function_calls", "jobs", "lock", "by", "counter"],
        help_heading = "Sources"
    )]
    compare: Vec<PathBuf>,

    /// Divide evaluation by this, and show nothing else
    #[arg(long, value_name = "BY", value_parser = by(), help_heading = "Selection")]
    by: Option<By>,

    /// Show single counters, by the names that Nix gives them (`nrThunks`, `gc.heapSize`)
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Selection",
        conflicts_with = "by"
    )]
    counter: Vec<String>,

    /// How many to list of anything; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
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

const EXAMPLES: &str = "Examples:\n    \
    nixlog run -- nix build .#foo -v; nixlog eval\n    \
    NIX_SHOW_STATS=1 NIX_COUNT_CALLS=1 nix-instantiate default.nix |& nixlog eval\n    \
    nixlog eval --stats stats.json --profile nix.profile --by module";

fn by() -> impl TypedValueParser<Value = By> {
    const BY: [By; 6] = [
        By::File,
        By::Function,
        By::Input,
        By::Module,
        By::Option,
        By::Derivation,
    ];
    let names = PossibleValuesParser::new(BY.map(By::name));
    names.try_map(|name| By::named(&name).ok_or("no such division"))
}

/// A folder that `nixlog profile` leaves has more than a log.
fn of_folder(args: &mut Args) {
    let Some(folder) = args.input.input.clone().filter(|path| path.is_dir()) else {
        return;
    };
    let in_it = |name: &str| Some(folder.join(name)).filter(|path| is_filled(path));
    args.stats = args.stats.take().or_else(|| in_it(STATS));
    args.profile = args.profile.take().or_else(|| in_it(PROFILE));
    let is_something = args.stats.is_some() || args.profile.is_some();
    if is_something && in_it(PROFILED).is_none() {
        args.input.input = None;
    }
}

fn is_filled(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.len() > 0)
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let mut args = args.clone();
    of_folder(&mut args);
    let args = &args;
    if let [before, after] = args.compare.as_slice() {
        return compare(args, before, after);
    }
    let mut sources = Vec::new();
    let stats = args.stats.as_deref().map(|path| {
        sources.push(source(SourceKind::Statistics, path));
        profiles::stats(path)
    });
    let stats = stats.transpose()?;
    let named = [
        (SourceKind::Profile, &args.profile),
        (SourceKind::FunctionCalls, &args.function_calls),
    ];
    for (kind, path) in named {
        sources.extend(path.as_deref().map(|path| source(kind, path)));
    }
    let jobs = args.jobs.as_deref().map(|path| {
        sources.push(source(SourceKind::Jobs, path));
        jobs(path)
    });
    let jobs = jobs.transpose()?;
    // Another evaluation's log would say nothing of what was named.
    let log = match args.input.input.is_some() || sources.is_empty() {
        true => Some(watched(args, &args.input)?),
        false => None,
    };
    let lock = lock(args, log.as_ref().map(|(log, _)| log))?;
    if let Some(lock) = &lock {
        sources.push(source(SourceKind::Lock, &lock.path));
    }
    let names = InputNames::new(lock.as_ref());
    let read = |path: &Option<PathBuf>| {
        let read = path.as_deref().map(|path| profiles::read(path, &names));
        read.transpose()
    };
    let (sampled, calls) = (read(&args.profile)?, read(&args.function_calls)?);
    if let Some((calls, path)) = calls.as_ref().zip(args.function_calls.as_ref())
        && calls.unit != Unit::Nanoseconds
    {
        let what = format!("`{}` has no traced function calls", path.display());
        return Err(CliError::new(what)
            .hint("`--trace-function-calls` makes Nix print them; a profile is `--profile`"));
    }
    let material = Material {
        log: log.as_ref().map(|(log, said)| (&log.timeline, said)),
        stats: stats.as_ref(),
        profile: sampled.as_ref().map(|profile| (profile, args.frequency)),
        function_calls: calls.as_ref(),
        jobs: jobs.as_ref().map(|(jobs, others)| (&jobs[..], *others)),
        lock: lock.as_ref().map(|lock| &lock.lock),
        sources,
        top: args.top,
    };
    let mut result = eval::result(material, largest);
    let mut shown = Shown::new(Names::new(args.full_paths), args.by, args.top);
    if !args.counter.is_empty() {
        if result.stats.is_none() {
            return Err(
                CliError::new("no statistics of an evaluator in what was read")
                    .hint("NIX_SHOW_STATS=1 makes Nix print them"),
            );
        }
        result
            .only_counters(&args.counter)
            .map_err(|error| no_counter(&error))?;
        shown.counters = true;
    }
    let read = log.as_ref().map(|(log, _)| (&log.source, &log.timeline));
    let report = Report::of_any(read, &[], result);
    let written = output::write(&args.output, &args.input, &report, &shown);
    match log {
        Some((log, _)) => log.end(written),
        None => written,
    }
}

/// One of two evaluations.
struct Side {
    name: String,
    stats: Option<EvaluationStats>,
    times: (Option<u64>, Option<u64>),
}

impl Side {
    /// Reads a file of statistics, or a log.
    fn read(args: &Args, path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        // What `nixlog profile` leaves has them in a file of its own.
        let inside = path.join(STATS);
        let path = if inside.is_file() { &inside } else { path };
        if is_stats(path) {
            return Ok(Self {
                name,
                stats: Some(profiles::stats(path)?),
                times: (None, None),
            });
        }
        let (log, said) = watched(args, &args.input.with(path.to_owned()))?;
        let times = Evaluation::new(&log.timeline, &said);
        let nanos = |time: Option<Nanos>| time.map(Nanos::get);
        Ok(Self {
            name,
            times: (nanos(times.working), nanos(times.blocked)),
            stats: said.most().cloned(),
        })
    }

    fn view(&self) -> eval_compare::Side<'_> {
        eval_compare::Side {
            name: &self.name,
            stats: self.stats.as_ref(),
            times: self.times,
        }
    }
}

/// Tells whether a file is one of statistics: it begins with an object that is no record of a log.
fn is_stats(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = unpack::open(path).map(|file| file.take(1 << 10).read_to_end(&mut head));
    let head = String::from_utf8_lossy(&head);
    read.is_ok() && head.trim_start().starts_with('{') && !head.contains("\"action\"")
}

fn compare(args: &Args, before: &Path, after: &Path) -> Result<(), CliError> {
    let (before, after) = (Side::read(args, before)?, Side::read(args, after)?);
    let result = eval_compare::result(before.view(), after.view(), args.top);
    let report = Report::without_log(&[], result);
    output::write(&args.output, &args.input, &report, &())
}

fn no_counter(error: &NoCounter) -> CliError {
    let what = CliError::new(format!("these statistics have no `{}`", error.name));
    match error.instead {
        Some(instead) => what.hint(format!("Nix has no such name: {instead}")),
        None => what.hint("their names: `nixlog eval --json | jq .result.stats.counters`"),
    }
}

fn source(kind: SourceKind, path: &Path) -> SourceView {
    SourceView::new(kind, path.display().to_string())
}

/// Reads the log, and listens to the evaluator meanwhile.
fn watched(args: &Args, input: &InputArgs) -> Result<(Explained, EvaluationLog), CliError> {
    let watched = Watched::new(EvaluationLog::default());
    let watcher = watched.clone();
    let prepare = |reading: &mut Reading| reading.watch_evaluation(watcher);
    // An evaluator that says nothing else prints its statistics all the same.
    let is_enough = || watched.lock().is_something();
    let log = explained::watched_for(input, &args.graph, &args.output, prepare, is_enough)?;
    Ok((log, watched.take()))
}

/// Reads what nix-eval-jobs printed; returns with it how many lines were something else.
fn jobs(path: &Path) -> Result<(Vec<Job>, u64), CliError> {
    let text = unpack::text(path)?;
    let (mut jobs, mut others) = (Vec::new(), 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match Job::parse(line) {
            Some(job) => jobs.push(job),
            None => others += 1,
        }
    }
    if jobs.is_empty() {
        let what = format!("nothing of nix-eval-jobs in `{}`", path.display());
        return Err(
            CliError::new(what).hint("it prints a JSON object with `attr` for each attribute")
        );
    }
    Ok((jobs, others))
}

/// Finds the lock file: the one that is named, else that of the directory where the command ran.
fn lock(args: &Args, log: Option<&Explained>) -> Result<Option<LockFile>, CliError> {
    if let Some(path) = &args.lock {
        return LockFile::read(path).map(Some);
    }
    let header = log.and_then(|log| log.source.recording.header.as_ref());
    let directory = header.and_then(|header| header.cwd.as_deref());
    let path = directory.map(|directory| Path::new(directory).join("flake.lock"));
    // Nobody asked for it: what cannot be read is not missed.
    Ok(path.and_then(|path| LockFile::read(&path).ok()))
}
