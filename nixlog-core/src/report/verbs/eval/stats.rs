//! Statistics of an evaluator, as `eval` shows them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::eval::stats::{Calls, EvaluationStats, place};
use crate::report::table::limit;

/// What an evaluator says of itself. Counters are exact; `null` where this Nix does not print one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct StatsView {
    /// Processor time.
    pub cpu_ns: Option<u64>,
    /// Of that, for garbage collection.
    pub gc_ns: Option<u64>,
    /// The same as a share.
    pub gc_share: Option<f64>,
    /// How often garbage was collected.
    pub gc_cycles: Option<u64>,
    /// The heap at the end.
    pub heap_bytes: Option<u64>,
    /// All that was ever allocated.
    pub allocated_bytes: Option<u64>,
    /// Thunks that were made.
    pub thunks: Option<u64>,
    /// Thunks that were not needed.
    pub thunks_avoided: Option<u64>,
    /// The share of the latter.
    pub avoided_share: Option<f64>,
    /// Calls of functions.
    pub function_calls: Option<u64>,
    /// Calls of primops.
    pub primop_calls: Option<u64>,
    /// Attributes that were looked up.
    pub lookups: Option<u64>,
    /// How often sets were put together with `//`.
    pub updates: Option<u64>,
    /// Values that were copied for that.
    pub values_copied: Option<u64>,
    /// How often lists were put together.
    pub list_concats: Option<u64>,
    /// Values that were made.
    pub values: Option<u64>,
    /// Expressions that were read (≥ 2.19).
    pub expressions: Option<u64>,
    /// Every counter by the name that Nix gives it.
    pub counters: BTreeMap<String, u64>,
    /// Calls of primops, most often first; `null` without `NIX_COUNT_CALLS=1`.
    pub primops: Option<Vec<PrimopView>>,
    /// How many functions were called, listed or not.
    pub total_functions: Option<usize>,
    /// Calls of functions, most often first; `null` without `NIX_COUNT_CALLS=1`.
    pub functions: Option<Vec<CallsView>>,
    /// Attributes that were selected, most often first; `null` without `NIX_COUNT_CALLS=1`, and in Nix 2.12
    /// to 2.35.
    pub attributes: Option<Vec<CallsView>>,
}

/// How often a primop was called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PrimopView {
    /// Its name.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// How often a function was called, or an attribute selected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CallsView {
    /// The function's name; `null` for one without.
    pub name: Option<String>,
    /// The file that it stands in.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The column, from 1.
    pub column: Option<u64>,
    /// How often.
    pub count: u64,
}

impl CallsView {
    /// Returns where it stands: `file:line:column`.
    pub(super) fn place(&self) -> String {
        place(self.file.as_deref(), self.line, self.column)
    }
}

impl StatsView {
    pub(super) fn new(stats: &EvaluationStats, top: usize) -> Self {
        let counter = |name: &str| stats.counter(name);
        let calls = |calls: &Option<Vec<Calls>>| {
            let calls = calls.as_ref()?;
            let most = limit(top, calls.len());
            Some(calls[..most].iter().map(view).collect())
        };
        Self {
            cpu_ns: stats.cpu_ns,
            gc_ns: stats.gc_ns,
            gc_share: stats.gc_share,
            gc_cycles: counter("gc.cycles"),
            heap_bytes: counter("gc.heapSize"),
            allocated_bytes: counter("gc.totalBytes"),
            thunks: counter("nrThunks"),
            thunks_avoided: counter("nrAvoided"),
            avoided_share: stats.avoided_share(),
            function_calls: counter("nrFunctionCalls"),
            primop_calls: counter("nrPrimOpCalls"),
            lookups: counter("nrLookups"),
            updates: counter("nrOpUpdates"),
            values_copied: counter("nrOpUpdateValuesCopied"),
            list_concats: counter("list.concats"),
            values: counter("values.number"),
            expressions: counter("nrExprs"),
            counters: stats
                .counters
                .iter()
                .map(|(name, count)| (name.clone(), *count))
                .collect(),
            primops: stats.primops.as_ref().map(|primops| {
                let most = limit(top, primops.len());
                let view = |(name, count): &(String, u64)| PrimopView {
                    name: name.clone(),
                    count: *count,
                };
                primops[..most].iter().map(view).collect()
            }),
            total_functions: stats.functions.as_ref().map(Vec::len),
            functions: calls(&stats.functions),
            attributes: calls(&stats.attributes),
        }
    }
}

fn view(calls: &Calls) -> CallsView {
    CallsView {
        name: calls.name.clone(),
        file: calls.file.clone(),
        line: calls.line,
        column: calls.column,
        count: calls.count,
    }
}
