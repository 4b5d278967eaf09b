//! What a log alone tells about dependencies: little, but some of it for certain.
//!
//! A log names no dependencies. What follows from it all the same:
//!
//! - A build that started before another had ended does not depend on it.
//! - Nix prints its plan ("these 40 derivations will be built") with dependencies first, so nothing
//!   depends on what comes later in that list.
//! - The list is more than sorted. Nix walks the derivations in the order of their paths, depth first,
//!   and prints each after what it depends on (`topoSortPaths` in `misc.cc`, `printMissing` in
//!   `shared.cc`):
//!
//! ```text
//! plan:    d  b  c  a  f  e        by path: a < b < c < d < e < f
//!          └──┴──┴──┘  └──┘        a comes first by path, and three come before it in the list:
//!                                  they were walked from a, so a needs each of them, and c directly.
//! ```
//!
//! Measured on 135 recordings of Nix 2.8, 2.26 and 2.34 whose derivations are at hand: all 9,979
//! dependencies that the plans proved were right, and of 1.7 million that there were none was ruled out.
//! But what is proven is little: 1 of 170 dependencies (1 of 70 direct ones), in graphs of 40 builds
//! about 1 of 6; time and plan rule out two of three pairs and leave the rest open. So this is no graph
//! to find a critical path in, and never stands in for one. Names, and one build starting right after
//! another ended, hint at more, but prove nothing, and are not used.
//!
//! A build that was not in the plan says nothing: a download failed, and what needs it may have started
//! from what was there before.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::late::needed_by;
use crate::store_path::base_name;
use crate::time::Stamp;
use crate::timeline::{End, Name, Outcome, Timeline, UnitKind};

/// What a log alone tells about who depends on whom, among the builds that started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ImpliedGraph {
    /// Builds that started; of several of one derivation, the first.
    pub builds: usize,
    /// Pairs of a possible dependent and a possible dependency: each with each, both ways.
    pub pairs: u64,
    /// Pairs that time rules out: the one started before the other had ended.
    pub excluded_by_time: u64,
    /// Of those left, pairs that the order of the plan rules out.
    pub excluded_by_plan: u64,
    /// Dependencies that the order of the plan proves, as indices into [`Timeline::units`].
    pub proven: Vec<Proof>,
    units: Vec<Facts>,
}

/// A dependency that is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Proof {
    /// Who depends.
    pub dependent: usize,
    /// On whom.
    pub dependency: usize,
    /// Without others in between.
    pub is_direct: bool,
}

/// What is known of one build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    unit: usize,
    start: Option<Stamp>,
    /// The end, if the log knows when, and that nobody could do without it.
    end: Option<Stamp>,
    /// Which plan it is in, and where.
    place: Option<(usize, usize)>,
}

impl Facts {
    fn excludes_by_time(&self, dependency: &Self) -> bool {
        let both = self.start.zip(dependency.end);
        both.is_some_and(|(start, end)| needed_by(start) < end)
    }

    fn excludes_by_plan(&self, dependency: &Self) -> bool {
        let both = self.place.zip(dependency.place);
        both.is_some_and(|(own, other)| own.0 == other.0 && own.1 < other.1)
    }
}

impl ImpliedGraph {
    /// Returns how many pairs may or may not be dependencies, for all that the log tells.
    #[must_use]
    pub fn open(&self) -> u64 {
        let known = self.excluded_by_time + self.excluded_by_plan + self.proven.len() as u64;
        self.pairs.saturating_sub(known)
    }

    /// Tells whether the log rules out that one unit depends on another.
    #[must_use]
    pub fn is_excluded(&self, dependent: usize, dependency: usize) -> bool {
        let find = |unit| self.units.iter().find(|facts| facts.unit == unit);
        let both = find(dependent).zip(find(dependency));
        both.is_some_and(|(own, other)| own.excludes_by_time(other) || own.excludes_by_plan(other))
    }
}

