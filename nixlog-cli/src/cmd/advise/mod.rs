//! `nixlog advise`.

mod apply;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use nixlog_core::analysis::cache::cache_use;
use nixlog_core::analysis::evaluation::{Evaluation, EvaluationLog};
use nixlog_core::analysis::makespan::Makespan;
use nixlog_core::analysis::what_if::Questions;
use nixlog_core::report::verbs::advise::{self, AdviseResult, Case, ChangeView};
use nixlog_core::timeline::Watched;

use super::cache_candidates::candidates;
use crate::base::arguments::{Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::top;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained::{self, Explained};
use crate::evidence::sizes;
use crate::intake::arguments::InputArgs;

/// Show what to change so that the next build is faster, in the order of what it saves
///
/// Each saving is simulated with the change, or marked with `≤`: then it is the time that was measured, of
/// which nobody can tell how much goes. The plan says what each step saves after those before it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// How many pieces of advice to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Write settings that only change how fast builds are to your `nix.conf`; shows what it would write, and
    /// asks
    #[arg(long, conflicts_with_all = ["json", "format", "output"], help_heading = "Apply")]
    apply: bool,

    /// With `--apply`: the file to write
    #[arg(long, value_name = "FILE", requires = "apply", help_heading = "Apply")]
    to: Option<PathBuf>,

    /// With `--apply`: do not ask
    #[arg(long, requires = "apply", help_heading = "Apply")]
    yes: bool,

    #[command(flatten)]
    output: OutputArgs<AdviseFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AdviseFormat {
    /// For people
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown
    #[value(alias = "markdown")]
    Md,
    /// The advice, one a line
    Csv,
    /// A NixOS module with the settings
    Nix,
}

impl Formats for AdviseFormat {
    const JSON: Self = Self::Json;
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let said = Watched::new(EvaluationLog::default());
    let watcher = said.clone();
    let log = explained::watched(&args.input, &args.graph, &args.output, |reading| {
        reading.watch_evaluation(watcher);
    })?;
    let result = advice(&log, &said.take(), &args.graph);
    if args.apply {
        return apply::apply(&result, args.to.as_deref(), args.yes);
    }
    let report = log.report(result);
    let written = output::write_with(&args.output, &args.input, |format, style, out| {
        let common = match format {
            AdviseFormat::Text => Format::Text,
            AdviseFormat::Json => Format::Json,
            AdviseFormat::Md => Format::Md,
            AdviseFormat::Csv => Format::Csv,
            AdviseFormat::Nix => return module(&report.result, out),
        };
        output::render(common, style, &report, &args.top, out)
    });
    log.end(written)
}

/// Finds out what to do about a build.
pub(super) fn advice(log: &Explained, said: &EvaluationLog, graph: &GraphArgs) -> AdviseResult {
    let makespan = Makespan::new(&log.timeline, &log.run, &log.slots(None));
    let makespan = makespan.as_ref().filter(|_| log.is_known());
    let questions = makespan.map(|makespan| {
        let sizes = sizes::assumptions(log, graph);
        Questions::new(&log.timeline, &log.run, makespan, sizes)
    });
    let caches = cache_use(&log.timeline, &log.source, &log.graph, log.known_path());
    let evaluation = Evaluation::new(&log.timeline, said);
    let candidates = candidates(log, |_| false);
    advise::result(&Case {
        timeline: &log.timeline,
        source: &log.source,
        run: &log.run,
        path: &log.path,
        simulated: makespan.zip(questions.as_ref()),
        candidates: &candidates.units,
        caches: &caches,
        evaluation: (&evaluation, said),
    })
}

/// Writes a NixOS module with the settings.
fn module(result: &AdviseResult, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{{ ... }}:\n{{\n  nix.settings = {{")?;
    for it in &result.advice {
        match &it.change {
            ChangeView::Setting { name, value, .. } => {
                writeln!(out, "    # {}\n    {name} = {value};", one_line(&it.title))?;
            }
            _ => writeln!(out, "    # not a setting: {}", one_line(&it.title))?,
        }
    }
    writeln!(out, "  }};\n}}")
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
