//! Slots that stood idle: when, and who held up the work that was left.
//!
//! A local build slot *starves* while nothing that is ready could take it, although builds that have
//! not started are still to come: somebody who runs holds them up, be it a build, here or on another
//! machine, or a download.
//!
//! ```text
//! slot 1  █████████████████ openssl ████████████│ curl ███
//! slot 2  ██ zlib ██│ · · · · · · · · · · · · · │ wget ███
//!                    starved, held up by openssl
//! ```

use std::collections::{BTreeSet, HashMap};

use super::run_graph::{RunGraph, is_node};
use super::slots::{Pool, Slots};
use crate::graph::CriticalPathMethod;
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Timeline, UnitKind};

/// What stood idle, and for how long each unit was in the way.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Idle {
    /// The local build slots that this was measured against.
    pub slots: u32,
    /// Stretches in which slots starved, in the order of time; a new one where somebody else holds up
    /// what is left.
    pub stretches: Vec<IdleStretch>,
    /// How long each unit was the only one running, by index into [`Timeline::units`].
    pub solo: HashMap<usize, Nanos>,
    /// How long at least one slot starved while each unit ran.
    pub blocked: HashMap<usize, Nanos>,
}

/// A stretch of time in which slots starved.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct IdleStretch {
    /// When.
    pub interval: Interval,
    /// The sum of the time that slots stood idle in it.
    pub idle: Nanos,
    /// The sum of the time that slots were taken in it.
    pub busy: Nanos,
    /// Whoever of those running has the longest chain of work behind it, itself not counted, as an index
    /// into [`Timeline::units`]; `None` where nothing is known to wait for any of them.
    pub held_by: Option<usize>,
    /// How many units that need it, directly or not, had not started at its beginning.
    pub n_waiting: usize,
    /// How long these take together.
    pub waiting: Nanos,
}

/// Finds idle slots. Takes O((n + m) log n) for n units and m edges, and O(n + m) for each stretch.
#[must_use]
pub fn idle(timeline: &Timeline, run: &RunGraph, slots: &Slots) -> Idle {
    let Some(wall) = timeline.wall() else {
        return Idle::default();
    };
    let mut sweep = Sweep::new(timeline, run, slots);
    for (at, change) in changes(timeline, run, wall) {
        sweep.until(at);
        sweep.apply(change);
    }
    sweep.until(wall.end());
    sweep.finish()
}

/// What happens at an instant, in the order in which it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// A unit ended: an index into the units.
    End(usize),
    /// A node of the graph could start now.
    Ready(usize),
    /// A unit started.
    Start(usize),
}

/// Lists all changes in the order of time.
fn changes(timeline: &Timeline, run: &RunGraph, wall: Interval) -> Vec<(Stamp, Change)> {
    let mut changes = Vec::new();
    for (number, unit) in timeline.units().iter().enumerate() {
        if unit.kind == UnitKind::Evaluation {
            for stretch in &unit.stretches {
                changes.push((stretch.interval.start(), Change::Start(number)));
                changes.push((stretch.interval.end(), Change::End(number)));
            }
            continue;
        }
        let Some(ran) = unit.interval().and_then(|ran| ran.clip(wall)) else {
            continue;
        };
        // What took no time would end before it started.
        if ran.length() == Nanos::ZERO {
            continue;
        }
        changes.push((ran.start(), Change::Start(number)));
        changes.push((ran.end(), Change::End(number)));
        if is_node(unit.kind) {
            let ready = run.ready(number).unwrap_or(wall.start());
            changes.push((ready.min(ran.start()), Change::Ready(number)));
        }
    }
    changes.sort_unstable();
    changes
}

struct Sweep<'a> {
    run: &'a RunGraph,
    cpm: CriticalPathMethod<'a>,
    at: Stamp,
    idle: Idle,
    /// Whatever of the graph runs, by the chain behind it, the longest last.
    running: BTreeSet<(Nanos, Nanos, usize)>,
    /// How many of these take a local slot.
    busy: u32,
    /// Whether a unit takes a local slot.
    is_local: Vec<bool>,
    /// Everything that runs: how many, and the sum of their indices, which is the index of the only one.
    all: (usize, usize),
    /// Local builds that are ready and wait.
    waiting: usize,
    /// Local builds that have not started.
    left: usize,
    /// For how long slots have starved so far.
    starved: Nanos,
    /// The same when each unit started.
    before: HashMap<usize, Nanos>,
}

