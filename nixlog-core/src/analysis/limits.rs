//! Runs held against limits.

use super::comparison::{Difference, Verdict, difference};
use super::measures::{Measure, MeasureUnit};
use super::past_run::{PastRun, PastUnit};
use crate::names::named;
use crate::statistics::noise::floor;
use crate::statistics::sample::median;
use crate::time::Nanos;
use crate::timeline::Phase;

/// What runs may take at most.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The wall time at most; default: any.
    pub max_wall: Option<Nanos>,
    /// Phases, and how much of the wall clock each may have at most; default: none.
    pub max_phase: Vec<(Phase, Nanos)>,
    /// By how much the wall time may be longer than that of the baseline; default: any.
    pub max_regress: Option<Regress>,
    /// The cache hit rate at least, as a fraction of 1; default: any.
    pub min_hit_rate: Option<f64>,
    /// Packages, and how long each of their units may take at most; default: none.
    pub max_unit: Vec<(String, Nanos)>,
}

impl Limits {
    /// Tells whether there is no limit at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// By how much something may be longer. It is too long only if it is beyond both.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Regress {
    /// As a part of what it was.
    pub share: f64,
    /// As a length of time.
    pub time: Nanos,
}

impl Regress {
    /// Makes one of both limits.
    #[must_use]
    pub const fn new(share: f64, time: Nanos) -> Self {
        Self { share, time }
    }
}

named! {
    /// What came of a limit.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Answer {
        /// It holds.
        Ok = "ok",
        /// It does not hold.
        Fail = "fail",
        /// There is nothing to hold against it.
        Skip = "skip",
    }
}

/// What is limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A number of whole runs.
    Measure(Measure),
    /// The wall time against that of the baseline.
    Regression,
    /// The units of a package.
    Unit(String),
}

impl Subject {
    /// Returns its name, as in JSON: `wall`, `evaluation`, `regression`, `hit-rate`, `unit:chromium`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Measure(measure) => measure.name(),
            Self::Regression => "regression".to_owned(),
            Self::Unit(pattern) => format!("unit:{pattern}"),
        }
    }
}

/// Why a limit came to what it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// What there is lies on the good side of it.
    Within,
    /// What there is lies beyond it.
    Beyond,
    /// It is beyond, but chance gives as large a difference.
    Chance,
    /// It is beyond; the runs are too few to tell that from chance.
    Untested,
    /// It is not beyond, but the command failed or the log has no end: it would have gone on.
    Unfinished,
    /// It is not known of these runs.
    Unknown,
    /// There is no such unit.
    NoUnit,
    /// There is nothing to compare with.
    NoBaseline,
}

/// A limit, and what came of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Checked<'a> {
    /// What is limited.
    pub subject: Subject,
    /// What the numbers count.
    pub unit: MeasureUnit,
    /// The limit.
    pub limit: f64,
    /// A limit besides, in nanoseconds: both must be exceeded.
    pub limit_time: Option<Nanos>,
    /// What there is, of several runs the median.
    pub value: Option<f64>,
    /// The unit that took longest, of a limit on units.
    pub longest: Option<&'a PastUnit>,
    /// How the wall time differs from that of the baseline.
    pub difference: Option<Difference>,
    /// What came of it.
    pub answer: Answer,
    /// Why.
    pub why: Why,
}

