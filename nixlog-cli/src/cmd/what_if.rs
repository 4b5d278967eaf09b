//! `nixlog what-if`.

use std::collections::BTreeMap;

use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::what_if::{Assumptions, Change, Questions};
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::what_if::{self, ChangeKind, ChangeView};
use nixlog_core::timeline::{Name, UnitKind};

use super::cache_candidates::{Suggestion, suggest};
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::{rate, slots, top};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained::{self, Explained};
use crate::evidence::globs::Globs;
use crate::evidence::sizes;
use crate::intake::arguments::InputArgs;

/// Predict the build time with other settings, a cache, or faster builds
///
/// All changes are simulated together, since savings do not add up. GLOB matches a name, with or
/// without its version, or a store path; options with a GLOB are repeatable.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// Run up to N builds at once on this machine
    #[arg(long, value_name = "N", value_parser = slots(), help_heading = "Changes")]
    max_jobs: Option<u32>,

    /// Add N machines, each with the speed and the slots of this one
    #[arg(long, value_name = "N", value_parser = slots(), help_heading = "Changes")]
    machines: Option<u32>,

    /// Download these from a cache instead of building them; what only they need is not built
    #[arg(long, value_name = "GLOB", help_heading = "Changes")]
    cached: Vec<String>,

    /// Leave these out, and what only they need
    #[arg(long, value_name = "GLOB", help_heading = "Changes")]
    remove: Vec<String>,

    /// Make these FACTOR times as fast
    #[arg(long, value_name = "GLOB=FACTOR", value_parser = speedup, help_heading = "Changes")]
    speedup: Vec<Speedup>,

    /// Skip this builder phase in all builds, or in those that GLOB matches
    #[arg(long, value_name = "PHASE[=GLOB]", help_heading = "Changes")]
    skip_phase: Vec<String>,

    /// Download at this many bytes per second each: 50MiB
    #[arg(long, value_name = "RATE", value_parser = rate, help_heading = "Changes")]
    substitution_bandwidth: Option<Rate>,

    /// Instead, list the N builds that are most worth caching, as `cache-candidates` does
    #[arg(
        long,
        value_name = "N",
        conflicts_with_all = ["max_jobs", "machines", "cached", "remove", "speedup", "skip_phase", "substitution_bandwidth"],
        value_parser = top,
        help_heading = "Changes"
    )]
    suggest_cached: Option<usize>,

    /// The `max-jobs` of the recorded build on this machine; default: as recorded, else the most builds
    /// seen at once
    #[arg(long, value_name = "N", value_parser = slots(), help_heading = "Simulation")]
    recorded_max_jobs: Option<u32>,

    /// How many units to list in each table; 0 for all
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
    nixlog what-if build.log --max-jobs 16\n    \
    nixlog what-if build.log --cached 'python3*' --cached llvm\n    \
    nixlog what-if build.log --skip-phase checkPhase='matrix-*' --speedup openssl=2\n    \
    nixlog what-if build.log --substitution-bandwidth 50MiB";

/// A glob, by how much, and both as they were given.
#[derive(Debug, Clone)]
struct Speedup {
    glob: String,
    factor: f64,
    text: String,
}

/// Bytes per second, and how that was given.
pub(crate) type Rate = (u64, String);

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    if args.suggest_cached.is_none() && args.changes().is_empty() {
        return Err(CliError::new("no change given")
            .hint("more jobs: nixlog what-if LOG --max-jobs 16")
            .hint("builds from a cache: nixlog what-if LOG --cached 'python3*'")
            .hint("builds without tests: nixlog what-if LOG --skip-phase checkPhase")
            .hint("which builds are worth caching: nixlog what-if LOG --suggest-cached 5"));
    }
    let log = explained::log(&args.input, &args.graph, &args.output)?;
    let slots = log.slots(args.recorded_max_jobs);
    let makespan = Makespan::new(&log.timeline, &log.run, &slots);
    let makespan = makespan.as_ref();
    if let Some(n) = args.suggest_cached {
        let suggestion = Suggestion {
            n,
            full_paths: args.full_paths,
            wanted: &|_, _| true,
            exclude: &[],
            graph: &args.graph,
        };
        let written = suggest(&log, makespan, &suggestion, &args.input, &args.output);
        return log.end(written);
    }
    let (changes, views) = changes(args, &log)?;
    let known = makespan.filter(|_| log.is_known());
    let answer = known.map(|makespan| {
        let sizes = match args.cached.is_empty() {
            true => Assumptions::default(),
            false => sizes::assumptions(&log, &args.graph),
        };
        Questions::new(&log.timeline, &log.run, makespan, sizes).ask(&changes)
    });
    let result = what_if::result(&log.timeline, &log.run, makespan, views, answer.as_ref());
    let report = log.report(result);
    let mut options = what_if::Options::default();
    options.names = Names::new(args.full_paths);
    options.top = args.top;
    log.end(output::write(&args.output, &args.input, &report, &options))
}

