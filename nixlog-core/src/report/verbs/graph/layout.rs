//! The result of `graph`, laid out.

use std::cmp::Reverse;

use super::{GraphNodeView, GraphResult};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{count, duration, plural};
use crate::report::table::{Cell, Columns, Names, Table, limit, more, weight};
use crate::report::words::{notes, shell_word};
use crate::timeline::Outcome;

/// What to show of a graph.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// How nodes are called.
    pub names: Names,
    /// How many to list, those that most others need; 0, the default, for all.
    pub top: usize,
    /// The arguments that name the log and the derivations, for the next command; default: none.
    pub inputs: Vec<String>,
}

/// Lays out the result of `graph`.
pub(super) fn document(report: &Report<GraphResult>, options: &Options) -> Document {
    let result = &report.result;
    let mut nodes: Vec<&GraphNodeView> = result.nodes.iter().collect();
    nodes.sort_by_key(|node| {
        let needed = (node.transitive_dependents, node.direct_dependents);
        (Reverse(needed), Reverse(node.duration_ns), &node.path)
    });
    let shown = limit(options.top, nodes.len());
    let mut notes = notes(&report.diagnostics);
    if let Some(more) = more(nodes.len(), shown, "more node") {
        notes.insert(0, more);
    }
    if let Some(implied) = result.implied.as_ref().filter(|implied| implied.builds > 1) {
        notes.push(format!(
            "without derivations, of {} between {}: {} ruled out by time, {} by the order of Nix's plan, {} proven, {} open",
            plural(implied.pairs, "possible dependency"),
            plural(implied.builds as u64, "build"),
            count(implied.excluded_by_time),
            count(implied.excluded_by_plan),
            count(implied.proven.len() as u64),
            count(implied.open),
        ));
    }
    if result.missing_derivations > 0 && result.depth.is_some() {
        let missing = plural(result.missing_derivations as u64, "derivation");
        notes.push(format!(
            "{missing} not found: their dependencies are unknown"
        ));
    }
    Document {
        verdict: verdict(report),
        tables: vec![table(&nodes[..shown], options.names)],
        notes,
        next: next_command(report, &options.inputs),
        ..Document::default()
    }
}

fn table(nodes: &[&GraphNodeView], names: Names) -> Table {
    let mut columns = Columns::<&GraphNodeView>::new();
    columns.names(names, "node", |node| (&*node.name, &*node.path));
    columns
        .text("kind", "kind", |node| Cell::text(node.kind.name()))
        .rank(4);
    columns
        .number("direct_dependents", "direct dependents", |node| {
            node.direct_dependents.map_or(Cell::Unknown, Cell::number)
        })
        .rank(1);
    columns.number("transitive_dependents", "all dependents", |node| {
        Cell::count(node.transitive_dependents.map(u64::from))
    });
    columns
        .number("duration_ns", "took", |node| Cell::nanos(node.duration_ns))
        .rank(2);
    columns
        .number("dependents_work_ns", "dependents' work", |node| {
            Cell::nanos(node.dependents_work_ns)
        })
        .rank(3);
    columns
        .number("merged", "merged", |node| Cell::number(node.merged))
        .rank(6);
    columns
        .text("on_longest_chain", "longest chain", |node| {
            match node.on_longest_chain {
                Some(true) => Cell::text("yes"),
                _ => Cell::Unknown,
            }
        })
        .rank(5);

    let weight = |node: &&GraphNodeView| weight(node.outcome.unwrap_or(Outcome::Unknown));
    Table::new(columns, nodes.iter().copied(), weight)
}

fn verdict(report: &Report<GraphResult>) -> String {
    let result = &report.result;
    let n_nodes = result.nodes.len() as u64;
    let nodes = match result.total_nodes as u64 {
        total if total == n_nodes => plural(total, "node"),
        total => format!("{} of {}", count(n_nodes), plural(total, "node")),
    };
    match n_nodes {
        0 if result.total_nodes > 0 => format!(
            "none of {} matches",
            plural(result.total_nodes as u64, "node")
        ),
        0 => "nothing was built or substituted, and no derivations were found".to_owned(),
        _ if result.depth.is_none() => format!(
            "{nodes}; dependencies unknown: no derivations found, and Nix does not log them"
        ),
        _ => {
            let edges = plural(result.edges.len() as u64, "edge");
            let shape = format!(
                "depth {}, width {}",
                count(result.depth.unwrap_or_default() as u64),
                count(result.widest.unwrap_or_default() as u64)
            );
            let mut last = result
                .nodes
                .iter()
                .filter(|node| node.on_longest_chain == Some(true));
            let chain = last
                .next()
                .and(result.span_ns)
                .map(|span| format!("; the longest chain takes {}", duration(span)));
            format!("{nodes}, {edges}: {shape}{}", chain.unwrap_or_default())
        }
    }
}

/// A picture is what one wants of a graph; without derivations, first these.
fn next_command(report: &Report<GraphResult>, inputs: &[String]) -> Option<String> {
    if report.input.source == "-" {
        return None;
    }
    let words: Vec<String> = inputs.iter().map(|word| shell_word(word)).collect();
    let inputs = words.join(" ");
    Some(match report.result.depth {
        None => format!("nixlog graph {inputs} --derivations FILE"),
        Some(_) => {
            format!("nixlog graph {inputs} --reduce --top 100 --format dot | dot -Tsvg > graph.svg")
        }
    })
}
