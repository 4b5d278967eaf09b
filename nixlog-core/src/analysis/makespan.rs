//! The graph part of a build as a workload that can be simulated: the start of every what-if.
//!
//! Builds, source fetches and substitutions with what they need, how long each took, and the slots that
//! they shared. [`simulation`] does not know what they are; this does.

use std::collections::HashMap;

use super::nix_rules::RulesSource;
use super::run_graph::RunGraph;
use super::simulation::{self, Bounds, Options, Order, Recorded, Run, Schedule, Task};
use super::slots::{Pool, Slots, SlotsSource};
use crate::graph::{Dag, Hubs, contract};
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Name, Part, Timeline, Unit, UnitKind};

/// A workload made from a recording.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Makespan {
    recorded: Recorded,
    options: Options,
    /// What each pool stands for; the last one, for what takes no slot, is not in here.
    slots: Slots,
    /// The unit of each task; `None` for what did not run, and for pauses.
    units: Vec<Option<usize>>,
}

/// How well the simulation replays what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replay {
    /// What it makes of the same units in the same order on the same slots.
    pub predicted: Nanos,
    /// What it took.
    pub measured: Nanos,
}

impl Replay {
    /// Returns by which fraction the prediction is longer than what was measured.
    #[must_use]
    pub fn error(self) -> Option<f64> {
        let measured = self.measured.get() as f64;
        (measured > 0.0).then(|| self.predicted.get() as f64 / measured - 1.0)
    }
}

impl Makespan {
    /// Makes the workload; `None` where nothing of the graph ran, or nobody knows from when to when.
    #[must_use]
    pub fn new(timeline: &Timeline, run: &RunGraph, slots: &Slots) -> Option<Self> {
        let wall = timeline.wall()?;
        if run.coverage().unknown_ends > 0 {
            return None;
        }
        let ran = |node: u32| -> Option<(usize, Interval)> {
            let unit = run.unit_of(node)?;
            Some((unit, timeline.units()[unit].interval()?))
        };
        let all = (0..).take(run.dag().len());
        let mut keep: Vec<bool> = all.map(|node| ran(node).is_some()).collect();
        if !keep.contains(&true) {
            return None;
        }
        // Evaluation between two calls takes its time too.
        for (keep, node) in keep.iter_mut().zip(run.nodes()) {
            *keep |= node.evaluation.is_some();
        }
        let graph = contract(run.dag(), &keep, Hubs::Keep);
        let pools = slots.pools();
        let nowhere = u16::try_from(pools.len()).unwrap_or(Task::NO_POOL);
        let pool_of = |unit: usize| {
            let pool = slots.pool_of(&timeline.units()[unit]);
            let place = |pool| pools.binary_search_by_key(&pool, |&(other, _)| other).ok();
            pool.and_then(place)
                .and_then(|place| u16::try_from(place).ok())
                .unwrap_or(Task::NO_POOL)
        };
        let rules = slots.rules();
        let hooks = Hooks::new(timeline);
        let waits = user_waits(timeline);
        let mut beside = Vec::new();
        let mut ends: Vec<Stamp> = vec![wall.start(); graph.nodes.len()];
        let mut runs = vec![None; graph.nodes.len()];
        let mut units = vec![None; graph.nodes.len()];
        for &place in graph.dag.topological() {
            let node = graph.nodes[place as usize];
            let needs = graph.dag.dependencies(place).iter();
            let ready = needs.map(|&to| ends[to as usize]).max();
            let it = match ran(node) {
                Some((unit, interval)) => {
                    units[place as usize] = Some(unit);
                    let hook = hooks.of(&timeline.units()[unit], interval);
                    match hook {
                        Some(hook) if rules.hook_blocks => {
                            let end = interval.end().max(hook.end());
                            let whole = Interval::new(interval.start(), end)?;
                            let blocks = hook.length().min(whole.length());
                            (whole, pool_of(unit), blocks)
                        }
                        Some(hook) => {
                            beside.push((place, hook));
                            let end = interval.end().min(hook.start());
                            let own = Interval::new(interval.start(), end)?;
                            (own, pool_of(unit), Nanos::ZERO)
                        }
                        None => (interval, pool_of(unit), Nanos::ZERO),
                    }
                }
                // A hub was there when all that it needs was.
                None => {
                    let at = ready.unwrap_or(wall.start());
                    let evaluation = run.nodes()[node as usize].evaluation;
                    let interval = evaluation.or(Interval::new(at, at))?;
                    (interval, nowhere, Nanos::ZERO)
                }
            };
            ends[place as usize] = it.0.end();
            runs[place as usize] = Some(Run {
                interval: it.0,
                pool: it.1,
                rank: run.ranks()[node as usize],
                hook: it.2,
                capped_until: units[place as usize].and_then(|unit| {
                    let unit = &timeline.units()[unit];
                    let names = [Some(unit.subject), unit.planned].into_iter().flatten();
                    let ends = names.filter_map(|name| waits.get(&name)).flatten();
                    ends.copied().filter(|&end| end <= it.0.start()).max()
                }),
            });
        }
        let mut runs: Vec<Run> = runs.into_iter().flatten().collect();
        let dag = with_hooks(graph.dag, &beside, nowhere, &mut runs);
        let mut limits: Vec<_> = pools
            .iter()
            .map(|&(pool, n)| {
                let users = slots.users().filter(|_| pool == Pool::Local);
                let mut limit = simulation::Pool::new(n);
                limit.cap = users.map_or(0, |users| users.count);
                limit
            })
            .collect();
        limits.push(simulation::Pool::UNLIMITED);
        let recorded = simulation::recorded(&dag, &runs, &limits);
        units.resize(recorded.tasks.len(), None);
        Some(Self {
            recorded,
            options: Options::new(limits).with_order(match rules.any_order {
                true => Order::Arbitrary { seed: 0 },
                false => Order::Nix,
            }),
            slots: slots.clone(),
            units,
        })
    }

