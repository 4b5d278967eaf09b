//! Two sides of runs compared: what became slower, whether that is more than chance, and whether anyone waited
//! for it.

use std::cmp::Reverse;
use std::collections::HashMap;

use indexmap::IndexMap;

use super::measures::{Measure, MeasureUnit};
use super::past_run::{PastRun, PastUnit, UnitKey};
use crate::names::named;
use crate::statistics::multiple::adjusted;
use crate::statistics::noise::{NoiseFloor, floor};
use crate::statistics::rank_sum::{Shift, least_p, more_needed, p_value, shift};
use crate::statistics::sample::{Spread, median, spread};
use crate::statistics::{LEVEL, rank_sum};
use crate::timeline::{End, Outcome, UnitKind};

/// A difference of a unit counts if it is at least this part of the wall time …
const LEAST_OF_WALL: f64 = 0.01;

/// … or of its own: a machine that is a little busier than last time makes everything a little slower, and a test
/// sees that.
const LEAST_OF_UNIT: f64 = 0.05;

named! {
    /// What a comparison came to.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Verdict, default Unknown {
        /// It takes longer on the second side.
        Slower = "slower",
        /// It takes less time on the second side.
        Faster = "faster",
        /// It is no time, and there is more of it on the second side.
        More = "more",
        /// It is no time, and there is less of it on the second side.
        Less = "less",
        /// Chance gives differences as large as this one; or, of a unit, it is too small to matter.
        Same = "same",
        /// The runs are too few to tell, or it is not known of a side.
        Unknown = "unknown",
    }
}

impl Verdict {
    /// Tells whether there is a difference.
    #[must_use]
    pub const fn is_different(self) -> bool {
        !matches!(self, Self::Same | Self::Unknown)
    }
}

named! {
    /// What a verdict rests on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Basis {
        /// A rank sum test.
        Test = "test",
        /// How far repeats of the project lie apart anyway.
        NoiseFloor = "noise-floor",
        /// It is counted, and the same in all runs of a side.
        Exact = "exact",
    }
}

/// One number on both sides.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The first side; `None` where it is known of none of its runs.
    pub a: Option<Spread>,
    /// The second side.
    pub b: Option<Spread>,
    /// By how much the second side is larger, and where the true difference lies.
    pub shift: Option<Shift>,
    /// How likely chance alone gives as large a difference; `None` where the runs are too few for a test.
    pub p: Option<f64>,
    /// The relative difference that repeats exceed in one pair of twenty, where it decided.
    pub floor: Option<NoiseFloor>,
    /// What the verdict rests on.
    pub basis: Option<Basis>,
    /// What it came to.
    pub verdict: Verdict,
}

impl Difference {
    /// Returns how many times the first side the second is, by how much it is larger; `None` where either is not
    /// known, or the first is 0.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let (a, by) = (self.a?.median, self.by()?);
        (a > 0.0).then(|| (a + by) / a)
    }

    /// Returns by how much the second side is larger.
    #[must_use]
    pub fn by(&self) -> Option<f64> {
        self.shift.map(|shift| shift.estimate)
    }
}

/// A measure of whole runs on both sides.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// Which.
    pub measure: Measure,
    /// How it differs.
    pub difference: Difference,
}

/// A unit of which there is one on both sides.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnitChange<'a> {
    /// What it was on the first side.
    pub before: &'a PastUnit,
    /// What it is on the second side.
    pub after: &'a PastUnit,
    /// Its derivation or store path is another one.
    pub is_changed: bool,
    /// How its durations differ; the p is corrected for how many units are compared.
    pub difference: Difference,
    /// By how much more of the critical path lies in it; `None` where the path is not known of a side.
    pub critical: Option<f64>,
}

/// A unit of which there is none on the other side.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LoneUnit<'a> {
    /// The unit.
    pub unit: &'a PastUnit,
    /// In how many runs of its side it is.
    pub runs: usize,
    /// The median of its durations.
    pub duration: Option<f64>,
    /// The median of how much of the critical path lies in it.
    pub critical: Option<f64>,
    /// What the other side has of the same package: built here, and fetched there.
    pub otherwise: Option<UnitKind>,
}