/// Holds runs against limits. `baseline` are the runs to compare with, `repeats` runs of the same project in the
/// order in which they were made; `is_meant` tells whether the pattern of a limit on units means a unit.
#[must_use]
pub fn check<'a>(
    runs: &'a [PastRun],
    baseline: &[PastRun],
    repeats: &[PastRun],
    limits: &Limits,
    is_meant: impl Fn(&str, &PastUnit) -> bool,
) -> Vec<Checked<'a>> {
    let mut all = Vec::new();
    let of = |measure: Measure| {
        let values: Vec<f64> = runs.iter().filter_map(|run| measure.of(run)).collect();
        median(&values)
    };
    let is_unfinished = runs
        .iter()
        .any(|run| !run.complete || run.exit_status.is_some_and(|status| status != 0));
    let longest = limits.max_wall.map(|most| (Measure::Wall, most));
    let phases = limits.max_phase.iter();
    let phases = phases.map(|&(phase, most)| (Measure::Phase(phase), most));
    for (measure, most) in longest.into_iter().chain(phases) {
        let subject = Subject::Measure(measure);
        all.push(at_most(subject, of(measure), most, is_unfinished));
    }
    if let Some(most) = limits.max_regress {
        all.push(regression(runs, baseline, repeats, most, is_unfinished));
    }
    if let Some(least) = limits.min_hit_rate {
        let value = of(Measure::HitRate);
        let (answer, why) = match value {
            None => (Answer::Skip, Why::Unknown),
            Some(value) if value < least => (Answer::Fail, Why::Beyond),
            Some(_) => (Answer::Ok, Why::Within),
        };
        all.push(Checked {
            subject: Subject::Measure(Measure::HitRate),
            unit: MeasureUnit::Share,
            limit: least,
            limit_time: None,
            value,
            longest: None,
            difference: None,
            answer,
            why,
        });
    }
    for (pattern, most) in &limits.max_unit {
        let meant = |run: &'a PastRun| run.units.iter().filter(|unit| is_meant(pattern, unit));
        let took = |unit: &&PastUnit| unit.duration_ns;
        let longest: Vec<&PastUnit> = runs
            .iter()
            .filter_map(|run| {
                meant(run)
                    .filter(|unit| took(unit).is_some())
                    .max_by_key(took)
            })
            .collect();
        let values: Vec<f64> = longest
            .iter()
            .filter_map(took)
            .map(|it| it as f64)
            .collect();
        let subject = Subject::Unit(pattern.clone());
        let mut checked = at_most(subject, median(&values), *most, is_unfinished);
        if !runs.iter().any(|run| meant(run).next().is_some()) {
            checked.why = Why::NoUnit;
        }
        checked.longest = longest.into_iter().max_by_key(took);
        all.push(checked);
    }
    all
}

/// Holds a length of time against what it may be at most.
fn at_most<'a>(
    subject: Subject,
    value: Option<f64>,
    most: Nanos,
    is_unfinished: bool,
) -> Checked<'a> {
    let limit = most.get() as f64;
    let (answer, why) = match value {
        None => (Answer::Skip, Why::Unknown),
        Some(value) if value > limit => (Answer::Fail, Why::Beyond),
        Some(_) if is_unfinished => (Answer::Skip, Why::Unfinished),
        Some(_) => (Answer::Ok, Why::Within),
    };
    Checked {
        subject,
        unit: MeasureUnit::Nanoseconds,
        limit,
        limit_time: None,
        value,
        longest: None,
        difference: None,
        answer,
        why,
    }
}

/// Holds the wall time against that of the baseline.
fn regression<'a>(
    runs: &[PastRun],
    baseline: &[PastRun],
    repeats: &[PastRun],
    most: Regress,
    is_unfinished: bool,
) -> Checked<'a> {
    let walls = |runs: &[PastRun]| -> Vec<f64> {
        let walls = runs.iter().filter_map(|run| Measure::Wall.of(run));
        walls.collect()
    };
    let unit = MeasureUnit::Nanoseconds;
    let it = difference(&walls(baseline), &walls(runs), unit, || {
        floor(&walls(repeats))
    });
    let value = it.ratio().map(|ratio| ratio - 1.0);
    let by = it.by().unwrap_or_default();
    let is_beyond = value.is_some_and(|value| value > most.share) && by > most.time.get() as f64;
    let (answer, why) = match (value, is_beyond) {
        (None, _) if it.a.is_none() => (Answer::Skip, Why::NoBaseline),
        (None, _) => (Answer::Skip, Why::Unknown),
        (Some(_), true) => match it.verdict {
            Verdict::Same => (Answer::Ok, Why::Chance),
            Verdict::Unknown => (Answer::Fail, Why::Untested),
            _ => (Answer::Fail, Why::Beyond),
        },
        (Some(_), false) if is_unfinished => (Answer::Skip, Why::Unfinished),
        (Some(_), false) => (Answer::Ok, Why::Within),
    };
    Checked {
        subject: Subject::Regression,
        unit: MeasureUnit::Share,
        limit: most.share,
        limit_time: Some(most.time),
        value,
        longest: None,
        difference: value.is_some().then_some(it),
        answer,
        why,
    }
}
