//! The result of `critical-path`.

use std::collections::HashMap;

use serde::Serialize;

use super::imports::{EvaluationWaitView, evaluation_waits};
use super::nanos;
use super::unit::{UnitBrief, brief};
use crate::analysis::critical_path::{CriticalPath, Segment, Step};
use crate::analysis::run_graph::{Coverage, RunGraph};
use crate::analysis::structural::{Structural, WithoutBuilderPhase};
use crate::graph::FASTER_PERCENT;
use crate::time::{Interval, Nanos};
use crate::timeline::{Part, Timeline, UnitKind};

/// The result of `critical-path`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CriticalPathResult {
    /// The whole wall time; the segments add up to it.
    pub wall_ns: Option<u64>,
    /// How many builds could run at once on this machine; 0 where nothing was built here.
    pub slots: u32,
    /// Where that number comes from: `settings` of the recorded run, or `seen` running at once.
    pub slots_source: &'static str,
    /// What explains the wall clock, in the order of time, without hole or overlap.
    pub segments: Vec<SegmentView>,
    /// The segments joined: what waited, then what was done.
    pub steps: Vec<PathStepView>,
    /// The builder phases of the builds on the path, those with the most time first.
    pub builder_phases: Vec<BuilderPhaseOnPathView>,
    /// What the graph alone allows, with room for everything at once; `null` where no dependencies are
    /// known.
    pub structural: Option<StructuralView>,
    /// When evaluation stood still for the store, and for what.
    pub evaluation_waits: Vec<EvaluationWaitView>,
    /// How much of what ran the derivations at hand explain.
    pub coverage: CoverageView,
}

/// A stretch of the wall clock, and what it was spent on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SegmentView {
    /// The kind of the unit at work, or `wait`.
    pub kind: &'static str,
    /// Why it waited; else the part of the phase that the work counts as.
    pub reason: &'static str,
    /// The unit at work; for a wait, whose end ended it.
    pub unit: Option<UnitBrief>,
    /// When it begins.
    pub start_ns: u64,
    /// When it ends.
    pub end_ns: u64,
    /// How much shorter the longest path would be if the segment took no time; for evaluation, all of
    /// it.
    pub saving_ns: Option<u64>,
    /// How many units there are of which any may have been at work, since the log does not give their
    /// ends; 0 where it is known who was.
    pub candidates: usize,
}

/// What waited, then what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PathStepView {
    /// What was done; `null` for a wait with nothing after it.
    pub unit: Option<UnitBrief>,
    /// How many units it consists of: queries that follow each other are one step.
    pub units: usize,
    /// What the work counts as first, say `downloads`; `null` where it only waits.
    pub part: Option<&'static str>,
    /// When it was ready.
    pub ready_ns: u64,
    /// For how long it was at work.
    pub took_ns: u64,
    /// For how long it waited.
    pub waited_ns: u64,
    /// The waits by reason, the longest first.
    pub waits: Vec<WaitView>,
    /// As of its segments.
    pub saving_ns: Option<u64>,
    /// What would be on the longest path then.
    pub then_critical: Option<UnitBrief>,
    /// The builder phases of the build, as far as they are on the path.
    pub builder_phases: Vec<BuilderPhaseTimeView>,
    /// How many units there are of which any may have been at work, since the log does not give their
    /// ends; 0 where it is known who was.
    pub candidates: usize,
}

/// Time spent waiting for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WaitView {
    /// `slot`, `build-user`, `lock`, `machine`, `download`, `evaluation`, `hook`, `nix`, `unknown`.
    pub reason: &'static str,
    /// How long.
    pub duration_ns: u64,
    /// Whose end ended it.
    pub unit: Option<UnitBrief>,
}

/// A builder phase and how much of it is on the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BuilderPhaseTimeView {
    /// Its name.
    pub name: String,
    /// How long.
    pub critical_ns: u64,
}

/// A builder phase of all builds on the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BuilderPhaseOnPathView {
    /// Its name.
    pub name: String,
    /// How much of the observed path lies in it.
    pub critical_ns: u64,
    /// How much of the longest path of the graph lies in it.
    pub structural_ns: Option<u64>,
    /// How much shorter the longest path would be if no build had it.
    pub saving_ns: Option<u64>,
}

/// What the graph alone allows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StructuralView {
    /// The longest path by duration (T∞).
    pub span_ns: u64,
    /// The sum of all durations (T1).
    pub work_ns: u64,
    /// Work over span.
    pub parallelism: Option<f64>,
    /// The paths of the units on the longest path, in the order of time.
    pub path: Vec<String>,
    /// The units of the graph, those with the least slack first.
    pub units: Vec<UnitTimesView>,
}

