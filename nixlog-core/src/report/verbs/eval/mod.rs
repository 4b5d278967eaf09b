//! `eval`: where the time of evaluation went, from every source there is.

mod layout;
mod place;
mod profile;
mod stats;
mod tables;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

pub use self::profile::{CallerView, CostView, ProfileView, TotalsView};
pub use self::stats::{CallsView, PrimopView, StatsView};
use crate::analysis::evaluation::{Evaluation, EvaluationLog, FileTime};
use crate::eval::jobs::Job;
use crate::eval::lock::{Lock, LockedInput};
use crate::eval::stacks::{By, Profile};
use crate::eval::stats::{EvaluationStats, NoCounter};
use crate::names::named;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::report::evaluation_waits::{EvaluationWaitView, WaitedFor, evaluation_waits};
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitBrief, brief};
use crate::time::{Nanos, Stamp};
use crate::timeline::{Timeline, UnitKind};

/// The result of `eval`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct EvalResult {
    /// For how long the evaluator worked, without what it waited for; `null` where the log has no times
    /// and where there is no log.
    pub wall_ns: Option<u64>,
    /// For how long it waited, besides.
    pub blocked_ns: Option<u64>,
    /// What it waited for.
    pub blocked: Option<BlockedView>,
    /// What was built during evaluation: import from derivation, and what was built for it.
    pub ifd: Vec<ImportView>,
    /// The stretches in which evaluation stood still for the store.
    pub waits: Vec<WaitView>,
    /// Flake inputs and other fetches, the longest first.
    pub input_fetches: Vec<InputFetchView>,
    /// Local sources that were copied into the store or hashed, the longest first.
    pub source_imports: Vec<SourceImportView>,
    /// How many files were evaluated, listed or not; `null` where the log does not name them.
    pub total_files: Option<usize>,
    /// The files, longest first.
    pub files: Vec<FileView>,
    /// How many derivations were made, listed or not; `null` where the log does not name them.
    pub total_derivations: Option<usize>,
    /// The derivations, longest first.
    pub derivations: Vec<DerivationView>,
    /// Warnings of evaluation.
    pub warnings: Vec<WarningView>,
    /// What the flake evaluation cache answered; `null` where the log does not tell (`-vvv`).
    pub attribute_cache: Option<AttributeCacheView>,
    /// Whether the flake has changes that no revision has: nothing of it is cached then.
    pub dirty: bool,
    /// The inputs that `flake.lock` names; `null` without one.
    pub inputs: Option<Vec<LockedInputView>>,
    /// What the evaluator says of itself; `null` where there is none of it.
    pub stats: Option<StatsView>,
    /// How many function calls the log has, traced: `--function-calls` reads them.
    #[serde(skip)]
    pub traced_calls: u64,
    /// How many evaluators printed statistics in the log: those shown are of the one that worked most.
    pub evaluators: usize,
    /// What the profiler of Nix says; `null` without a profile.
    pub profile: Option<ProfileView>,
    /// What traced function calls say, in nanoseconds: exact, of an evaluation that tracing made many times
    /// slower; `null` without any.
    pub function_calls: Option<ProfileView>,
    /// What nix-eval-jobs says of each attribute; `null` where nobody gave it.
    pub jobs: Option<JobsView>,
    /// What was read.
    pub sources: Vec<SourceView>,
}

named! {
    /// Where what is told of an evaluation comes from.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum SourceKind {
        /// The log: times are those of its lines.
        Log = "log",
        /// `NIX_SHOW_STATS=1`: counters are exact.
        Statistics = "statistics",
        /// The profiler of Nix: samples.
        Profile = "profile",
        /// `trace-function-calls`: exact, and it makes evaluation many times slower.
        FunctionCalls = "function-calls",
        /// nix-eval-jobs.
        Jobs = "jobs",
        /// A flake's lock file.
        Lock = "lock",
    }
}

/// Something that was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SourceView {
    /// What kind of source.
    pub kind: SourceKind,
    /// The file, or `log` where it stood between the lines of the log.
    pub name: String,
}

impl SourceView {
    /// Says what was read, and where.
    #[must_use]
    pub fn new(kind: SourceKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }
}

/// How long evaluation waited for what; each instant counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BlockedView {
    /// For builds and downloads that it needed: import from derivation.
    pub store_ns: u64,
    /// For flake inputs and other fetches.
    pub input_fetches_ns: u64,
    /// For local sources on their way into the store.
    pub source_imports_ns: u64,
}