/// One change as the command line has it.
enum Asked<'a> {
    MaxJobs(u32),
    Machines(u32),
    Cached(&'a str),
    Remove(&'a str),
    Speedup(&'a Speedup),
    SkipPhase(&'a str),
    Bandwidth(&'a Rate),
}

impl Args {
    fn changes(&self) -> Vec<Asked<'_>> {
        let mut all = Vec::new();
        all.extend(self.max_jobs.map(Asked::MaxJobs));
        all.extend(self.machines.map(Asked::Machines));
        all.extend(self.cached.iter().map(|glob| Asked::Cached(glob)));
        all.extend(self.remove.iter().map(|glob| Asked::Remove(glob)));
        all.extend(self.speedup.iter().map(Asked::Speedup));
        all.extend(self.skip_phase.iter().map(|phase| Asked::SkipPhase(phase)));
        all.extend(self.substitution_bandwidth.as_ref().map(Asked::Bandwidth));
        all
    }
}

/// Finds out which units the changes are about.
fn changes(args: &Args, log: &Explained) -> Result<(Vec<Change>, Vec<ChangeView>), CliError> {
    let globs = Globs::new(log);
    let find = |option: &str, glob: &str, wanted: fn(UnitKind) -> bool| {
        // Where nothing ran, that is what there is to say.
        if globs.is_empty() {
            return Ok(Vec::new());
        }
        globs.find(option, glob, wanted)
    };
    let any = |_: UnitKind| true;
    let (mut changes, mut views) = (Vec::new(), Vec::new());
    for asked in args.changes() {
        let (name, value, change) = match asked {
            Asked::MaxJobs(n) => (ChangeKind::MaxJobs, n.to_string(), Change::LocalSlots(n)),
            Asked::Machines(n) => (ChangeKind::Machines, n.to_string(), Change::Machines(n)),
            Asked::Cached(glob) => {
                let units = find("--cached", glob, UnitKind::is_derivation)?;
                (ChangeKind::Cached, glob.to_owned(), Change::Cached(units))
            }
            Asked::Remove(glob) => {
                let units = find("--remove", glob, any)?;
                (ChangeKind::Remove, glob.to_owned(), Change::Remove(units))
            }
            Asked::Speedup(it) => {
                let units = find("--speedup", &it.glob, any)?;
                let change = Change::Speedup(units, it.factor);
                (ChangeKind::Speedup, it.text.clone(), change)
            }
            Asked::SkipPhase(text) => {
                let (phase, glob) = match text.split_once('=') {
                    Some((phase, glob)) => (phase, Some(glob)),
                    None => (text, None),
                };
                let among = glob.map(|glob| find("--skip-phase", glob, UnitKind::is_derivation));
                let skipped = phases(log, phase, among.transpose()?, globs.is_empty())?;
                let n_units: Vec<usize> = skipped.values().flatten().copied().collect();
                let view =
                    ChangeView::new(ChangeKind::SkipPhase, text.to_owned(), Some(n_units.len()));
                views.push(view);
                let each = skipped.into_iter();
                changes.extend(each.map(|(name, units)| Change::SkipPhase(units, name)));
                continue;
            }
            Asked::Bandwidth((rate, text)) => (
                ChangeKind::SubstitutionBandwidth,
                text.clone(),
                Change::SubstitutionBandwidth(*rate),
            ),
        };
        let units = match &change {
            Change::Cached(units) | Change::Remove(units) | Change::Speedup(units, _) => {
                Some(units.len())
            }
            _ => None,
        };
        views.push(ChangeView::new(name, value, units));
        changes.push(change);
    }
    Ok((changes, views))
}

/// Finds the units that have a builder phase, among some or all: `check` means `checkPhase`.
fn phases(
    log: &Explained,
    wanted: &str,
    among: Option<Vec<usize>>,
    nothing_ran: bool,
) -> Result<BTreeMap<Name, Vec<usize>>, CliError> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found: [BTreeMap<Name, Vec<usize>>; 2] = Default::default();
    let long = format!("{wanted}Phase");
    let nodes = log.run.nodes().iter();
    let all: Vec<usize> = nodes.filter_map(|node| node.unit).collect();
    let is_filtered = among.is_some();
    for unit in among.unwrap_or(all) {
        let mut names: Vec<Name> = log.timeline.units()[unit]
            .phases
            .iter()
            .map(|phase| phase.name)
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let text = log.timeline.name(name);
            *seen.entry(text).or_default() += 1;
            for (found, wanted) in found.iter_mut().zip([wanted, &long]) {
                if text == wanted {
                    found.entry(name).or_default().push(unit);
                }
            }
        }
    }
    let found = found.into_iter().find(|found| !found.is_empty());
    if let Some(found) = found {
        return Ok(found);
    }
    if nothing_ran {
        return Ok(BTreeMap::new());
    }
    let of_these = if is_filtered { " of these" } else { "" };
    let error = CliError::new(format!("no build{of_these} has a builder phase `{wanted}`"));
    let mut seen: Vec<(&str, usize)> = seen.into_iter().collect();
    seen.sort_by_key(|&(name, n_builds)| (std::cmp::Reverse(n_builds), name));
    let names: Vec<&str> = seen.iter().take(8).map(|&(name, _)| name).collect();
    Err(match names.as_slice() {
        [] => error.hint("the log has no builder phases; only stdenv builders print them"),
        names => error.hint(format!("builder phases in this log: {}", names.join(", "))),
    })
}

/// Reads `GLOB=FACTOR`.
fn speedup(text: &str) -> Result<Speedup, String> {
    let (glob, factor) = text
        .rsplit_once('=')
        .ok_or("expected a glob, `=` and a factor: `openssl=2`")?;
    let number = factor.strip_suffix('x').unwrap_or(factor);
    let factor: Option<f64> = number.parse().ok();
    let factor = factor
        .filter(|factor| factor.is_finite() && *factor > 0.0)
        .ok_or("expected a factor above 0, such as 2 for twice as fast")?;
    Ok(Speedup {
        glob: glob.to_owned(),
        factor,
        text: text.to_owned(),
    })
}
