//! How good estimates would have been: each past run, estimated from all others.

use super::{Options, Plan, Range, Usual, estimate};
use crate::analysis::past_run::{PastRun, PastUnit};
use crate::analysis::run_graph::RunGraph;
use crate::graph::DerivationGraph;
use crate::time::{Interval, Nanos};
use crate::timeline::Timeline;

/// A past run of which it is known what depended on what.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its place among the past runs.
    pub run: usize,
    /// What it did.
    pub plan: Plan,
    /// On how many slots.
    pub slots: u32,
    /// What it took, from the first start to the last end of what is planned.
    pub took: Nanos,
}

impl Case {
    /// Makes a case of a run, which has this place among the past runs; `None` where it is not known when it did
    /// what it did.
    #[must_use]
    pub fn new(
        run: usize,
        timeline: &Timeline,
        graph: (&RunGraph, &DerivationGraph),
        slots: u32,
    ) -> Option<Self> {
        let plan = Plan::of_run(timeline, graph.0, graph.1);
        let units = plan.tasks().filter_map(|(_, task)| task.unit);
        let spans: Option<Vec<Interval>> = units
            .map(|unit| timeline.units()[unit].interval())
            .collect();
        let spans = spans?;
        let start = spans.iter().map(|span| span.start()).min()?;
        let end = spans.iter().map(|span| span.end()).max()?;
        Some(Self {
            run,
            plan,
            slots,
            took: Interval::new(start, end)?.length(),
        })
    }
}

/// How good an estimate would have been.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Backtest {
    /// The run's place among the past runs.
    pub run: usize,
    /// What would have been said.
    pub said: Range,
    /// What it took.
    pub took: Nanos,
}

impl Backtest {
    /// Tells whether it lies in the range.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.said.p10 <= self.took && self.took <= self.said.p90
    }

    /// Returns by which share of what it took the middle of the range is off; positive if too long.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share needs no more than 52 bits"
    )]
    pub fn error(&self) -> f64 {
        self.said.p50.get() as f64 / self.took.get().max(1) as f64 - 1.0
    }
}

/// Estimates each case from all runs but its own, and without the units that are to be forgotten: as if nobody
/// had ever seen them. Cases of which nothing can be said are left out.
#[must_use]
pub fn backtest(
    runs: &[PastRun],
    cases: &[Case],
    options: &Options,
    is_forgotten: impl Fn(&PastUnit) -> bool,
) -> Vec<Backtest> {
    let tested = cases.iter().filter_map(|case| {
        let others = runs.iter().enumerate();
        let others = others.filter(|&(place, _)| place != case.run);
        let usual = Usual::but_for(others.map(|(_, run)| run), &is_forgotten);
        let options = Options {
            slots: case.slots,
            attribute: false,
            ..*options
        };
        let said = estimate(&case.plan, &usual, &options).makespan?;
        Some(Backtest {
            run: case.run,
            said,
            took: case.took,
        })
    });
    tested.collect()
}
