//! `nixlog trends`.

use clap::ValueEnum;
use nixlog_core::analysis::trends::trends;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::{line_chart, verbs};

use crate::base::arguments::{Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::output::{self, Stream};
use crate::base::selection::top;
use crate::evidence::sides::Sides;

/// Follow a project over time: what changed, since which run, and which packages cost the most
///
/// Only runs count that succeeded. Changes are found by E-divisive with means: from the run that is named
/// on, the number is another one, and not by chance.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The project; default: that of the last run. Runs of the same system and machine are followed
    #[arg(long, value_name = "NAME", help_heading = "Selection")]
    project: Option<String>,

    /// How many of the latest runs to look at
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=5000),
        help_heading = "Selection"
    )]
    last: u32,

    /// How many packages to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    #[command(flatten)]
    output: OutputArgs<TrendsFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TrendsFormat {
    /// Tables for people
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown
    #[value(alias = "markdown")]
    Md,
    /// The main table, in nanoseconds and bytes
    Csv,
    /// A self-contained page with a line for each number
    Html,
    /// An image
    Svg,
}

impl Formats for TrendsFormat {
    const JSON: Self = Self::Json;
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let sides = Sides::open()?;
    let mut runs = sides.latest(args.project.as_deref(), args.last as usize)?;
    runs.reverse();
    let result = verbs::trends::result(&runs, &trends(&runs), args.top);
    let report = Report::without_log(&[], result);
    output::write_with(&args.output, Stream::Output, |format, style, out| {
        let common = match format {
            TrendsFormat::Text => Format::Text,
            TrendsFormat::Json => Format::Json,
            TrendsFormat::Md => Format::Md,
            TrendsFormat::Csv => Format::Csv,
            TrendsFormat::Html => return line_chart::html(&report, &report.document(&()), out),
            TrendsFormat::Svg => return line_chart::svg(&report, &report.document(&()), out),
        };
        output::render(common, style, &report, &(), out)
    })
}
