//! What went on at each instant, to be looked up: how many builds ran, and what Nix was busy with.

use std::collections::BTreeMap;

use super::super::run_graph::is_node;
use super::super::slots::{Pool, Slots};
use super::super::under_way::UnderWay;
use crate::intervals::{concurrency, least};
use crate::time::{Interval, Stamp};
use crate::timeline::{Part, Timeline, UnitKind};

/// How full a pool was.
#[derive(Debug, Default)]
struct Occupancy {
    /// From each instant on, whether all slots were taken; a new one where that changes.
    full: Vec<(Stamp, bool)>,
    /// Ends with their units, sorted.
    ends: Vec<(Stamp, usize)>,
}

/// What can be looked up.
pub(super) struct Index {
    pools: BTreeMap<Pool, Occupancy>,
    /// What else went on, by how much it explains; without overlaps, sorted.
    background: Vec<Background>,
    /// Every end of a unit that is no evaluation, and of every stretch of evaluation, sorted.
    pub(super) ends: Vec<Ended>,
    /// The ends of stretches of evaluation alone, sorted.
    evaluation: Vec<Stamp>,
    /// What may have been at work.
    pub(super) under_way: UnderWay,
}

/// A stretch of time in which Nix was busy with something that is no node of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Background {
    pub(super) interval: Interval,
    pub(super) part: Part,
    pub(super) unit: Option<usize>,
}

/// Something that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ended {
    pub(super) end: Stamp,
    pub(super) start: Stamp,
    pub(super) unit: usize,
}

impl Index {
    pub(super) fn new(timeline: &Timeline, slots: &Slots, wall: Interval) -> Self {
        let mut by_pool: BTreeMap<Pool, Vec<(Interval, usize)>> = BTreeMap::new();
        let mut others = Vec::new();
        let mut ends = Vec::new();
        for (number, unit) in timeline.units().iter().enumerate() {
            if unit.kind == UnitKind::Evaluation {
                ends.extend(unit.stretches.iter().map(|stretch| Ended {
                    end: stretch.interval.end(),
                    start: stretch.interval.start(),
                    unit: number,
                }));
                continue;
            }
            let Some(interval) = unit.interval().and_then(|interval| interval.clip(wall)) else {
                continue;
            };
            // Copies of a remote build are part of it.
            if is_node(unit.kind) || !unit.stretches.is_empty() {
                ends.push(Ended {
                    end: interval.end(),
                    start: interval.start(),
                    unit: number,
                });
            }
            if let Some(pool) = slots.pool_of(unit) {
                by_pool.entry(pool).or_default().push((interval, number));
            }
            if !is_node(unit.kind) {
                let stretches = unit.stretches.iter();
                others.extend(
                    stretches.map(|stretch| (stretch.interval, stretch.part, Some(number))),
                );
            }
        }
        ends.sort_unstable();
        let is_evaluation =
            |ended: &&Ended| timeline.units()[ended.unit].kind == UnitKind::Evaluation;
        let evaluation = ends.iter().filter(is_evaluation).map(|ended| ended.end);
        let evaluation = evaluation.collect();
        let fillers = timeline.fillers().iter();
        let fillers = fillers.map(|filler| filler.stretch);
        others.extend(fillers.map(|stretch| (stretch.interval, stretch.part, None)));
        Self {
            pools: by_pool
                .into_iter()
                .map(|(pool, ran)| (pool, occupancy(&ran, slots.of(pool).unwrap_or(1))))
                .collect(),
            background: background(&others),
            ends,
            evaluation,
            under_way: UnderWay::new(timeline),
        }
    }

    /// Tells whether a pool is full at an instant, and until when that stays so.
    pub(super) fn is_full(&self, pool: Option<Pool>, at: Stamp) -> (bool, Option<Stamp>) {
        let Some(pool) = pool.and_then(|pool| self.pools.get(&pool)) else {
            return (false, None);
        };
        let next = pool.full.partition_point(|&(from, _)| from <= at);
        let now = next.checked_sub(1).is_some_and(|now| pool.full[now].1);
        (now, pool.full.get(next).map(|&(from, _)| from))
    }

    /// Returns which unit of a pool freed a slot last, up to an instant.
    pub(super) fn freed_by(&self, pool: Option<Pool>, until: Stamp) -> Option<usize> {
        let pool = self.pools.get(&pool?)?;
        let after = pool.ends.partition_point(|&(end, _)| end <= until);
        Some(pool.ends[after.checked_sub(1)?].1)
    }

    /// Returns what went on besides at an instant, and until when that stays so.
    pub(super) fn background(&self, at: Stamp) -> (Option<Background>, Option<Stamp>) {
        let next = self
            .background
            .partition_point(|background| background.interval.end() <= at);
        match self.background.get(next) {
            Some(now) if now.interval.start() <= at => (Some(*now), Some(now.interval.end())),
            Some(later) => (None, Some(later.interval.start())),
            None => (None, None),
        }
    }

    /// Returns when the evaluator last stopped working, up to an instant.
    pub(super) fn evaluated(&self, at: Stamp) -> Option<Stamp> {
        let after = self.evaluation.partition_point(|&end| end <= at);
        self.evaluation[..after].last().copied()
    }

    /// Finds what ended last up to an instant, among what `wanted` takes.
    pub(super) fn ended_before(&self, at: Stamp, wanted: impl Fn(&Ended) -> bool) -> Option<Ended> {
        let after = self.ends.partition_point(|ended| ended.end <= at);
        self.ends[..after]
            .iter()
            .rev()
            .find(|ended| wanted(ended))
            .copied()
    }
}

fn occupancy(ran: &[(Interval, usize)], slots: u32) -> Occupancy {
    let intervals = ran.iter().map(|&(interval, _)| interval);
    let running = concurrency(intervals).into_iter();
    let mut full: Vec<(Stamp, bool)> = running
        .map(|(from, running)| (from, running >= slots as usize))
        .collect();
    full.dedup_by_key(|&mut (_, full)| full);
    let mut ends: Vec<(Stamp, usize)> = ran.iter().map(|&(i, unit)| (i.end(), unit)).collect();
    ends.sort_unstable();
    Occupancy { full, ends }
}

/// How well something explains that nothing of the chain went on: lower is better.
const fn rank(part: Part) -> u8 {
    match part {
        // These hold up everything: Nix has one thread for them.
        Part::Hook => 0,
        Part::Lock | Part::Machine | Part::BuildUser => 1,
        Part::Inputs | Part::SourceImports => 2,
        Part::Queries => 3,
        Part::Nix => 4,
        _ => 5,
    }
}

/// Keeps of what overlaps what explains most.
fn background(others: &[(Interval, Part, Option<usize>)]) -> Vec<Background> {
    let ranked = others.iter().enumerate();
    let ranked = ranked.map(|(number, &(interval, part, _))| (interval, (rank(part), number)));
    let mut out: Vec<Background> = Vec::new();
    for (interval, (_, number)) in least(ranked) {
        let (_, part, unit) = others[number];
        let same = |last: &&mut Background| {
            (last.part, last.unit, last.interval.end()) == (part, unit, interval.start())
        };
        let last = out.last_mut().filter(same);
        let whole = last
            .as_ref()
            .and_then(|last| Interval::new(last.interval.start(), interval.end()));
        match last.zip(whole) {
            Some((last, whole)) => last.interval = whole,
            None => out.push(Background {
                interval,
                part,
                unit,
            }),
        }
    }
    out
}
