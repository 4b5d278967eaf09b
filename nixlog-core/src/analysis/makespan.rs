//! The graph part of a build as a workload that can be simulated: the start of every what-if.
//!
//! Builds, source fetches and substitutions with what they need, how long each took, and the slots that
//! they shared. [`simulation`] does not know what they are; this does.

use super::critical_path::Pool;
use super::run_graph::RunGraph;
use super::simulation::{self, Bounds, Options, Order, Recorded, Run, Schedule, Task, slots_seen};
use crate::graph::{Hubs, contract};
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Timeline, Unit};

/// How late an end may be in the log.
const LATE: Nanos = Nanos::new(10_000_000);

/// `max-substitution-jobs`, as Nix has it since 2.16 (`settings.hh`); before, substitutions and builds
/// shared `max-jobs`.
const SUBSTITUTION_SLOTS: u32 = 16;

/// What is known of the slots, where it is not to be told from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct KnownSlots {
    /// `max-jobs` of this machine; default: the most builds seen running at once. Where more than this
    /// were seen, these count.
    pub local: Option<u32>,
    /// Where that is from; default: somebody said so.
    pub source: SlotsSource,
}

/// Where the number of local slots comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SlotsSource {
    /// Somebody said so.
    #[default]
    Given,
    /// `max-jobs` of the recorded run.
    Settings,
    /// So many builds were seen running at once.
    Seen,
}

impl SlotsSource {
    /// Names it in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Settings => "settings",
            Self::Seen => "seen",
        }
    }
}

impl KnownSlots {
    /// Makes it from `max-jobs`, if somebody gave it.
    #[must_use]
    pub const fn new(local: Option<u32>) -> Self {
        Self {
            local,
            source: SlotsSource::Given,
        }
    }

    /// Makes it from `max-jobs` as a recording has it, if it does.
    #[must_use]
    pub const fn recorded(local: Option<u32>) -> Self {
        Self {
            local,
            source: SlotsSource::Settings,
        }
    }
}

