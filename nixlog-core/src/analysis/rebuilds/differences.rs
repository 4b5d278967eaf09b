//! What differs between two derivations by themselves, and not because something below them does.

use std::collections::{BTreeMap, BTreeSet};

use super::Change;
use super::matching::{Matching, Side, variable};
use super::values::{Tokens, difference, shown};
use crate::graph::{DerivationGraph, NodeIdx};

/// What people look for first, in this order.
const FIRST: &[&str] = &["version", "rev", "src", "srcs", "patches", "outputHash"];

/// Returns what differs; `None` where one of the two is not at hand. What of their inputs is the same
/// derivation, or was it before, does not differ.
pub(super) fn differences(
    old: &Side<'_>,
    new: &Side<'_>,
    matching: &Matching,
    (before, after): (NodeIdx, NodeIdx),
) -> Option<Vec<Change>> {
    let (was, is) = (old.graph.recipe(before)?, new.graph.recipe(after)?);
    let (mut old_tokens, mut new_tokens) = (Tokens::default(), Tokens::default());
    add(&mut old_tokens, old.graph, before, "self");
    add(&mut new_tokens, new.graph, after, "self");
    let olds: BTreeSet<NodeIdx> = old.inputs(before).collect();
    let news: BTreeSet<NodeIdx> = new.inputs(after).collect();
    let mut same = Vec::new();
    for &input in &news {
        if let Some(other) = matching.old_of(input).filter(|it| olds.contains(it)) {
            let name = input.0.to_string();
            add(&mut old_tokens, old.graph, other, &name);
            add(&mut new_tokens, new.graph, input, &name);
            same.push((other, input));
        }
    }
    let mut changes = Changes {
        all: Vec::new(),
        tokens: (&old_tokens, &new_tokens),
        raw: (String::new(), String::new()),
    };
    let systems = (
        &old.graph.node(before).system,
        &new.graph.node(after).system,
    );
    changes.compare("system", Some(systems.0), Some(systems.1));
    changes.compare("builder", Some(&was.builder), Some(&is.builder));
    let args = (was.args.join("\n"), is.args.join("\n"));
    changes.compare("args", Some(&args.0), Some(&args.1));
    let mut env: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for (name, value) in &was.env {
        env.entry(name).or_default().0 = Some(value);
    }
    for (name, value) in &is.env {
        env.entry(name).or_default().1 = Some(value);
    }
    for (name, (old, new)) in env {
        changes.compare(name, old, new);
    }
    // What comes and goes is mostly in a variable that has just been told.
    let is_same = |it: &NodeIdx| same.iter().any(|(old, _)| old == it);
    let gone = olds.iter().filter(|it| !is_same(it));
    let gone = gone.map(|&it| (old.name(it).to_owned(), paths(old.graph, it)));
    let is_same = |it: &NodeIdx| same.iter().any(|(_, new)| new == it);
    let added = news.iter().filter(|it| !is_same(it));
    let added = added.map(|&it| (new.name(it).to_owned(), paths(new.graph, it)));
    changes.inputs("input", gone.collect(), added.collect());
    let sources = |side: &Side<'_>, node: NodeIdx| -> BTreeSet<String> {
        let needs = side.graph.dependencies(node);
        let needs = needs.filter(|(it, _)| !side.graph.node(*it).is_derivation());
        needs
            .map(|(it, _)| side.graph.base_name(it).to_owned())
            .collect()
    };
    let (olds, news) = (sources(old, before), sources(new, after));
    let only = |these: &BTreeSet<String>, others: &BTreeSet<String>| -> Vec<String> {
        these.difference(others).cloned().collect()
    };
    let (gone, added) = (only(&olds, &news), only(&news, &olds));
    let named = |paths: &[String]| -> Vec<(String, Vec<String>)> {
        let paths = paths.iter();
        paths
            .map(|path| (path.clone(), vec![path.clone()]))
            .collect()
    };
    changes.inputs("source", named(&gone), named(&added));
    if changes.all.is_empty() {
        changes.wanted(old, new, before, &same, after);
    }
    Some(in_order(changes.all))
}

/// Says how a source that one derivation alone needs was, and is now.
pub(super) fn source_change(
    old: &Side<'_>,
    new: &Side<'_>,
    (before, after): (NodeIdx, NodeIdx),
    user: NodeIdx,
) -> Change {
    let recipe = new.graph.recipe(user);
    let place = recipe.and_then(|recipe| variable(new.graph, after, recipe));
    let hash = |side: &Side<'_>, node: NodeIdx| {
        let recipe = side.graph.recipe(node)?;
        let mut env = recipe.env.iter();
        let hash = env.find(|(name, _)| &**name == "outputHash")?;
        Some(hash.1.chars().take(20).collect::<String>())
    };
    let (old_name, new_name) = (old.name(before), new.name(after));
    let called = |name: &str, hash: Option<String>| match hash {
        Some(hash) if old_name == new_name => format!("{name} ({hash}…)"),
        _ => name.to_owned(),
    };
    Change {
        what: place.map_or("input", |(name, _)| name).to_owned(),
        old: Some(called(old_name, hash(old, before))),
        new: Some(called(new_name, hash(new, after))),
    }
}

