//! What the build would have taken if something were different.
//!
//! All changes of one question are simulated together, since savings do not add up. The prediction is
//! compared with the simulation of the build as it was, so that what the model gets wrong in both
//! cancels out.

use std::collections::{HashMap, HashSet};

use super::makespan::Makespan;
use super::run_graph::RunGraph;
use super::simulation::{Bounds, Options, Task};
use crate::graph::{DerivationGraph, no_longer_needed};
use crate::time::Nanos;
use crate::timeline::{Name, Part, Timeline, UnitKind};

/// One thing that would be different.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// This many local build slots: `max-jobs`.
    LocalSlots(u32),
    /// This many further machines with as many slots as this one, each as fast, and nothing to copy.
    Machines(u32),
    /// These units come from a cache: a download of their size takes their place, and what only they
    /// needed is gone. By index into [`Timeline::units`].
    Cached(Vec<usize>),
    /// These units, and what only they needed, are gone.
    Remove(Vec<usize>),
    /// These units run this many times as fast.
    Speedup(Vec<usize>, f64),
    /// The builds among these units go without one builder phase.
    SkipPhase(Vec<usize>, Name),
    /// Downloads run at this many bytes per second each.
    SubstitutionBandwidth(u64),
}

/// What to assume where the recording does not tell.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Assumptions {
    /// Bytes of the unpacked archives of what units make, where known.
    pub nar_bytes: HashMap<usize, u64>,
}

impl Assumptions {
    /// Takes the sizes of all outputs of a derivation, if each is known: from path infos, else as `size`
    /// tells by a path's base name.
    #[must_use]
    pub fn new(
        run: &RunGraph,
        graph: &DerivationGraph,
        size: impl Fn(&str) -> Option<u64>,
    ) -> Self {
        let told = |path: &str| graph.node(graph.find(path)?).nar_bytes;
        let size = |path: &str| told(path).or_else(|| size(path));
        let sizes = run.nodes().iter().filter_map(|it| {
            let outputs = &graph.node(it.node?).outputs;
            let all = outputs.iter().map(|output| size(output.path.as_deref()?));
            let total: Option<u64> = all.sum();
            Some((it.unit?, total.filter(|_| !outputs.is_empty())?))
        });
        Self {
            nar_bytes: sizes.collect(),
        }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WhatIf {
    /// The makespan of the build as it was, simulated.
    pub baseline: Nanos,
    /// The makespan with all changes.
    pub predicted: Nanos,
    /// What no schedule can beat, and what none exceeds, with all changes.
    pub bounds: Bounds,
    /// How much less there would be to do, Nix's own time included.
    pub less_work: Nanos,
    /// The units that would explain the makespan then, in the order of time, and how long each would
    /// take: by index into [`Timeline::units`].
    pub then_critical: Vec<(usize, Nanos)>,
    /// Units that would not run any more.
    pub gone: Vec<usize>,
    /// Units that would be downloaded in place of built.
    pub downloaded: Vec<usize>,
    /// How many of these downloads have no known size or rate, and so count as nothing.
    pub unknown_downloads: usize,
    /// The bytes of these downloads, as far as they are known.
    pub download_bytes: u64,
    /// Bytes per second of one download, as measured or as asked for.
    pub bandwidth: Option<u64>,
    /// The makespan with all changes and as many build users as there are slots, where these are what
    /// holds builds back.
    pub with_build_users: Option<Nanos>,
    /// The shortest and the longest makespan with all changes over many orders, where Nix's is not known.
    pub orders: Option<(Nanos, Nanos)>,
}

impl WhatIf {
    /// Returns by how much the makespan would be shorter; negative where it would be longer.
    #[must_use]
    pub fn saving(&self) -> i64 {
        let nanos = |time: Nanos| i64::try_from(time.get()).unwrap_or(i64::MAX);
        nanos(self.baseline).saturating_sub(nanos(self.predicted))
    }

    /// Returns how much of the saving comes from there being less to do; the rest comes from builds
    /// starting in another order, which is luck.
    #[must_use]
    pub fn sure_saving(&self) -> Nanos {
        (self.baseline - self.predicted).min(self.less_work)
    }
}

/// A recording, ready for questions.
#[derive(Debug)]
pub struct Questions<'a> {
    timeline: &'a Timeline,
    run: &'a RunGraph,
    makespan: &'a Makespan,
    /// The task of each unit.
    tasks: HashMap<usize, u32>,
    /// What nothing else needs: what was asked for, and what evaluation waited for.
    roots: Vec<u32>,
    baseline: Nanos,
    /// All there is to do, Nix's own time included.
    work: Nanos,
    bandwidth: Option<u64>,
    assumptions: Assumptions,
}

impl<'a> Questions<'a> {
    /// Prepares a recording.
    #[must_use]
    pub fn new(
        timeline: &'a Timeline,
        run: &'a RunGraph,
        makespan: &'a Makespan,
        assumptions: Assumptions,
    ) -> Self {
        let tasks = (0..).zip(makespan.units());
        let all = (0..).take(run.dag().len());
        Self {
            tasks: tasks
                .filter_map(|(task, unit)| Some(((*unit)?, task)))
                .collect(),
            roots: all
                .filter(|&node| {
                    let is_evaluation = run.nodes()[node as usize].evaluation.is_some();
                    is_evaluation || run.dag().dependents(node).is_empty()
                })
                .collect(),
            baseline: makespan.baseline().makespan,
            work: makespan.bounds().work + makespan.bounds().overhead,
            bandwidth: bandwidth(timeline),
            timeline,
            run,
            makespan,
            assumptions,
        }
    }