/// How early and how late a unit could run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnitTimesView {
    /// The unit.
    #[serde(flatten)]
    pub unit: UnitBrief,
    /// By how much it may be late without moving the end.
    pub slack_ns: u64,
    /// How much shorter the longest path would be if it took no time.
    pub drag_ns: u64,
    /// How much shorter it would be if the unit were faster by so many percent.
    pub curve: Vec<FasterView>,
    /// When everything that it needs could be there, from the start of the graph part.
    pub earliest_start_ns: u64,
    /// When it must have ended so that all is done within the span.
    pub latest_finish_ns: u64,
    /// It lies on the longest path.
    pub on_longest_path: bool,
}

/// What making a unit faster would save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FasterView {
    /// By how many percent its time would be reduced.
    pub percent: u32,
    /// How much shorter the longest path would be.
    pub saving_ns: u64,
}

/// How much of what ran the derivations at hand explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CoverageView {
    /// Builds and source fetches that ran.
    pub builds: usize,
    /// Those of them whose derivation is at hand, or one that stands in.
    pub known_builds: usize,
    /// Those for which one of the same name, of another build, stands in.
    pub builds_by_name: usize,
    /// Substitutions that ran.
    pub substitutions: usize,
    /// Those of them whose references are known.
    pub known_substitutions: usize,
    /// Those of them that a derivation at hand makes.
    pub made_substitutions: usize,
    /// Where the derivations at hand are mostly of another build, and so count for nothing: how many
    /// builds have their own among them; else `null`.
    pub ignored_builds: Option<usize>,
    /// Builds and substitutions of which no end is known; what needs all durations is unknown then.
    pub unknown_ends: usize,
}

impl CoverageView {
    /// Tells whether nothing is known of what depends on what, as [`Coverage::is_nothing`].
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        let known = self.known_builds + self.known_substitutions + self.made_substitutions;
        self.builds + self.substitutions > 1 && known == 0
    }
}

impl From<Coverage> for CoverageView {
    fn from(coverage: Coverage) -> Self {
        Self {
            builds: coverage.builds,
            known_builds: coverage.known_builds,
            builds_by_name: coverage.builds_by_name,
            substitutions: coverage.substitutions,
            known_substitutions: coverage.known_substitutions,
            made_substitutions: coverage.made_substitutions,
            ignored_builds: coverage.ignored_builds,
            unknown_ends: coverage.unknown_ends,
        }
    }
}

/// Makes the result of `critical-path`.
#[must_use]
pub fn critical_path(
    timeline: &Timeline,
    run: &RunGraph,
    path: &CriticalPath,
    structural: &Structural,
    without: &[WithoutBuilderPhase],
) -> CriticalPathResult {
    let coverage = run.coverage();
    let known = !coverage.is_nothing() && coverage.unknown_ends == 0;
    let maker = Maker {
        timeline,
        path,
        savings: structural
            .units
            .iter()
            .filter(|_| known)
            .map(|times| (times.unit, (times.saving, times.then)))
            .collect(),
    };
    CriticalPathResult {
        wall_ns: nanos(timeline.wall().map(Interval::length)),
        slots: path.slots,
        slots_source: path.slots_source.name(),
        segments: path
            .segments
            .iter()
            .map(|segment| maker.segment(segment))
            .collect(),
        steps: path
            .steps(timeline)
            .iter()
            .map(|step| maker.step(step))
            .collect(),
        builder_phases: maker.builder_phases(without, known),
        evaluation_waits: evaluation_waits(timeline),
        structural: (known && timeline.wall().is_some()).then(|| maker.structural(structural)),
        coverage: run.coverage().into(),
    }
}

/// Names the kind of unit that a part mostly consists of; else the part.
fn kind_of(part: Part) -> &'static str {
    match part {
        Part::LocalBuilds | Part::RemoteBuilds => UnitKind::Build.name(),
        Part::Sources => UnitKind::SourceFetch.name(),
        Part::Downloads => UnitKind::Substitution.name(),
        Part::Stores => UnitKind::Copy.name(),
        part => part.name(),
    }
}

struct Maker<'a> {
    timeline: &'a Timeline,
    path: &'a CriticalPath,
    savings: HashMap<usize, (Nanos, Option<usize>)>,
}

