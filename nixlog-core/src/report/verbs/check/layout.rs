//! The result of `check`, laid out.

use super::{CheckResult, CheckView};
use crate::analysis::limits::{Answer, Subject};
use crate::analysis::measures::{Measure, MeasureUnit};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{duration, harmless, plural};
use crate::report::measured::{SideView, value};
use crate::report::table::{Cell, Columns, Table, Weight};
use crate::report::words::{notes, shell_word};

/// Lays out the result of `check`.
pub(super) fn document(report: &Report<CheckResult, ()>) -> Document {
    let result = &report.result;
    let mut all = vec![side("checked", &result.side)];
    all.extend(result.baseline.iter().map(|it| side("baseline", it)));
    let config = result.config.as_ref();
    all.extend(config.map(|file| format!("limits of {}", harmless(file))));
    let n_skipped = result
        .checks
        .iter()
        .filter(|it| it.verdict == Answer::Skip)
        .count();
    if n_skipped > 0 {
        all.push(match result.strict {
            true => "skip: no data, which counts as failed here".to_owned(),
            false => "skip: no data, which is no failure; `--strict` makes it one".to_owned(),
        });
    }
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: verdict(result),
        tables: vec![table(&result.checks)],
        notes: all,
        next: next(result),
        ..Document::default()
    }
}

fn side(what: &str, side: &SideView) -> String {
    let runs = plural(side.runs.len() as u64, "run");
    format!("{what}: {}, {runs}", harmless(&side.name))
}

fn verdict(result: &CheckResult) -> String {
    let names = |verdict: Answer| -> Vec<String> {
        let of = result.checks.iter().filter(|it| it.verdict == verdict);
        of.map(|it| harmless(&it.name).into_owned()).collect()
    };
    let (failed, skipped) = (names(Answer::Fail), names(Answer::Skip));
    let n = names(Answer::Ok).len();
    let held = plural(n as u64, "limit");
    let holds = if n == 1 { "holds" } else { "hold" };
    let skips = match skipped.as_slice() {
        [] => String::new(),
        names => format!("; skipped: {}", names.join(", ")),
    };
    match (result.passed, failed.is_empty()) {
        (true, _) => format!("passed: {held} {holds}{skips}"),
        (false, true) => format!("failed: {held} {holds}{skips}"),
        (false, false) => format!("failed: {}; {held} {holds}{skips}", failed.join(", ")),
    }
}

fn limit(it: &CheckView) -> String {
    let limit = value(it.unit, it.limit.0);
    match (&it.subject, it.limit_ns) {
        (Subject::Measure(Measure::HitRate), _) => format!("≥ {limit}"),
        (_, Some(nanos)) if nanos > 0 => format!("≤ +{limit} or +{}", duration(nanos)),
        (_, Some(_)) => format!("≤ +{limit}"),
        (_, None) => format!("≤ {limit}"),
    }
}

fn value_of(it: &CheckView) -> Option<String> {
    let number = it.value?.0;
    Some(match (it.unit, it.limit_ns) {
        (MeasureUnit::Share, Some(_)) => format!("{:+.1}%", number * 100.0),
        (unit, _) => value(unit, number),
    })
}

fn table(checks: &[CheckView]) -> Table {
    let mut columns = Columns::<&CheckView>::new();
    columns.text("verdict", "", |it| {
        let words = match it.verdict {
            Answer::Fail => "FAIL",
            verdict => verdict.name(),
        };
        Cell::Worded(words.to_owned(), it.verdict.name().to_owned())
    });
    columns.text("check", "check", |it| Cell::text(&it.name));
    columns.number("value", "value", |it| match value_of(it) {
        Some(words) => Cell::Worded(words, it.value.map_or(String::new(), |it| it.0.to_string())),
        None => Cell::Unknown,
    });
    columns.text("limit", "limit", |it| {
        Cell::Worded(limit(it), it.limit.0.to_string())
    });
    columns
        .text("unit", "unit", |it| Cell::text(it.unit.name()))
        .for_programs();
    columns.text("why", "why", |it| Cell::text(&it.why)).wraps();
    Table::new(columns, checks, |it| match it.verdict {
        Answer::Fail => Weight::Bad,
        _ => Weight::Plain,
    })
}

/// Says what came of a limit in one line.
pub(super) fn line(it: &CheckView) -> String {
    let value = value_of(it).map_or_else(String::new, |value| format!(" {value},"));
    let why = match it.why.is_empty() {
        true => String::new(),
        false => format!(" ({})", harmless(&it.why)),
    };
    format!("{}:{value} limit {}{why}", harmless(&it.name), limit(it))
}

/// Says in a few lines what came of it.
pub(super) fn summary(result: &CheckResult) -> Vec<String> {
    let bad = result.checks.iter().filter(|it| it.verdict == Answer::Fail);
    let head = format!(
        "nixlog check of {}: {}",
        harmless(&result.side.name),
        verdict(result)
    );
    [head].into_iter().chain(bad.map(line)).collect()
}

fn next(result: &CheckResult) -> Option<String> {
    let [_] = result.side.runs.as_slice() else {
        return None;
    };
    let of = shell_word(&result.side.name);
    match (&result.baseline, result.passed) {
        (Some(baseline), false) => Some(format!(
            "nixlog compare {} {of}",
            shell_word(&baseline.name)
        )),
        _ => Some(format!("nixlog critical-path {of}")),
    }
}
