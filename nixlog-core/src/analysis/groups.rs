//! Units in groups: by package, kind, machine …

use std::collections::HashMap;

use indexmap::IndexMap;

use super::critical_path::CriticalPath;
use crate::intervals;
use crate::names::named;
use crate::store_path::pname_of;
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Timeline, Unit, UnitKind};

named! {
    /// What units are grouped by.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum GroupBy {
        /// The name without version.
        Pname = "pname",
        /// The kind of unit.
        Kind = "kind",
        /// Where it ran; this machine has no name.
        Machine = "machine",
        /// Where it came from; what came from none is a group too.
        Substituter = "substituter",
        /// The phases of builders; a build is in several groups.
        BuilderPhase = "builder-phase",
        /// How it ended.
        Outcome = "outcome",
    }
}

/// Units that have something in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group<'a> {
    /// What they have in common; `None` for those that have none of it.
    pub key: Option<&'a str>,
    /// How many units.
    pub n_units: usize,
    /// How many of them failed.
    pub n_failed: usize,
    /// How many of them have no known duration.
    pub n_unknown: usize,
    /// When the first of them started.
    pub start: Option<Stamp>,
    /// The sum of their durations, as far as these are known.
    pub work: Option<Nanos>,
    /// For how long any of them ran.
    pub busy: Option<Nanos>,
    /// How much of the critical path lies in them; `None` without a path.
    pub critical: Option<Nanos>,
    /// Bytes that went over the wire.
    pub bytes: Option<u64>,
    /// Lines of their logs; `None` of builder phases.
    pub log_lines: Option<u64>,
}

/// Puts units, given as indices, into groups, in the order in which these first occur. Takes O(n log n) for n
/// units and builder phases.
#[must_use]
pub fn groups<'a>(
    timeline: &'a Timeline,
    units: &[usize],
    by: GroupBy,
    path: Option<&CriticalPath>,
) -> Vec<Group<'a>> {
    let mut groups: IndexMap<Option<&str>, (Group<'a>, Vec<Interval>)> = IndexMap::new();
    let on_path = path.map(CriticalPath::by_unit);
    for &index in units {
        let unit = &timeline.units()[index];
        if by == GroupBy::BuilderPhase {
            add_phases(&mut groups, timeline, unit);
            continue;
        }
        let key = key(timeline, unit, by);
        let (group, spans) = of(&mut groups, key);
        add_unit(group, unit);
        add_start(group, unit.start);
        add_time(group, unit.duration());
        if let Some(bytes) = unit.wire_bytes {
            let sum = group.bytes.get_or_insert_default();
            *sum = sum.saturating_add(bytes);
        }
        *group.log_lines.get_or_insert_default() += unit.log_lines;
        group.n_unknown += usize::from(unit.duration().is_none());
        match unit.kind {
            // It goes on and off.
            UnitKind::Evaluation => spans.extend(unit.stretches.iter().map(|it| it.interval)),
            _ => spans.extend(unit.interval()),
        }
        if let Some(on_path) = &on_path {
            *group.critical.get_or_insert_default() +=
                on_path.get(&index).copied().unwrap_or_default();
        }
    }
    if by == GroupBy::BuilderPhase
        && let Some(path) = path
    {
        let on_path = path.by_builder_phase(timeline);
        let on_path: HashMap<&str, Nanos> = on_path
            .into_iter()
            .map(|(name, time)| (timeline.name(name), time))
            .collect();
        for (key, (group, _)) in &mut groups {
            let time = key.and_then(|key| on_path.get(key).copied());
            group.critical = Some(time.unwrap_or_default());
        }
    }
    let all = groups.into_values().map(|(mut group, spans)| {
        group.busy = (!spans.is_empty()).then(|| intervals::length(&spans));
        group
    });
    all.collect()
}

type Groups<'a> = IndexMap<Option<&'a str>, (Group<'a>, Vec<Interval>)>;

fn of<'a, 'g>(
    groups: &'g mut Groups<'a>,
    key: Option<&'a str>,
) -> &'g mut (Group<'a>, Vec<Interval>) {
    let new = || {
        let group = Group {
            key,
            ..Group::default()
        };
        (group, Vec::new())
    };
    groups.entry(key).or_insert_with(new)
}

fn key<'a>(timeline: &'a Timeline, unit: &Unit, by: GroupBy) -> Option<&'a str> {
    match by {
        GroupBy::Pname => Some(pname_of(timeline.unit_name(unit))),
        GroupBy::Kind => Some(unit.kind.name()),
        GroupBy::Machine => unit.machine.map(|machine| timeline.name(machine)),
        GroupBy::Substituter => unit.source.map(|source| timeline.name(source)),
        GroupBy::Outcome => Some(unit.outcome.name()),
        GroupBy::BuilderPhase => None,
    }
}

fn add_unit(group: &mut Group<'_>, unit: &Unit) {
    group.n_units += 1;
    group.n_failed += usize::from(unit.outcome.is_failure());
}

fn add_start(group: &mut Group<'_>, start: Option<Stamp>) {
    group.start = [group.start, start].into_iter().flatten().min();
}

fn add_time(group: &mut Group<'_>, time: Option<Nanos>) {
    if let Some(time) = time {
        *group.work.get_or_insert_default() += time;
    }
}

/// Adds a build to the group of each of its builder phases.
fn add_phases<'a>(groups: &mut Groups<'a>, timeline: &'a Timeline, unit: &Unit) {
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for phase in &unit.phases {
        let name = timeline.name(phase.name);
        let (group, spans) = of(groups, Some(name));
        if seen.insert(name, ()).is_none() {
            add_unit(group, unit);
        }
        add_start(group, phase.interval.map(Interval::start));
        add_time(group, phase.interval.map(Interval::length));
        spans.extend(phase.interval);
    }
}
