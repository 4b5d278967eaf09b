//! `phases`: how the wall time divides.

mod layout;

pub(in crate::report) use layout::where_time_went;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::phases::{Phases, Total};
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, nanos, share};
use crate::report::evaluation_waits::{EvaluationWaitView, evaluation_waits};
use crate::timeline::{Outcome, Part, Phase, Timeline, Unit, UnitKind};

/// The result of `phases`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PhasesResult {
    /// The whole wall time.
    pub wall_ns: Option<u64>,
    /// The phases that occurred.
    pub phases: Vec<PhaseView>,
    /// Builder phases, those with the most work first.
    pub builder_phases: Vec<BuilderPhaseTotalView>,
    /// Derivations by how they ended.
    pub outcomes: Vec<OutcomeView>,
    /// What Nix announced.
    pub plan: PlanView,
    /// What the evaluator gave up with.
    pub evaluation_error: Option<String>,
    /// When evaluation stood still for the store, and for what.
    pub evaluation_waits: Vec<EvaluationWaitView>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PhaseView {
    /// Its name.
    pub phase: Phase,
    /// Its measures.
    #[serde(flatten)]
    pub total: TotalView,
    /// How many units it consists of.
    pub units: usize,
    /// Its parts, where it has several.
    pub parts: Vec<PartView>,
}

/// One part of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PartView {
    /// Its name.
    pub part: Part,
    /// Its measures.
    #[serde(flatten)]
    pub total: TotalView,
}

/// The measures of a phase or a part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TotalView {
    /// Its share of the wall clock; those of all phases add up to the wall time.
    pub wall_ns: Option<u64>,
    /// The same as a fraction of the wall time.
    pub share: Option<f64>,
    /// For how long any of it was active.
    pub busy_ns: Option<u64>,
    /// The sum of its spans.
    pub work_ns: Option<u64>,
    /// How much of the critical path lies in it.
    pub critical_ns: Option<u64>,
    /// The end of some of its units is not known, or only estimated.
    pub estimated: bool,
}

/// How much time builders spent in the phases of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BuilderPhaseTotalView {
    /// The phase's name.
    pub name: String,
    /// In how many builds it occurred.
    pub builds: usize,
    /// For how long any builder was in it.
    pub busy_ns: Option<u64>,
    /// The sum over all builders.
    pub work_ns: Option<u64>,
    /// How much of the critical path lies in it.
    pub critical_ns: Option<u64>,
}

/// How many derivations ended in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct OutcomeView {
    /// How they ended.
    pub outcome: Outcome,
    /// How many.
    pub count: usize,
}

/// What Nix announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PlanView {
    /// Derivations to build.
    pub builds: Option<u64>,
    /// Paths to fetch.
    pub fetches: Option<u64>,
    /// Bytes to download.
    pub download_bytes: Option<u64>,
    /// Bytes unpacked.
    pub unpacked_bytes: Option<u64>,
}

impl Answer for PhasesResult {
    const SCHEMA: &'static str = "nixlog.phases/1";
    type From = Input;
    type Options = ();

    fn document(report: &Report<Self>, (): &()) -> Document {
        layout::document(report)
    }
}

/// Makes the result of `phases`.
#[must_use]
pub fn result(timeline: &Timeline, phases: &Phases) -> PhasesResult {
    let view = |total: &Total| TotalView {
        wall_ns: nanos(total.wall),
        share: share(nanos(total.wall), nanos(phases.wall)),
        busy_ns: nanos(total.busy),
        work_ns: nanos(total.work),
        critical_ns: nanos(total.critical),
        estimated: total.estimated,
    };
    let phase_views = phases.phases.iter().map(|phase| PhaseView {
        phase: phase.phase,
        total: view(&phase.total),
        units: phase.n_units,
        parts: phase
            .parts
            .iter()
            .map(|(part, total)| PartView {
                part: *part,
                total: view(total),
            })
            .collect(),
    });
    let builder_phases = phases
        .builder_phases
        .iter()
        .map(|phase| BuilderPhaseTotalView {
            name: timeline.name(phase.name).to_owned(),
            builds: phase.n_builds,
            busy_ns: nanos(phase.busy),
            work_ns: nanos(phase.work),
            critical_ns: nanos(phase.critical),
        });
    let outcomes = phases
        .outcomes
        .iter()
        .map(|(&outcome, &count)| OutcomeView { outcome, count });
    let plan = timeline.plan();
    PhasesResult {
        wall_ns: nanos(phases.wall),
        phases: phase_views.collect(),
        builder_phases: builder_phases.collect(),
        outcomes: outcomes.collect(),
        plan: PlanView {
            builds: plan.builds,
            fetches: plan.fetches,
            download_bytes: plan.download_bytes,
            unpacked_bytes: plan.unpacked_bytes,
        },
        evaluation_error: evaluation_error(timeline),
        evaluation_waits: evaluation_waits(timeline),
    }
}

fn evaluation_error(timeline: &Timeline) -> Option<String> {
    let mut units = timeline.units().iter();
    let failed =
        |unit: &&Unit| unit.kind == UnitKind::Evaluation && unit.outcome == Outcome::Failed;
    units
        .find(failed)?
        .reason
        .as_ref()
        .map(|reason| reason.text.clone())
}
