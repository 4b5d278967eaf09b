//! `nixlog builds`.

use std::io::{self, Write};

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use nixlog_core::analysis::groups::GroupBy;
use nixlog_core::analysis::selection::SortBy;
use nixlog_core::report::envelope::Report;
use nixlog_core::report::table::Names;
use nixlog_core::report::unit::UnitView;
use nixlog_core::report::verbs::builds::{self, BuildsResult, Listing};

use crate::base::arguments::{Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::{UnitArgs, top};
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// List all units, one by one or in groups: builds, downloads, queries, evaluation
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// What to sort by
    #[arg(long, value_name = "BY", default_value = SortBy::Start.name(), value_parser = sort_by(), help_heading = "Selection")]
    sort: SortBy,

    /// One row for all units that have this in common
    #[arg(long, value_name = "BY", value_parser = group_by(), help_heading = "Selection")]
    group_by: Option<GroupBy>,

    /// How many to list; 0 for all
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        value_parser = top,
        help_heading = "Selection"
    )]
    top: usize,

    #[command(flatten)]
    units: UnitArgs,

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs<BuildsFormat>,
}

fn sort_by() -> impl TypedValueParser<Value = SortBy> {
    let names = PossibleValuesParser::new(SortBy::ALL.map(SortBy::name));
    names.try_map(|name| {
        let mut all = SortBy::ALL.into_iter();
        all.find(|by| by.name() == name).ok_or("no such order")
    })
}

fn group_by() -> impl TypedValueParser<Value = GroupBy> {
    let names = PossibleValuesParser::new(GroupBy::ALL.map(GroupBy::name));
    names.try_map(|name| {
        let mut all = GroupBy::ALL.into_iter();
        all.find(|by| by.name() == name).ok_or("no such group")
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BuildsFormat {
    /// Tables for people
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown
    #[value(alias = "markdown")]
    Md,
    /// The table, in nanoseconds and bytes
    Csv,
    /// One JSON object a line, for each unit or group: the elements of `units` or `groups` in `json`
    Jsonl,
}

impl Formats for BuildsFormat {
    const JSON: Self = Self::Json;
}

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let log = explained::log(&args.input, &args.graph, &args.output)?;
    let mut listing = Listing::default();
    listing.selection = args.units.selection(args.sort);
    listing.group_by = args.group_by;
    listing.top = args.top;
    let wanted = |unit: &UnitView| args.units.matches(unit);
    let result = builds::result(&log.timeline, log.known_path(), &listing, wanted);
    let report = log.report(result);
    let names = Names::new(args.full_paths);
    let written = output::write_with(&args.output, &args.input, |format, style, out| {
        let common = match format {
            BuildsFormat::Text => Format::Text,
            BuildsFormat::Json => Format::Json,
            BuildsFormat::Md => Format::Md,
            BuildsFormat::Csv => Format::Csv,
            BuildsFormat::Jsonl => return lines(&report, out),
        };
        output::render(common, style, &report, &names, out)
    });
    log.end(written)
}

fn lines(report: &Report<BuildsResult>, out: &mut dyn Write) -> io::Result<()> {
    for unit in &report.result.units {
        serde_json::to_writer(&mut *out, unit)?;
        out.write_all(b"\n")?;
    }
    for group in &report.result.groups {
        serde_json::to_writer(&mut *out, group)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
