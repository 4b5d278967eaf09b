//! Graphviz: a picture with `dot -Tsvg`. Time goes from left to right: an arrow goes from what is needed
//! to what needs it.

use std::io::{self, Write};

use super::envelope::Report;
use super::format::{duration, harmless, plural};
use super::verbs::graph::{GraphNodeKind, GraphNodeView, GraphResult};
use crate::timeline::{Outcome, UnitKind};

/// Writes a graph for `dot`. The longer a node took, the larger it is; the longest chain is red. With
/// `merges_chains`, nodes that follow one another without a branch are drawn as one.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(
    report: &Report<GraphResult>,
    merges_chains: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let result = &report.result;
    let chains = chains(result, merges_chains);
    let drawn: Vec<Drawn<'_>> = chains
        .iter()
        .map(|chain| Drawn::new(result, chain))
        .collect();
    let longest = drawn.iter().filter_map(|drawn| drawn.took).max();
    writeln!(out, "digraph build {{")?;
    // `dot` gives up on smooth edges where there are very many.
    let splines = if result.edges.len() > 2000 {
        "line"
    } else {
        "true"
    };
    writeln!(
        out,
        "  graph [rankdir=LR, ranksep=0.6, nodesep=0.15, splines={splines}, fontname=\"sans-serif\"];"
    )?;
    writeln!(
        out,
        "  node [shape=box, style=\"filled,rounded\", margin=\"0.1,0.05\", fontname=\"sans-serif\", color=\"#888888\"];"
    )?;
    writeln!(out, "  edge [color=\"#88888888\", arrowsize=0.6];")?;
    let mut drawn_as = vec![0; result.nodes.len()];
    for (chain, drawn) in chains.iter().zip(&drawn) {
        for &node in chain {
            drawn_as[node as usize] = chain[0];
        }
        drawn.write(chain[0], longest, out)?;
    }
    let on_longest = |node: u32| result.nodes[node as usize].on_longest_chain == Some(true);
    for &[dependent, dependency] in &result.edges {
        let [to, from] = [dependent, dependency].map(|node| drawn_as[node as usize]);
        if from == to {
            continue;
        }
        let style = if on_longest(dependent) && on_longest(dependency) {
            " [color=\"#c62828\", penwidth=2]"
        } else {
            ""
        };
        writeln!(out, "  n{from} -> n{to}{style};")?;
    }
    writeln!(out, "}}")
}

/// Returns the nodes in chains without a branch, each in the order of time: a node is merged with the only
/// one that it needs, where nothing else needs that. Nodes on the longest chain are only merged with each
/// other.
fn chains(result: &GraphResult, merges: bool) -> Vec<Vec<u32>> {
    let n_nodes = result.nodes.len();
    // The only neighbour on each side; `Err` counts how many others there are.
    let mut before = vec![Err(0_u32); n_nodes];
    let mut after = vec![Err(0_u32); n_nodes];
    let meet = |side: &mut Vec<Result<u32, u32>>, node: u32, other: u32| {
        let known = &mut side[node as usize];
        *known = match *known {
            Err(0) => Ok(other),
            Ok(_) => Err(2),
            Err(n) => Err(n),
        };
    };
    for &[dependent, dependency] in &result.edges {
        meet(&mut before, dependent, dependency);
        meet(&mut after, dependency, dependent);
    }
    let is_alike = |a: u32, b: u32| {
        let [a, b] = [a, b].map(|node| result.nodes[node as usize].on_longest_chain == Some(true));
        a == b
    };
    // What a node is merged with, since neither has another neighbour there.
    let next = |node: u32| {
        let other = after[node as usize].ok()?;
        (merges && before[other as usize] == Ok(node) && is_alike(node, other)).then_some(other)
    };
    let is_inner = |node: u32| {
        let other = before[node as usize].ok();
        other.is_some_and(|other| next(other) == Some(node))
    };
    let nodes = 0..u32::try_from(n_nodes).unwrap_or(u32::MAX);
    let firsts = nodes.filter(|&node| !is_inner(node));
    firsts
        .map(|first| std::iter::successors(Some(first), |&node| next(node)).collect())
        .collect()
}

/// One or several nodes, drawn as one.
struct Drawn<'a> {
    nodes: Vec<&'a GraphNodeView>,
    took: Option<u64>,
}