/// Something that was built during evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ImportView {
    /// The unit.
    #[serde(flatten)]
    pub unit: UnitBrief,
    /// Which of `waits` it was built in.
    pub wait: usize,
    /// Evaluation asked for this one; the others of the same wait were built for it.
    pub asked_for: bool,
    /// Nix announced it (`trace-import-from-derivation`).
    pub announced: bool,
}

/// A stretch in which evaluation stood still for the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct WaitView {
    /// For what, and when.
    #[serde(flatten)]
    pub wait: EvaluationWaitView,
    /// The file that had begun last: what asked for it is in it, or in one before it. `null` where the log
    /// does not name files.
    pub last_file: Option<String>,
}

/// A flake input, or another fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct InputFetchView {
    /// The unit.
    #[serde(flatten)]
    pub unit: UnitBrief,
    /// Bytes that went over the wire.
    pub bytes: Option<u64>,
    /// The input's name, as `flake.lock` tells.
    pub input: Option<String>,
}

/// A local source that was copied into the store, or hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SourceImportView {
    /// The unit.
    #[serde(flatten)]
    pub unit: UnitBrief,
    /// The store path that it became, where the log tells.
    pub store_path: Option<String>,
    /// How large it is.
    pub bytes: Option<u64>,
    /// What is large in it, as it is on this machine now; empty where it is not there.
    pub largest: Vec<DirectoryView>,
}

/// A directory or file, and how large it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DirectoryView {
    /// Its place within the source.
    pub path: String,
    /// How large it is.
    pub bytes: u64,
    /// How many files it has.
    pub files: u64,
}

/// A file that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FileView {
    /// The file, as Nix names it.
    pub path: String,
    /// When it first began.
    pub start_ns: Option<u64>,
    /// For how long evaluation worked until the next file began: no more than this was its loading.
    pub until_next_ns: Option<u64>,
    /// How often it began.
    pub count: u64,
}

/// A derivation that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct DerivationView {
    /// Its name.
    pub name: String,
    /// When it was there.
    pub end_ns: Option<u64>,
    /// For how long evaluation worked since the derivation before it was there: no more than this was its
    /// making.
    pub since_previous_ns: Option<u64>,
    /// How many of that name there are.
    pub count: u64,
}

/// A warning of evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct WarningView {
    /// What it says.
    pub text: String,
    /// How often.
    pub count: u64,
}

/// What the flake evaluation cache answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct AttributeCacheView {
    /// Attributes that it had.
    pub hits: u64,
    /// Attributes that it did not have.
    pub misses: u64,
}

/// An input of a flake.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LockedInputView {
    /// How the flake comes to it: `crane/nixpkgs`.
    pub name: String,
    /// Where it comes from.
    pub url: String,
    /// How long its fetches took in this log; `null` where there was none.
    pub fetch_ns: Option<u64>,
    /// How long it took to copy it into the store or to hash it; `null` where it was not.
    pub import_ns: Option<u64>,
    /// How many of its files were evaluated; `null` where the log names no files.
    pub files: Option<usize>,
    /// For how long evaluation worked from the beginnings of its files until the next ones.
    pub until_next_ns: Option<u64>,
    /// It was fetched, and none of its files was evaluated; `null` where the log names no files.
    pub unused: Option<bool>,
    /// Other inputs with the same contents.
    pub same_as: Vec<String>,
}

/// What nix-eval-jobs says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct JobsView {
    /// How many attributes, listed or not.
    pub total: usize,
    /// How many could not be evaluated.
    pub failed: usize,
    /// How many attributes there are of each state of the cache; empty where nobody asked.
    pub cache_status: BTreeMap<String, usize>,
    /// The attributes, longest first.
    pub jobs: Vec<JobView>,
    /// Lines that are none of its.
    pub other_lines: u64,
}

/// An attribute that nix-eval-jobs evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct JobView {
    /// The attribute.
    pub attribute: String,
    /// The derivation.
    pub drv: Option<String>,
    /// How long it took; what several share is billed to whichever forces it first.
    pub wall_ns: Option<u64>,
    /// Bytes that were allocated for it.
    pub allocated_bytes: Option<u64>,
    /// Whether its outputs are `local`, `cached` or `notBuilt`.
    pub cache_status: Option<String>,
    /// How many derivations would be built for it.
    pub needed_builds: Option<usize>,
    /// How many paths would be fetched for it.
    pub needed_substitutes: Option<usize>,
    /// Why it could not be evaluated.
    pub error: Option<String>,
}

impl Answer for EvalResult {
    const SCHEMA: &'static str = "nixlog.eval/1";
    type From = Option<Input>;
    type Options = Shown;