impl<'a> Sweep<'a> {
    fn new(timeline: &'a Timeline, run: &'a RunGraph, slots: &Slots) -> Self {
        let is_local = timeline
            .units()
            .iter()
            .map(|unit| slots.pool_of(unit) == Some(Pool::Local));
        let is_local: Vec<bool> = is_local.collect();
        let local = timeline.units().iter().enumerate();
        let local = local.filter(|&(number, unit)| {
            is_local[number]
                && run.node_of(number).is_some()
                && unit
                    .interval()
                    .is_some_and(|ran| ran.length() > Nanos::ZERO)
        });
        Self {
            left: local.count(),
            run,
            cpm: CriticalPathMethod::new(run.dag(), run.durations()),
            at: Stamp::ZERO,
            idle: Idle {
                slots: slots.local(),
                ..Idle::default()
            },
            running: BTreeSet::new(),
            busy: 0,
            is_local,
            all: (0, 0),
            waiting: 0,
            starved: Nanos::ZERO,
            before: HashMap::new(),
        }
    }

    /// Returns a unit of the graph with the chain behind it, without and with itself.
    fn key(&self, unit: usize) -> Option<(Nanos, Nanos, usize)> {
        let node = self.run.node_of(unit)?;
        let tail = self.cpm.tail(node);
        Some((tail - self.run.durations()[node as usize], tail, unit))
    }

    /// Accounts for the time up to an instant.
    fn until(&mut self, at: Stamp) {
        let Some(interval) = Interval::new(self.at, at) else {
            return;
        };
        let time = interval.length();
        if time == Nanos::ZERO {
            return;
        }
        self.at = at;
        if self.all.0 == 1 {
            *self.idle.solo.entry(self.all.1).or_default() += time;
        }
        let free = self.idle.slots.saturating_sub(self.busy);
        if free == 0 || self.running.is_empty() || self.waiting > 0 || self.left == 0 {
            return;
        }
        self.starved += time;
        let longest = self.running.last();
        let held_by = longest.filter(|(behind, ..)| *behind > Nanos::ZERO);
        let held_by = held_by.map(|&(.., unit)| unit);
        let idle = Nanos::new(time.get().saturating_mul(u64::from(free)));
        let busy = Nanos::new(time.get().saturating_mul(u64::from(self.busy)));
        match self.idle.stretches.last_mut() {
            Some(last) if last.interval.end() == interval.start() && last.held_by == held_by => {
                last.interval = Interval::new(last.interval.start(), at).unwrap_or(interval);
                last.idle += idle;
                last.busy += busy;
            }
            _ => self.idle.stretches.push(IdleStretch {
                interval,
                idle,
                busy,
                held_by,
                n_waiting: 0,
                waiting: Nanos::ZERO,
            }),
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Start(unit) => {
                self.all = (self.all.0 + 1, self.all.1 + unit);
                self.before.insert(unit, self.starved);
                self.running.extend(self.key(unit));
                if self.is_local[unit] {
                    self.busy += 1;
                    self.waiting = self.waiting.saturating_sub(1);
                    self.left = self.left.saturating_sub(1);
                }
            }
            Change::End(unit) => {
                self.all = (
                    self.all.0.saturating_sub(1),
                    self.all.1.saturating_sub(unit),
                );
                if let Some(before) = self.before.remove(&unit) {
                    *self.idle.blocked.entry(unit).or_default() += self.starved - before;
                }
                if let Some(key) = self.key(unit) {
                    self.running.remove(&key);
                }
                if self.is_local[unit] {
                    self.busy = self.busy.saturating_sub(1);
                }
            }
            Change::Ready(unit) => self.waiting += usize::from(self.is_local[unit]),
        }
    }

    fn finish(mut self) -> Idle {
        let mut seen: HashMap<usize, Vec<u32>> = HashMap::new();
        for stretch in &mut self.idle.stretches {
            let Some(unit) = stretch.held_by else {
                continue;
            };
            let Some(node) = self.run.node_of(unit) else {
                continue;
            };
            let behind = seen
                .entry(unit)
                .or_insert_with(|| self.run.waiting_for(node));
            let start = stretch.interval.start();
            let waiting = behind.iter().filter(|&&node| {
                let began = self.run.nodes()[node as usize].start;
                began.is_some_and(|began| began >= start)
            });
            for &node in waiting {
                stretch.n_waiting += 1;
                stretch.waiting += self.run.durations()[node as usize];
            }
        }
        self.idle
    }
}
