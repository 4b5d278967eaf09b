//! The algorithms over graphs against slow twins, on random graphs: with ties, with nodes that take no
//! time, with edges that come twice, in several parts.

use nixlog_core::graph::{CriticalPathMethod, Dag, FASTER_PERCENT, Savings};
use nixlog_core::time::Nanos;
use proptest::collection::vec;
use proptest::prelude::*;

/// A graph, and what each of its nodes takes.
#[derive(Debug, Clone)]
struct Sample {
    n_nodes: usize,
    edges: Vec<(u32, u32)>,
    durations: Vec<Nanos>,
}

impl Sample {
    fn dag(&self) -> Dag {
        Dag::new(self.n_nodes, self.edges.clone()).expect("edges go one way")
    }

    /// The same graph with its nodes numbered otherwise; `names` says how.
    fn renamed(&self, names: &[u32]) -> Self {
        let name = |node: u32| names[node as usize];
        let edges = self.edges.iter().map(|&(from, to)| (name(from), name(to)));
        let mut durations = self.durations.clone();
        for (&name, &duration) in names.iter().zip(&self.durations) {
            durations[name as usize] = duration;
        }
        Self {
            n_nodes: self.n_nodes,
            edges: edges.collect(),
            durations,
        }
    }

    /// The earliest finish of every node, by going over all edges until nothing changes.
    fn finish_times(&self, durations: &[Nanos]) -> Vec<Nanos> {
        let mut finish = durations.to_vec();
        for _ in 0..self.n_nodes {
            for &(from, to) in &self.edges {
                let (from, to) = (from as usize, to as usize);
                finish[from] = finish[from].max(finish[to] + durations[from]);
            }
        }
        finish
    }

    fn span(&self, durations: &[Nanos]) -> Nanos {
        let finish = self.finish_times(durations);
        finish.into_iter().max().unwrap_or_default()
    }

    /// The span with some nodes faster.
    fn span_with(&self, nodes: &[u32], percent: u32) -> Nanos {
        let mut durations = self.durations.clone();
        for &node in nodes {
            let duration = self.durations[node as usize];
            let loss = duration.get() * u64::from(percent) / 100;
            durations[node as usize] = duration - Nanos::new(loss);
        }
        self.span(&durations)
    }
}

/// Graphs of up to that many nodes, numbered in no order.
fn samples(most: usize) -> impl Strategy<Value = Sample> {
    let sizes = (0..=most, 0..=4_usize);
    sizes.prop_flat_map(|(n_nodes, density)| {
        let names = Just((0..).take(n_nodes).collect::<Vec<u32>>()).prop_shuffle();
        let node = 0..u32::try_from(n_nodes.max(1)).expect("a small graph");
        let edges = vec((node.clone(), node), 0..=n_nodes * density);
        // Few values, so that paths tie; with 0, and with some that differ.
        let duration = prop_oneof![0..4_u64, Just(10), 0..1000_u64].prop_map(Nanos::new);
        (names, edges, vec(duration, n_nodes)).prop_map(move |(names, edges, durations)| {
            let one_way = edges.into_iter().filter(|(from, to)| from != to);
            let plain = Sample {
                n_nodes,
                edges: one_way.map(|(a, b)| (a.max(b), a.min(b))).collect(),
                durations,
            };
            plain.renamed(&names)
        })
    })
}

fn is_path(dag: &Dag, path: &[u32]) -> bool {
    let steps = path.windows(2);
    steps
        .into_iter()
        .all(|step| dag.dependencies(step[1]).contains(&step[0]))
}

