//! Where the wall clock went: the phases of the whole invocation.
//!
//! Each instant is split equally among the phases that are active in it, and within a phase equally
//! among its active parts. Only how long each *combination* of parts was active is summed up while
//! sweeping over time; the splitting comes last and in exact fractions, so that the wall column adds
//! up to the wall time to the nanosecond:
//!
//! ```text
//! building  ████████████          A 2 s: building alone            building 2 + 3/2 = 3.5
//! fetching          ████████      B 3 s: building and fetching     fetching 3/2 + 1 = 2.5
//!           └─ A ──┘└ B ┘└C┘      C 1 s: fetching alone            together         6
//! ```

use std::collections::{BTreeMap, HashMap};

use super::critical_path::CriticalPath;
use super::under_way::UnderWay;
use crate::intervals;
use crate::time::{Interval, Nanos, Stamp};
use crate::timeline::{Name, Outcome, Part, Phase, Stretch, Timeline, Unit};

/// Where the time went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phases {
    /// From the start of the recording to its last stamp; `None` without timestamps.
    pub wall: Option<Nanos>,
    /// The phases that occurred, in the order of [`Phase::ALL`].
    pub phases: Vec<PhaseTotal>,
    /// Builder phases, those with the most work first.
    pub builder_phases: Vec<BuilderPhaseTotal>,
    /// Units by how they ended.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// When nothing ran and no line says why.
    idle: Vec<Interval>,
}

/// How much of the time went into one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseTotal {
    /// Which phase.
    pub phase: Phase,
    /// How much time.
    pub total: Total,
    /// How many units it consists of.
    pub n_units: usize,
    /// Its parts, where it has several.
    pub parts: Vec<(Part, Total)>,
}

/// The measures of a phase or a part; all `None` without timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    /// Its share of the wall clock. Those of all phases add up to the wall time.
    pub wall: Option<Nanos>,
    /// For how long any of it was active.
    pub busy: Option<Nanos>,
    /// The sum of its spans; `None` for waiting, which is nobody's work.
    pub work: Option<Nanos>,
    /// How much of the critical path lies in it; `None` where that path is not known. Those of all
    /// phases add up to the wall time.
    pub critical: Option<Nanos>,
    /// The end of some unit is not known, or only estimated.
    pub estimated: bool,
}

/// How much time builders spent in the phases of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuilderPhaseTotal {
    /// The phase's name.
    pub name: Name,
    /// In how many builds it occurred.
    pub n_builds: usize,
    /// For how long any builder was in it.
    pub busy: Option<Nanos>,
    /// The sum over all builders.
    pub work: Option<Nanos>,
    /// How much of the critical path lies in it; `None` where that path is not known.
    pub critical: Option<Nanos>,
}

impl Phases {
    /// Names the reasons for which the critical path waited while nothing ran and no line says why.
    pub fn explain(&mut self, path: &CriticalPath) {
        let idle = std::mem::take(&mut self.idle);
        let mut next = 0;
        for segment in &path.segments {
            let part = segment.part;
            if segment.wait.is_none() || part == Part::Unknown || part.phase() != Phase::Waiting {
                continue;
            }
            while idle
                .get(next)
                .is_some_and(|idle| idle.end() <= segment.interval.start())
            {
                next += 1;
            }
            let inside = idle[next..]
                .iter()
                .take_while(|idle| idle.start() < segment.interval.end());
            let time: Nanos = inside
                .filter_map(|idle| Some(idle.clip(segment.interval)?.length()))
                .sum();
            if time > Nanos::ZERO {
                let unknown = self.part_mut(Part::Unknown);
                unknown.wall = unknown.wall.map(|wall| wall - time);
                unknown.busy = unknown.busy.map(|busy| busy - time);
                let known = self.part_mut(part);
                known.wall = known.wall.map(|wall| wall + time);
                known.busy = known.busy.map(|busy| busy + time);
            }
        }
        for phase in &mut self.phases {
            let nothing = Some(Nanos::ZERO);
            phase
                .parts
                .retain(|(part, total)| *part != Part::Unknown || total.busy > nothing);
        }
    }