/// Two sides of runs compared.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Comparison<'a> {
    /// Numbers of whole runs.
    pub measures: Vec<Measured>,
    /// What both sides have: first where there is a difference, the largest first.
    pub units: Vec<UnitChange<'a>>,
    /// What only the second side has, the longest first.
    pub new: Vec<LoneUnit<'a>>,
    /// What only the first side has, the longest first.
    pub gone: Vec<LoneUnit<'a>>,
    /// Systems and outputs are known of all derivations, and so a part of what units are matched by.
    pub by_outputs: bool,
    /// How many packages have several units of one kind, and not equally many in all runs: which is which is
    /// told by their order.
    pub uneven: usize,
    /// The least p that so many runs can have.
    pub least_p: f64,
    /// How many more runs each side needs before anything can count.
    pub more_needed: (usize, usize),
}

impl Comparison<'_> {
    /// Returns what is compared of a measure; `None` where neither side knows it.
    #[must_use]
    pub fn measure(&self, measure: Measure) -> Option<&Difference> {
        let mut all = self.measures.iter();
        let found = all.find(|it| it.measure == measure)?;
        Some(&found.difference)
    }
}

/// Compares two sides of runs. `repeats` are runs of the same project in the order in which they were made, which
/// tell how far apart runs lie anyway: where the sides are too small for a test, that decides. Takes
/// O(n log n) for n units of all runs, and for each unit and measure what a rank sum test takes.
#[must_use]
pub fn comparison<'a>(
    a: &'a [PastRun],
    b: &'a [PastRun],
    repeats: &'a [PastRun],
) -> Comparison<'a> {
    let measures = Measure::all().filter_map(|measure| {
        let values = |runs: &[PastRun]| -> Vec<f64> {
            runs.iter().filter_map(|run| measure.of(run)).collect()
        };
        let (a, b) = (values(a), values(b));
        let noise = || floor(&values(repeats));
        let is_there = |values: &[f64]| values.iter().any(|&value| value > 0.0);
        (is_there(&a) || is_there(&b)).then(|| Measured {
            measure,
            difference: difference(&a, &b, measure.unit(), noise),
        })
    });
    let matching = Matching::new([a, b, repeats]);
    let (units, new, gone) = matching.compare(a, b);
    Comparison {
        measures: measures.collect(),
        units,
        new,
        gone,
        by_outputs: matching.by_outputs,
        uneven: matching.uneven,
        least_p: least_p(a.len(), b.len()),
        more_needed: more_needed(a.len(), b.len(), LEVEL),
    }
}

/// Compares one number. `noise` is asked where the sides are too small for a test.
pub fn difference(
    a: &[f64],
    b: &[f64],
    unit: MeasureUnit,
    noise: impl FnOnce() -> Option<NoiseFloor>,
) -> Difference {
    let mut difference = Difference {
        a: spread(a),
        b: spread(b),
        shift: shift(a, b, LEVEL),
        p: testable(a, b).and_then(|()| p_value(a, b)),
        ..Difference::default()
    };
    decide(&mut difference, a, b, unit, noise);
    difference
}

/// Returns something where sides of these sizes can show anything at all.
fn testable(a: &[f64], b: &[f64]) -> Option<()> {
    (least_p(a.len(), b.len()) <= LEVEL).then_some(())
}

/// Decides by what is known of a difference.
fn decide(
    it: &mut Difference,
    a: &[f64],
    b: &[f64],
    unit: MeasureUnit,
    noise: impl FnOnce() -> Option<NoiseFloor>,
) {
    let (Some(first), Some(second)) = (it.a, it.b) else {
        return;
    };
    let is_time = unit == MeasureUnit::Nanoseconds;
    let by = it.by().unwrap_or_default();
    let different = match by {
        by if by > 0.0 && is_time => Verdict::Slower,
        by if by > 0.0 => Verdict::More,
        by if by < 0.0 && is_time => Verdict::Faster,
        by if by < 0.0 => Verdict::Less,
        _ => Verdict::Same,
    };
    if let Some(p) = it.p {
        it.basis = Some(Basis::Test);
        it.verdict = match p <= LEVEL {
            true => different,
            false => Verdict::Same,
        };
        return;
    }
    let is_constant = |values: &[f64]| {
        values
            .windows(2)
            .all(|pair| pair[0].total_cmp(&pair[1]).is_eq())
    };
    if !is_time && is_constant(a) && is_constant(b) {
        it.basis = Some(Basis::Exact);
        it.verdict = different;
        return;
    }
    let are_known = first.median > 0.0 && second.median > 0.0;
    if let Some(floor) = noise().filter(|_| are_known) {
        it.basis = Some(Basis::NoiseFloor);
        it.verdict = match floor.is_exceeded(first.median, second.median) {
            true => different,
            false => Verdict::Same,
        };
        it.floor = Some(floor);
    }
}