    /// Returns what was measured, to be changed and simulated.
    #[must_use]
    pub fn recorded(&self) -> &Recorded {
        &self.recorded
    }

    /// Returns the pools and Nix's order.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the unit of each task, as an index into [`Timeline::units`].
    #[must_use]
    pub fn units(&self) -> &[Option<usize>] {
        &self.units
    }

    /// Returns the number of the pool of local builds; `None` where nothing was built here.
    #[must_use]
    pub fn local_pool(&self) -> Option<u16> {
        self.pool_number(Pool::Local)
    }

    /// Returns the number of the pool that substitutions take slots of; `None` where there were none.
    #[must_use]
    pub fn substitution_pool(&self) -> Option<u16> {
        self.pool_number(self.slots.of_substitutions())
    }

    fn pool_number(&self, wanted: Pool) -> Option<u16> {
        let mut pools = self.slots.pools().iter();
        let place = pools.position(|&(pool, _)| pool == wanted)?;
        u16::try_from(place).ok()
    }

    /// Returns the slots that it was simulated on.
    #[must_use]
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Returns the local slots; zero where nothing was built here.
    #[must_use]
    pub fn local_slots(&self) -> u32 {
        self.slots.local()
    }

    /// Returns all slots for builds, of this machine and of others.
    #[must_use]
    pub fn build_slots(&self) -> u32 {
        let pools = self.slots.pools().iter();
        let of_builds = pools.filter(|&&(pool, _)| pool != Pool::Substitution);
        of_builds.map(|&(_, slots)| slots).sum()
    }

    /// Returns where the number of local slots comes from.
    #[must_use]
    pub fn slots_source(&self) -> SlotsSource {
        self.slots.source()
    }

    /// Returns how well the simulation replays the recording.
    #[must_use]
    pub fn replay(&self) -> Replay {
        Replay {
            predicted: self.recorded.measured.replayed,
            measured: self.recorded.measured.makespan,
        }
    }

    /// Simulates the workload as it was, in Nix's order: what every what-if is compared with.
    #[must_use]
    pub fn baseline(&self) -> Schedule {
        simulation::simulate(&self.recorded.workload(), &self.options)
    }