/// Puts what people look for first in front. A name that says no more than the version does is left out.
pub(super) fn in_order(mut changes: Vec<Change>) -> Vec<Change> {
    if changes
        .iter()
        .any(|it| it.what == "version" || it.what == "pname")
    {
        changes.retain(|it| it.what != "name");
    }
    let rank = |change: &Change| {
        let place = FIRST.iter().position(|&first| first == change.what);
        place.unwrap_or(FIRST.len())
    };
    changes.sort_by_key(rank);
    changes
}

/// Replaces all paths of a derivation by a token that both sides have in common.
fn add<'a>(tokens: &mut Tokens<'a>, graph: &'a DerivationGraph, node: NodeIdx, name: &str) {
    tokens.add(graph.base_name(node), format!("{name}.drv"));
    for output in &graph.node(node).outputs {
        if let Some(path) = output.path.as_deref() {
            tokens.add(path, format!("{name}:{}", output.name));
        }
    }
}

/// Returns all paths of a derivation.
fn paths(graph: &DerivationGraph, node: NodeIdx) -> Vec<String> {
    let outputs = graph.node(node).outputs.iter();
    outputs
        .filter_map(|output| output.path.as_deref().map(str::to_owned))
        .chain([graph.base_name(node).to_owned()])
        .collect()
}

struct Changes<'t> {
    all: Vec<Change>,
    tokens: (&'t Tokens<'t>, &'t Tokens<'t>),
    /// The values that differ, as they are.
    raw: (String, String),
}

impl Changes<'_> {
    fn compare(&mut self, what: &str, old: Option<&str>, new: Option<&str>) {
        let sides = (
            old.map(|text| (text, self.tokens.0)),
            new.map(|text| (text, self.tokens.1)),
        );
        let Some((gone, added)) = difference(sides.0, sides.1) else {
            return;
        };
        self.raw.0.push_str(old.unwrap_or_default());
        self.raw.1.push_str(new.unwrap_or_default());
        self.all.push(Change {
            what: what.to_owned(),
            old: gone,
            new: added,
        });
    }

    /// Tells of what came and went, unless it stands in a value that differs.
    fn inputs(
        &mut self,
        what: &str,
        gone: Vec<(String, Vec<String>)>,
        added: Vec<(String, Vec<String>)>,
    ) {
        let untold = |all: Vec<(String, Vec<String>)>, raw: &str| -> String {
            let told = |paths: &[String]| paths.iter().any(|path| raw.contains(&**path));
            let all = all.into_iter().filter(|(_, paths)| !told(paths));
            all.map(|(name, _)| name).collect::<Vec<_>>().join(" ")
        };
        let (gone, added) = (untold(gone, &self.raw.0), untold(added, &self.raw.1));
        if gone.is_empty() && added.is_empty() {
            return;
        }
        let (old, new) = shown(&gone, &added);
        self.all.push(Change {
            what: what.to_owned(),
            old,
            new,
        });
    }

    /// Tells which outputs of inputs are wanted now that were not before.
    fn wanted(
        &mut self,
        old: &Side<'_>,
        new: &Side<'_>,
        before: NodeIdx,
        same: &[(NodeIdx, NodeIdx)],
        after: NodeIdx,
    ) {
        let outputs = |side: &Side<'_>, node: NodeIdx, input: NodeIdx| -> BTreeSet<String> {
            let made = &side.graph.node(input).outputs;
            let mut needs = side.graph.dependencies(node);
            let Some((_, why)) = needs.find(|(it, _)| *it == input) else {
                return BTreeSet::new();
            };
            let is_wanted = |place: u32| why.outputs.is_empty() || why.outputs.contains(&place);
            let made = (0..).zip(made).filter(|(place, _)| is_wanted(*place));
            let name = side.name(input);
            made.map(|(_, output)| format!("{name}.{}", output.name))
                .collect()
        };
        for &(other, input) in same {
            let (was, is) = (outputs(old, before, other), outputs(new, after, input));
            // Versions in the names are no matter here.
            let plain = |all: &BTreeSet<String>| -> BTreeSet<String> {
                let all = all.iter().filter_map(|it| it.rsplit_once('.'));
                all.map(|(_, output)| output.to_owned()).collect()
            };
            if plain(&was) == plain(&is) {
                continue;
            }
            let join = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>().join(" ");
            let (old, new) = shown(&join(was), &join(is));
            self.all.push(Change {
                what: "inputs".to_owned(),
                old,
                new,
            });
        }
    }
}
