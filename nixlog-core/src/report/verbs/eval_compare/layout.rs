//! The result of `eval --compare`, laid out.

use super::{ChangeView, EvalCompareResult, EvaluationView, FunctionChangeView};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{count, harmless, percent, plural};
use crate::report::table::{Cell, Columns, Table, more, plain};
use crate::report::words::notes;

/// Lays out the result of `eval --compare`.
pub(super) fn document(report: &Report<EvalCompareResult, ()>) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    let mut tables = vec![times(result)];
    tables.extend(counter_tables(result));
    tables.retain(Table::is_shown);
    let listed = result.counters.len();
    all.extend(more(
        result.total_counters.unwrap_or(listed),
        listed,
        "more counter",
    ));
    if let Some(functions) = &result.functions {
        let total = result.total_functions.unwrap_or_default();
        all.extend(more(total, functions.len(), "more function"));
    }
    if let Some(same) = result.same_counters.filter(|&same| same > 0) {
        all.push(format!("{} did not change", plural(same as u64, "counter")));
    }
    if result.total_counters.is_none() {
        all.push("not known: counters; both need NIX_SHOW_STATS=1".to_owned());
    } else if result.functions.is_none() {
        all.push("not known: which functions; both need NIX_COUNT_CALLS=1".to_owned());
    }
    if result.other_layout {
        all.push(
            "the two versions of Nix lay values out differently: numbers of bytes say nothing of the expressions"
                .to_owned(),
        );
    }
    all.push("times are of one run each, and vary; counters do not".to_owned());
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: in_short(result),
        tables,
        notes: all,
        ..Document::default()
    }
}

/// Lays out what is counted, and not measured.
pub(in crate::report::verbs) fn counter_tables(result: &EvalCompareResult) -> Vec<Table> {
    let functions = result.functions.as_deref().map(functions);
    let primops = result.primops.as_deref().map(primops);
    let all = [Some(counters(result)), functions, primops];
    all.into_iter().flatten().collect()
}

/// Says what changed most of what people know.
pub(in crate::report::verbs) fn in_short(result: &EvalCompareResult) -> String {
    let calls = |name: &str| result.counters.iter().find(|it| it.name == name);
    let said = [
        ("nrThunks", "thunks"),
        ("nrFunctionCalls", "function calls"),
        ("nrOpUpdateValuesCopied", "values copied by `//`"),
    ];
    let said: Vec<String> = said
        .into_iter()
        .filter_map(|(name, words)| Some(format!("{} {words}", signed_share(calls(name)?.share?))))
        .collect();
    match (result.total_counters, said.as_slice()) {
        (Some(0), _) => "the same work: no counter changed".to_owned(),
        (Some(_), []) => format!(
            "{} changed",
            plural(result.total_counters.unwrap_or_default() as u64, "counter")
        ),
        (Some(_), said) => said.join(", "),
        (None, _) => "only times are known of both".to_owned(),
    }
}

fn signed_share(share: f64) -> String {
    let sign = if share < 0.0 { "-" } else { "+" };
    format!("{sign}{}", percent(share.abs()))
}

/// A time of both.
struct Time {
    what: &'static str,
    before: Option<u64>,
    after: Option<u64>,
}

fn times(result: &EvalCompareResult) -> Table {
    let row = |what, of: fn(&EvaluationView) -> Option<u64>| Time {
        what,
        before: of(&result.before),
        after: of(&result.after),
    };
    let rows = [
        row("evaluation", |it| it.wall_ns),
        row("waited", |it| it.blocked_ns),
        row("CPU", |it| it.cpu_ns),
        row("garbage collection", |it| it.gc_ns),
    ];
    let rows = rows
        .into_iter()
        .filter(|row| row.before.is_some() || row.after.is_some());
    let mut columns = Columns::<Time>::new();
    columns.text("time", "time", |row| Cell::text(row.what));
    columns.number("before", "before", |row| Cell::nanos(row.before));
    columns.number("after", "after", |row| Cell::nanos(row.after));
    columns.number("difference", "difference", |row| {
        row.before
            .zip(row.after)
            .map_or(Cell::Unknown, |(before, after)| {
                let by = i64::try_from(before.abs_diff(after)).unwrap_or(i64::MAX);
                Cell::Change(if after < before { -by } else { by })
            })
    });
    Table::new(columns, rows, plain)
}

fn difference(change: &ChangeView) -> Cell {
    let Some(difference) = change.difference else {
        return Cell::Unknown;
    };
    let sign = if difference < 0 { "-" } else { "+" };
    let by = difference.unsigned_abs();
    Cell::Worded(format!("{sign}{}", count(by)), difference.to_string())
}

fn share(change: &ChangeView) -> Cell {
    change.share.map_or(Cell::Unknown, |share| {
        Cell::Worded(signed_share(share), format!("{share:.6}"))
    })
}

fn counters(result: &EvalCompareResult) -> Table {
    let mut columns = Columns::<&ChangeView>::new();
    columns.text("name", "counter", |it| Cell::text(&it.name));
    columns
        .number("before", "before", |it| Cell::count(it.before))
        .rank(1);
    columns
        .number("after", "after", |it| Cell::count(it.after))
        .rank(1);
    columns.number("difference", "difference", |it| difference(it));
    columns.number("share", "change", |it| share(it));
    Table::new(columns, &result.counters, plain).titled("Counters")
}

fn functions(functions: &[FunctionChangeView]) -> Table {
    let mut columns = Columns::<&FunctionChangeView>::new();
    columns.text("name", "function", |it| match it.change.name.as_str() {
        "" => Cell::text("(no name)"),
        name => Cell::text(name),
    });
    columns
        .number("before", "calls before", |it| Cell::count(it.change.before))
        .rank(1);
    columns
        .number("after", "after", |it| Cell::count(it.change.after))
        .rank(1);
    columns.number("difference", "difference", |it| difference(&it.change));
    columns.text("place", "where", |it| {
        let line = it.line.map(|line| format!(":{line}"));
        Cell::text(&format!(
            "{}{}",
            harmless(&it.file),
            line.unwrap_or_default()
        ))
    });
    Table::new(columns, functions, plain).titled("Functions called more or less often")
}

fn primops(primops: &[ChangeView]) -> Table {
    let mut columns = Columns::<&ChangeView>::new();
    columns.text("name", "primop", |it| Cell::text(&it.name));
    columns
        .number("before", "calls before", |it| Cell::count(it.before))
        .rank(1);
    columns
        .number("after", "after", |it| Cell::count(it.after))
        .rank(1);
    columns.number("difference", "difference", |it| difference(it));
    Table::new(columns, primops, plain).titled("Primops called more or less often")
}