/// Where a unit belongs: what it is matched by, and which of several it is.
type Place<'a> = (UnitKey<'a>, usize);

/// What the runs of a side have of one unit.
#[derive(Debug, Clone, Default)]
struct Seen<'a> {
    /// The unit of the last run that has it.
    last: Option<&'a PastUnit>,
    /// In how many runs it is.
    runs: usize,
    /// The durations that can be compared.
    durations: Vec<f64>,
    /// How much of the critical path lies in it, of the runs that know.
    critical: Vec<f64>,
}

/// The units of several sides, brought together.
struct Matching<'a> {
    units: IndexMap<Place<'a>, [Seen<'a>; 3]>,
    by_outputs: bool,
    uneven: usize,
}

impl<'a> Matching<'a> {
    /// Brings together the units of both sides and of repeats.
    fn new(sides: [&'a [PastRun]; 3]) -> Self {
        let [a, b, _] = sides;
        let mut derivations = a
            .iter()
            .chain(b)
            .flat_map(|run| &run.units)
            .filter(|unit| unit.kind.is_derivation());
        let mut matching = Self {
            units: IndexMap::new(),
            by_outputs: derivations.all(|unit| unit.system.is_some()),
            uneven: 0,
        };
        let mut counts: HashMap<UnitKey<'a>, (usize, usize, usize)> = HashMap::new();
        for (side, runs) in sides.into_iter().enumerate() {
            for run in runs {
                let of_keys = matching.add(side, run);
                for (key, n) in of_keys.into_iter().filter(|_| side < 2) {
                    let count = counts.entry(key).or_insert((usize::MAX, 0, 0));
                    *count = (count.0.min(n), count.1.max(n), count.2 + 1);
                }
            }
        }
        let n_runs = a.len() + b.len();
        let uneven = counts
            .values()
            .filter(|&&(least, most, seen)| most > 1 && (least != most || seen < n_runs));
        matching.uneven = uneven.count();
        matching
    }

    fn key(&self, unit: &'a PastUnit) -> UnitKey<'a> {
        let key = unit.key();
        match self.by_outputs {
            true => key,
            false => UnitKey {
                system: None,
                outputs: &[],
                ..key
            },
        }
    }

    /// Adds the units of a run; returns how many there are of each key.
    fn add(&mut self, side: usize, run: &'a PastRun) -> HashMap<UnitKey<'a>, usize> {
        let mut sorted: Vec<&PastUnit> = run.units.iter().collect();
        // Of several with one name, the order of their starts stays.
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let mut of_keys: HashMap<UnitKey<'a>, usize> = HashMap::new();
        for unit in sorted {
            let key = self.key(unit);
            let nth = of_keys.entry(key).or_default();
            let seen = &mut self.units.entry((key, *nth)).or_default()[side];
            *nth += 1;
            seen.last = Some(unit);
            seen.runs += 1;
            // What failed or was cut off took another time than what went through.
            let is_whole = matches!(unit.outcome, Outcome::Succeeded | Outcome::Unknown)
                && unit.end != End::Open;
            if is_whole {
                seen.durations
                    .extend(unit.duration_ns.map(|nanos| nanos as f64));
            }
            seen.critical
                .extend(unit.critical_ns.map(|nanos| nanos as f64));
        }
        of_keys
    }

    /// Compares the first two sides.
    fn compare(
        &self,
        a: &[PastRun],
        b: &[PastRun],
    ) -> (Vec<UnitChange<'a>>, Vec<LoneUnit<'a>>, Vec<LoneUnit<'a>>) {
        let known = |runs: &[PastRun]| runs.iter().filter(|run| run.path_known).count();
        let (known_a, known_b) = (known(a), known(b));
        let walls: Vec<f64> = a.iter().filter_map(|run| Measure::Wall.of(run)).collect();
        let wall = median(&walls);
        let mut both = Vec::new();
        let (mut new, mut gone) = (Vec::new(), Vec::new());
        for [first, second, repeats] in self.units.values() {
            match (first.last, second.last) {
                (Some(before), Some(after)) => {
                    let critical = second.critical(known_b).zip(first.critical(known_a));
                    let change = UnitChange {
                        before,
                        after,
                        is_changed: before.path != after.path,
                        difference: Difference {
                            a: spread(&first.durations),
                            b: spread(&second.durations),
                            shift: rank_sum::shift_only(&first.durations, &second.durations),
                            p: testable(&first.durations, &second.durations)
                                .and_then(|()| p_value(&first.durations, &second.durations)),
                            ..Difference::default()
                        },
                        critical: critical.map(|(b, a)| b - a),
                    };
                    both.push((change, first, second, repeats));
                }
                (Some(unit), None) => gone.push(first.alone(unit, known_a)),
                (None, Some(unit)) => new.push(second.alone(unit, known_b)),
                (None, None) => {}
            }
        }
        correct(both.iter_mut().map(|(change, ..)| &mut change.difference));
        let decided = both
            .into_iter()
            .map(|(mut change, first, second, repeats)| {
                decide(
                    &mut change.difference,
                    &first.durations,
                    &second.durations,
                    MeasureUnit::Nanoseconds,
                    || floor(&repeats.durations),
                );
                let it = &mut change.difference;
                if it.verdict.is_different() && !matters(it, wall) {
                    it.verdict = Verdict::Same;
                }
                change
            });
        let mut units: Vec<UnitChange<'a>> = decided.collect();
        units.sort_by_key(|unit| {
            let verdict = unit.difference.verdict;
            let by = unit.difference.by().map_or(0, |by| whole(by.abs()));
            // Where nobody can tell, the largest may still be worth a look.
            let rank = (verdict.is_different(), verdict == Verdict::Unknown);
            Reverse((rank, by))
        });
        for lone in [&mut new, &mut gone] {
            lone.sort_by_key(|it: &LoneUnit<'_>| Reverse(it.duration.map(whole)));
        }
        otherwise(&mut new, &mut gone);
        (units, new, gone)
    }
}

impl<'a> Seen<'a> {
    /// Returns the median of how much of the critical path lies in it, over so many runs that know their path: of
    /// those without it, none does.
    fn critical(&self, n_known: usize) -> Option<f64> {
        let mut critical = self.critical.clone();
        critical.resize(n_known.max(critical.len()), 0.0);
        median(&critical)
    }

    fn alone(&self, unit: &'a PastUnit, n_known: usize) -> LoneUnit<'a> {
        LoneUnit {
            unit,
            runs: self.runs,
            duration: median(&self.durations),
            critical: self.critical(n_known),
            otherwise: None,
        }
    }
}

/// Tells whether a unit's difference is large enough for anyone to notice.
fn matters(it: &Difference, wall: Option<f64>) -> bool {
    let by = it.by().unwrap_or_default().abs();
    let own = it
        .ratio()
        .is_none_or(|ratio| (ratio - 1.0).abs() >= LEAST_OF_UNIT);
    own || wall.is_some_and(|wall| by >= LEAST_OF_WALL * wall)
}

/// Corrects the p of many differences for how many there are.
fn correct<'d>(differences: impl Iterator<Item = &'d mut Difference>) {
    let mut tested: Vec<&mut f64> = differences.filter_map(|it| it.p.as_mut()).collect();
    let p: Vec<f64> = tested.iter().map(|p| **p).collect();
    for (p, adjusted) in tested.iter_mut().zip(adjusted(&p)) {
        **p = adjusted;
    }
}

/// Finds what the other side did with the packages that only one has.
fn otherwise<'a>(new: &mut [LoneUnit<'a>], gone: &mut [LoneUnit<'a>]) {
    let kinds = |units: &[LoneUnit<'_>]| -> HashMap<String, UnitKind> {
        let of = |it: &LoneUnit<'_>| (it.unit.pname.clone(), it.unit.kind);
        units.iter().map(of).collect()
    };
    let (of_new, of_gone) = (kinds(new), kinds(gone));
    for (units, others) in [(new, of_gone), (gone, of_new)] {
        for it in units {
            let kind = others.get(&it.unit.pname).copied();
            it.otherwise = kind.filter(|&kind| kind != it.unit.kind);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of time, and `as` saturates"
)]
fn whole(nanos: f64) -> u64 {
    nanos as u64
}