/// A workload made from a recording.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Makespan {
    recorded: Recorded,
    options: Options,
    /// What each pool stands for; the last one, for what takes no slot, is not in here.
    pools: Vec<Pool>,
    /// The unit of each task; `None` for what did not run, and for pauses.
    units: Vec<Option<usize>>,
    slots_source: SlotsSource,
    /// Substitutions take build slots.
    shared: bool,
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
    /// Makes the workload; `None` where nothing of the graph ran, or nobody knows when.
    #[must_use]
    pub fn new(timeline: &Timeline, run: &RunGraph, known: KnownSlots) -> Option<Self> {
        let wall = timeline.wall()?;
        let ran = |node: u32| -> Option<(usize, Interval)> {
            let unit = run.unit_of(node)?;
            Some((unit, timeline.units()[unit].interval()?))
        };
        let all = (0..).take(run.dag().len());
        let keep: Vec<bool> = all.map(|node| ran(node).is_some()).collect();
        if !keep.contains(&true) {
            return None;
        }
        let graph = contract(run.dag(), &keep, Hubs::Keep);
        let pools = Pools::new(timeline, run, known);
        let is_known = known
            .local
            .is_some_and(|known| pools.local() == Some(known));
        let slots_source = if is_known {
            known.source
        } else {
            SlotsSource::Seen
        };
        let nowhere = u16::try_from(pools.all.len()).unwrap_or(Task::NO_POOL);
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
                    (interval, pools.of(timeline, unit))
                }
                // A hub was there when all that it needs was.
                None => {
                    let at = ready.unwrap_or(wall.start());
                    (Interval::new(at, at)?, nowhere)
                }
            };
            ends[place as usize] = it.0.end();
            runs[place as usize] = Some(Run {
                interval: it.0,
                pool: it.1,
                rank: run.ranks()[node as usize],
            });
        }
        let runs: Vec<Run> = runs.into_iter().flatten().collect();
        let mut slots: Vec<_> = pools
            .slots
            .iter()
            .map(|&n| simulation::Pool::new(n))
            .collect();
        slots.push(simulation::Pool::UNLIMITED);
        let recorded = simulation::recorded(&graph.dag, &runs, &slots);
        units.resize(recorded.tasks.len(), None);
        Some(Self {
            recorded,
            options: Options::new(slots),
            pools: pools.all,
            units,
            slots_source,
            shared: is_shared(timeline),
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
        self.pool_number(|pool| pool == Pool::Local)
    }

    /// Returns the number of the pool that substitutions take slots of; `None` where there were none.
    #[must_use]
    pub fn substitution_pool(&self) -> Option<u16> {
        if self.shared {
            return self.local_pool();
        }
        self.pool_number(|pool| pool == Pool::Substitution)
    }

    fn pool_number(&self, wanted: impl Fn(Pool) -> bool) -> Option<u16> {
        let place = self.pools.iter().position(|&pool| wanted(pool))?;
        u16::try_from(place).ok()
    }

    /// Returns the local slots; zero where nothing was built here.
    #[must_use]
    pub fn local_slots(&self) -> u32 {
        let pool = self.local_pool();
        pool.and_then(|pool| self.options.slots(pool)).unwrap_or(0)
    }

    /// Returns all slots for builds, of this machine and of others.
    #[must_use]
    pub fn build_slots(&self) -> u32 {
        let pools = (0..)
            .zip(&self.pools)
            .filter(|(_, pool)| **pool != Pool::Substitution);
        pools
            .filter_map(|(number, _)| self.options.slots(number))
            .sum()
    }

    /// Returns where the number of local slots comes from.
    #[must_use]
    pub fn slots_source(&self) -> SlotsSource {
        self.slots_source
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

    /// Returns what the longest chain first would take.
    #[must_use]
    pub fn critical_path_first(&self) -> Nanos {
        let options = self.options.clone().with_order(Order::CriticalPathFirst);
        simulation::simulate(&self.recorded.workload(), &options).makespan
    }
}

/// Returns which slots a unit takes one of, as the Nix that wrote the log has it: up to 2.15
/// substitutions take build slots.
pub(crate) fn pools_of(timeline: &Timeline) -> impl Fn(&Unit) -> Option<Pool> + Copy + use<> {
    let shared = is_shared(timeline);
    move |unit| match Pool::of(unit) {
        Some(Pool::Substitution) if shared => Some(Pool::Local),
        pool => pool,
    }
}

/// Tells whether substitutions take build slots.
fn is_shared(timeline: &Timeline) -> bool {
    let (_, newest) = timeline.facts().evidence.minor_versions();
    newest.is_some_and(|minor| minor < 16)
}

/// The pools that occur, and their slots.
struct Pools {
    all: Vec<Pool>,
    slots: Vec<u32>,
}

impl Pools {
    fn new(timeline: &Timeline, run: &RunGraph, known: KnownSlots) -> Self {
        let units = || {
            let nodes = run.nodes().iter().filter_map(|node| node.unit);
            nodes.map(|unit| &timeline.units()[unit])
        };
        let pool_of = pools_of(timeline);
        let mut all: Vec<Pool> = units().filter_map(pool_of).collect();
        all.sort_unstable();
        all.dedup();
        let seen = |pool: Pool| {
            let members = units().filter(|unit| pool_of(unit) == Some(pool));
            slots_seen(members.filter_map(Unit::interval), LATE).max(1)
        };
        let slots = all.iter().map(|&pool| match (pool, known.local) {
            (Pool::Local, Some(known)) => known.max(seen(pool)),
            (Pool::Substitution, _) => seen(pool).max(SUBSTITUTION_SLOTS),
            _ => seen(pool),
        });
        Self {
            slots: slots.collect(),
            all,
        }
    }

    fn local(&self) -> Option<u32> {
        let place = self.all.iter().position(|&pool| pool == Pool::Local)?;
        Some(self.slots[place])
    }

    fn of(&self, timeline: &Timeline, unit: usize) -> u16 {
        let pool = pools_of(timeline)(&timeline.units()[unit]);
        let place = pool.and_then(|pool| self.all.iter().position(|&other| other == pool));
        place.map_or(Task::NO_POOL, |place| {
            u16::try_from(place).unwrap_or(Task::NO_POOL)
        })
    }
}