    /// Books the critical path on the phases, their parts, and the builder phases.
    ///
    /// Waiting for a slot occurs on the path alone, since whoever has the slot is at work meanwhile: so
    /// this may bring in the phase `waiting`, with a share of nothing in the wall clock.
    pub fn book(&mut self, timeline: &Timeline, path: &CriticalPath) {
        if self.wall.is_none() {
            return;
        }
        for (part, critical) in path.by_part() {
            self.part_mut(part).critical = Some(critical);
        }
        for phase in &mut self.phases {
            for (_, total) in &mut phase.parts {
                total.critical.get_or_insert_default();
            }
            phase.total.critical = Some(path.in_phase(phase.phase));
            if phase.parts.len() < 2 && phase.phase != Phase::Waiting {
                phase.parts.clear();
            }
        }
        let builder_phases = path.by_builder_phase(timeline);
        for phase in &mut self.builder_phases {
            phase.critical = Some(builder_phases.get(&phase.name).copied().unwrap_or_default());
        }
    }

    /// Returns the row of a part, which may be new.
    fn part_mut(&mut self, part: Part) -> &mut Total {
        let nothing = Total {
            wall: Some(Nanos::ZERO),
            busy: Some(Nanos::ZERO),
            work: (part.phase() != Phase::Waiting).then_some(Nanos::ZERO),
            critical: None,
            estimated: false,
        };
        let place = self
            .phases
            .partition_point(|phase| phase.phase < part.phase());
        if self
            .phases
            .get(place)
            .is_none_or(|phase| phase.phase != part.phase())
        {
            self.phases.insert(
                place,
                PhaseTotal {
                    phase: part.phase(),
                    total: nothing,
                    n_units: 0,
                    parts: Vec::new(),
                },
            );
        }
        let phase = &mut self.phases[place];
        // A phase of one part does not name it; that part is as large as the phase.
        if phase.parts.is_empty() && phase.total.busy > Some(Nanos::ZERO) {
            return &mut phase.total;
        }
        let place = phase.parts.partition_point(|(other, _)| *other < part);
        if phase
            .parts
            .get(place)
            .is_none_or(|(other, _)| *other != part)
        {
            phase.parts.insert(place, (part, nothing));
        }
        &mut phase.parts[place].1
    }
}

/// Computes where the time went. Takes O(n log n) for n stretches of time.
#[must_use]
pub fn phases(timeline: &Timeline) -> Phases {
    let mut outcomes = BTreeMap::new();
    for unit in timeline
        .units()
        .iter()
        .filter(|unit| unit.kind.is_derivation())
    {
        *outcomes.entry(unit.outcome).or_default() += 1;
    }
    let wall = timeline.wall();
    let (combinations, idle) = wall.map(|wall| sweep(timeline, wall)).unwrap_or_default();
    Phases {
        wall: wall.map(Interval::length),
        phases: phase_totals(timeline, combinations),
        builder_phases: builder_phases(timeline),
        outcomes,
        idle,
    }
}

fn phase_totals(timeline: &Timeline, combinations: Combinations) -> Vec<PhaseTotal> {
    let parts = timeline
        .wall()
        .map(|wall| part_totals(timeline, wall, combinations));
    let parts = parts.unwrap_or_default();
    let mut totals = Vec::new();
    for phase in Phase::ALL {
        let mut own: Vec<(Part, Total)> = parts
            .parts
            .iter()
            .filter(|(part, _)| part.phase() == phase)
            .copied()
            .collect();
        let n_units = timeline
            .units()
            .iter()
            .filter(|unit| counts(unit, phase))
            .count();
        if own.is_empty() && n_units == 0 {
            continue;
        }
        let sum =
            |value: fn(&Total) -> Option<Nanos>| own.iter().map(|(_, total)| value(total)).sum();
        let total = match timeline.wall() {
            // Units of which no time is known are no zero.
            Some(_) if !own.is_empty() => Total {
                wall: sum(|total| total.wall),
                busy: Some(parts.busy.get(&phase).copied().unwrap_or_default()),
                work: sum(|total| total.work),
                critical: None,
                estimated: own.iter().any(|(_, total)| total.estimated),
            },
            _ => Total::default(),
        };
        if own.len() < 2 && phase != Phase::Waiting {
            own.clear();
        }
        totals.push(PhaseTotal {
            phase,
            total,
            n_units,
            parts: own,
        });
    }
    totals
}

/// Tells whether a unit counts among those of a phase.
fn counts(unit: &Unit, phase: Phase) -> bool {
    if unit.stretches.is_empty() {
        unit.started && unit.part().phase() == phase
    } else {
        unit.stretches
            .iter()
            .any(|stretch| stretch.part.phase() == phase)
    }
}