    /// Returns the bounds of the workload as it was.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        simulation::bounds(&self.recorded.workload(), &self.options)
    }

    /// Simulates the workload with other tasks on other slots.
    #[must_use]
    pub fn with(&self, tasks: &[Task], options: &Options) -> (Schedule, Bounds) {
        let workload = simulation::Workload {
            dag: &self.recorded.dag,
            tasks,
        };
        (
            simulation::simulate(&workload, options),
            simulation::bounds(&workload, options),
        )
    }

    /// Returns how much of the makespan is Nix's own time: how much shorter it would be if Nix took
    /// none, in Nix's order.
    #[must_use]
    pub fn overhead(&self) -> Nanos {
        let options = self
            .options
            .clone()
            .with_overhead(simulation::Overhead::None);
        let without = simulation::simulate(&self.recorded.workload(), &options);
        self.baseline().makespan - without.makespan
    }

    /// Returns the shortest and the longest makespan over many orders of what waits, where Nix's own is
    /// arbitrary or not known; `None` where it is known to be by name.
    #[must_use]
    pub fn over_orders(&self, tasks: &[Task], options: &Options) -> Option<(Nanos, Nanos)> {
        let rules = self.slots.rules();
        let workload = simulation::Workload {
            dag: &self.recorded.dag,
            tasks,
        };
        let is_open = rules.any_order || rules.source == RulesSource::Assumed;
        is_open.then(|| simulation::over_orders(&workload, options))
    }

    /// Returns for how long post-build hooks stopped all of Nix.
    #[must_use]
    pub fn hooks(&self) -> Nanos {
        self.recorded.tasks.iter().map(|task| task.hook).sum()
    }

    /// Returns what the longest chain first would take.
    #[must_use]
    pub fn critical_path_first(&self) -> Nanos {
        let options = self.options.clone().with_order(Order::CriticalPathFirst);
        simulation::simulate(&self.recorded.workload(), &options).makespan
    }
}

/// The post-build hooks of each derivation.
struct Hooks(HashMap<Name, Vec<Interval>>);

impl Hooks {
    fn new(timeline: &Timeline) -> Self {
        let mut hooks: HashMap<Name, Vec<Interval>> = HashMap::new();
        let units = timeline.units().iter();
        for unit in units.filter(|unit| unit.kind == UnitKind::PostBuildHook) {
            if let Some(interval) = unit.interval() {
                hooks.entry(unit.subject).or_default().push(interval);
            }
        }
        Self(hooks)
    }

    /// Finds the hook of a build: the first one after its start.
    fn of(&self, unit: &Unit, interval: Interval) -> Option<Interval> {
        let hooks = self.0.get(&unit.subject)?.iter();
        let mut hooks = hooks.filter(|_| unit.kind.is_derivation());
        hooks.find(|hook| hook.start() >= interval.start()).copied()
    }
}

/// Returns when each derivation got a build user that it had waited for.
fn user_waits(timeline: &Timeline) -> HashMap<Name, Vec<Stamp>> {
    let mut waits: HashMap<Name, Vec<Stamp>> = HashMap::new();
    let fillers = timeline.fillers().iter();
    for filler in fillers.filter(|filler| filler.stretch.part == Part::BuildUser) {
        if let Some(drv) = filler.subject {
            let until = filler.stretch.interval.end();
            waits.entry(drv).or_default().push(until);
        }
    }
    waits
}

/// Adds hooks that run beside everything else: only what needs their builds waits for them.
fn with_hooks(dag: Dag, hooks: &[(u32, Interval)], nowhere: u16, runs: &mut Vec<Run>) -> Dag {
    if hooks.is_empty() {
        return dag;
    }
    let nodes = dag.nodes();
    let mut edges: Vec<(u32, u32)> = nodes
        .flat_map(|from| dag.dependencies(from).iter().map(move |&to| (from, to)))
        .collect();
    for (number, &(build, interval)) in (dag.nodes().end..).zip(hooks) {
        let dependents = dag.dependents(build).iter();
        edges.extend(dependents.map(|&dependent| (dependent, number)));
        edges.push((number, build));
        let rank = runs.get(build as usize).map_or(0, |run| run.rank);
        runs.push(Run {
            interval,
            pool: nowhere,
            rank,
            hook: Nanos::ZERO,
            capped_until: None,
        });
    }
    Dag::new(runs.len(), edges).unwrap_or(dag)
}