/// Collects what a log alone tells. Takes O(n log n).
#[must_use]
pub fn implied_graph(timeline: &Timeline) -> ImpliedGraph {
    let plans: Vec<&[Name]> = timeline.planned_builds().collect();
    let mut places: HashMap<Name, (usize, usize), FixedState> = HashMap::default();
    for (plan, names) in plans.iter().enumerate() {
        for (place, &name) in names.iter().enumerate() {
            places.entry(name).or_insert((plan, place));
        }
    }
    // Without a plan, a failed download is the only sign of builds that were not planned.
    let mut downloads = timeline.units().iter();
    let is_planned = |name: &Name| places.contains_key(name) || plans.is_empty();
    let has_failed_downloads = downloads
        .any(|unit| unit.kind == UnitKind::Substitution && unit.outcome != Outcome::Succeeded);
    let mut of_name: HashMap<Name, usize, FixedState> = HashMap::default();
    let mut units = Vec::new();
    let all = timeline.units().iter().enumerate();
    for (index, unit) in all.filter(|(_, unit)| unit.started && unit.kind.is_derivation()) {
        let name = unit.planned.unwrap_or(unit.subject);
        if of_name.contains_key(&name) {
            continue;
        }
        of_name.insert(name, units.len());
        let is_foreseen = is_planned(&name) && !(plans.is_empty() && has_failed_downloads);
        let is_measured = matches!(unit.end_kind, End::Measured | End::Inferred);
        units.push(Facts {
            unit: index,
            start: unit.start,
            end: unit
                .end
                .filter(|_| is_measured && is_foreseen && unit.end != unit.end_at_most),
            place: places.get(&name).copied(),
        });
    }
    let mut proven = Vec::new();
    for names in &plans {
        let paths: Vec<&str> = names
            .iter()
            .map(|&name| base_name(timeline.name(name)))
            .collect();
        let facts = proofs(&paths)
            .into_iter()
            .filter_map(|(from, to, is_direct)| {
                let [from, to] = [from, to].map(|place| of_name.get(&names[place]));
                Some((*from?, *to?, is_direct))
            });
        proven.extend(facts);
    }
    // A plan in another order than is known proves nothing and rules out nothing.
    let contradicts = |&(from, to, _): &(usize, usize, bool)| {
        units[from].excludes_by_time(&units[to]) || units[from].excludes_by_plan(&units[to])
    };
    if proven.iter().any(contradicts) {
        proven.clear();
        units.iter_mut().for_each(|facts| facts.place = None);
    }
    let mut proven: Vec<Proof> = proven
        .into_iter()
        .map(|(from, to, is_direct)| Proof {
            dependent: units[from].unit,
            dependency: units[to].unit,
            is_direct,
        })
        .collect();
    proven.sort_unstable();
    proven.dedup_by_key(|proof| (proof.dependent, proof.dependency));
    let n = units.len() as u64;
    let (excluded_by_time, excluded_by_plan) = excluded(&units, &plans);
    ImpliedGraph {
        builds: units.len(),
        pairs: n * n.saturating_sub(1),
        excluded_by_time,
        excluded_by_plan,
        proven,
        units,
    }
}

/// Returns what the order of a plan proves: dependent and dependency as places in it, and whether
/// there is nothing in between.
fn proofs(plan: &[&str]) -> Vec<(usize, usize, bool)> {
    let mut by_path: Vec<usize> = (0..plan.len()).collect();
    by_path.sort_unstable_by_key(|&place| plan[place]);
    if by_path
        .windows(2)
        .any(|pair| plan[pair[0]] == plan[pair[1]])
    {
        return Vec::new();
    }
    let (mut proofs, mut walked) = (Vec::new(), 0);
    for root in by_path {
        if root < walked {
            continue;
        }
        // Whatever was printed since the root before was walked from this one.
        proofs.extend((walked..root).map(|place| (root, place, false)));
        // What is printed next is who walked here, unless there was a sibling to walk first: a later
        // one by path, which is printed before the root.
        let mut last = "";
        for place in (walked..root).rev() {
            if plan[place] > last {
                proofs.push((place + 1, place, true));
                last = plan[place];
            }
        }
        walked = root + 1;
    }
    proofs.sort_unstable_by_key(|&(from, to, is_direct)| (from, to, !is_direct));
    proofs.dedup_by_key(|&mut (from, to, _)| (from, to));
    proofs
}