#[derive(Default)]
struct Parts {
    /// The parts that occurred, in the order of [`Part::ALL`].
    parts: Vec<(Part, Total)>,
    busy: BTreeMap<Phase, Nanos>,
}

/// How long each combination of parts was active. A combination is a set of bits, one for each part.
type Combinations = BTreeMap<u32, u64>;

fn part_totals(timeline: &Timeline, wall: Interval, combinations: Combinations) -> Parts {
    let mut walls = split(&combinations);
    round(&mut walls, wall.length());
    let mut work: BTreeMap<Part, Nanos> = BTreeMap::new();
    for stretch in timeline.units().iter().flat_map(|unit| &unit.stretches) {
        let length = stretch.interval.clip(wall).map(Interval::length);
        *work.entry(stretch.part).or_default() += length.unwrap_or_default();
    }
    let mut open_ended: BTreeMap<Part, OpenEnded> = BTreeMap::new();
    for unit in timeline
        .units()
        .iter()
        .filter(|unit| unit.end_at_most.is_some())
    {
        let open = open_ended.entry(unit.part()).or_default();
        open.unknown |= unit.end.is_none();
    }
    let mut parts = Vec::new();
    for part in Part::ALL {
        let busy: u64 = combinations
            .iter()
            .filter(|(set, _)| **set & bit(part) != 0)
            .map(|(_, time)| time)
            .sum();
        if busy == 0 && !work.contains_key(&part) {
            continue;
        }
        let open = open_ended.get(&part);
        let total = Total {
            wall: Some(Nanos::new(walls.get(&part).map_or(0, |share| share.whole))),
            busy: Some(Nanos::new(busy)),
            // How long something took whose end is not known is no zero.
            work: match open {
                _ if part.phase() == Phase::Waiting => None,
                Some(open) if open.unknown => None,
                _ => {
                    let sum = work.get(&part).copied().unwrap_or_default();
                    // Less than that is the sum of what the log tells, and not of what was done.
                    Some(sum).filter(|sum| open.is_none() || sum.get() >= busy)
                }
            },
            critical: None,
            estimated: open.is_some(),
        };
        parts.push((part, total));
    }
    let mut busy = BTreeMap::new();
    for (set, time) in combinations {
        for phase in Phase::ALL
            .iter()
            .filter(|&&phase| set & parts_of(phase) != 0)
        {
            *busy.entry(*phase).or_default() += Nanos::new(time);
        }
    }
    Parts { parts, busy }
}

/// Units of a part whose end the log does not give.
#[derive(Default)]
struct OpenEnded {
    /// Of some, not even an estimate.
    unknown: bool,
}

const fn bit(part: Part) -> u32 {
    1 << part.index()
}

/// Returns the set of all parts of a phase.
fn parts_of(phase: Phase) -> u32 {
    Part::ALL
        .iter()
        .filter(|part| part.phase() == phase)
        .fold(0, |set, &part| set | bit(part))
}

/// Sweeps over time; instants in which no unit is known to be at work go to what explains them: to a
/// wait, or to what started last of all that may have been at work. Also returns those that nothing
/// explains.
fn sweep(timeline: &Timeline, wall: Interval) -> (Combinations, Vec<Interval>) {
    let units = timeline
        .units()
        .iter()
        .flat_map(|unit| &unit.stretches)
        .map(|stretch| (stretch, false));
    let under_way = UnderWay::new(timeline);
    let pieces = under_way.pieces().iter().map(|piece| Stretch {
        interval: piece.interval,
        part: timeline.units()[piece.latest].part(),
    });
    let pieces: Vec<Stretch> = pieces.collect();
    let fillers = timeline.fillers().iter().map(|filler| &filler.stretch);
    let fillers = fillers.chain(&pieces).map(|stretch| (stretch, true));
    let mut edges = Vec::new();
    for (stretch, filler) in units.chain(fillers) {
        let index = stretch.part.index();
        if let Some(interval) = stretch.interval.clip(wall) {
            edges.push((interval.start(), true, index, filler));
            edges.push((interval.end(), false, index, filler));
        }
    }
    edges.sort_unstable();
    let mut active = [[0_u32; Part::ALL.len()]; 2];
    let mut sets = [0_u32; 2];
    let mut combinations = Combinations::new();
    let mut at = wall.start();
    let mut idle = Vec::new();
    let mut add = |sets: [u32; 2], from: Stamp, until: Stamp| {
        let time = until.since(from);
        if time > Nanos::ZERO && sets == [0; 2] {
            idle.extend(Interval::new(from, until));
        }
        let set = if sets[0] != 0 {
            sets[0]
        } else if sets[1] != 0 {
            sets[1]
        } else {
            bit(Part::Unknown)
        };
        if time > Nanos::ZERO {
            *combinations.entry(set).or_default() += time.get();
        }
    };
    for (time, starts, index, filler) in edges {
        add(sets, at, time);
        at = time;
        let count = &mut active[usize::from(filler)][index];
        // A stretch without length has its end sorted before its start: both sides must cancel out.
        *count = if starts {
            count.wrapping_add(1)
        } else {
            count.wrapping_sub(1)
        };
        let set = &mut sets[usize::from(filler)];
        *set = if *count == 0 {
            *set & !(1 << index)
        } else {
            *set | (1 << index)
        };
    }
    add(sets, at, wall.end());
    (combinations, idle)
}

