//! The walk backward along the chain.

use std::collections::{HashMap, HashSet};

use super::super::run_graph::{RunGraph, is_node};
use super::super::slots::{Pool, Slots};
use super::super::under_way::Piece;
use super::index::{Background, Ended, Index};
use super::{Segment, Wait};
use crate::intervals::concurrency;
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{End, Name, Part, Timeline, Unit, UnitKind};

/// Nix itself takes no longer between two units. In a reconstruction, where nobody watched evaluation, locks
/// and downloads without a start, a longer wait may be any of these.
const UNWATCHED: Nanos = Nanos::new(1_000_000_000);

pub(super) struct Walk<'a> {
    timeline: &'a Timeline,
    run: &'a RunGraph,
    slots: &'a Slots,
    index: &'a Index,
    wall: Interval,
    /// The post-build hook of each derivation.
    hooks: HashMap<Name, usize>,
    /// The last build of each derivation.
    builds: HashMap<Name, usize>,
    /// Of each node, whether it is certain when it ended, or when the last of what it stands for did.
    firm: Vec<bool>,
    /// There is an evaluator that could have asked earlier.
    has_evaluator: bool,
    /// All of Nix stands still while a post-build hook runs.
    hooks_block: bool,
    /// For each call, the last end of it and those before it.
    last_ends: Vec<Stamp>,
    /// The latest first.
    segments: Vec<Segment>,
    /// Everything from here on is explained.
    at: Stamp,
}

/// What a stretch of the path counts as, whose it is, and what was waited for.
type Why = (Part, Option<usize>, Option<Wait>);

/// What is known of a stretch in which something did not start.
struct Gap {
    /// What was to start, if it is a node of the graph.
    node: Option<usize>,
    /// The pool that it takes a slot of.
    pool: Option<Pool>,
    /// When Nix was asked for it.
    asked: Stamp,
    /// Why it did not start before that.
    unasked: Wait,
    /// What the log says that it waited for, without overlaps, in the order of time.
    holds: Vec<(Interval, Part)>,
    /// A download that it needs and whose end is not known, and since when that was under way.
    download: Option<(Stamp, usize)>,
    /// It is known when it could have started.
    known: bool,
}

impl Gap {
    const fn is_remote(&self) -> bool {
        matches!(self.pool, Some(Pool::Machine(_)))
    }

    /// Returns what the log says that it waited for at an instant, and until when that stays so.
    fn hold(&self, at: Stamp) -> (Option<Part>, Option<Stamp>) {
        let next = self
            .holds
            .partition_point(|(interval, _)| interval.end() <= at);
        match self.holds.get(next) {
            Some(&(now, part)) if now.start() <= at => (Some(part), Some(now.end())),
            Some((later, _)) => (None, Some(later.start())),
            None => (None, None),
        }
    }

    /// Returns the reason where nothing fills the time.
    const fn unexplained(&self) -> Wait {
        match self.known {
            true => Wait::Nix,
            false => Wait::Unknown,
        }
    }
}

/// Tells of each node whether it is certain when it ended, or when the last of what it stands for did.
/// Counters tell that something ended, not what: where the ends of several units were told from them,
/// any of those may have been the one.
fn firm(timeline: &Timeline, run: &RunGraph) -> Vec<bool> {
    let is_inferred = |unit: &&Unit| is_node(unit.kind) && unit.end_kind == End::Inferred;
    let inferred = timeline.units().iter().filter(is_inferred);
    let running = concurrency(inferred.filter_map(Unit::interval));
    let is_firm = |unit: &Unit| match (unit.end, unit.end_kind) {
        (Some(_), End::Measured) => true,
        (Some(_), End::Inferred) if timeline.is_reconstructed() => true,
        (Some(end), End::Inferred) if !timeline.is_text() => {
            let after = running.partition_point(|&(at, _)| at <= end);
            after.checked_sub(1).is_none_or(|step| running[step].1 == 0)
        }
        _ => false,
    };
    let mut firm = vec![true; run.dag().len()];
    for &node in run.dag().topological() {
        firm[node as usize] = match run.unit_of(node) {
            Some(unit) => is_firm(&timeline.units()[unit]),
            None => {
                let mut needs = run.dag().dependencies(node).iter();
                needs.all(|&to| firm[to as usize])
            }
        };
    }
    firm
}