/// Counts the pairs that time rules out, and of the rest those that the plan does.
///
/// Sweeps over the starts. Whoever has ended by then is counted at its place in the plan, in a tree of
/// partial sums (Fenwick 1994).
fn excluded(units: &[Facts], plans: &[&[Name]]) -> (u64, u64) {
    let mut offsets = vec![0];
    for plan in plans {
        offsets.push(offsets.last().copied().unwrap_or(0) + plan.len());
    }
    let place = |facts: &Facts| facts.place.map(|(plan, place)| offsets[plan] + place);
    let mut tree = PartialSums::new(offsets.last().copied().unwrap_or(0));
    let deadline = |facts: &Facts| facts.start.map_or(Stamp::from_nanos(u64::MAX), needed_by);
    let end = |facts: &Facts| facts.end.unwrap_or(Stamp::ZERO);
    let mut by_end: Vec<&Facts> = units.iter().collect();
    by_end.sort_unstable_by_key(|facts| end(facts));
    let mut by_start: Vec<&Facts> = units.iter().collect();
    by_start.sort_unstable_by_key(|facts| deadline(facts));
    let (mut ended, mut by_time, mut by_plan) = (0, 0, 0);
    for facts in by_start {
        while let Some(other) = by_end
            .get(ended)
            .filter(|other| end(other) <= deadline(facts))
        {
            if let Some(place) = place(other) {
                tree.add(place);
            }
            ended += 1;
        }
        let itself = usize::from(end(facts) <= deadline(facts));
        by_time += (units.len() - ended - (1 - itself)) as u64;
        if let (Some(own), Some((plan, _))) = (place(facts), facts.place) {
            by_plan += tree.sum(offsets[plan + 1]) - tree.sum(own + 1);
        }
    }
    (by_time, by_plan)
}

/// Counts things at places, and sums up counts of places in front of one.
struct PartialSums(Vec<u64>);

impl PartialSums {
    fn new(len: usize) -> Self {
        Self(vec![0; len + 1])
    }

    fn add(&mut self, place: usize) {
        let mut at = place + 1;
        while let Some(sum) = self.0.get_mut(at) {
            *sum += 1;
            at += at & at.wrapping_neg();
        }
    }

    fn sum(&self, end: usize) -> u64 {
        let (mut at, mut sum) = (end, 0);
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::graph::{Dag, Direction, closure};

    /// Prints a plan as Nix does: `names` are the paths of the nodes.
    fn plan(dag: &Dag, names: &[u32]) -> Vec<u32> {
        fn walk(dag: &Dag, names: &[u32], node: u32, seen: &mut BTreeSet<u32>, out: &mut Vec<u32>) {
            if seen.insert(node) {
                let mut next = dag.dependencies(node).to_vec();
                next.sort_by_key(|&node| names[node as usize]);
                for node in next {
                    walk(dag, names, node, seen, out);
                }
                out.push(node);
            }
        }
        let mut roots: Vec<u32> = dag.nodes().collect();
        roots.sort_by_key(|&node| names[node as usize]);
        let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
        for root in roots {
            walk(dag, names, root, &mut seen, &mut out);
        }
        out
    }

    proptest! {
        #[test]
        fn what_a_plan_proves_is_true(
            pairs in prop::collection::vec((0_u32..12, 0_u32..12), 0..40),
            names in Just((0..12).collect::<Vec<u32>>()).prop_shuffle(),
        ) {
            let edges = pairs.into_iter().filter(|(a, b)| a != b);
            let edges = edges.map(|(a, b)| (a.max(b), a.min(b)));
            let dag = Dag::new(12, edges.collect()).expect("edges go one way");
            let plan = plan(&dag, &names);
            let paths: Vec<String> = plan.iter().map(|&n| format!("{:02}", names[n as usize])).collect();
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            for (from, to, is_direct) in proofs(&paths) {
                let (from, to) = (plan[from], plan[to]);
                let needs = closure(&dag, &[from], Direction::Dependencies);
                prop_assert!(needs.contains(&to));
                prop_assert!(!is_direct || dag.dependencies(from).contains(&to));
            }
        }
    }

    #[test]
    fn the_example_of_the_documentation() {
        let proofs = proofs(&["d", "b", "c", "a", "f", "e"]);
        let direct: Vec<_> = proofs.iter().filter(|proof| proof.2).collect();
        assert_eq!(direct, [&(1, 0, true), &(3, 2, true), &(5, 4, true)]);
        let all: Vec<_> = proofs.iter().map(|&(from, to, _)| (from, to)).collect();
        assert_eq!(all, [(1, 0), (3, 0), (3, 1), (3, 2), (5, 4)]);
        assert!(super::proofs(&["a", "a"]).is_empty());
        assert!(super::proofs(&[]).is_empty());
    }
}
