//! Graphviz: a picture with `dot -Tsvg`. Time goes from left to right, dependencies first.

use std::io::{self, Write};

use super::envelope::Report;
use super::format::{duration, harmless};
use super::verbs::graph::{GraphNodeKind, GraphNodeView, GraphResult};
use crate::timeline::{Outcome, UnitKind};

/// Writes a graph for `dot`. The longer a node took, the larger it is; the longest chain is red.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(report: &Report<GraphResult>, out: &mut dyn Write) -> io::Result<()> {
    let result = &report.result;
    let longest = result
        .nodes
        .iter()
        .filter_map(|node| node.duration_ns)
        .max();
    writeln!(out, "digraph build {{")?;
    // `dot` gives up on smooth edges where there are very many.
    let splines = if result.edges.len() > 2000 {
        "line"
    } else {
        "true"
    };
    writeln!(
        out,
        "  graph [rankdir=RL, ranksep=0.6, nodesep=0.15, splines={splines}, fontname=\"sans-serif\"];"
    )?;
    writeln!(
        out,
        "  node [shape=box, style=\"filled,rounded\", margin=\"0.1,0.05\", fontname=\"sans-serif\", color=\"#888888\"];"
    )?;
    writeln!(out, "  edge [color=\"#88888888\", arrowsize=0.6];")?;
    for (number, node) in result.nodes.iter().enumerate() {
        write_node(number, node, longest, out)?;
    }
    for &[from, to] in &result.edges {
        let on_chain =
            [from, to].map(|node| result.nodes[node as usize].on_longest_chain == Some(true));
        let style = if on_chain == [true; 2] {
            " [color=\"#c62828\", penwidth=2]"
        } else {
            ""
        };
        writeln!(out, "  n{from} -> n{to}{style};")?;
    }
    writeln!(out, "}}")
}

fn write_node(
    number: usize,
    node: &GraphNodeView,
    longest: Option<u64>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let merged = match node.merged {
        0 => String::new(),
        n => format!(" (+{n})"),
    };
    let took = node
        .duration_ns
        .map(|took| format!("\\n{}", duration(took)));
    let size = size(node.duration_ns, longest);
    write!(
        out,
        "  n{number} [label=\"{}{}{}\", tooltip=\"{}\", fontsize={:.1}, width={:.2}, height={:.2}, fillcolor=\"{}\"",
        escaped(&node.name),
        merged,
        took.unwrap_or_default(),
        escaped(&node.path),
        10.0 + 14.0 * size,
        0.4 + 2.0 * size,
        0.25 + 1.0 * size,
        fill(node),
    )?;
    if node.on_longest_chain == Some(true) {
        write!(out, ", color=\"#c62828\", penwidth=3")?;
    }
    writeln!(out, "];")
}

/// Returns how large to draw a node, from 0 to 1: twice as wide is four times as long.
#[expect(clippy::cast_precision_loss, reason = "pictures need no 53 bits")]
fn size(took: Option<u64>, longest: Option<u64>) -> f64 {
    let (took, longest) = (took.unwrap_or(0), longest.unwrap_or(0));
    match longest {
        0 => 0.0,
        _ => (took as f64 / longest as f64).sqrt(),
    }
}

fn fill(node: &GraphNodeView) -> &'static str {
    match (node.outcome, node.kind) {
        (Some(Outcome::Succeeded | Outcome::Unknown), GraphNodeKind::Ran(kind)) => match kind {
            UnitKind::Build => "#bbdefb",
            UnitKind::SourceFetch => "#c8e6c9",
            _ => "#dcedc8",
        },
        (Some(_), _) => "#ffcdd2",
        (None, GraphNodeKind::MissingDerivation) => "#ffffff",
        (None, _) => "#eeeeee",
    }
}

/// Escapes what stands between quotes. A backslash would start an escape of `dot`'s own.
fn escaped(text: &str) -> String {
    harmless(text).replace('\\', "\\\\").replace('"', "\\\"")
}
