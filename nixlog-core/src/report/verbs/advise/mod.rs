//! `advise`: what to do, in the order of what it saves.

mod layout;
mod plan;
mod rules;

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::cache::CacheUse;
use crate::analysis::critical_path::CriticalPath;
use crate::analysis::evaluation::{Evaluation, EvaluationLog};
use crate::analysis::makespan::Makespan;
use crate::analysis::run_graph::RunGraph;
use crate::analysis::what_if::{Change, Questions, WhatIf};
use crate::names::named;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report, share};
use crate::report::simulated::ReplayView;
use crate::report::unit::{UnitBrief, brief};
use crate::time::{Interval, Nanos};
use crate::timeline::{Source, Timeline};

/// The result of `advise`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct AdviseResult {
    /// The whole wall time, which savings are a share of.
    pub wall_ns: Option<u64>,
    /// What to do, what saves most first.
    pub advice: Vec<AdviceView>,
    /// The same in the order in which to do it, and what each step saves after those before it.
    pub plan: Vec<PlanStepView>,
    /// What all of it saves together: simulated together, and never added up; `null` where nothing of it
    /// can be told.
    pub combined_saving_ns: Option<u64>,
    /// How well the simulation replays the recording; savings are right to about that much.
    pub replay: ReplayView,
    /// What could not be assessed, and what would supply it.
    pub not_assessed: Vec<NotAssessedView>,
}

named! {
    /// How much an advice is worth.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Level {
        /// A tenth of the wall time or more.
        High = "high",
        /// Three hundredths or more.
        Medium = "medium",
        /// Less, or nobody knows.
        Low = "low",
    }
}

named! {
    /// How far an advice can be trusted.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Confidence {
        /// Simulated with what was measured, or measured itself.
        High = "high",
        /// Something that matters is assumed.
        Medium = "medium",
        /// It may save nothing.
        Low = "low",
    }
}

named! {
    /// How a saving is known.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum SavingBasis {
        /// The build was simulated with the change.
        Simulated = "simulated",
        /// It is the time that was measured, of which the change saves a part nobody can tell.
        Estimated = "estimated",
    }
}

named! {
    /// When to do something.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum StepKind {
        /// A setting or an option of the command: done in a minute.
        Quick = "quick",
        /// Caches, machines, hooks: something has to be set up.
        Configuration = "configuration",
        /// Expressions or builds have to change.
        Deeper = "deeper",
    }
}

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChangeView {
    /// A setting of `nix.conf`.
    Setting {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// It can be set without asking anybody: it only changes how fast a build is.
        safe: bool,
    },
    /// A Nix expression.
    Expression {
        /// What to write.
        text: String,
    },
    /// A command, or an option of one.
    Command {
        /// What to type.
        text: String,
    },
    /// Anything else.
    Other {
        /// What to do.
        text: String,
    },
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct AdviceView {
    /// Which rule it comes from: stable, for programs.
    pub id: &'static str,
    /// How much it is worth.
    pub level: Level,
    /// What to do, in a line.
    pub title: String,
    /// What to change.
    pub change: ChangeView,
    /// Numbers of this build that say so.
    pub evidence: Vec<String>,
    /// What it saves by itself; `null` where nobody can tell.
    pub saving_ns: Option<u64>,
    /// The same as a share of the wall time.
    pub saving_share: Option<f64>,
    /// What it saves at least.
    pub saving_low_ns: Option<u64>,
    /// What it saves at most.
    pub saving_high_ns: Option<u64>,
    /// How the saving is known; `null` where it is not.
    pub basis: Option<SavingBasis>,
    /// How far it can be trusted.
    pub confidence: Confidence,
    /// What may make it less.
    pub caveats: Vec<String>,
    /// What would make it surer.
    pub missing_input: Vec<String>,
    /// When to do it.
    pub step: StepKind,
    /// The units that it is about.
    pub units: Vec<UnitBrief>,
}

/// A step of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PlanStepView {
    /// Which.
    pub step: StepKind,
    /// The advice of it, as indices into `advice`.
    pub advice: Vec<usize>,
    /// What it saves after the steps before it; `null` where nobody can tell.
    pub saving_ns: Option<u64>,
    /// How much of that is estimated.
    pub estimated_ns: u64,
}

/// Something that could not be assessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct NotAssessedView {
    /// What.
    pub what: String,
    /// What would supply it.
    pub supply: String,
}

impl Answer for AdviseResult {
    const SCHEMA: &'static str = "nixlog.advise/1";
    type From = Input;
    type Options = usize;

    fn document(report: &Report<Self>, top: &usize) -> Document {
        layout::document(report, *top)
    }
}

/// What advice is made from.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What ran.
    pub timeline: &'a Timeline,
    /// What is known of the log besides.
    pub source: &'a Source,
    /// What of it needed what.
    pub run: &'a RunGraph,
    /// The chain that explains the wall time.
    pub path: &'a CriticalPath,
    /// What simulates it; `None` where what depends on what is not known.
    pub simulated: Option<(&'a Makespan, &'a Questions<'a>)>,
    /// Builds that could come from a cache.
    pub candidates: &'a [usize],
    /// What caches did.
    pub caches: &'a CacheUse<'a>,
    /// What evaluation did, and what it said.
    pub evaluation: (&'a Evaluation, &'a EvaluationLog),
}