/// Tells whether all of Nix stands still while a post-build hook runs, as it does up to 2.34: unless the
/// log is of a newer one, or something started meanwhile.
fn hooks_block(timeline: &Timeline) -> bool {
    let (oldest, _) = timeline.facts().evidence.minor_versions();
    let hooks = timeline.units().iter();
    let hooks = hooks.filter(|unit| unit.kind == UnitKind::PostBuildHook);
    let hooks: Vec<Interval> = hooks.filter_map(Unit::interval).collect();
    let running = concurrency(hooks);
    let mut nodes = timeline.units().iter().filter(|unit| is_node(unit.kind));
    let starts_inside = |start: Stamp| {
        let before = running.partition_point(|&(at, _)| at < start);
        let after = running.partition_point(|&(at, _)| at <= start);
        let runs = |step: usize| step.checked_sub(1).is_some_and(|step| running[step].1 > 0);
        runs(before) && runs(after)
    };
    oldest.is_none_or(|minor| minor < 35)
        && !nodes.any(|unit| unit.start.is_some_and(starts_inside))
}

/// What comes before a unit in the chain.
#[derive(Clone, Copy)]
struct Predecessor {
    unit: usize,
    /// The unit at work, or the stretch of evaluation.
    interval: Interval,
    /// What the unit depends on is known, or nothing could be.
    known: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        timeline: &'a Timeline,
        run: &'a RunGraph,
        slots: &'a Slots,
        index: &'a Index,
        wall: Interval,
    ) -> Self {
        let units = || timeline.units().iter().enumerate();
        let hooks = units().filter(|(_, unit)| unit.kind == UnitKind::PostBuildHook);
        let builds = units().filter(|(_, unit)| unit.kind.is_derivation() && unit.started);
        let ends = timeline.calls().iter().map(|call| call.end());
        let last_ends = ends.scan(wall.start(), |last, end| {
            *last = end.max(*last);
            Some(*last)
        });
        Self {
            last_ends: last_ends.collect(),
            hooks: hooks.map(|(number, unit)| (unit.subject, number)).collect(),
            builds: builds
                .map(|(number, unit)| (unit.subject, number))
                .collect(),
            firm: firm(timeline, run),
            has_evaluator: units().any(|(_, unit)| unit.kind == UnitKind::Evaluation),
            hooks_block: hooks_block(timeline),
            timeline,
            run,
            slots,
            index,
            wall,
            segments: Vec::new(),
            at: wall.end(),
        }
    }

    /// Walks to the start of the recording; returns the segments, the latest first.
    pub(super) fn segments(mut self) -> Vec<Segment> {
        let mut next = self.last();
        let mut waits_for = None;
        while let Some(Predecessor {
            unit,
            interval,
            known,
        }) = next
        {
            match waits_for {
                Some(_) => self.gap(interval.end(), waits_for, known),
                None => self.until_the_end(interval.end()),
            }
            let start = interval.start().min(self.at);
            self.work(unit, Interval::new(start, self.at));
            next = self.predecessor(unit, start);
            waits_for = Some(unit);
        }
        match waits_for {
            Some(unit) => self.gap(self.wall.start(), waits_for, self.is_known(unit)),
            None => self.until_the_end(self.wall.start()),
        }
        self.segments
    }

    /// Finds what ended last.
    fn last(&self) -> Option<Predecessor> {
        let last = self.index.ends.last();
        let known = last.map_or(self.wall.start(), |last| last.end);
        let open = (0..self.timeline.units().len()).filter(|&unit| self.unit(unit).end.is_none());
        let open = self.open_ended(open, known, self.wall.end());
        open.or_else(|| self.entry(*last?, true))
    }

    /// Finds what may have ended last, later than anything whose end is known, and before `start`. Where
    /// it may be any of several, the chain goes on where all of them had started.
    fn open_ended(
        &self,
        units: impl Iterator<Item = usize>,
        known: Stamp,
        start: Stamp,
    ) -> Option<Predecessor> {
        let open = units.filter_map(|unit| Some((unit, self.unit(unit).may_run()?)));
        let open: Vec<(usize, Interval)> = open
            .filter(|(_, it)| it.start() <= start && it.end() > known)
            .collect();
        let end = open.iter().map(|(_, it)| it.end()).max()?;
        let mut last = open.into_iter().filter(|(_, it)| it.end() == end);
        let (unit, interval) = last.next()?;
        let Some(other) = last.min_by_key(|(_, it)| it.start()) else {
            return Some(Predecessor {
                unit,
                interval: Interval::new(interval.start(), end.min(start))?,
                known: true,
            });
        };
        let (unit, first) = if other.1.start() < interval.start() {
            other
        } else {
            (unit, interval)
        };
        Some(Predecessor {
            unit,
            interval: Interval::new(first.start(), first.start())?,
            known: true,
        })
    }

    /// Lists what a node needs of which no end is known, passages left out.
    fn open_needs(&self, node: u32) -> Vec<usize> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut todo = self.run.dag().dependencies(node).to_vec();
        while let Some(node) = todo.pop() {
            if !seen.insert(node) {
                continue;
            }
            match self.run.unit_of(node) {
                Some(unit) if self.unit(unit).end.is_none() => found.push(unit),
                Some(_) => {}
                None => todo.extend(self.run.dag().dependencies(node)),
            }
        }
        found.sort_unstable();
        found
    }

    fn unit(&self, unit: usize) -> &'a Unit {
        &self.timeline.units()[unit]
    }

    fn entry(&self, ended: Ended, known: bool) -> Option<Predecessor> {
        let interval = Interval::new(ended.start, ended.end)?;
        Some(Predecessor {
            unit: ended.unit,
            interval,
            known,
        })
    }

    /// Finds what a unit that started at `start` waited for last.
    fn predecessor(&self, unit: usize, start: Stamp) -> Option<Predecessor> {
        let it = self.unit(unit);
        if it.kind == UnitKind::PostBuildHook {
            // The stop of a build may come after that of its hook.
            let &build = self.builds.get(&it.subject)?;
            let interval = self.unit(build).interval()?;
            return (interval.start() < start).then_some(Predecessor {
                unit: build,
                interval,
                known: true,
            });
        }
        if !is_node(it.kind) {
            let before = self.index.ended_before(start, |ended| ended.start < start);
            return before.and_then(|ended| self.entry(ended, self.is_known(unit)));
        }
        let handed_over = self.asked_for(start);
        let handed_over = self
            .index
            .ended_before(handed_over, |ended| ended.start < start)
            .and_then(|ended| self.entry(ended, self.is_known(unit)));
        let needed = self.needed(unit, start);
        [handed_over, needed]
            .into_iter()
            .flatten()
            .max_by_key(|predecessor| predecessor.interval.end())
    }

    /// Returns when the store was asked for what started then: nothing that it does comes before that,
    /// and the evaluator waits until it is done.
    fn asked_for(&self, start: Stamp) -> Stamp {
        let calls = self.timeline.calls();
        let after = calls.partition_point(|call| call.start() <= start);
        let before = calls[..after].iter().zip(&self.last_ends);
        // Where all calls so far had ended by then, there is none to look for.
        let mut open = before.rev().take_while(|(_, last)| **last >= start);
        match open.find(|(call, _)| call.end() >= start) {
            Some((call, _)) => call.start(),
            // A log for people has no calls, but a plan that ends evaluation.
            None => self.index.evaluated(start).unwrap_or(self.wall.start()),
        }
    }

    /// Finds the dependency that ended last.
    fn needed(&self, unit: usize, start: Stamp) -> Option<Predecessor> {
        let node = self.run.node_of(unit)?;
        let mut latest: Option<(Stamp, usize)> = None;
        for &to in self.run.dag().dependencies(node) {
            let Some((end, needed)) = self.brought_forth(to) else {
                continue;
            };
            if self.unit(needed).start.is_some_and(|begun| begun <= start) {
                latest = latest.max(Some((end, needed)));
            }
        }
        let query = self.run.nodes()[node as usize].query;
        let query = query.and_then(|query| Some((self.unit(query).end?, query)));
        let query = query.filter(|&(end, query)| {
            end <= start && self.unit(query).start.is_some_and(|begun| begun < start)
        });
        let known = latest.max(query);
        let ended = known.map_or(self.wall.start(), |(end, _)| end);
        let open = self.open_needs(node).into_iter();
        if let Some(open) = self.open_ended(open, ended, start) {
            return Some(open);
        }
        let (end, needed) = known?;
        let begun = self.unit(needed).start?;
        Some(Predecessor {
            unit: needed,
            interval: Interval::new(begun, end.max(begun))?,
            known: self.is_known(unit),
        })
    }

    /// Follows passages to what ended last below them; a build's hook is part of what it takes.
    fn brought_forth(&self, mut node: u32) -> Option<(Stamp, usize)> {
        loop {
            if let Some(unit) = self.run.unit_of(node) {
                let end = self.unit(unit).end?;
                let hook = self.hooks.get(&self.unit(unit).subject).copied();
                let hook = hook.and_then(|hook| Some((self.unit(hook).end?, hook)));
                return Some((end, unit)).max(hook);
            }
            let below = self.run.dag().dependencies(node).iter();
            let ends = below.map(|&to| (self.run.nodes()[to as usize].end, to));
            node = ends.max()?.1;
        }
    }

    /// Tells whether it is known when a unit could have started: what it depends on is, and when all of
    /// that ended. The evaluator and an activation may wait for what no log tells.
    fn is_known(&self, unit: usize) -> bool {
        let kind = self.unit(unit).kind;
        if !is_node(kind) {
            return !matches!(
                kind,
                UnitKind::Evaluation
                    | UnitKind::InputFetch
                    | UnitKind::SourceImport
                    | UnitKind::Activation
            );
        }
        let Some(node) = self.run.node_of(unit) else {
            return false;
        };
        let mut needs = self.run.dag().dependencies(node).iter();
        self.run.is_known(unit) && needs.all(|&to| self.firm[to as usize])
    }

    /// Books the time down to `interval`'s start on a unit, by the parts it consists of.
    fn work(&mut self, unit: usize, interval: Option<Interval>) {
        let Some(whole) = interval else { return };
        let it = self.unit(unit);
        if it.kind == UnitKind::Evaluation {
            // Each of its stretches is a predecessor of its own, and there may be many.
            self.push(whole.start(), Part::Evaluating, Some(unit), None);
            return;
        }
        let stretches = it.stretches.iter();
        let mut stretches: Vec<_> = stretches
            .filter_map(|stretch| Some((stretch.interval.clip(whole)?, stretch.part)))
            .collect();
        stretches.sort_unstable();
        let mut pieces = Vec::new();
        let mut covered = whole.start();
        for (stretch, part) in stretches {
            if stretch.end() > covered {
                pieces.push((covered, covered.max(stretch.start()), part));
                covered = stretch.end();
            }
        }
        self.hole(unit, covered);
        for (hole, start, part) in pieces.into_iter().rev() {
            self.push(start, part, Some(unit), None);
            self.hole(unit, hole);
        }
    }

    /// Books time inside a unit in which none of its parts was under way.
    fn hole(&mut self, unit: usize, from: Stamp) {
        match self.unit(unit).machine {
            _ if self.unit(unit).may_run().is_some() => {
                self.push(from, self.unit(unit).part(), Some(unit), None);
            }
            Some(_) => self.push(from, Part::Machine, Some(unit), Some(Wait::Machine)),
            None if self.unit(unit).stretches.is_empty() => {
                self.push(from, Part::Unknown, Some(unit), None);
            }
            None => self.gap(from, None, true),
        }
    }

    /// Books what lies behind all that ended: within a call it is Nix's own time.
    fn until_the_end(&mut self, from: Stamp) {
        let called = self.last_ends.last().copied().unwrap_or(from);
        self.gap(called.max(from).min(self.at), None, false);
        let mut units = self.timeline.units().iter();
        let all_ended = units.all(|unit| !unit.started || unit.end.is_some());
        self.gap(from, None, all_ended);
    }

    /// Books the time down to `from`, in which `unit` was waited for to start, on what filled it.
    fn gap(&mut self, from: Stamp, unit: Option<usize>, known: bool) {
        let node = unit.filter(|&unit| is_node(self.unit(unit).kind));
        let holds = node.zip(Interval::new(from, self.at));
        let gap = Gap {
            node,
            holds: holds.map_or_else(Vec::new, |(node, during)| self.run.holds(node, during)),
            pool: unit.and_then(|unit| self.slots.pool_of(self.unit(unit))),
            asked: self.asked_for(self.at),
            unasked: match self.has_evaluator {
                // It has handed over.
                true if self.index.evaluated(from) == Some(from) => Wait::Nix,
                true => Wait::Evaluation,
                false => Wait::Unknown,
            },
            download: unit.and_then(|unit| self.still_coming(unit)),
            known,
        };
        let mut pieces = Vec::new();
        let mut at = from;
        while at < self.at {
            let (why, until) = self.why(&gap, at);
            let (open, differs) = self.index.under_way.at(at);
            let until = until.into_iter().chain(differs).filter(|&next| next > at);
            let until = until.min().unwrap_or(self.at).min(self.at);
            pieces.push((at, until, why, open));
            at = until;
        }
        for (at, until, (part, unit, wait), open) in pieces.into_iter().rev() {
            let unwatched = self.timeline.is_reconstructed() && until.since(at) > UNWATCHED;
            match (wait, open) {
                // Who may still have been at work is no proof that anything else was waited for.
                (Some(Wait::Slot | Wait::Download | Wait::Nix | Wait::Unknown), Some(open)) => {
                    self.push_any_of(at, open);
                }
                (Some(Wait::Slot), None) => {
                    let freed = self.index.freed_by(gap.pool, until);
                    self.push(at, part, freed, wait);
                }
                (Some(Wait::Nix), None) if unwatched => {
                    self.push(at, Part::Unknown, None, Some(Wait::Unknown));
                }
                _ => self.push(at, part, unit, wait),
            }
        }
    }

    /// Tells why a unit did not start at an instant, and until when that is so at least.
    fn why(&self, gap: &Gap, at: Stamp) -> (Why, Option<Stamp>) {
        let (full, filled) = self.index.is_full(gap.pool, at);
        let (background, other) = self.index.background(at);
        let (hold, held) = gap.hold(at);
        let download = gap.download.map(|(since, _)| since);
        let edges = [filled, other, held, download, Some(gap.asked)];
        let edges = edges.into_iter().flatten();
        let until = edges.filter(|&next| next > at).min();
        let wait = |wait: Wait, unit| (wait.part(), unit, Some(wait));
        let hold = hold.and_then(Wait::of).map(|why| wait(why, None));
        let is_hook = |background: &Background| background.part == Part::Hook;
        let hook = background.filter(|it| is_hook(it) && self.hooks_block);
        let besides = background.map(|it| (it.part, it.unit, Wait::of(it.part)));
        let why = if gap.node.is_none() {
            besides.unwrap_or_else(|| wait(gap.unexplained(), None))
        } else if let Some(hold) = hold {
            hold
        } else if let Some(hook) = hook.filter(|_| gap.known) {
            wait(Wait::Hook, hook.unit)
        } else if at < gap.asked {
            besides.unwrap_or_else(|| wait(gap.unasked, None))
        } else if let Some((_, unit)) = gap.download.filter(|&(since, _)| since <= at) {
            wait(Wait::Download, Some(unit))
        } else if full && gap.known {
            // How many slots a machine has is only seen, and Nix says where it waits for one.
            wait(
                if gap.is_remote() {
                    Wait::Unknown
                } else {
                    Wait::Slot
                },
                None,
            )
        } else {
            wait(gap.unexplained(), None)
        };
        (why, until)
    }

    /// Finds a download that a unit needs and of which the log does not tell when it ended, and since
    /// when that was under way.
    fn still_coming(&self, unit: usize) -> Option<(Stamp, usize)> {
        let needs = self.run.dag().dependencies(self.run.node_of(unit)?).iter();
        let units = needs.filter_map(|&to| self.run.unit_of(to));
        let coming = units.filter_map(|needed| {
            let it = self.unit(needed);
            let is_open = it.kind == UnitKind::Substitution && it.end.is_none();
            Some((it.start.filter(|_| is_open)?, needed))
        });
        coming.min()
    }

    /// Books time on the one unit that may have been at work, or on several of which it may be any.
    fn push_any_of(&mut self, from: Stamp, open: Piece) {
        let part = self.unit(open.latest).part();
        if open.candidates == 1 {
            self.push(from, part, Some(open.latest), None);
            return;
        }
        let Some(interval) = Interval::new(from, self.at) else {
            return;
        };
        self.at = from;
        match self.segments.last_mut() {
            Some(after) if after.candidates > 0 && after.part == part => {
                after.interval = Interval::new(from, after.interval.end()).unwrap_or(interval);
                after.candidates = after.candidates.max(open.candidates);
            }
            _ => self.segments.push(Segment {
                interval,
                part,
                unit: None,
                wait: None,
                candidates: open.candidates,
            }),
        }
    }

    /// Books the time from `from` up to where everything is explained; joins it with the segment after
    /// it where both are of one kind.
    fn push(&mut self, from: Stamp, part: Part, unit: Option<usize>, wait: Option<Wait>) {
        let Some(interval) = Interval::new(from, self.at) else {
            return;
        };
        if interval.length() == Nanos::ZERO {
            return;
        }
        self.at = from;
        match self.segments.last_mut() {
            // All the time in which no slot was free is one wait, for the one that was freed last.
            Some(after)
                if (after.part, after.wait, after.candidates) == (part, wait, 0)
                    && (after.unit == unit || wait == Some(Wait::Slot)) =>
            {
                after.interval = Interval::new(from, after.interval.end()).unwrap_or(interval);
            }
            _ => self.segments.push(Segment {
                interval,
                part,
                unit,
                wait,
                candidates: 0,
            }),
        }
    }
}
