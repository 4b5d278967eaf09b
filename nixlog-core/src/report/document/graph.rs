//! The result of `graph`, laid out.

use std::cmp::Reverse;

use super::super::format::{count, duration, plural};
use super::super::view::{GraphNodeView, GraphResult, Report};
use super::slowest::Options;
use super::words::{notes, shell_word};
use super::{Align, Cell, Column, Document, Row, Table, column, weight};

/// Lays out the result of `graph`: the `top` nodes that most others need (0 for all). `inputs` are the
/// arguments that name the log and the derivations.
#[must_use]
pub fn graph(
    report: &Report<GraphResult>,
    options: Options,
    top: usize,
    inputs: &[String],
) -> Document {
    let result = &report.result;
    let mut nodes: Vec<&GraphNodeView> = result.nodes.iter().collect();
    nodes.sort_by_key(|node| {
        let needed = (node.transitive_dependents, node.direct_dependents);
        (Reverse(needed), Reverse(node.duration_ns), &node.path)
    });
    let shown = if top == 0 {
        nodes.len()
    } else {
        top.min(nodes.len())
    };
    let mut notes = notes(&report.diagnostics);
    if shown < nodes.len() {
        let more = plural((nodes.len() - shown) as u64, "more node");
        notes.insert(0, format!("{more}; `--top 0` lists all"));
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
        tables: vec![table(&nodes[..shown], options)],
        notes,
        next: next_command(report, inputs),
        ..Document::default()
    }
}

fn table(nodes: &[&GraphNodeView], options: Options) -> Table {
    let path = Column {
        for_programs: true,
        ..column("path", "path", Align::Left, 9)
    };
    let name = Column {
        keeps: options.full_paths,
        ..column("name", "node", Align::Left, 0)
    };
    let columns = vec![
        name,
        path,
        column("kind", "kind", Align::Left, 4),
        column("direct_dependents", "direct dependents", Align::Right, 1),
        column("transitive_dependents", "all dependents", Align::Right, 0),
        column("duration_ns", "took", Align::Right, 2),
        column("dependents_work_ns", "dependents' work", Align::Right, 3),
        column("merged", "merged", Align::Right, 6),
        column("on_longest_chain", "longest chain", Align::Left, 5),
    ];
    let row = |node: &&GraphNodeView| Row {
        weight: weight(node.outcome.unwrap_or("unknown")),
        cells: vec![
            Cell::text(if options.full_paths {
                &node.path
            } else {
                &node.name
            }),
            Cell::text(&node.path),
            Cell::Text(node.kind.to_owned()),
            node.direct_dependents
                .map_or(Cell::Unknown, |n| Cell::Count(n as u64)),
            node.transitive_dependents
                .map_or(Cell::Unknown, |n| Cell::Count(n.into())),
            Cell::nanos(node.duration_ns),
            Cell::nanos(node.dependents_work_ns),
            Cell::count(Some(node.merged as u64)),
            Cell::text(if node.on_longest_chain == Some(true) {
                "yes"
            } else {
                ""
            }),
        ],
    };
    Table {
        title: None,
        columns,
        rows: nodes.iter().map(row).collect(),
        ..Table::default()
    }
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
