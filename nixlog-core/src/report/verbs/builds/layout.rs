//! The result of `builds`, laid out.

use super::{BuildsResult, GroupView};
use crate::analysis::groups::GroupBy;
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{duration, plural};
use crate::report::table::{Cell, Columns, Names, Table, Weight, more};
use crate::report::unit_table::{Shown, marks, table};
use crate::report::words::{next, notes, nothing, with_failures};

/// Lays out the result of `builds`.
pub(super) fn document(report: &Report<BuildsResult>, names: Names) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    let table = match result.group_by {
        None => {
            all.extend(more(result.total_units, result.units.len(), "more unit"));
            all.extend(marks(&result.units, report.input.clock));
            let shown = Shown {
                names,
                rank: false,
                start: true,
                evaluation: result.units.iter().any(|unit| unit.evaluation_waited),
                wall_ns: report.input.wall_ns,
            };
            table(&result.units, shown)
        }
        Some(by) => {
            all.extend(more(result.total_groups, result.groups.len(), "more group"));
            if by == GroupBy::BuilderPhase {
                all.push("a build counts in each of its builder phases".to_owned());
            }
            let is_unknown =
                |group: &GroupView| group.unknown_durations > 0 && group.work_ns.is_some();
            if result.groups.iter().any(is_unknown) {
                all.push("~: without the units whose duration is not known".to_owned());
            }
            group_table(result, by)
        }
    };
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables: vec![table],
        notes: all,
        next: next(&report.input, "critical-path"),
        ..Document::default()
    }
}

fn verdict(report: &Report<BuildsResult>) -> String {
    let result = &report.result;
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    if result.total_units == 0 {
        return "nothing in this log matches".to_owned();
    }
    let units = plural(result.total_units as u64, "unit");
    let groups = result.group_by.map(|by| {
        let groups = plural(result.total_groups as u64, "group");
        format!(" in {groups} by {}", by.name())
    });
    let groups = groups.unwrap_or_default();
    match (result.total_duration_ns, result.unknown_durations) {
        (None, _) => format!("{units}{groups}; their durations are not in this log"),
        (Some(total), 0) => format!("{units}{groups} took {} in total", duration(total)),
        (Some(total), n) => format!(
            "{units}{groups} took {} in total, without {n} whose durations are unknown",
            duration(total)
        ),
    }
}

/// What those are called that have nothing in common.
const fn without(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Machine => "(this machine)",
        GroupBy::Substituter => "(from no substituter)",
        GroupBy::BuilderPhase | GroupBy::Pname | GroupBy::Kind | GroupBy::Outcome => "(none)",
    }
}

fn group_table(result: &BuildsResult, by: GroupBy) -> Table {
    let mut columns = Columns::<&GroupView>::new();
    columns.text("key", by.name(), move |group| match group.key.as_deref() {
        None => Cell::text(without(by)),
        Some("") => Cell::text("(unnamed)"),
        Some(key) => Cell::text(key),
    });
    columns.number("units", "units", |group| Cell::number(group.units));
    columns.number("work_ns", "work", |group| {
        Cell::estimated(group.work_ns, group.unknown_durations > 0)
    });
    columns
        .number("busy_ns", "busy", |group| Cell::nanos(group.busy_ns))
        .rank(1);
    columns
        .number("critical_ns", "critical", |group| {
            Cell::nanos(group.critical_ns)
        })
        .rank(1);
    columns
        .number("failed", "failed", |group| Cell::number(group.failed))
        .rank(2);
    columns
        .number("bytes", "transferred", |group| Cell::bytes(group.bytes))
        .rank(3);
    columns
        .number("log_lines", "log lines", |group| {
            Cell::count(group.log_lines)
        })
        .rank(4);
    columns
        .number("start_ns", "first started", |group| {
            Cell::nanos(group.start_ns)
        })
        .rank(5);
    let weight = |group: &&GroupView| match group.failed {
        0 => Weight::Plain,
        _ => Weight::Bad,
    };
    Table::new(columns, &result.groups, weight).legend([
        ("work_ns", "sum of all durations"),
        ("busy_ns", "time with any of them running"),
        ("critical_ns", "how much of the critical path lies in them"),
    ])
}
