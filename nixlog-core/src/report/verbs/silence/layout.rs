//! The result of `silence`, laid out.

use super::{BuildSilenceView, PackageSilenceView, SilenceResult};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{count, duration, harmless, plural};
use crate::report::table::{Cell, Columns, Names, Table, more, plain};
use crate::report::words::{next, notes, nothing, shell_word, with_failures};

/// Lays out the result of `silence`.
pub(super) fn document(report: &Report<SilenceResult>, names: Names) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    all.extend(more(
        result.total_silences,
        result.silences.len(),
        "more silence",
    ));
    if !result.silences.is_empty() {
        all.push("only whole lines count here; for Nix any output ends a silence".to_owned());
    }
    all.extend(notes(&report.diagnostics));
    let verb = match result.silences.first() {
        Some(first) => format!("inside {}", shell_word(&first.unit.name)),
        None => "slowest".to_owned(),
    };
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables: vec![silence_table(result, names), package_table(result)],
        notes: all,
        next: next(&report.input, &verb),
        ..Document::default()
    }
}

fn verdict(report: &Report<SilenceResult>) -> String {
    let result = &report.result;
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    let builds = plural(result.builds as u64, "build");
    if result.builds == 0 {
        return "nothing in this log matches".to_owned();
    }
    let (Some(longest), Some(least)) = (result.longest_ns, result.max_silent_time_s) else {
        return format!("{builds}; for how long they printed nothing is not in this log");
    };
    let who = result
        .silences
        .first()
        .map(|first| format!(" in {}", harmless(&first.unit.name)));
    let who = who.unwrap_or_default();
    format!(
        "the longest silence of {builds}: {}{who}; `max-silent-time` must be at least {} s",
        duration(longest),
        count(least)
    )
}

fn silence_table(result: &SilenceResult, names: Names) -> Table {
    let mut columns = Columns::<&BuildSilenceView>::new();
    columns.number("duration_ns", "silent", |it| {
        Cell::nanos(Some(it.silence.duration_ns))
    });
    columns.names(names, "build", |it| it.unit.names());
    columns
        .number("start_ns", "since", |it| {
            Cell::nanos(Some(it.silence.start_ns))
        })
        .rank(2);
    columns
        .number("end_ns", "end_ns", |it| {
            Cell::nanos(Some(it.silence.end_ns))
        })
        .for_programs();
    columns
        .number("after_line", "after line", |it| {
            Cell::count(Some(it.silence.after_line))
        })
        .rank(3);
    columns
        .text("after", "which said", |it| Cell::text(&it.silence.after))
        .rank(1);
    Table::new(columns, &result.silences, plain)
}

fn package_table(result: &SilenceResult) -> Table {
    let mut columns = Columns::<&PackageSilenceView>::new();
    columns.text("pname", "package", |it| Cell::text(&it.pname));
    columns.number("builds", "builds", |it| Cell::number(it.builds));
    columns.number("longest_ns", "longest silence", |it| {
        Cell::nanos(Some(it.longest_ns))
    });
    columns.number("max_silent_time_s", "max-silent-time", |it| {
        Cell::count(Some(it.max_silent_time_s))
    });
    Table::new(columns, &result.packages, plain).titled("packages")
}