impl Case<'_> {
    fn wall(&self) -> Nanos {
        self.timeline
            .wall()
            .map(Interval::length)
            .unwrap_or_default()
    }

    /// Tells whether a time is worth a line: half a hundredth of the wall time, and a tenth of a second.
    fn is_worth(&self, time: Nanos) -> bool {
        time >= Nanos::new(100_000_000) && time.get().saturating_mul(200) >= self.wall().get()
    }

    fn brief(&self, unit: usize) -> UnitBrief {
        brief(self.timeline, unit)
    }

    /// Simulates changes; returns the saving as well, of which only what comes from less work counts where
    /// `only_less_work`: the rest is the luck of another order.
    fn ask(&self, changes: &[Change], only_less_work: bool) -> Option<(WhatIf, Saving)> {
        let (makespan, questions) = self.simulated?;
        let answer = questions.ask(changes);
        let likely = match only_less_work {
            true => answer.sure_saving().get(),
            false => u64::try_from(answer.saving()).unwrap_or(0),
        };
        let error = makespan.replay().error().unwrap_or(0.0).abs();
        let margin = scaled(answer.predicted, error);
        let mut saving = Saving {
            likely: Nanos::new(likely),
            low: Nanos::new(likely.saturating_sub(margin)),
            high: Nanos::new(likely.saturating_add(margin)).min(answer.baseline),
            basis: SavingBasis::Simulated,
        };
        if let Some((shortest, longest)) = answer.orders {
            saving.low = saving.low.min(answer.baseline - longest);
            saving.high = saving
                .high
                .max((answer.baseline - shortest).min(answer.baseline));
        }
        Some((answer, saving))
    }
}

/// Returns a share of a length of time.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and no share is negative"
)]
fn scaled(time: Nanos, share: f64) -> u64 {
    (time.get() as f64 * share) as u64
}

/// What something saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Saving {
    likely: Nanos,
    low: Nanos,
    high: Nanos,
    basis: SavingBasis,
}

impl Saving {
    /// Of a time that was measured, a part is saved that nobody can tell.
    const fn at_most(time: Nanos) -> Self {
        Self {
            likely: time,
            low: Nanos::ZERO,
            high: time,
            basis: SavingBasis::Estimated,
        }
    }
}

/// Something to do, before it is ranked.
#[derive(Debug, Clone)]
struct Advice {
    id: &'static str,
    title: String,
    change: ChangeView,
    evidence: Vec<String>,
    saving: Option<Saving>,
    confidence: Confidence,
    caveats: Vec<String>,
    missing_input: Vec<String>,
    step: StepKind,
    units: Vec<usize>,
    /// What the simulation makes of it, together with others.
    changes: Vec<Change>,
}

impl Advice {
    fn new(id: &'static str, step: StepKind, title: String, change: ChangeView) -> Self {
        Self {
            id,
            title,
            change,
            evidence: Vec::new(),
            saving: None,
            confidence: Confidence::High,
            caveats: Vec::new(),
            missing_input: Vec::new(),
            step,
            units: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn view(&self, case: &Case<'_>) -> AdviceView {
        let wall = Some(case.wall().get()).filter(|&wall| wall > 0);
        let saved = |of: fn(&Saving) -> Nanos| self.saving.as_ref().map(|it| of(it).get());
        let part = share(saved(|it| it.likely), wall);
        AdviceView {
            id: self.id,
            level: match part {
                Some(part) if part >= 0.1 => Level::High,
                Some(part) if part >= 0.03 => Level::Medium,
                _ => Level::Low,
            },
            title: self.title.clone(),
            change: self.change.clone(),
            evidence: self.evidence.clone(),
            saving_ns: saved(|it| it.likely),
            saving_share: part,
            saving_low_ns: saved(|it| it.low),
            saving_high_ns: saved(|it| it.high),
            basis: self.saving.map(|it| it.basis),
            confidence: self.confidence,
            caveats: self.caveats.clone(),
            missing_input: self.missing_input.clone(),
            step: self.step,
            units: self.units.iter().map(|&unit| case.brief(unit)).collect(),
        }
    }
}

/// Makes the result of `advise`.
#[must_use]
pub fn result(case: &Case<'_>) -> AdviseResult {
    let mut all: Vec<Advice> = rules::ALL.iter().flat_map(|rule| rule(case)).collect();
    // A saving that nobody can tell comes after all that are known.
    all.sort_by_key(|it| Reverse(it.saving.map(|saving| (saving.likely, saving.low))));
    let (plan, combined) = plan::plan(case, &all);
    AdviseResult {
        wall_ns: case.timeline.wall().map(|wall| wall.length().get()),
        advice: all.iter().map(|it| it.view(case)).collect(),
        plan,
        combined_saving_ns: combined,
        replay: case
            .simulated
            .map(|(makespan, _)| ReplayView::from(makespan.replay()))
            .unwrap_or_default(),
        not_assessed: rules::not_assessed(case),
    }
}
