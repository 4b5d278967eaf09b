//! `nixlog timeline`.

use nixlog_core::analysis::evaluation::{Evaluation, EvaluationLog};
use nixlog_core::analysis::inside::Traces;
use nixlog_core::analysis::lanes;
use nixlog_core::report::unit::UnitView;
use nixlog_core::report::{chrome, html, svg, verbs};
use nixlog_core::time::Nanos;
use nixlog_core::timeline::Watched;
use regex::Regex;

use clap::ValueEnum;

use super::inside::insides;
use crate::base::arguments::{Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::selection::{duration, matches, top};
use crate::base::{output, terminal};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// Draw a chart of what ran when, one row per slot
///
/// The chart shows idle slots, long builds and failures at a glance. Downloads and queries share one
/// row each, which shows how many ran at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// How many slots of each machine get their own row in text; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 8,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    /// Only units whose name or path matches
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    filter: Option<Regex>,

    /// Only units that took at least this long: 500ms, 30s, 2m
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Selection")]
    min_duration: Option<Nanos>,

    /// Width of the chart in columns; default: the width of the terminal, else 100
    #[arg(long, value_name = "N", value_parser = width, help_heading = "Output")]
    width: Option<usize>,

    /// Draw with ASCII characters only; default if the locale is not UTF-8
    #[arg(long, help_heading = "Output")]
    ascii: bool,

    #[command(flatten)]
    output: OutputArgs<TimelineFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TimelineFormat {
    /// A text chart
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown
    #[value(alias = "markdown")]
    Md,
    /// The units and their rows, in nanoseconds and bytes
    Csv,
    /// A trace for Perfetto (<https://ui.perfetto.dev>) and other Chrome trace viewers
    Chrome,
    /// A self-contained page with zoom and search
    Html,
    /// An image
    Svg,
}

impl Formats for TimelineFormat {
    const JSON: Self = Self::Json;
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let is = |format| !args.output.is_json() && args.output.format == format;
    let is_page = is(TimelineFormat::Html);
    let is_trace = is(TimelineFormat::Chrome);
    let traces = Watched::new(Traces::default());
    let said = Watched::new(EvaluationLog::default());
    let log = explained::watched(&args.input, &args.graph, &args.output, |reading| {
        // No other format shows what happened inside of builds and of evaluation.
        if is_trace {
            reading.watch_builds(traces.clone());
        }
        if is_trace || is_page {
            reading.watch_evaluation(said.clone());
        }
    })?;
    let (mut traces, said) = (traces.take(), said.take());
    let path = log.known_path().map(|path| path.chart(&log.timeline));
    let path = path.unwrap_or_default();
    let lanes = lanes::lanes(&log.timeline);
    let shortest = args.min_duration.map(Nanos::get);
    let wanted = |unit: &UnitView| {
        let long = shortest.is_none_or(|shortest| unit.duration_ns >= Some(shortest));
        long && matches(args.filter.as_ref(), unit)
    };
    // No other format shows it.
    let run = (is_page && log.is_known()).then_some(&log.run);
    let result = verbs::timeline::result(&log.timeline, &lanes, &path, run, wanted);
    let builds: Vec<usize> = (0..log.timeline.units().len()).collect();
    let insides = insides(&log, &builds, &mut traces);
    let evaluation = Evaluation::new(&log.timeline, &said);
    let report = log.report(result.with_steps(&insides).with_files(&evaluation));
    let written = output::write_with(&args.output, &args.input, |format, style, out| {
        let mut options = verbs::timeline::Options::default();
        options.top = args.top;
        options.ascii = args.ascii || terminal::is_ascii();
        options.width = args.width.or(style.width).unwrap_or(options.width);
        let document = || report.document(&options);
        let common = match format {
            TimelineFormat::Text => Format::Text,
            TimelineFormat::Json => Format::Json,
            TimelineFormat::Md => Format::Md,
            TimelineFormat::Csv => Format::Csv,
            TimelineFormat::Chrome => return chrome::write(&report, out),
            TimelineFormat::Html => return html::write(&report, &document(), out),
            TimelineFormat::Svg => return svg::write(&report, &document(), out),
        };
        output::render(common, style, &report, &options, out)
    });
    log.end(written)
}

/// Narrower than this, nothing can be told apart; wider than this, no screen is.
fn width(text: &str) -> Result<usize, String> {
    let width = text.parse().ok();
    width
        .filter(|width| (40..=10_000).contains(width))
        .ok_or_else(|| "expected a number of columns from 40 to 10000".to_owned())
}
