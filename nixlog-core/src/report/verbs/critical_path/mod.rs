//! `critical-path`: the chain that explains the wall clock, and the longest path of the graph.

mod layout;

pub use layout::Options;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::analysis::critical_path::{CriticalPath, Segment, Step, Wait};
use crate::analysis::run_graph::RunGraph;
use crate::analysis::slots::SlotsSource;
use crate::analysis::structural::{Structural, WithoutBuilderPhase};
use crate::graph::FASTER_PERCENT;
use crate::report::coverage::CoverageView;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::report::evaluation_waits::{EvaluationWaitView, evaluation_waits};
use crate::report::unit::{UnitBrief, brief};
use crate::time::{Interval, Nanos};
use crate::timeline::{Part, Timeline, UnitKind};

/// The result of `critical-path`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CriticalPathResult {
    /// The whole wall time; the segments add up to it.
    pub wall_ns: Option<u64>,
    /// How many builds could run at once on this machine; 0 where nothing was built here.
    pub slots: u32,
    /// Where that number comes from.
    pub slots_source: SlotsSource,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SegmentView {
    /// What it was.
    pub kind: SegmentKind,
    /// Why it waited; else the part of the phase that the work counts as.
    pub reason: SegmentReason,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PathStepView {
    /// What was done; `null` for a wait with nothing after it.
    pub unit: Option<UnitBrief>,
    /// How many units it consists of: queries that follow each other are one step.
    pub units: usize,
    /// What the work counts as first, say `downloads`; `null` where it only waits.
    pub part: Option<Part>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct WaitView {
    /// Why.
    pub reason: Wait,
    /// How long.
    pub duration_ns: u64,
    /// Whose end ended it.
    pub unit: Option<UnitBrief>,
}

/// A builder phase and how much of it is on the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BuilderPhaseTimeView {
    /// Its name.
    pub name: String,
    /// How long.
    pub critical_ns: u64,
}

/// A builder phase of all builds on the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FasterView {
    /// By how many percent its time would be reduced.
    pub percent: u32,
    /// How much shorter the longest path would be.
    pub saving_ns: u64,
}

impl Answer for CriticalPathResult {
    const SCHEMA: &'static str = "nixlog.critical-path/1";
    type From = Input;
    type Options = Options;

    fn document(report: &Report<Self>, options: &Options) -> Document {
        layout::document(report, options)
    }
}

/// Makes the result of `critical-path`.
#[must_use]
pub fn result(
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
        slots_source: path.slots_source,
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

/// What a segment was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentKind {
    /// A unit was at work, or several of one kind.
    Unit(UnitKind),
    /// Something else was, of no unit that is known.
    Part(Part),
    /// Nothing of the chain was at work.
    Wait,
}

impl SegmentKind {
    /// Returns the name, as in JSON: of the kind, of the part, or `wait`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unit(kind) => kind.name(),
            Self::Part(part) => part.name(),
            Self::Wait => "wait",
        }
    }
}

impl From<Part> for SegmentKind {
    /// Returns the kind of unit that a part mostly consists of; else the part.
    fn from(part: Part) -> Self {
        match part {
            Part::LocalBuilds | Part::RemoteBuilds => Self::Unit(UnitKind::Build),
            Part::Sources => Self::Unit(UnitKind::SourceFetch),
            Part::Downloads => Self::Unit(UnitKind::Substitution),
            Part::Stores => Self::Unit(UnitKind::Copy),
            part => Self::Part(part),
        }
    }
}

impl Serialize for SegmentKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl JsonSchema for SegmentKind {
    fn schema_name() -> Cow<'static, str> {
        "SegmentKind".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let unit = generator.subschema_for::<UnitKind>();
        let part = generator.subschema_for::<Part>();
        json_schema!({ "anyOf": [unit, part, { "const": "wait" }] })
    }
}

/// Why a segment is on the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SegmentReason {
    /// What was waited for.
    Wait(Wait),
    /// What the work counts as.
    Part(Part),
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
            (None, Some(unit)) => SegmentKind::Unit(self.kind(unit)),
            (None, None) => segment.part.into(),
            (Some(_), _) => SegmentKind::Wait,
        };
        let worker = segment.unit.filter(|_| segment.wait.is_none());
        SegmentView {
            kind,
            reason: match segment.wait {
                Some(wait) => SegmentReason::Wait(wait),
                None => SegmentReason::Part(segment.part),
            },
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
            part: step.part,
            ready_ns: step.ready.as_nanos(),
            took_ns: step.took.get(),
            waited_ns: step.waited().get(),
            waits: waits
                .into_iter()
                .map(|(&wait, &(time, unit))| WaitView {
                    reason: wait,
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
        let phases = self.path.builder_phases(unit, step.segments.clone());
        let phases = phases.into_iter();
        let phases = phases.filter(|&(_, critical)| critical > Nanos::ZERO);
        let phases = phases.map(|(name, critical)| BuilderPhaseTimeView {
            name: self.timeline.name(name).to_owned(),
            critical_ns: critical.get(),
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
        let on_path: HashSet<usize> = structural.path.iter().copied().collect();
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
            parallelism: share(Some(structural.work.get()), Some(structural.span.get())),
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