    /// Returns the makespan of the build as it was, simulated.
    #[must_use]
    pub fn baseline(&self) -> Nanos {
        self.baseline
    }

    /// Simulates all changes together.
    #[must_use]
    pub fn ask(&self, changes: &[Change]) -> WhatIf {
        let mut state = State {
            tasks: self.makespan.recorded().tasks.clone(),
            options: self.makespan.options().clone(),
            bandwidth: self.bandwidth,
            gone: HashSet::new(),
            downloaded: Vec::new(),
            unknown: 0,
            bytes: 0,
        };
        // Bandwidth first: what comes from a cache comes at that rate.
        for change in changes {
            if let Change::SubstitutionBandwidth(rate) = change {
                self.at_rate(&mut state, *rate);
            }
        }
        let mut absent = Vec::new();
        for change in changes {
            match change {
                Change::Cached(units) | Change::Remove(units) => {
                    absent.extend(units.iter().filter_map(|&unit| self.run.node_of(unit)));
                }
                Change::LocalSlots(slots) => self.local_slots(&mut state, *slots),
                Change::Machines(more) => {
                    let times = more.saturating_add(1);
                    let slots = self.makespan.local_slots();
                    self.local_slots(&mut state, slots.saturating_mul(times));
                    // Each has build users of its own.
                    if let Some(pool) = self.makespan.local_pool() {
                        let cap = state.options.cap(pool).saturating_mul(times);
                        state.options = state.options.with_cap(pool, cap);
                    }
                }
                Change::Speedup(units, factor) => self.faster(&mut state, units, *factor),
                Change::SkipPhase(units, phase) => self.without_phase(&mut state, units, *phase),
                Change::SubstitutionBandwidth(_) => {}
            }
        }
        // What several of them needed is gone only once all of them are.
        let gone = no_longer_needed(self.run.dag(), &self.roots, &absent);
        for unit in gone.into_iter().filter_map(|node| self.run.unit_of(node)) {
            state.free(self.tasks.get(&unit), unit);
        }
        for change in changes {
            match change {
                Change::Remove(units) => {
                    for unit in units {
                        state.free(self.tasks.get(unit), *unit);
                    }
                }
                Change::Cached(units) => {
                    for &unit in units {
                        self.download(&mut state, unit);
                    }
                }
                _ => {}
            }
        }
        let (schedule, bounds) = self.makespan.with(&state.tasks, &state.options);
        let capped = self
            .makespan
            .local_pool()
            .filter(|&pool| state.options.is_capped(pool));
        let with_build_users = capped.map(|pool| {
            let free = state.options.clone().with_cap(pool, 0);
            self.makespan.with(&state.tasks, &free).0.makespan
        });
        let orders = self.makespan.over_orders(&state.tasks, &state.options);
        let chain = schedule.chain();
        let at_work = chain.iter().filter_map(|&task| {
            let took = state.tasks.get(task as usize)?.duration;
            let unit = (*self.makespan.units().get(task as usize)?)?;
            // A task may be shorter than its unit, whose end was logged late: no change made it so.
            let was = self.makespan.recorded().tasks.get(task as usize)?.duration;
            let measured = self.timeline.units()[unit].duration();
            let then = measured.filter(|_| took == was).unwrap_or(took);
            (took > Nanos::ZERO).then_some((unit, then))
        });
        let mut gone: Vec<usize> = state.gone.into_iter().collect();
        gone.sort_unstable();
        WhatIf {
            baseline: self.baseline,
            predicted: schedule.makespan,
            less_work: self.work - (bounds.work + bounds.overhead),
            bounds,
            then_critical: at_work.collect(),
            gone,
            downloaded: state.downloaded,
            unknown_downloads: state.unknown,
            download_bytes: state.bytes,
            bandwidth: state.bandwidth,
            with_build_users,
            orders,
        }
    }