impl<'a> Drawn<'a> {
    fn new(result: &'a GraphResult, chain: &[u32]) -> Self {
        let nodes: Vec<_> = chain
            .iter()
            .map(|&node| &result.nodes[node as usize])
            .collect();
        let ran = nodes.iter().filter(|node| node.ran);
        // A sum with an unknown part is none.
        let took: Option<Vec<u64>> = ran.map(|node| node.duration_ns).collect();
        let took = took.filter(|took| !took.is_empty());
        Self {
            took: took.map(|took| took.into_iter().fold(0, u64::saturating_add)),
            nodes,
        }
    }

    fn write(&self, number: u32, longest: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
        let took = self.took.map(duration);
        let (first, last) = (self.nodes[0], self.nodes[self.nodes.len() - 1]);
        let label = match self.nodes.len() {
            1 => {
                let took = took.map_or_else(String::new, |took| format!("\\n{took}"));
                format!("{}{took}", name(first))
            }
            n => {
                let took = took.map_or_else(String::new, |took| format!(", {took}"));
                let n = plural(n as u64, "node");
                format!("{} … {}\\n{n}{took}", name(first), name(last))
            }
        };
        let paths: Vec<_> = self.nodes.iter().map(|node| escaped(&node.path)).collect();
        let size = size(self.took, longest);
        write!(
            out,
            "  n{number} [label=\"{label}\", tooltip=\"{}\", fontsize={:.1}, width={:.2}, height={:.2}, fillcolor=\"{}\"",
            paths.join("\\n"),
            10.0 + 14.0 * size,
            0.4 + 2.0 * size,
            0.25 + 1.0 * size,
            fill(
                self.nodes
                    .iter()
                    .find(|node| node.outcome.is_some_and(Outcome::is_failure))
                    .unwrap_or(&last)
            ),
        )?;
        if last.on_longest_chain == Some(true) {
            write!(out, ", color=\"#c62828\", penwidth=3")?;
        }
        writeln!(out, "];")
    }
}

fn name(node: &GraphNodeView) -> String {
    match node.merged {
        0 => escaped(&node.name),
        n => format!("{} (+{n})", escaped(&node.name)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn result(n_nodes: usize, edges: &[[u32; 2]], longest: &[usize]) -> GraphResult {
        let node = |number: usize| GraphNodeView {
            path: format!("/{number}"),
            name: format!("n{number}"),
            pname: String::new(),
            kind: GraphNodeKind::Ran(UnitKind::Build),
            ran: true,
            duration_ns: Some(1_000_000_000),
            outcome: Some(Outcome::Succeeded),
            on_longest_chain: Some(longest.contains(&number)),
            direct_dependents: None,
            transitive_dependents: None,
            dependents_work_ns: None,
            merged: 0,
        };
        GraphResult {
            source: None,
            derivations: 0,
            missing_derivations: 0,
            total_nodes: n_nodes,
            depth: None,
            widest: None,
            span_ns: None,
            nodes: (0..n_nodes).map(node).collect(),
            edges: edges.to_vec(),
            implied: None,
        }
    }

    #[test]
    fn what_follows_one_another_without_a_branch_is_one() {
        // 0 needs 1, 1 needs 2, 2 needs 3 and 4, 3 and 4 need 5, 5 needs 6.
        let edges = [[0, 1], [1, 2], [2, 3], [2, 4], [3, 5], [4, 5], [5, 6]];
        let of = |longest: &[usize], merges| chains(&result(8, &edges, longest), merges);
        let all: Vec<Vec<u32>> = vec![vec![2, 1, 0], vec![3], vec![4], vec![6, 5], vec![7]];
        assert_eq!(of(&[], true), all);
        assert_eq!(of(&[0, 1, 2, 3, 4, 5, 6, 7], true), all);
        assert_eq!(of(&[2], true)[..2], [vec![1, 0], vec![2]]);
        assert_eq!(of(&[], false).len(), 8);
    }

    #[test]
    fn a_chain_says_how_many_it_is_and_how_long_they_took() {
        let mut result = result(3, &[[0, 1], [1, 2]], &[]);
        let label = |result: &GraphResult| {
            let mut out = Vec::new();
            let drawn = Drawn::new(result, &chains(result, true)[0]);
            drawn
                .write(2, drawn.took, &mut out)
                .expect("a vector takes all");
            let text = String::from_utf8(out).expect("UTF-8");
            text.split('"').nth(1).map(str::to_owned)
        };
        assert_eq!(label(&result).as_deref(), Some(r"n2 … n0\n3 nodes, 3.00s"));
        result.nodes[1].duration_ns = None;
        assert_eq!(label(&result).as_deref(), Some(r"n2 … n0\n3 nodes"));
        result.nodes[1].ran = false;
        assert_eq!(label(&result).as_deref(), Some(r"n2 … n0\n3 nodes, 2.00s"));
    }
}
