//! `eval --compare`: what differs between two evaluations.

mod layout;

pub(super) use layout::{counter_tables, in_short};

use schemars::JsonSchema;
use serde::Serialize;

use crate::eval::difference::{Change, Function, difference};
use crate::eval::stats::EvaluationStats;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Report};
use crate::report::table::limit;

/// The result of `eval --compare`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct EvalCompareResult {
    /// The one before.
    pub before: EvaluationView,
    /// The one after.
    pub after: EvaluationView,
    /// Counters that changed, those first that changed most in proportion. They are deterministic: the
    /// differences are exact.
    pub counters: Vec<ChangeView>,
    /// How many counters changed, listed or not; `null` where either has no statistics.
    pub total_counters: Option<usize>,
    /// How many did not change.
    pub same_counters: Option<usize>,
    /// Functions that were called more or less often; `null` where either was not counted
    /// (`NIX_COUNT_CALLS=1`).
    pub functions: Option<Vec<FunctionChangeView>>,
    /// How many there are, listed or not.
    pub total_functions: Option<usize>,
    /// Primops that were called more or less often.
    pub primops: Option<Vec<ChangeView>>,
    /// The two Nix lay values out differently in memory: numbers of bytes say nothing.
    pub other_layout: bool,
}

/// One of two evaluations. Times vary from one run to the next; each is of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct EvaluationView {
    /// What it was read from.
    pub name: String,
    /// For how long the evaluator worked, without what it waited for.
    pub wall_ns: Option<u64>,
    /// For how long it waited, besides.
    pub blocked_ns: Option<u64>,
    /// Processor time.
    pub cpu_ns: Option<u64>,
    /// Of that, for garbage collection.
    pub gc_ns: Option<u64>,
}

/// How a number changed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ChangeView {
    /// What is counted.
    pub name: String,
    /// How many there were; `null` where it was not counted.
    pub before: Option<u64>,
    /// How many there are; `null` where it is not counted.
    pub after: Option<u64>,
    /// By how much it grew; `null` where one of the two does not count it.
    pub difference: Option<i64>,
    /// By which share; `null` where there was nothing before.
    pub share: Option<f64>,
}

/// How often a function is called more or less.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FunctionChangeView {
    /// Its name; empty for one without.
    #[serde(flatten)]
    pub change: ChangeView,
    /// The file, from its source tree on.
    pub file: String,
    /// The line; `null` where it moved.
    pub line: Option<u64>,
}

/// One of two evaluations.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What it was read from.
    pub name: &'a str,
    /// What the evaluator says of itself.
    pub stats: Option<&'a EvaluationStats>,
    /// For how long it worked, and for how long it waited.
    pub times: (Option<u64>, Option<u64>),
}

impl Answer for EvalCompareResult {
    const SCHEMA: &'static str = "nixlog.eval-compare/1";
    type From = ();
    type Options = ();

    fn document(report: &Report<Self, ()>, (): &()) -> Document {
        layout::document(report)
    }
}

/// Makes the result of `eval --compare`; `top` is how many to list of anything, 0 for all.
#[must_use]
pub fn result(before: Side<'_>, after: Side<'_>, top: usize) -> EvalCompareResult {
    let both = before.stats.zip(after.stats);
    let all = both.map(|(before, after)| difference(before, after));
    let counters = all.as_ref().map_or(&[][..], |all| &all.counters);
    let functions = all.as_ref().and_then(|all| all.functions.as_ref());
    let primops = all.as_ref().and_then(|all| all.primops.as_ref());
    EvalCompareResult {
        before: EvaluationView::new(before),
        after: EvaluationView::new(after),
        counters: first(counters, top, change),
        total_counters: all.as_ref().map(|all| all.counters.len()),
        same_counters: all.as_ref().map(|all| all.same),
        functions: functions.map(|functions| first(functions, top, function_change)),
        total_functions: functions.map(Vec::len),
        primops: primops.map(|primops| first(primops, top, change)),
        other_layout: all.as_ref().is_some_and(|all| all.other_layout),
    }
}

fn first<T, V>(all: &[T], top: usize, view: impl Fn(&T) -> V) -> Vec<V> {
    all[..limit(top, all.len())].iter().map(view).collect()
}

fn change(of: &Change<String>) -> ChangeView {
    change_of(of.what.clone(), of)
}

fn change_of<T>(name: String, of: &Change<T>) -> ChangeView {
    ChangeView {
        name,
        before: of.before,
        after: of.after,
        difference: of.difference(),
        share: of.share(),
    }
}

fn function_change(of: &Change<Function>) -> FunctionChangeView {
    FunctionChangeView {
        change: change_of(of.what.name.clone().unwrap_or_default(), of),
        file: of.what.file.clone(),
        line: of.what.line,
    }
}

impl EvaluationView {
    fn new(side: Side<'_>) -> Self {
        Self {
            name: side.name.to_owned(),
            wall_ns: side.times.0,
            blocked_ns: side.times.1,
            cpu_ns: side.stats.and_then(|stats| stats.cpu_ns),
            gc_ns: side.stats.and_then(|stats| stats.gc_ns),
        }
    }
}
