//! What is to be built and fetched, and in which order it can be.

use std::collections::{HashMap, HashSet};

use crate::analysis::run_graph::RunGraph;
use crate::analysis::simulation::{Task, Workload};
use crate::graph::{Contraction, Dag, DerivationGraph, Hubs, NodeIdx, contract};
use crate::store_path::{base_name, name_of, pname_of};
use crate::timeline::{Timeline, UnitKind};

/// What is to be done.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Plan {
    /// What needs what.
    dag: Dag,
    /// What is to be done, node by node; `None` for what only stands between.
    tasks: Vec<Option<Planned>>,
    /// How many builds there are of which it is not known what they need.
    pub unknown: usize,
    /// Bytes to download, if Nix said so.
    pub download_bytes: Option<u64>,
    /// Bytes unpacked, if Nix said so.
    pub unpacked_bytes: Option<u64>,
}

/// A thing to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planned {
    /// A build, a source fetch or a substitution.
    pub kind: UnitKind,
    /// Its name without hash.
    pub name: String,
    /// The base name of its `.drv`, or of its store path.
    pub path: String,
    /// The system that it is built on, where that is known.
    pub system: Option<String>,
    /// The derivation.
    pub node: Option<NodeIdx>,
    /// The unit that it was, where this is what a run did.
    pub unit: Option<usize>,
}

impl Planned {
    /// Returns the name without version.
    #[must_use]
    pub fn pname(&self) -> &str {
        pname_of(&self.name)
    }
}

impl Plan {
    /// Plans to build these derivations and to fetch these paths. What is fetched waits for nothing: which of
    /// its references are fetched, too, is not known, and mostly does not matter.
    #[must_use]
    pub fn new<'a>(
        graph: &DerivationGraph,
        builds: &[NodeIdx],
        fetches: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut tasks: Vec<Option<Planned>> = vec![None; graph.len()];
        for &node in builds {
            let it = graph.node(node);
            let path = graph.base_name(node);
            tasks[node.0 as usize] = Some(Planned {
                kind: match it.is_fixed_output {
                    true => UnitKind::SourceFetch,
                    false => UnitKind::Build,
                },
                name: name_of(path).to_owned(),
                path: path.to_owned(),
                system: (!it.system.is_empty()).then(|| it.system.to_string()),
                node: Some(node),
                unit: None,
            });
        }
        // In place of whatever makes it, so that who needs that waits for the download.
        let mut fetched: HashSet<u32> = HashSet::new();
        let mut beside = Vec::new();
        for path in fetches {
            let node = graph.maker(path).map(|(node, _)| node);
            let node = node.or_else(|| graph.find(path));
            let planned = Planned {
                kind: UnitKind::Substitution,
                name: name_of(path).to_owned(),
                path: base_name(path).to_owned(),
                system: None,
                node,
                unit: None,
            };
            let free = node.filter(|node| tasks[node.0 as usize].is_none());
            match free {
                Some(node) => {
                    tasks[node.0 as usize] = Some(planned);
                    fetched.insert(node.0);
                }
                None => beside.push(Some(planned)),
            }
        }
        let dag = graph.dag();
        let edges = dag.nodes().filter(|from| !fetched.contains(from));
        let edges = edges.flat_map(|from| {
            let needs = dag.dependencies(from).iter();
            needs.map(move |&to| (from, to))
        });
        let (dag, _) = Dag::without_cycles(graph.len(), edges.collect());
        let is_unknown = |node: &&NodeIdx| !graph.node(**node).is_known();
        Self {
            unknown: builds.iter().filter(is_unknown).count(),
            ..Self::contracted(&dag, tasks, beside)
        }
    }

    /// Plans to do what a run did.
    #[must_use]
    pub fn of_run(timeline: &Timeline, run: &RunGraph, graph: &DerivationGraph) -> Self {
        let planned = |unit: usize, node: Option<NodeIdx>| {
            let it = &timeline.units()[unit];
            let is_one = it.kind.is_derivation() || it.kind == UnitKind::Substitution;
            (it.started && is_one).then(|| {
                let path = timeline.name(it.subject);
                let system = node.map(|node| graph.node(node).system.to_string());
                Planned {
                    kind: it.kind,
                    name: timeline.unit_name(it).to_owned(),
                    path: base_name(path).to_owned(),
                    system: system.filter(|system| !system.is_empty()),
                    node,
                    unit: Some(unit),
                }
            })
        };
        let tasks = run.nodes().iter();
        let tasks = tasks.map(|it| planned(it.unit?, it.node)).collect();
        Self::contracted(run.dag(), tasks, Vec::new())
    }

    /// Leaves out what is not to be done; `beside` needs nothing and is needed by nobody.
    fn contracted(
        dag: &Dag,
        mut tasks: Vec<Option<Planned>>,
        beside: Vec<Option<Planned>>,
    ) -> Self {
        let keep: Vec<bool> = tasks.iter().map(Option::is_some).collect();
        let Contraction { dag, nodes, .. } = contract(dag, &keep, Hubs::Keep);
        let kept = nodes.iter().map(|&node| tasks[node as usize].take());
        let tasks: Vec<Option<Planned>> = kept.chain(beside).collect();
        let edges = dag.nodes().flat_map(|from| {
            let needs = dag.dependencies(from).iter();
            needs.map(move |&to| (from, to))
        });
        let (dag, _) = Dag::without_cycles(tasks.len(), edges.collect());
        Self {
            dag,
            tasks,
            ..Self::default()
        }
    }

    /// Iterates over what is to be done, each with its node.
    pub fn tasks(&self) -> impl Iterator<Item = (u32, &Planned)> {
        let tasks = (0..).zip(&self.tasks);
        tasks.filter_map(|(node, task)| Some((node, task.as_ref()?)))
    }

    /// Returns a thing to be done.
    #[must_use]
    pub fn task(&self, node: u32) -> Option<&Planned> {
        self.tasks.get(node as usize)?.as_ref()
    }

    /// Returns how many things of a kind are to be done.
    #[must_use]
    pub fn count(&self, wanted: impl Fn(UnitKind) -> bool) -> usize {
        self.tasks().filter(|(_, task)| wanted(task.kind)).count()
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Returns tasks for the simulation, without durations: builds take slots of the pool 0, downloads of the
    /// pool 1, in the order of Nix's keys.
    pub(super) fn simulated(&self) -> Vec<Task> {
        let mut order: Vec<usize> = (0..self.tasks.len()).collect();
        order.sort_by_cached_key(|&place| {
            let task = self.tasks[place].as_ref();
            let is_build = task.is_none_or(|task| task.kind != UnitKind::Substitution);
            let names = task.map(|task| (task.name.clone(), task.path.clone()));
            (is_build, names, place)
        });
        let ranks: HashMap<usize, u32> = order.into_iter().zip(0..).collect();
        let task = |(place, task): (usize, &Option<Planned>)| Task {
            pool: match task.as_ref().map(|task| task.kind) {
                None => Task::NO_POOL,
                Some(UnitKind::Substitution) => 1,
                Some(_) => 0,
            },
            rank: ranks[&place],
            ..Task::default()
        };
        self.tasks.iter().enumerate().map(task).collect()
    }

    pub(super) fn workload<'a>(&'a self, tasks: &'a [Task]) -> Workload<'a> {
        Workload {
            dag: &self.dag,
            tasks,
        }
    }
}
