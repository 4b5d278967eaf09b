//! Before a build: what of a closure would come from caches, what would be built, and what of that many
//! others wait for.

use crate::graph::{DerivationGraph, Direction, NodeIdx, transitive};
use crate::time::Nanos;

/// What a build would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// Paths that would be fetched, by their base names.
    pub fetched: Vec<String>,
    /// Derivations that would be built.
    pub built: Vec<Build>,
}

/// A derivation that would be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Build {
    /// Which.
    pub node: NodeIdx,
    /// How many others that would be built need it, directly or not.
    pub dependents: usize,
    /// The caches have it in part: some outputs are there, others are not.
    pub in_part: bool,
}

/// Returns the outputs of all derivations, as base names, each once; those that are only known after the build
/// are left out.
#[must_use]
pub fn outputs(graph: &DerivationGraph) -> Vec<&str> {
    let nodes = graph.nodes().map(|node| graph.node(node));
    let outputs = nodes
        .filter(|node| node.is_derivation())
        .flat_map(|it| &it.outputs);
    let mut paths: Vec<&str> = outputs.filter_map(|it| it.path.as_deref()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Finds out what a build would do that starts with an empty store, from the roots on: what a cache has comes
/// with all that it refers to, and what none has is built, for which its dependencies are needed. `has` tells of
/// a base name whether a cache has it. Builds are sorted by how many others need them.
#[must_use]
pub fn coverage(graph: &DerivationGraph, has: impl Fn(&str) -> bool) -> Coverage {
    let dag = graph.dag();
    let roots = graph
        .nodes()
        .filter(|node| dag.dependents(node.0).is_empty());
    // All outputs of what was asked for are wanted.
    let mut todo: Vec<(NodeIdx, Vec<u32>)> = roots.map(|node| (node, Vec::new())).collect();
    let mut builds: Vec<NodeIdx> = Vec::new();
    let mut seen = vec![false; graph.len()];
    let mut found = Coverage::default();
    let mut in_part = vec![false; graph.len()];
    while let Some((index, wanted)) = todo.pop() {
        let node = graph.node(index);
        if !node.is_derivation() {
            continue;
        }
        let wanted = node.outputs.iter().enumerate().filter(|(place, _)| {
            wanted.is_empty() || wanted.iter().any(|it| *it as usize == *place)
        });
        let paths: Vec<Option<&str>> = wanted.map(|(_, it)| it.path.as_deref()).collect();
        let there = |path: &Option<&str>| path.is_some_and(&has);
        if !paths.is_empty() && paths.iter().all(there) {
            found
                .fetched
                .extend(paths.into_iter().flatten().map(str::to_owned));
            continue;
        }
        if std::mem::replace(&mut seen[index.0 as usize], true) {
            continue;
        }
        in_part[index.0 as usize] = paths.iter().any(there);
        builds.push(index);
        let needs = graph.dependencies(index);
        todo.extend(needs.map(|(node, needed)| (node, needed.outputs.clone())));
    }
    found.fetched.sort_unstable();
    found.fetched.dedup();
    // Each build weighs 1, and all else nothing: the weight behind a node is how many builds need it.
    let weights: Vec<Nanos> = seen.iter().map(|&it| Nanos::new(u64::from(it))).collect();
    let behind = transitive(dag, Direction::Dependents, &weights);
    let dependents = |node: NodeIdx| {
        let weight = behind[node.0 as usize].work.get();
        usize::try_from(weight).unwrap_or(usize::MAX)
    };
    found.built = builds
        .into_iter()
        .map(|node| Build {
            node,
            dependents: dependents(node),
            in_part: in_part[node.0 as usize],
        })
        .collect();
    found.built.sort_by(|a, b| {
        let by_name = || graph.base_name(a.node).cmp(graph.base_name(b.node));
        b.dependents.cmp(&a.dependents).then_with(by_name)
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{GraphBuilder, NodeKind};

    /// `app` needs `lib`'s `dev`, which needs `base`; `lib` has two outputs.
    fn graph() -> DerivationGraph {
        let mut builder = GraphBuilder::default();
        type Needs = &'static [(&'static str, &'static str)];
        let all: [(&str, &[&str], Needs); 3] = [
            ("app", &["out"], &[("lib", "dev")]),
            ("lib", &["out", "dev"], &[("base", "out")]),
            ("base", &["out"], &[]),
        ];
        for (name, outputs, needs) in all {
            let node = builder.node(&format!("{name}.drv"));
            builder.node_mut(node).kind = NodeKind::Derivation;
            for output in outputs {
                builder.output(node, output, Some(&format!("{name}-{output}")));
            }
            for (needed, output) in needs {
                let on = builder.node(&format!("{needed}.drv"));
                builder.depend(node, on, [*output]);
            }
        }
        builder.finish().expect("no cycle")
    }

    #[test]
    fn from_the_roots_on() {
        let graph = graph();
        assert_eq!(
            outputs(&graph),
            ["app-out", "base-out", "lib-dev", "lib-out"]
        );
        let names = |found: &Coverage| {
            let built = found.built.iter();
            built
                .map(|it| {
                    (
                        graph.base_name(it.node).to_owned(),
                        it.dependents,
                        it.in_part,
                    )
                })
                .collect::<Vec<_>>()
        };
        let build = |name: &str, n, in_part| (format!("{name}.drv"), n, in_part);
        let nothing = coverage(&graph, |_| false);
        let want = [
            build("base", 2, false),
            build("lib", 1, false),
            build("app", 0, false),
        ];
        assert_eq!(
            (names(&nothing), &nothing.fetched[..]),
            (want.into(), &[][..])
        );
        // Only what is wanted counts, and what comes from a cache needs nothing to be built.
        let dev = coverage(&graph, |path| path == "lib-dev");
        assert_eq!(names(&dev), [build("app", 0, false)]);
        assert_eq!(dev.fetched, ["lib-dev"]);
        let out = coverage(&graph, |path| path == "lib-out" || path == "base-out");
        assert_eq!(
            names(&out),
            [build("lib", 1, false), build("app", 0, false)]
        );
        assert_eq!(out.fetched, ["base-out"]);
        let all = coverage(&graph, |_| true);
        assert_eq!(
            (names(&all), all.fetched),
            (Vec::new(), vec!["app-out".to_owned()])
        );
    }
}
