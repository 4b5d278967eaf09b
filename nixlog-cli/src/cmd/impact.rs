//! `nixlog impact`.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use nixlog_core::analysis::estimate::{Options, Plan, Usual, estimate};
use nixlog_core::analysis::rebuilds::{Side, rebuilds};
use nixlog_core::graph::GraphBuilder;
use nixlog_core::log::Derivations;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::estimated::EstimateView;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::impact::{self, SideView};
use nixlog_core::store_path::innermost;

use crate::base::arguments::{Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::top;
use crate::evidence::derivations::{self, GraphArgs};
use crate::evidence::past;
use crate::evidence::slots::SlotArgs;
use crate::nix::installable;

/// Show what a change would have rebuilt, and how long that would take
///
/// Compares two closures, and builds nothing: which derivations differ by themselves, which follow, and how long
/// it would take to build them all, by the durations of past runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What there was: a `.drv`, what `nix build` takes (`github:owner/repo/v1#foo`), or a file, folder or
    /// archive of derivations, such as the output of `nix derivation show -r`
    #[arg(value_name = "OLD")]
    old: String,

    /// What there would be, named alike
    #[arg(value_name = "NEW")]
    new: String,

    #[command(flatten)]
    slots: SlotArgs,

    /// How many roots to list; 0 for all
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
    output: OutputArgs<ImpactFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ImpactFormat {
    /// A table, and what there is to know of each root
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown
    #[value(alias = "markdown")]
    Md,
    /// The table of roots, in nanoseconds
    Csv,
    /// A comment on a pull request: Markdown behind a mark by which the next one finds it
    Github,
}

impl Formats for ImpactFormat {
    const JSON: Self = Self::Json;
}

/// By this a later run finds the comment that it replaces.
const MARK: &str = "<!-- nixlog impact -->";

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let (old, new) = (closure(&args.old)?, closure(&args.new)?);
    let sides = (Side::all(old.graph()), Side::all(new.graph()));
    let found = rebuilds(&sides.0, &sides.1, |_| true);
    let plan = Plan::new(new.graph(), &impact::differing(&found), []);
    let usual = Usual::new(&past::runs(&plan));
    let (slots, source) = args.slots.find();
    let options = Options::new(slots);
    let estimate = estimate(&plan, &usual, &options);
    let view = EstimateView::new(&plan, &estimate, args.top);
    let view = view.with(slots, source, usual.n_runs(), options.samples);
    let views = (
        SideView::new(&args.old, &sides.0),
        SideView::new(&args.new, &sides.1),
    );
    let result = impact::result(
        (&sides.0, &sides.1),
        views,
        &found,
        (&plan, &estimate),
        view,
        args.top,
    );
    let issues = [&old.issues[..], &new.issues[..]].concat();
    let report = Report::without_log(&issues, result);
    let names = Names::new(args.full_paths);
    output::write_with(&args.output, Stream::Output, |format, style, out| {
        let common = match format {
            ImpactFormat::Text => Format::Text,
            ImpactFormat::Json => Format::Json,
            ImpactFormat::Csv => Format::Csv,
            ImpactFormat::Md => Format::Md,
            ImpactFormat::Github => {
                writeln!(out, "{MARK}")?;
                Format::Md
            }
        };
        output::render(common, style, &report, &names, out)
    })
}

/// Reads a closure, with all that its derivations say.
fn closure(named: &str) -> Result<Derivations, CliError> {
    let mut builder = GraphBuilder::default();
    builder.keep_recipes();
    let mut args = GraphArgs::default();
    if named.ends_with(".drv") && innermost(named).is_some() {
        return derivations::into(builder, &args, &[named.to_owned()]);
    }
    let path = Path::new(named);
    // A folder with a flake in it is an installable.
    if path.is_file() || (path.is_dir() && !path.join("flake.nix").exists()) {
        args.derivations.push(PathBuf::from(named));
        args.no_store = true;
        return derivations::into(builder, &args, &[]);
    }
    let roots = installable::derivations(None, None, named)?;
    derivations::into(builder, &args, &roots)
}
