//! `nixlog compare`.

use std::path::{Path, PathBuf};

use nixlog_core::analysis::cache::cache_use;
use nixlog_core::analysis::comparison::comparison;
use nixlog_core::analysis::past_run::PastUnit;
use nixlog_core::analysis::rebuilds::{self, Ran};
use nixlog_core::report::envelope::Report;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::rebuilds::RebuildsResult;
use nixlog_core::report::verbs::{self, compare};
use regex::Regex;

use super::profile;
use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::{names, top};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained::{self, Explained};
use crate::evidence::sides::{Side, Sides};
use crate::intake::arguments::InputArgs;
use crate::intake::input::PROFILED;

/// Compare runs: what became slower, whether that is more than chance, and whether anyone waited for it
///
/// Each side is a run (`last`, `last~2`, a name, an id), a file, a baseline, or several runs: `last~0..5`, or
/// with commas in between. With four runs on each side or more, a rank sum test tells a difference from
/// chance. With fewer, it is compared with how far repeats of the project lie apart in the history; without
/// these, the difference is shown, and that nobody can tell. A folder of `nixlog profile` is a run, too; of two
/// of them the evaluations are compared besides.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Units are matched by package, system and outputs, never by hash.\n\n\
                  Five runs before a change against five after it:\n\n    \
                  nixlog compare last~5..10 last~0..5"
)]
pub(crate) struct Args {
    /// What there was
    #[arg(value_name = "A", default_value = "last~1")]
    a: String,

    /// What there is
    #[arg(value_name = "B", default_value = "last")]
    b: String,

    /// How many units to list of each kind of change; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Only units whose name or path matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<Regex>,

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let folders = [Path::new(&args.a), Path::new(&args.b)];
    let evaluation = profile::compared(folders, args.top)?;
    let has_build = |folder: &Path| folder.join(PROFILED).is_file();
    if let Some(evaluation) = &evaluation
        && !folders.into_iter().all(has_build)
    {
        // Nothing was built.
        let report = Report::without_log(&[], evaluation.clone());
        return output::write(&args.output, Stream::Output, &report, &());
    }
    let sides = Sides::open_or_warn()?;
    let (a, b) = (sides.find(&args.a)?, sides.find(&args.b)?);
    let repeats = sides.repeats(&a, &b)?;
    let compared = comparison(&a.runs, &b.runs, &repeats);
    let wanted = |unit: &PastUnit| names(args.filter.as_ref(), &[&unit.name, &unit.path]);
    let mut result = compare::result([a.named(), b.named()], &compared, args.top, wanted);
    result.rebuilds = rebuilds(&a, &b, args)?;
    result.evaluation = evaluation;
    let report = Report::without_log(&[], result);
    let names = Names::new(args.full_paths);
    output::write(&args.output, Stream::Output, &report, &names)
}

fn ran(log: &Explained) -> Ran<'_> {
    Ran::new(&log.timeline, &log.run, rebuilds::Side::all(&log.graph))
}

/// Finds out why the newest run of the second side built things, where both recordings are there.
fn rebuilds(a: &Side, b: &Side, args: &Args) -> Result<Option<RebuildsResult>, CliError> {
    let (Some(before), Some(after)) = (&a.log, &b.log) else {
        return Ok(None);
    };
    let read = |path: &PathBuf| {
        let input = InputArgs::of_file(path.clone());
        explained::watched(&input, &GraphArgs::default(), &args.output, |reading| {
            reading.keep_recipes();
        })
    };
    let (before, after) = (read(before)?, read(after)?);
    if before.graph.is_empty() || after.graph.is_empty() {
        return Ok(None);
    }
    let caches = cache_use(&after.timeline, &after.source, &after.graph, None);
    let earlier = ran(&before);
    let before = Some((&before.source, &earlier));
    let result = verbs::rebuilds::result(&ran(&after), before, &caches.built, args.top);
    Ok(Some(result))
}
