//! The algorithms over graphs against slow twins, on random graphs: with ties, with nodes that take no
//! time, with edges that come twice, in several parts.

use nixlog_core::graph::{
    CriticalPathMethod, Dag, Direction, FASTER_PERCENT, Hubs, Savings, closure, contract,
    no_longer_needed, reduce, transitive,
};
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

/// Which nodes can be reached from which, by Warshall's algorithm.
fn reachable(dag: &Dag) -> Vec<Vec<bool>> {
    let n_nodes = dag.len();
    let mut reachable = vec![vec![false; n_nodes]; n_nodes];
    for node in dag.nodes() {
        for &to in dag.dependencies(node) {
            reachable[node as usize][to as usize] = true;
        }
    }
    for via in 0..n_nodes {
        for from in 0..n_nodes {
            for to in 0..n_nodes {
                reachable[from][to] |= reachable[from][via] && reachable[via][to];
            }
        }
    }
    reachable
}

fn edges(dag: &Dag) -> Vec<(u32, u32)> {
    let of = |node| dag.dependencies(node).iter().map(move |&to| (node, to));
    dag.nodes().flat_map(of).collect()
}

/// Some of the nodes.
fn some_nodes(dag: &Dag, chosen: &[bool]) -> Vec<u32> {
    dag.nodes().filter(|&node| chosen[node as usize]).collect()
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

proptest! {
    #[test]
    fn durations_that_overflow_do_no_harm(
        (mut sample, huge) in samples_with_choice(16),
        percent in 0..=100_u32,
    ) {
        for (duration, huge) in sample.durations.iter_mut().zip(huge) {
            if huge {
                *duration = Nanos::new(u64::MAX - duration.get());
            }
        }
        let dag = sample.dag();
        let cpm = CriticalPathMethod::new(&dag, &sample.durations);
        prop_assert!(is_path(&dag, &cpm.longest_path(None)));
        let savings = Savings::new(&cpm, None);
        for node in dag.nodes() {
            prop_assert!(cpm.slack(node) <= cpm.span());
            prop_assert!(savings.saving(node) <= sample.durations[node as usize]);
            prop_assert!(savings.then(node) != Some(node));
            prop_assert!(savings.together(&[node], percent).saving <= cpm.span());
        }
        let reach = transitive(&dag, Direction::Dependents, &sample.durations);
        prop_assert_eq!(reach.len(), dag.len());
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
    prop_assert!(durations[then as usize] > Nanos::ZERO);
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

/// Graphs of up to that many nodes, and a choice among these.
fn samples_with_choice(most: usize) -> impl Strategy<Value = (Sample, Vec<bool>)> {
    samples(most).prop_flat_map(|sample| {
        let n_nodes = sample.n_nodes;
        (Just(sample), vec(any::<bool>(), n_nodes))
    })
}

proptest! {
    #[test]
    fn reach_agrees_with_warshall((sample, chosen) in samples_with_choice(24)) {
        let dag = sample.dag();
        let reachable = reachable(&dag);
        let below = transitive(&dag, Direction::Dependencies, &sample.durations);
        let behind = transitive(&dag, Direction::Dependents, &sample.durations);
        for node in dag.nodes() {
            let index = node as usize;
            let is_below = |&other: &u32| reachable[index][other as usize];
            let is_behind = |&other: &u32| reachable[other as usize][index];
            let below_it: Vec<u32> = dag.nodes().filter(is_below).collect();
            let behind_it: Vec<u32> = dag.nodes().filter(is_behind).collect();
            for (reach, nodes) in [(below[index], below_it), (behind[index], behind_it)] {
                prop_assert_eq!(reach.n_nodes as usize, nodes.len());
                let work = nodes.iter().map(|&other| sample.durations[other as usize]);
                prop_assert_eq!(reach.work, work.sum());
            }
        }
        let chosen = some_nodes(&dag, &chosen);
        for direction in [Direction::Dependencies, Direction::Dependents] {
            let expected = dag.nodes().filter(|&node| {
                chosen.iter().any(|&from| {
                    let (from, to) = match direction {
                        Direction::Dependencies => (from, node),
                        Direction::Dependents => (node, from),
                    };
                    from == to || reachable[from as usize][to as usize]
                })
            });
            prop_assert_eq!(closure(&dag, &chosen, direction), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_no_longer_needed_is_what_the_roots_lost(
        (sample, free) in samples_with_choice(24),
        seed in any::<u64>(),
    ) {
        let dag = sample.dag();
        let roots: Vec<u32> = dag.nodes().filter(|node| seed >> (node % 64) & 1 == 1).collect();
        let cut = sample.edges.iter().filter(|(from, _)| !free[*from as usize]);
        let cut = Dag::new(sample.n_nodes, cut.copied().collect()).expect("fewer edges");
        let now = closure(&dag, &roots, Direction::Dependencies);
        let then = closure(&cut, &roots, Direction::Dependencies);
        let free = some_nodes(&dag, &free);
        let gone = now.into_iter().filter(|node| !then.contains(node) && !free.contains(node));
        prop_assert_eq!(no_longer_needed(&dag, &roots, &free), gone.collect::<Vec<_>>());
    }

    #[test]
    fn a_reduced_graph_says_the_same_with_no_edge_to_spare(sample in samples(24)) {
        let dag = sample.dag();
        let small = reduce(&dag);
        let reachable_before = reachable(&dag);
        prop_assert_eq!(reachable(&small), reachable_before.clone());
        for (from, to) in edges(&small) {
            let mut others = small.dependencies(from).iter();
            prop_assert!(!others.any(|&other| reachable_before[other as usize][to as usize]));
            prop_assert!(dag.dependencies(from).contains(&to));
        }
        prop_assert_eq!(reduce(&small), small.clone());
        let before = CriticalPathMethod::new(&dag, &sample.durations);
        let after = CriticalPathMethod::new(&small, &sample.durations);
        prop_assert!(dag.nodes().all(|node| before.slack(node) == after.slack(node)));
    }

    #[test]
    fn a_contracted_graph_keeps_every_order((sample, keep) in samples_with_choice(24)) {
        let dag = sample.dag();
        let reachable_before = reachable(&dag);
        let kept = some_nodes(&dag, &keep);
        let durations = dag.nodes().map(|node| match keep[node as usize] {
            true => sample.durations[node as usize],
            false => Nanos::ZERO,
        });
        let durations: Vec<Nanos> = durations.collect();
        let before = CriticalPathMethod::new(&dag, &durations);
        for hubs in [Hubs::Keep, Hubs::Expand] {
            let small = contract(&dag, &keep, hubs);
            let reachable_after = reachable(&small.dag);
            let new_durations: Vec<Nanos> =
                small.nodes.iter().map(|&node| durations[node as usize]).collect();
            let after = CriticalPathMethod::new(&small.dag, &new_durations);
            for &node in &kept {
                let index = small.index_of(node).expect("kept");
                prop_assert_eq!(small.nodes[index as usize], node);
                prop_assert_eq!(before.slack(node), after.slack(index));
                prop_assert_eq!(before.earliest_finish(node), after.earliest_finish(index));
                for &other in &kept {
                    let other_index = small.index_of(other).expect("kept");
                    prop_assert_eq!(
                        reachable_before[node as usize][other as usize],
                        reachable_after[index as usize][other_index as usize]
                    );
                }
            }
            match hubs {
                Hubs::Keep => prop_assert!(small.dag.n_edges() <= dag.n_edges()),
                Hubs::Expand => {
                    prop_assert_eq!(&small.nodes, &kept);
                    // An edge for each path that goes through none but nodes left out, and no other.
                    let through = sample.edges.iter().filter(|(from, _)| !keep[*from as usize]);
                    let through = Dag::new(sample.n_nodes, through.copied().collect());
                    let through = reachable(&through.expect("fewer edges"));
                    let is_direct = |from: u32, to: u32| {
                        dag.dependencies(from).iter().any(|&next| {
                            next == to || !keep[next as usize] && through[next as usize][to as usize]
                        })
                    };
                    let pairs = kept.iter().flat_map(|&from| kept.iter().map(move |&to| (from, to)));
                    let expected: Vec<_> = pairs.filter(|&(from, to)| is_direct(from, to)).collect();
                    let old = |index: u32| small.nodes[index as usize];
                    let found = edges(&small.dag).into_iter().map(|(a, b)| (old(a), old(b)));
                    prop_assert_eq!(found.collect::<Vec<_>>(), expected);
                }
            }
        }
    }
}

/// A graph of several blocks of columns, so that sets meet across their borders.
#[test]
fn blocks_of_columns_fit_together() {
    let n_nodes = 1500_u32;
    // Each node needs a few below it, by a fixed rule without a pattern.
    let needed = |node: u32| {
        (1..4_u32).filter_map(move |k| {
            let mixed = node.wrapping_mul(2_654_435_761).rotate_left(7 * k) >> 16;
            let distance = 1 + mixed % (200 * k * k);
            node.checked_sub(distance)
        })
    };
    let pairs = (0..n_nodes).flat_map(|node| needed(node).map(move |to| (node, to)));
    let dag = Dag::new(n_nodes as usize, pairs.collect()).expect("edges go down");
    let durations: Vec<Nanos> = (0..u64::from(n_nodes)).map(|n| Nanos::new(n * n)).collect();
    for direction in [Direction::Dependencies, Direction::Dependents] {
        let reach = transitive(&dag, direction, &durations);
        for node in dag.nodes() {
            let nodes = closure(&dag, &[node], direction);
            let found = reach[node as usize];
            assert_eq!(found.n_nodes as usize, nodes.len() - 1);
            let all: Nanos = nodes.iter().map(|&other| durations[other as usize]).sum();
            assert_eq!(found.work + durations[node as usize], all);
        }
    }
    let small = reduce(&dag);
    assert!(small.n_edges() < dag.n_edges());
    assert_eq!(
        transitive(&small, Direction::Dependents, &durations),
        transitive(&dag, Direction::Dependents, &durations)
    );
    for (from, to) in edges(&small) {
        let others: Vec<u32> = small
            .dependencies(from)
            .iter()
            .copied()
            .filter(|&other| other != to)
            .collect();
        let closure = closure(&small, &others, Direction::Dependencies);
        assert!(
            !closure.contains(&to),
            "{from} reaches {to} without its edge"
        );
    }
}
