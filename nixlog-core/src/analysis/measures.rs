//! The numbers of a whole run that are compared, checked and followed over time.

use super::past_run::PastRun;
use crate::names::named;
use crate::timeline::{Outcome, Phase, UnitKind};

named! {
    /// What a number counts.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum MeasureUnit {
        /// Nanoseconds.
        Nanoseconds = "ns",
        /// Bytes.
        Bytes = "bytes",
        /// A fraction of 1.
        Share = "share",
        /// Things.
        Count = "count",
    }
}

/// A number that every run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// From the start to the end.
    Wall,
    /// The share of the wall clock of a phase.
    Phase(Phase),
    /// How much of the critical path lies in a phase.
    Critical(Phase),
    /// For how long the evaluator was at work.
    Evaluator,
    /// How much of what caches were asked for came from them.
    HitRate,
    /// Bytes that came from caches.
    Downloaded,
    /// How many builds succeeded.
    Built,
    /// How many paths came from caches.
    Substituted,
}

impl Measure {
    /// Returns all of them, in the order of reports.
    pub fn all() -> impl Iterator<Item = Self> {
        let phases = Phase::ALL.into_iter();
        [Self::Wall]
            .into_iter()
            .chain(phases.clone().map(Self::Phase))
            .chain(phases.map(Self::Critical))
            .chain([
                Self::Evaluator,
                Self::HitRate,
                Self::Downloaded,
                Self::Built,
                Self::Substituted,
            ])
    }

    /// Returns its name, as in JSON: `wall`, `building`, `critical-building`, `hit-rate` …
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Wall => "wall".to_owned(),
            Self::Phase(phase) => phase.name().to_owned(),
            Self::Critical(phase) => format!("critical-{}", phase.name()),
            Self::Evaluator => "evaluator".to_owned(),
            Self::HitRate => "hit-rate".to_owned(),
            Self::Downloaded => "downloaded".to_owned(),
            Self::Built => "built".to_owned(),
            Self::Substituted => "substituted".to_owned(),
        }
    }

    /// Returns what it counts.
    #[must_use]
    pub const fn unit(self) -> MeasureUnit {
        match self {
            Self::Wall | Self::Phase(_) | Self::Critical(_) | Self::Evaluator => {
                MeasureUnit::Nanoseconds
            }
            Self::HitRate => MeasureUnit::Share,
            Self::Downloaded => MeasureUnit::Bytes,
            Self::Built | Self::Substituted => MeasureUnit::Count,
        }
    }

    /// Returns what it is of a run; `None` where that is not known.
    #[must_use]
    pub fn of(self, run: &PastRun) -> Option<f64> {
        let whole = |number: u64| number as f64;
        match self {
            Self::Wall => run.wall_ns.map(whole),
            // What did not occur took no time, where times are known at all.
            Self::Phase(phase) => {
                run.wall_ns?;
                run.phase(phase).map_or(Some(0), |it| it.wall_ns).map(whole)
            }
            Self::Critical(phase) => {
                run.wall_ns.filter(|_| run.path_known)?;
                run.phase(phase)
                    .map_or(Some(0), |it| it.critical_ns)
                    .map(whole)
            }
            Self::Evaluator => run.evaluation.wall_ns.map(whole),
            Self::HitRate => run.hit_rate(),
            Self::Downloaded => {
                // From a cache that gave nothing, nothing came.
                let caches = run.substituters.iter();
                let sizes = caches.map(|it| it.bytes.or((it.paths == 0).then_some(0)));
                sizes.sum::<Option<u64>>().map(whole)
            }
            Self::Built => {
                let builds = run.units.iter().filter(|unit| {
                    unit.kind == UnitKind::Build && unit.outcome == Outcome::Succeeded
                });
                Some(builds.count() as f64)
            }
            Self::Substituted => Some(whole(run.substituted)),
        }
    }
}
