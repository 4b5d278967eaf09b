//! `nixlog graph`.

use clap::ValueEnum;
use nixlog_core::analysis::drawing::{self, drawing};
use nixlog_core::analysis::implied_graph::implied_graph;
use nixlog_core::analysis::structural::structural;
use nixlog_core::graph::GraphBuilder;
use nixlog_core::log::Log;
use nixlog_core::report::table::Names;
use nixlog_core::report::{dot, graphml, verbs};
use nixlog_core::store_path::{base_name, pname_of};
use nixlog_core::timeline::{Clock, Issue, IssueCode, Source, Timeline, TimelineBuilder};
use regex::Regex;

use crate::base::arguments::{Format, Formats, OutputArgs};
use crate::base::error::CliError;
use crate::base::output;
use crate::base::selection::top;
use crate::evidence::derivations::GraphArgs;
use crate::evidence::explained;
use crate::intake::arguments::InputArgs;

/// Show the dependency graph, as text, as an image or as data
///
/// Nodes are the builds and substitutions of a log. Dependencies through something that did not run are
/// kept. With `--derivations` and without INPUT, the graph is that of the derivations alone; with `-`,
/// the log is read from standard input.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A picture: nixlog graph build.log --reduce --top 100 --format dot | dot -Tsvg > graph.svg"
)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    graph: GraphArgs,

    /// Only the N nodes that took longest, and N rows in text; 0 for all
    ///
    /// Default: all nodes, and 10 rows in text.
    #[arg(long, value_name = "N", value_parser = top, help_heading = "Selection")]
    top: Option<usize>,

    /// Only these nodes and their neighbours: a name, with or without its version, or a path; `a|b` for
    /// several
    #[arg(long, value_name = "NAME", help_heading = "Selection")]
    around: Option<String>,

    /// How many edges from `--around` a neighbour may be away
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        requires = "around",
        help_heading = "Selection"
    )]
    distance: usize,

    /// Merge nodes whose name matches into their dependents: '-source$|-wrapper'
    #[arg(long, value_name = "REGEX", help_heading = "Selection")]
    collapse: Option<Regex>,

    /// Include derivations and paths that did not run
    #[arg(long, help_heading = "Selection")]
    all: bool,

    /// Leave out edges that other edges imply
    #[arg(long, help_heading = "Selection")]
    reduce: bool,

    /// With `--format dot`: draw each node of a chain without branches, not one for all of them
    #[arg(long, help_heading = "Selection")]
    keep_chains: bool,

    /// Show store paths instead of names
    #[arg(long, help_heading = "Output")]
    full_paths: bool,

    #[command(flatten)]
    output: OutputArgs<GraphFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// The shape in numbers, and the nodes with most dependents
    Text,
    /// One JSON object, stable and versioned
    Json,
    /// Markdown
    #[value(alias = "markdown")]
    Md,
    /// The nodes, in nanoseconds
    Csv,
    /// For Graphviz: `dot -Tsvg`
    Dot,
    /// For Gephi, yEd and networkx
    Graphml,
}

impl Formats for GraphFormat {
    const JSON: Self = Self::Json;
}

/// More nodes than this cannot be told apart in a picture.
const READABLE: usize = 500;

pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let alone = args.input.input.is_none() && !args.graph.derivations.is_empty();
    let mut log = match alone {
        true => explained::join(no_log(args), &args.graph)?,
        false => explained::log(&args.input, &args.graph, &args.output)?,
    };
    let format = if args.output.json {
        GraphFormat::Json
    } else {
        args.output.format
    };
    let is_table = matches!(
        format,
        GraphFormat::Text | GraphFormat::Md | GraphFormat::Csv
    );
    let structural = structural(&log.run);
    let is_meant = |path: &str, name: &str| {
        let names = [path, name, pname_of(name), base_name(path)];
        let around = args.around.as_deref().unwrap_or_default();
        around.split('|').any(|wanted| names.contains(&wanted))
    };
    let collapses = |_: &str, name: &str| {
        args.collapse
            .as_ref()
            .is_some_and(|regex| regex.is_match(name))
    };
    let mut options = drawing::Options::default();
    options.all = args.all || alone;
    options.reduce = args.reduce;
    options.chain = &structural.path;
    options.around = args
        .around
        .as_ref()
        .map(|_| &is_meant as drawing::Choice<'_>);
    options.distance = args.distance;
    options.collapse = args
        .collapse
        .as_ref()
        .map(|_| &collapses as drawing::Choice<'_>);
    options.top = if is_table { 0 } else { args.top.unwrap_or(0) };
    let drawing = drawing(&log.timeline, &log.graph, &log.run, &options);
    let origin = log.source.graph;
    if origin.is_none() {
        log.source.issues.push(no_derivations());
    }
    let unknown = origin.is_none() && !log.timeline.units().is_empty();
    let implied = unknown.then(|| implied_graph(&log.timeline));
    let result = verbs::graph::result(
        &log.timeline,
        &log.graph,
        &drawing,
        (origin, implied.as_ref()),
        (&structural.path, Some(structural.span)),
        &store_dir(&log.timeline),
    );
    let n_nodes = result.nodes.len();
    let report = log.report(result);
    if format == GraphFormat::Dot && n_nodes > READABLE {
        output::hint(&format!(
            "{n_nodes} nodes are hard to read in a picture: try `--reduce`, `--top 100`, `--collapse '-source$'` or `--around NAME`"
        ));
    }
    let written = output::write_with(&args.output, &args.input, |format, style, out| {
        let mut options = verbs::graph::Options::default();
        options.names = Names::new(args.full_paths);
        options.top = args.top.unwrap_or(10);
        options.inputs = inputs(args);
        let common = match format {
            GraphFormat::Dot => return dot::write(&report, !args.keep_chains, out),
            GraphFormat::Graphml => return graphml::write(&report, out),
            GraphFormat::Text => Format::Text,
            GraphFormat::Json => Format::Json,
            GraphFormat::Md => Format::Md,
            GraphFormat::Csv => Format::Csv,
        };
        output::render(common, style, &report, &options, out)
    });
    log.end(written)
}

/// Names the inputs again, for the next command.
fn inputs(args: &Args) -> Vec<String> {
    let log = args
        .input
        .input
        .iter()
        .map(|path| path.display().to_string());
    let derivations = args.graph.derivations.iter();
    let derivations =
        derivations.flat_map(|path| ["--derivations".to_owned(), path.display().to_string()]);
    log.chain(derivations).collect()
}

/// Stands in for a log where there is none.
fn no_log(args: &Args) -> Log {
    let mut source = Source::default();
    let names = args
        .graph
        .derivations
        .iter()
        .map(|path| path.display().to_string());
    source.name = names.collect::<Vec<_>>().join(" ");
    source.carrier = "none".to_owned();
    source.clock = Clock::None;
    Log {
        source,
        timeline: TimelineBuilder::default().finish(),
        brought: GraphBuilder::default(),
    }
}

fn no_derivations() -> Issue {
    let message = "no derivations found: dependencies are unknown. Pass `--derivations` with the \
                   output of `nix derivation show -r`, or run this where the build ran";
    Issue::warning(IssueCode::NoDerivations, message)
}

/// Returns where the paths of a log lie.
fn store_dir(timeline: &Timeline) -> String {
    let mut paths = timeline
        .units()
        .iter()
        .map(|unit| timeline.name(unit.subject));
    let first = paths.find(|path| path.starts_with('/') && path.ends_with(".drv"));
    let dir = first.and_then(|path| path.rsplit_once('/'));
    dir.map_or("/nix/store", |(dir, _)| dir).to_owned()
}