/// A share of the wall clock: whole nanoseconds, and a remainder in `FINEST` parts of one.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    exact: u128,
    whole: u64,
}

/// Divisible by every number of phases (1 to 6) times every number of parts in a phase (1 to 8).
const FINEST: u128 = 60 * 840;

/// Splits each combination equally among its phases, and each phase's share among its parts.
fn split(combinations: &Combinations) -> BTreeMap<Part, Share> {
    let phases: Vec<u32> = Phase::ALL.iter().map(|&phase| parts_of(phase)).collect();
    let mut shares: BTreeMap<Part, Share> = BTreeMap::new();
    for (&set, &time) in combinations {
        let n_phases = phases.iter().filter(|&&parts| set & parts != 0).count() as u128;
        for part in Part::ALL.iter().filter(|&&part| set & bit(part) != 0) {
            let n_parts = u128::from((set & parts_of(part.phase())).count_ones());
            shares.entry(*part).or_default().exact +=
                u128::from(time) * FINEST / (n_phases * n_parts);
        }
    }
    shares
}

/// Rounds to whole nanoseconds by largest remainders, so that the sum stays `total`.
fn round(shares: &mut BTreeMap<Part, Share>, total: Nanos) {
    let mut left = total.get();
    for share in shares.values_mut() {
        share.whole = u64::try_from(share.exact / FINEST).unwrap_or(u64::MAX);
        left = left.saturating_sub(share.whole);
    }
    let mut by_remainder: Vec<&mut Share> = shares.values_mut().collect();
    by_remainder.sort_by_key(|share| std::cmp::Reverse(share.exact % FINEST));
    // Fewer nanoseconds are left than there are parts, each of which lost less than one.
    for share in by_remainder {
        if left > 0 {
            share.whole += 1;
            left -= 1;
        }
    }
}

/// Where a builder phase of one name occurred.
#[derive(Default)]
struct Occurrences {
    n_builds: usize,
    /// The unit in which it occurred last, so that none is counted twice.
    last: Option<usize>,
    intervals: Vec<Interval>,
}

fn builder_phases(timeline: &Timeline) -> Vec<BuilderPhaseTotal> {
    let mut by_name: HashMap<Name, Occurrences, foldhash::fast::FixedState> = HashMap::default();
    for (index, unit) in timeline.units().iter().enumerate() {
        for phase in &unit.phases {
            let seen = by_name.entry(phase.name).or_default();
            seen.n_builds += usize::from(seen.last != Some(index));
            seen.last = Some(index);
            seen.intervals.extend(phase.interval);
        }
    }
    let timed = timeline.wall().is_some();
    let total = |(name, seen): (Name, Occurrences)| BuilderPhaseTotal {
        name,
        n_builds: seen.n_builds,
        work: timed.then(|| {
            seen.intervals
                .iter()
                .map(|interval| interval.length())
                .sum()
        }),
        busy: timed.then(|| intervals::length(&seen.intervals)),
        critical: None,
    };
    let mut totals: Vec<BuilderPhaseTotal> = by_name.into_iter().map(total).collect();
    totals.sort_by_key(|total| {
        (
            std::cmp::Reverse(total.work),
            std::cmp::Reverse(total.n_builds),
            total.name,
        )
    });
    totals
}