impl Maker<'_> {
    fn brief(&self, unit: Option<usize>) -> Option<UnitBrief> {
        unit.map(|unit| brief(self.timeline, unit))
    }

    fn kind(&self, unit: usize) -> UnitKind {
        self.timeline.units()[unit].kind
    }

    /// Returns what would be saved if so much of a unit took no time: of the graph's units exactly, since
    /// whoever loses less than all of its time saves that much, up to what it saves at best; and of what
    /// evaluation consists of all of it, since everything waits for it.
    fn saving(&self, unit: Option<usize>, took: Nanos) -> Option<Nanos> {
        let unit = unit?;
        match self.kind(unit) {
            UnitKind::Evaluation | UnitKind::InputFetch | UnitKind::SourceImport => Some(took),
            _ => self.savings.get(&unit).map(|&(saving, _)| saving.min(took)),
        }
    }

    fn segment(&self, segment: &Segment) -> SegmentView {
        let kind = match (segment.wait, segment.unit) {
            (None, Some(unit)) => self.kind(unit).name(),
            (None, None) => kind_of(segment.part),
            (Some(_), _) => "wait",
        };
        let worker = segment.unit.filter(|_| segment.wait.is_none());
        SegmentView {
            kind,
            reason: segment.wait.map_or(segment.part.name(), |wait| wait.name()),
            unit: self.brief(segment.unit),
            start_ns: segment.interval.start().as_nanos(),
            end_ns: segment.interval.end().as_nanos(),
            saving_ns: nanos(self.saving(worker, segment.interval.length())),
            candidates: segment.candidates,
        }
    }

    fn step(&self, step: &Step) -> PathStepView {
        let mut waits: Vec<_> = step.waits.iter().collect();
        waits.sort_by_key(|&(&wait, &(time, _))| (std::cmp::Reverse(time), wait));
        let then = step.unit.and_then(|unit| self.savings.get(&unit)?.1);
        PathStepView {
            unit: self.brief(step.unit),
            units: step.n_units,
            part: step.part.map(Part::name),
            ready_ns: step.ready.as_nanos(),
            took_ns: step.took.get(),
            waited_ns: step.waited().get(),
            waits: waits
                .into_iter()
                .map(|(wait, &(time, unit))| WaitView {
                    reason: wait.name(),
                    duration_ns: time.get(),
                    unit: self.brief(unit),
                })
                .collect(),
            saving_ns: nanos(self.saving(step.unit, step.took)),
            then_critical: self.brief(then),
            builder_phases: self.phases_of(step),
            candidates: step.candidates,
        }
    }

    fn phases_of(&self, step: &Step) -> Vec<BuilderPhaseTimeView> {
        let Some(unit) = step.unit.map(|unit| &self.timeline.units()[unit]) else {
            return Vec::new();
        };
        let segments = &self.path.segments[step.segments.clone()];
        let at_work = || segments.iter().filter(|segment| segment.wait.is_none());
        let phases = unit.phases.iter().filter_map(|phase| {
            let inside = at_work().filter_map(|segment| phase.interval?.clip(segment.interval));
            let critical: Nanos = inside.map(Interval::length).sum();
            (critical > Nanos::ZERO).then(|| BuilderPhaseTimeView {
                name: self.timeline.name(phase.name).to_owned(),
                critical_ns: critical.get(),
            })
        });
        phases.collect()
    }

    fn builder_phases(
        &self,
        without: &[WithoutBuilderPhase],
        known: bool,
    ) -> Vec<BuilderPhaseOnPathView> {
        let structural: HashMap<_, _> = without
            .iter()
            .filter(|_| known)
            .map(|phase| (phase.name, phase))
            .collect();
        let mut observed = self.path.by_builder_phase(self.timeline);
        for &name in structural.keys() {
            observed.entry(name).or_default();
        }
        let mut phases: Vec<_> = observed
            .into_iter()
            .map(|(name, critical)| BuilderPhaseOnPathView {
                name: self.timeline.name(name).to_owned(),
                critical_ns: critical.get(),
                structural_ns: structural.get(&name).map(|phase| phase.on_path.get()),
                saving_ns: structural.get(&name).map(|phase| phase.saving.get()),
            })
            .collect();
        phases.sort_by(|a, b| {
            let time = b.critical_ns.cmp(&a.critical_ns);
            time.then_with(|| a.name.cmp(&b.name))
        });
        phases
    }

    fn structural(&self, structural: &Structural) -> StructuralView {
        let on_path: std::collections::HashSet<usize> = structural.path.iter().copied().collect();
        let units = structural.units.iter().map(|times| UnitTimesView {
            unit: brief(self.timeline, times.unit),
            slack_ns: times.slack.get(),
            drag_ns: times.saving.get(),
            curve: FASTER_PERCENT
                .iter()
                .zip(times.curve)
                .map(|(&percent, saving)| FasterView {
                    percent,
                    saving_ns: saving.get(),
                })
                .collect(),
            earliest_start_ns: times.earliest_start.get(),
            latest_finish_ns: times.latest_finish.get(),
            on_longest_path: on_path.contains(&times.unit),
        });
        let path = structural.path.iter();
        StructuralView {
            span_ns: structural.span.get(),
            work_ns: structural.work.get(),
            parallelism: super::share(Some(structural.work.get()), Some(structural.span.get())),
            path: path
                .map(|&unit| {
                    self.timeline
                        .name(self.timeline.units()[unit].subject)
                        .to_owned()
                })
                .collect(),
            units: units.collect(),
        }
    }
}
