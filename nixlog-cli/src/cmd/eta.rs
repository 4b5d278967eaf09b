//! `nixlog eta`.

use nixlog_core::analysis::estimate::{Options, Usual, backtest, estimate};
use nixlog_core::report::envelope::Report;
use nixlog_core::report::estimated::EstimateView;
use nixlog_core::report::table::Names;
use nixlog_core::report::verbs::eta::EtaResult;
use regex::Regex;

use crate::base::arguments::OutputArgs;
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::top;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::slots::SlotArgs;
use crate::evidence::{past, plan};

/// Estimate how long a build will take, before it begins
///
/// Asks Nix what it would build and fetch, and simulates that 500 times with durations as past runs had them:
/// of the same version of a package, else of other versions, else of similar packages. Evaluates where it has
/// to, and builds nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to build: a `.drv`, what `nix build` takes (`.#foo`), or the output of `nix build --dry-run` as a
    /// file or `-`
    ///
    /// With `--derivations` alone, all of these are to be built.
    #[arg(value_name = "INSTALLABLE", required_unless_present_any = ["derivations", "backtest"])]
    installable: Option<String>,

    /// Estimate each past run from all others, and say how far off that would have been
    #[arg(long, conflicts_with = "installable")]
    backtest: bool,

    /// With `--backtest`: as if packages whose name matches had never been seen
    #[arg(long, value_name = "REGEX", requires = "backtest")]
    forget: Option<Regex>,

    #[command(flatten)]
    slots: SlotArgs,

    /// How many to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    #[command(flatten)]
    graph: GraphArgs,

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let names = Names::new(args.full_paths);
    if args.backtest {
        let past = past::cases()?;
        let tested = backtest(&past.runs, &past.cases, &Options::new(0), |unit| {
            let forget = args.forget.as_ref();
            forget.is_some_and(|regex| regex.is_match(&unit.pname))
        });
        let left_out = past.runs.len() - tested.len();
        let result = EtaResult::backtested(&past.runs, &tested, left_out);
        let report = Report::without_log(&[], result);
        return output::write(&args.output, Stream::Output, &report, &names);
    }
    let found = plan::plan(args.installable.as_deref(), &args.graph)?;
    let usual = Usual::new(&past::runs(&found.plan));
    let (slots, source) = args.slots.find();
    let options = Options::new(slots);
    let estimate = estimate(&found.plan, &usual, &options);
    let view = EstimateView::new(&found.plan, &estimate, args.top);
    let view = view.with(slots, source, usual.n_runs(), options.samples);
    let report = Report::without_log(&found.issues, EtaResult::new(view));
    output::write(&args.output, Stream::Output, &report, &names)
}