proptest! {
    #[test]
    fn early_and_late_agree_with_the_slow_way(sample in samples(24)) {
        let dag = sample.dag();
        let cpm = CriticalPathMethod::new(&dag, &sample.durations);
        let finish = sample.finish_times(&sample.durations);
        let backward = Sample {
            edges: sample.edges.iter().map(|&(from, to)| (to, from)).collect(),
            ..sample.clone()
        };
        let tails = backward.finish_times(&sample.durations);
        let span = sample.span(&sample.durations);
        prop_assert_eq!(cpm.span(), span);
        for node in dag.nodes() {
            let index = node as usize;
            let duration = sample.durations[index];
            prop_assert_eq!(cpm.earliest_finish(node), finish[index]);
            prop_assert_eq!(cpm.earliest_start(node) + duration, finish[index]);
            prop_assert_eq!(cpm.tail(node), tails[index]);
            prop_assert_eq!(cpm.latest_start(node) + cpm.tail(node), span);
            prop_assert_eq!(cpm.latest_finish(node), cpm.latest_start(node) + duration);
            prop_assert!(cpm.latest_start(node) >= cpm.earliest_start(node));
            prop_assert_eq!(cpm.slack(node), cpm.latest_start(node) - cpm.earliest_start(node));
            // Being late by the slack does no harm, and a nanosecond more does.
            for (late, moved) in [(0, 0), (1, 1), (7, 7)] {
                let mut durations = sample.durations.clone();
                durations[index] += cpm.slack(node) + Nanos::new(late);
                prop_assert_eq!(sample.span(&durations), span + Nanos::new(moved));
            }
        }
    }

    #[test]
    fn the_longest_path_is_one(sample in samples(24)) {
        let dag = sample.dag();
        let cpm = CriticalPathMethod::new(&dag, &sample.durations);
        let path = cpm.longest_path(None);
        prop_assert!(is_path(&dag, &path));
        let length: Nanos = path.iter().map(|&node| sample.durations[node as usize]).sum();
        prop_assert_eq!(length, cpm.span());
        prop_assert_eq!(path.is_empty(), dag.is_empty());
        prop_assert!(path.first().is_none_or(|&node| dag.dependencies(node).is_empty()));
        prop_assert!(path.last().is_none_or(|&node| dag.dependents(node).is_empty()));
        let critical = cpm.near_critical(0.0, None);
        prop_assert!(path.iter().all(|node| critical.contains(node)));
        prop_assert_eq!(cpm.near_critical(1.0, None).len(), dag.len());
    }

    #[test]
    fn renaming_the_nodes_renames_the_path(
        (sample, names) in samples(24).prop_flat_map(|sample| {
            let names: Vec<u32> = (0..).take(sample.n_nodes).collect();
            (Just(sample), Just(names).prop_shuffle())
        }),
    ) {
        let dag = sample.dag();
        let cpm = CriticalPathMethod::new(&dag, &sample.durations);
        let renamed = sample.renamed(&names);
        let renamed_dag = renamed.dag();
        let renamed_cpm = CriticalPathMethod::new(&renamed_dag, &renamed.durations);
        // The old number is the rank of the new one.
        let mut rank = names.clone();
        for (old, &name) in (0..).zip(&names) {
            rank[name as usize] = old;
        }
        let new_name = |node: u32| names[node as usize];
        let path = cpm.longest_path(None).into_iter().map(new_name);
        prop_assert_eq!(path.collect::<Vec<_>>(), renamed_cpm.longest_path(Some(&rank)));
        let near = cpm.near_critical(0.3, None).into_iter().map(new_name);
        prop_assert_eq!(near.collect::<Vec<_>>(), renamed_cpm.near_critical(0.3, Some(&rank)));
        let savings = Savings::new(&cpm, None);
        let renamed_savings = Savings::new(&renamed_cpm, Some(&rank));
        for node in dag.nodes() {
            prop_assert_eq!(savings.saving(node), renamed_savings.saving(new_name(node)));
        }
    }

    #[test]
    fn savings_are_what_computing_anew_gives(sample in samples(32)) {
        let dag = sample.dag();
        let cpm = CriticalPathMethod::new(&dag, &sample.durations);
        let savings = Savings::new(&cpm, None);
        for node in dag.nodes() {
            let saving = savings.saving(node);
            prop_assert_eq!(saving, cpm.span() - sample.span_with(&[node], 100));
            prop_assert!(saving <= sample.durations[node as usize]);
            prop_assert!(saving == Nanos::ZERO || cpm.slack(node) == Nanos::ZERO);
            for (faster, percent) in savings.curve(node).into_iter().zip(FASTER_PERCENT) {
                prop_assert_eq!(faster.percent, percent);
                let expected = cpm.span() - sample.span_with(&[node], percent);
                prop_assert_eq!(faster.saving, expected);
                let anew = savings.together(&[node], percent);
                prop_assert_eq!(faster.saving, anew.saving);
                prop_assert_eq!(faster.then.is_some(), anew.then.is_some());
            }
        }
    }

    #[test]
    fn savings_of_sets_are_what_computing_anew_gives(
        sample in samples(24),
        chosen in vec(any::<prop::sample::Index>(), 0..6),
        percent in 0..=100_u32,
    ) {
        prop_assume!(sample.n_nodes > 0);
        let chosen: Vec<usize> = chosen.iter().map(|index| index.index(sample.n_nodes)).collect();
        let dag = sample.dag();
        let nodes: Vec<u32> = dag.nodes().filter(|&node| chosen.contains(&(node as usize))).collect();
        let cpm = CriticalPathMethod::new(&dag, &sample.durations);
        let savings = Savings::new(&cpm, None);
        let faster = savings.together(&nodes, percent);
        prop_assert_eq!(faster.saving, cpm.span() - sample.span_with(&nodes, percent));
        check_then(&sample, &dag, &savings, &nodes, faster.then, percent)?;
        for &node in &nodes {
            check_then(&sample, &dag, &savings, &[node], savings.then(node), 100)?;
        }
    }
}

/// What is critical then is on a longest path, and before it there is only the old one.
fn check_then(
    sample: &Sample,
    dag: &Dag,
    savings: &Savings<'_>,
    nodes: &[u32],
    then: Option<u32>,
    percent: u32,
) -> Result<(), TestCaseError> {
    let mut durations = sample.durations.clone();
    for &node in nodes {
        let duration = sample.durations[node as usize].get();
        durations[node as usize] = Nanos::new(duration - duration * u64::from(percent) / 100);
    }
    let cpm = CriticalPathMethod::new(dag, &durations);
    let old: Nanos = savings
        .path()
        .iter()
        .map(|&node| durations[node as usize])
        .sum();
    let Some(then) = then else {
        prop_assert_eq!(old, cpm.span());
        return Ok(());
    };
    prop_assert!(old < cpm.span());
    prop_assert!(!savings.path().contains(&then));
    prop_assert_eq!(cpm.slack(then), Nanos::ZERO);
    // The longest way there needs nothing new.
    let old_durations = dag
        .nodes()
        .map(|node| match savings.path().contains(&node) {
            true => durations[node as usize],
            false => Nanos::ZERO,
        });
    let old_durations: Vec<Nanos> = old_durations.collect();
    let old = CriticalPathMethod::new(dag, &old_durations);
    prop_assert_eq!(old.earliest_start(then), cpm.earliest_start(then));
    Ok(())
}
