//! `GraphML`: for Gephi, yEd, networkx and the like.

use std::borrow::Cow;
use std::io::{self, Write};

use super::envelope::Report;
use super::format::harmless;
use super::verbs::graph::GraphResult;

/// What is said of each node: its name, its type.
const KEYS: [(&str, &str); 11] = [
    ("path", "string"),
    ("name", "string"),
    ("pname", "string"),
    ("kind", "string"),
    ("ran", "boolean"),
    ("duration_ns", "long"),
    ("outcome", "string"),
    ("on_longest_chain", "boolean"),
    ("direct_dependents", "long"),
    ("transitive_dependents", "long"),
    ("merged", "long"),
];

/// Writes a graph as `GraphML`, edges from dependent to dependency. What is not known is left out.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(report: &Report<GraphResult>, out: &mut dyn Write) -> io::Result<()> {
    let result = &report.result;
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">"
    )?;
    for (key, of) in KEYS {
        writeln!(
            out,
            "  <key id=\"{key}\" for=\"node\" attr.name=\"{key}\" attr.type=\"{of}\"/>"
        )?;
    }
    writeln!(out, "  <graph id=\"build\" edgedefault=\"directed\">")?;
    for (number, node) in result.nodes.iter().enumerate() {
        writeln!(out, "    <node id=\"n{number}\">")?;
        let values = [
            Some(Cow::Borrowed(&*node.path)),
            Some(Cow::Borrowed(&*node.name)),
            Some(Cow::Borrowed(&*node.pname)),
            Some(Cow::Borrowed(node.kind.name())),
            Some(truth(node.ran)),
            node.duration_ns.map(|n| Cow::Owned(n.to_string())),
            node.outcome.map(|outcome| Cow::Borrowed(outcome.name())),
            node.on_longest_chain.map(truth),
            node.direct_dependents.map(|n| Cow::Owned(n.to_string())),
            node.transitive_dependents
                .map(|n| Cow::Owned(n.to_string())),
            Some(Cow::Owned(node.merged.to_string())),
        ];
        for ((key, _), value) in KEYS.iter().zip(values) {
            if let Some(value) = value {
                writeln!(out, "      <data key=\"{key}\">{}</data>", escaped(&value))?;
            }
        }
        writeln!(out, "    </node>")?;
    }
    for (number, [from, to]) in result.edges.iter().enumerate() {
        writeln!(
            out,
            "    <edge id=\"e{number}\" source=\"n{from}\" target=\"n{to}\"/>"
        )?;
    }
    writeln!(out, "  </graph>\n</graphml>")
}

fn truth(is_so: bool) -> Cow<'static, str> {
    Cow::Borrowed(if is_so { "true" } else { "false" })
}

/// Escapes text between tags. What XML has no way to say becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