    fn document(report: &Report<Self, Option<Input>>, shown: &Shown) -> Document {
        layout::document(report, *shown)
    }
}

/// What people are shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// How what is listed is called.
    pub names: Names,
    /// One table in place of all.
    pub by: Option<By>,
    /// How many to list of what JSON has in full; 0 for all.
    pub top: usize,
    /// Nothing but the counters.
    pub counters: bool,
    /// What would tell more, too; default: yes.
    pub hints: bool,
}

impl Shown {
    /// Chooses what is shown.
    #[must_use]
    pub const fn new(names: Names, by: Option<By>, top: usize) -> Self {
        Self {
            names,
            by,
            top,
            counters: false,
            hints: true,
        }
    }
}

/// What there is to tell an evaluation from; all of it may be missing.
#[derive(Debug, Default)]
pub struct Material<'a> {
    /// A log, and what the evaluator said in it.
    pub log: Option<(&'a Timeline, &'a EvaluationLog)>,
    /// Statistics from a file of their own.
    pub stats: Option<&'a EvaluationStats>,
    /// What the profiler of Nix has written, and how many samples it took in a second, if somebody knows.
    pub profile: Option<(&'a Profile, Option<f64>)>,
    /// Function calls that were traced.
    pub function_calls: Option<&'a Profile>,
    /// What nix-eval-jobs printed, and how many lines were none of its.
    pub jobs: Option<(&'a [Job], u64)>,
    /// The inputs of the flake.
    pub lock: Option<&'a Lock>,
    /// What was read.
    pub sources: Vec<SourceView>,
    /// How many to list of anything; 0 for all.
    pub top: usize,
}

/// Makes the result of `eval`. `largest` tells what is large in a source, by its path and the store path
/// that it became.
#[must_use]
pub fn result(
    material: Material<'_>,
    largest: impl Fn(&str, Option<&str>) -> Vec<DirectoryView>,
) -> EvalResult {
    let Material {
        log,
        stats,
        profile,
        function_calls,
        jobs,
        lock,
        mut sources,
        top,
    } = material;
    let evaluation = log.map(|(timeline, said)| Evaluation::new(timeline, said));
    let printed = log.map_or(&[][..], |(_, said)| &said.stats);
    let most = log.and_then(|(_, said)| said.most());
    if stats.is_none() && most.is_some() {
        sources.push(SourceView::new(SourceKind::Statistics, "log"));
    }
    if log.is_some() {
        sources.insert(0, SourceView::new(SourceKind::Log, "log"));
    }
    let working = evaluation.as_ref().and_then(|it| it.working);
    let blocked = evaluation.as_ref().and_then(|it| it.blocked);
    let waits = log.map(|(timeline, said)| waits(timeline, said));
    let (waits, ifd) = waits.unwrap_or_default();
    let files = evaluation.as_ref().map_or(&[][..], |it| &it.files);
    let derivations = evaluation.as_ref().map_or(&[][..], |it| &it.derivations);
    let fetches = log.map_or_else(Vec::new, |(timeline, _)| input_fetches(timeline, lock));
    let imports = log.map_or_else(Vec::new, |(timeline, said)| {
        source_imports(timeline, said, largest)
    });
    let warnings = log.map_or_else(Vec::new, |(_, said)| {
        let view = |(text, count): (&str, u64)| WarningView {
            text: text.to_owned(),
            count,
        };
        said.warnings().map(view).collect()
    });
    let attribute_cache = log.and_then(|(_, said)| said.attributes());
    EvalResult {
        wall_ns: nanos(working),
        blocked_ns: nanos(blocked),
        blocked: evaluation
            .as_ref()
            .filter(|it| it.blocked.is_some())
            .map(|it| BlockedView {
                store_ns: it.imports.get(),
                input_fetches_ns: it.input_fetches.get(),
                source_imports_ns: it.source_imports.get(),
            }),
        ifd,
        waits,
        inputs: lock.map(|lock| inputs(lock, files, &fetches, &imports)),
        input_fetches: fetches,
        source_imports: imports,
        total_files: (!files.is_empty()).then_some(files.len()),
        files: longest(files, top).map(file_view).collect(),
        total_derivations: (!derivations.is_empty()).then_some(derivations.len()),
        derivations: longest(derivations, top).map(derivation_view).collect(),
        warnings,
        attribute_cache: attribute_cache.map(|cache| AttributeCacheView {
            hits: cache.hits,
            misses: cache.misses,
        }),
        dirty: log.is_some_and(|(_, said)| said.is_dirty()),
        stats: stats.or(most).map(|stats| StatsView::new(stats, top)),
        evaluators: printed.len(),
        profile: profile.map(|(profile, hz)| ProfileView::new(profile, hz, top)),
        function_calls: function_calls.map(|calls| ProfileView::new(calls, None, top)),
        traced_calls: log.map_or(0, |(_, said)| said.calls),
        jobs: jobs.map(|(jobs, other_lines)| jobs_view(jobs, other_lines, top)),
        sources,
    }
}

/// Lists the longest; those without a time come last, in their own order.
fn longest(times: &[FileTime], top: usize) -> impl Iterator<Item = &FileTime> {
    let mut sorted: Vec<&FileTime> = times.iter().collect();
    sorted.sort_by_key(|it| Reverse(it.time));
    sorted.truncate(limit(top, sorted.len()));
    sorted.into_iter()
}

fn file_view(file: &FileTime) -> FileView {
    FileView {
        path: file.name.to_string(),
        start_ns: file.begun.map(Stamp::as_nanos),
        until_next_ns: nanos(file.time),
        count: file.count,
    }
}

fn derivation_view(derivation: &FileTime) -> DerivationView {
    DerivationView {
        name: derivation.name.to_string(),
        end_ns: derivation.begun.map(Stamp::as_nanos),
        since_previous_ns: nanos(derivation.time),
        count: derivation.count,
    }
}

fn waits(timeline: &Timeline, said: &EvaluationLog) -> (Vec<WaitView>, Vec<ImportView>) {
    let mut ifd = Vec::new();
    let mut views = Vec::new();
    for (place, wait) in evaluation_waits(timeline).into_iter().enumerate() {
        let n_units = wait.units.len();
        let built = wait.units.iter().enumerate();
        let built = built.filter(|(_, unit)| unit.kind.is_derivation());
        ifd.extend(built.map(|(at, unit)| ImportView {
            unit: unit.clone(),
            wait: place,
            asked_for: wait.reason == WaitedFor::Import && at + 1 == n_units,
            announced: said.announced(&unit.path),
        }));
        let last_file = said.file_at(Stamp::from_nanos(wait.start_ns));
        views.push(WaitView {
            last_file: last_file.map(str::to_owned),
            wait,
        });
    }
    (views, ifd)
}

/// Lists the units of a kind, longest first.
fn units(timeline: &Timeline, kind: UnitKind) -> Vec<usize> {
    let units = timeline.units();
    let mut places: Vec<usize> = (0..units.len())
        .filter(|&place| units[place].kind == kind)
        .collect();
    places.sort_by_key(|&place| Reverse(units[place].duration()));
    places
}

fn input_fetches(timeline: &Timeline, lock: Option<&Lock>) -> Vec<InputFetchView> {
    let view = |place: usize| {
        let unit = brief(timeline, place);
        let input = lock.and_then(|lock| lock.owner(&unit.path));
        InputFetchView {
            bytes: timeline.units()[place].wire_bytes,
            input: input.map(|input| input.path.clone()),
            unit,
        }
    };
    let places = units(timeline, UnitKind::InputFetch);
    places.into_iter().map(view).collect()
}

/// Of so many sources it is said what is large in them, if they took long.
const LARGE_SOURCES: usize = 3;
const LONG_IMPORT_NS: u64 = 100_000_000;

fn source_imports(
    timeline: &Timeline,
    said: &EvaluationLog,
    largest: impl Fn(&str, Option<&str>) -> Vec<DirectoryView>,
) -> Vec<SourceImportView> {
    let view = |(rank, place): (usize, usize)| {
        let unit = brief(timeline, place);
        let is_long = rank < LARGE_SOURCES && unit.duration_ns >= Some(LONG_IMPORT_NS);
        let copied = said.copy_of(&unit.path);
        let store_path = copied.and_then(|copied| copied.path.as_deref());
        let told = copied.and_then(|copied| copied.bytes);
        SourceImportView {
            bytes: timeline.units()[place].nar_bytes.or(told),
            largest: match is_long {
                true => largest(&unit.path, store_path),
                false => Vec::new(),
            },
            store_path: store_path.map(str::to_owned),
            unit,
        }
    };
    let places = units(timeline, UnitKind::SourceImport);
    places.into_iter().enumerate().map(view).collect()
}

/// Says of each input what it cost in this log.
fn inputs(
    lock: &Lock,
    files: &[FileTime],
    fetches: &[InputFetchView],
    imports: &[SourceImportView],
) -> Vec<LockedInputView> {
    let mut evaluated: BTreeMap<&str, (usize, Option<Nanos>)> = BTreeMap::new();
    for file in files {
        if let Some(input) = lock.owner(&file.name) {
            let (n, time) = evaluated
                .entry(&input.name)
                .or_insert((0, Some(Nanos::ZERO)));
            *n += 1;
            *time = time.zip(file.time).map(|(time, more)| time + more);
        }
    }
    let twins = lock.twins();
    let view = |input: &LockedInput| {
        let took = |mine: &mut dyn Iterator<Item = Option<u64>>| {
            let known: Vec<u64> = mine.flatten().collect();
            (!known.is_empty()).then(|| known.iter().sum())
        };
        let mut fetched = fetches
            .iter()
            .filter(|fetch| fetch.input.as_ref() == Some(&input.path))
            .map(|fetch| fetch.unit.duration_ns);
        let mut imported = imports
            .iter()
            .filter(|import| {
                let paths = [Some(&import.unit.path), import.store_path.as_ref()];
                let mut owners = paths
                    .into_iter()
                    .flatten()
                    .filter_map(|path| lock.owner(path));
                owners.any(|owner| owner.name == input.name)
            })
            .map(|import| import.unit.duration_ns);
        let fetch_ns = took(&mut fetched);
        let (n_files, time) = evaluated.get(&*input.name).copied().unzip();
        let same = twins
            .iter()
            .find(|twins| twins.iter().any(|it| it.name == input.name));
        let same: BTreeSet<String> = same
            .into_iter()
            .flatten()
            .filter(|it| it.name != input.name)
            .map(|it| it.path.clone())
            .collect();
        LockedInputView {
            name: input.path.clone(),
            url: input.url.clone(),
            unused: (!files.is_empty()).then_some(fetch_ns.is_some() && n_files.is_none()),
            fetch_ns,
            import_ns: took(&mut imported),
            files: (!files.is_empty()).then_some(n_files.unwrap_or_default()),
            until_next_ns: nanos(time.flatten()),
            same_as: same.into_iter().collect(),
        }
    };
    let mut views: Vec<LockedInputView> = lock.inputs.iter().map(view).collect();
    let cost = |view: &LockedInputView| {
        let all = [view.fetch_ns, view.import_ns, view.until_next_ns];
        all.into_iter().flatten().sum::<u64>()
    };
    views.sort_by(|a, b| cost(b).cmp(&cost(a)).then_with(|| a.name.cmp(&b.name)));
    views
}

fn jobs_view(jobs: &[Job], other_lines: u64, top: usize) -> JobsView {
    let mut cache_status: BTreeMap<String, usize> = BTreeMap::new();
    for status in jobs.iter().filter_map(Job::cache_status) {
        *cache_status.entry(status.to_owned()).or_default() += 1;
    }
    let mut sorted: Vec<&Job> = jobs.iter().collect();
    sorted.sort_by_key(|job| {
        let is_failed = job.error.is_some();
        Reverse((is_failed, job.stats.wall_ns, job.needed_builds()))
    });
    sorted.truncate(limit(top, sorted.len()));
    let view = |job: &Job| JobView {
        attribute: job.attr.clone(),
        drv: job.drv_path.clone(),
        wall_ns: job.stats.wall_ns,
        allocated_bytes: job.stats.allocated_bytes,
        cache_status: job.cache_status().map(str::to_owned),
        needed_builds: job.needed_builds(),
        needed_substitutes: job.needed_substitutes(),
        error: job.error.clone(),
    };
    JobsView {
        total: jobs.len(),
        failed: jobs.iter().filter(|job| job.error.is_some()).count(),
        cache_status,
        jobs: sorted.into_iter().map(view).collect(),
        other_lines,
    }
}

impl EvalResult {
    /// Leaves only these counters, by the names that Nix gives them.
    ///
    /// # Errors
    ///
    /// Where the statistics have no such counter; it says what became of names that older guides tell of.
    pub fn only_counters(&mut self, names: &[String]) -> Result<(), NoCounter> {
        let mut kept = BTreeMap::new();
        let Some(StatsView { counters, .. }) = &mut self.stats else {
            return Ok(());
        };
        for name in names {
            let count = counters.get(name).ok_or_else(|| NoCounter::new(name))?;
            kept.insert(name.clone(), *count);
        }
        *counters = kept;
        Ok(())
    }

    /// Returns a file's share of the time in which evaluation worked.
    fn share(&self, part: Option<u64>) -> Option<f64> {
        share(part, self.wall_ns)
    }
}