    fn local_slots(&self, state: &mut State, slots: u32) {
        if let Some(pool) = self.makespan.local_pool() {
            state.options = state.options.clone().with_slots(pool, slots.max(1));
        }
    }

    fn faster(&self, state: &mut State, units: &[usize], factor: f64) {
        for task in units.iter().filter_map(|unit| self.tasks.get(unit)) {
            let task = &mut state.tasks[*task as usize];
            task.duration = scale(task.duration, 1.0 / factor);
        }
    }

    fn without_phase(&self, state: &mut State, units: &[usize], phase: Name) {
        for &unit in units {
            let Some(&task) = self.tasks.get(&unit) else {
                continue;
            };
            let phases = self.timeline.units()[unit].phases.iter();
            let same = phases
                .filter(|it| it.name == phase)
                .filter_map(|it| it.interval);
            let skipped: Nanos = same.map(|interval| interval.length()).sum();
            let task = &mut state.tasks[task as usize];
            task.duration = task.duration - skipped;
        }
    }

    /// Makes downloads as fast as `rate`, and leaves unpacking as it was.
    fn at_rate(&self, state: &mut State, rate: u64) {
        state.bandwidth = Some(rate);
        for (unit, &task) in &self.tasks {
            let unit = &self.timeline.units()[*unit];
            let Some(bytes) = unit
                .wire_bytes
                .filter(|_| unit.kind == UnitKind::Substitution)
            else {
                continue;
            };
            let downloads = unit
                .stretches
                .iter()
                .filter(|it| it.part == Part::Downloads);
            let was: Nanos = downloads.map(|it| it.interval.length()).sum();
            let task = &mut state.tasks[task as usize];
            task.duration = task.duration - was + transfer(bytes, rate);
        }
    }

    /// Puts a download in the place of a build.
    fn download(&self, state: &mut State, unit: usize) {
        let Some(&task) = self.tasks.get(&unit) else {
            return;
        };
        if state.gone.contains(&unit) || !self.timeline.units()[unit].kind.is_derivation() {
            return;
        }
        let bytes = self.assumptions.nar_bytes.get(&unit).copied();
        let took = bytes
            .zip(state.bandwidth)
            .map(|(bytes, rate)| transfer(bytes, rate));
        state.unknown += usize::from(took.is_none());
        state.bytes = state.bytes.saturating_add(bytes.unwrap_or(0));
        state.downloaded.push(unit);
        let task = &mut state.tasks[task as usize];
        *task = Task {
            duration: took.unwrap_or_default(),
            pool: self.makespan.substitution_pool().unwrap_or(Task::NO_POOL),
            ..task.free()
        };
    }
}

/// What a question changes.
struct State {
    tasks: Vec<Task>,
    options: Options,
    bandwidth: Option<u64>,
    gone: HashSet<usize>,
    downloaded: Vec<usize>,
    unknown: usize,
    bytes: u64,
}

impl State {
    fn free(&mut self, task: Option<&u32>, unit: usize) {
        if let Some(&task) = task {
            let task = &mut self.tasks[task as usize];
            *task = task.free();
            self.gone.insert(unit);
        }
    }
}

/// Returns what one download got in the median of all, in bytes of unpacked archive per second where
/// these are known, else of bytes on the wire.
fn bandwidth(timeline: &Timeline) -> Option<u64> {
    let downloads = timeline.units().iter().filter_map(|unit| {
        if unit.kind != UnitKind::Substitution {
            return None;
        }
        let bytes = unit
            .nar_bytes
            .or(unit.wire_bytes)
            .filter(|&bytes| bytes > 0)?;
        let took = unit.duration().filter(|&took| took > Nanos::ZERO)?;
        let rate = u128::from(bytes) * 1_000_000_000 / u128::from(took.get());
        u64::try_from(rate).ok()
    });
    let mut rates: Vec<u64> = downloads.collect();
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().filter(|&rate| rate > 0)
}

fn transfer(bytes: u64, rate: u64) -> Nanos {
    let time = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    Nanos::new(u64::try_from(time).unwrap_or(u64::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and no factor is negative"
)]
fn scale(time: Nanos, by: f64) -> Nanos {
    Nanos::new((time.get() as f64 * by) as u64)
}
