//! `eta`: how long a build will take, before it begins.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::estimate::Backtest;
use crate::analysis::past_run::PastRun;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Report, rfc3339};
use crate::report::estimated::EstimateView;
use crate::report::table::Names;

/// The result of `eta`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct EtaResult {
    /// The estimate.
    #[serde(flatten)]
    pub estimate: EstimateView,
    /// How good estimates of past runs would have been; `null` where that was not asked.
    pub backtest: Option<BacktestView>,
}

/// How good estimates of past runs would have been, each made from all others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BacktestView {
    /// How many runs were estimated.
    pub runs: usize,
    /// How many could not be: nothing is known of what depended on what, or there is no other run.
    pub left_out: usize,
    /// The share of runs that took no less than P10 and no more than P90; of good estimates, 0.8.
    pub inside: Option<f64>,
    /// Half of the runs are no further off than this share of what they took.
    pub median_error: Option<f64>,
    /// By which share of what it took P50 is too long, on the median; negative if too short.
    pub bias: Option<f64>,
    /// The runs.
    pub cases: Vec<BacktestCaseView>,
}

/// How good the estimate of one past run would have been.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct BacktestCaseView {
    /// The run's id.
    pub run: String,
    /// When it started, RFC 3339.
    pub started_at: Option<String>,
    /// What it took, from the first start to the last end.
    pub took_ns: u64,
    /// What would have been said.
    pub p10_ns: u64,
    /// What would have been said.
    pub p50_ns: u64,
    /// What would have been said.
    pub p90_ns: u64,
    /// It took no less than P10 and no more than P90.
    pub inside: bool,
    /// By which share of what it took P50 is too long.
    pub error: f64,
}

impl Answer for EtaResult {
    const SCHEMA: &'static str = "nixlog.eta/1";
    type From = ();
    type Options = Names;

    fn document(report: &Report<Self, ()>, names: &Names) -> Document {
        layout::document(report, *names)
    }
}

impl EtaResult {
    /// Wraps an estimate.
    #[must_use]
    pub const fn new(estimate: EstimateView) -> Self {
        Self {
            estimate,
            backtest: None,
        }
    }

    /// Tells how good estimates would have been; `left_out` runs could not be estimated.
    #[must_use]
    pub fn backtested(runs: &[PastRun], tested: &[Backtest], left_out: usize) -> Self {
        let median = |mut all: Vec<f64>| {
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied()
        };
        let n_inside = tested.iter().filter(|it| it.is_inside()).count();
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 runs")]
        let inside = (!tested.is_empty()).then(|| n_inside as f64 / tested.len() as f64);
        let case = |it: &Backtest| {
            let run = runs.get(it.run)?;
            Some(BacktestCaseView {
                run: run.id.clone(),
                started_at: run.started_at.and_then(rfc3339),
                took_ns: it.took.get(),
                p10_ns: it.said.p10.get(),
                p50_ns: it.said.p50.get(),
                p90_ns: it.said.p90.get(),
                inside: it.is_inside(),
                error: it.error(),
            })
        };
        let backtest = BacktestView {
            runs: tested.len(),
            left_out,
            inside,
            median_error: median(tested.iter().map(|it| it.error().abs()).collect()),
            bias: median(tested.iter().map(Backtest::error).collect()),
            cases: tested.iter().filter_map(case).collect(),
        };
        let mut result = Self::default();
        result.estimate.runs = runs.len();
        result.backtest = Some(backtest);
        result
    }
}
