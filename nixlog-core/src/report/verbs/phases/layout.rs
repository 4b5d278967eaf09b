//! The result of `phases`, laid out.

use std::cmp::Reverse;

use super::{BuilderPhaseTotalView, OutcomeView, PhaseView, PhasesResult, PlanView, TotalView};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{bytes, duration, harmless, plural};
use crate::report::table::{Cell, Columns, Table, Weight, plain, weight};
use crate::report::words::{evaluation_waits, next, notes, nothing, part_words};
use crate::timeline::{Outcome, Phase};

/// Lays out the result of `phases`.
pub(super) fn document(report: &Report<PhasesResult>) -> Document {
    let result = &report.result;
    let mut tables = vec![phase_table(result)];
    if !result.builder_phases.is_empty() {
        tables.push(builder_phase_table(result));
    }
    if result
        .outcomes
        .iter()
        .any(|outcome| outcome.outcome != Outcome::Succeeded)
    {
        tables.push(outcome_table(result));
    }
    let mut notes = notes(&report.diagnostics);
    notes.extend(evaluation_waits(&result.evaluation_waits));
    if result.phases.iter().any(|phase| phase.total.estimated) {
        notes.insert(
            0,
            "~: estimated: the log does not say when all of this ended; time in which any of several may \
             have been at work counts for the one that started last"
                .to_owned(),
        );
    }
    notes.extend(announced(&result.plan));
    let next = next(&report.input, "slowest");
    Document {
        verdict: phases_verdict(report),
        tables,
        notes,
        next,
        ..Document::default()
    }
}

/// Says in one line where the time went.
fn phases_verdict(report: &Report<PhasesResult>) -> String {
    let result = &report.result;
    let builds = builds(report);
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    let Some(wall) = result.wall_ns else {
        let lines = plural(report.input.lines, "line");
        let failed = result.evaluation_error.as_ref();
        let failed = failed.map_or_else(String::new, |error| {
            format!("evaluation failed: {}; ", harmless(error))
        });
        return format!("{lines} without timestamps: {failed}{builds}; durations are unknown");
    };
    let wall = duration(wall);
    if let Some(error) = &result.evaluation_error {
        let error = harmless(error);
        return match result.outcomes.is_empty() {
            true => format!("evaluation failed after {wall}: {error}"),
            false => format!("evaluation failed after {wall}: {error} ({builds})"),
        };
    }
    match where_time_went(report) {
        Some(largest) => format!("{wall} wall: {largest} ({builds})"),
        None => format!("{wall} wall; the log does not tell what took it ({builds})"),
    }
}

/// Names the largest phases with their shares; `None` where nothing says where the time went.
pub(in crate::report) fn where_time_went(report: &Report<PhasesResult>) -> Option<String> {
    let timed = |phase: &&PhaseView| phase.total.wall_ns.is_some_and(|wall| wall > 0);
    let mut phases: Vec<&PhaseView> = report.result.phases.iter().filter(timed).collect();
    if phases.iter().all(|phase| phase.phase == Phase::Waiting) {
        return None;
    }
    phases.sort_by_key(|phase| Reverse(phase.total.wall_ns));
    let walls = phases.iter().filter_map(|phase| phase.total.wall_ns);
    let percents = in_hundredths(&walls.collect::<Vec<_>>());
    let parts = phases.iter().zip(percents);
    // What does not even round to one in a hundred is not worth a word.
    let parts: Vec<String> = parts
        .filter(|&(_, percent)| percent > 0)
        .map(|(phase, percent)| format!("{percent}% {}", phase.phase.name()))
        .collect();
    Some(parts.join(", "))
}

/// Rounds the shares of a whole to hundredths by largest remainders, so that they add up to it.
fn in_hundredths(parts: &[u64]) -> Vec<u64> {
    let whole: u128 = parts.iter().map(|&part| u128::from(part)).sum();
    if whole == 0 {
        return vec![0; parts.len()];
    }
    let exact = |part: u64| u128::from(part) * 100;
    let floor = |part: u64| u64::try_from(exact(part) / whole).unwrap_or(100);
    let mut rounded: Vec<u64> = parts.iter().map(|&part| floor(part)).collect();
    let mut by_remainder: Vec<usize> = (0..parts.len()).collect();
    by_remainder.sort_by_key(|&place| Reverse(exact(parts[place]) % whole));
    let left = 100_u64.saturating_sub(rounded.iter().sum());
    for (_, place) in (0..left).zip(by_remainder) {
        rounded[place] += 1;
    }
    rounded
}

/// Counts the builds, and those that went wrong.
fn builds(report: &Report<PhasesResult>) -> String {
    let (result, failed) = (&report.result, report.input.failed);
    let n_of = |outcome: Outcome| {
        let mut outcomes = result.outcomes.iter();
        outcomes
            .find(|each| each.outcome == outcome)
            .map_or(0, |each| each.count)
    };
    let n_all: usize = result.outcomes.iter().map(|each| each.count).sum();
    let n_builds = n_all - n_of(Outcome::DependencyFailed);
    let mut builds = plural(n_builds as u64, "build");
    for (n, how) in [
        (failed.builds, "failed"),
        (n_of(Outcome::Interrupted), "interrupted"),
        (failed.paths, "not fetched"),
    ] {
        if n > 0 {
            builds = format!("{builds}, {n} {how}");
        }
    }
    match failed.command {
        true => format!("{builds}; the command failed"),
        false => builds,
    }
}

/// A row of the main table: a phase, a part of one, or the sum.
struct Line<'a> {
    name: &'a str,
    total: &'a TotalView,
    units: Option<usize>,
    weight: Weight,
}

fn phase_table(result: &PhasesResult) -> Table {
    let all = TotalView {
        wall_ns: result.wall_ns,
        share: Some(1.0),
        busy_ns: None,
        work_ns: None,
        // The critical path adds up to the wall time as the wall column does.
        critical_ns: result.wall_ns.filter(|_| {
            let mut phases = result.phases.iter();
            phases.any(|phase| phase.total.critical_ns.is_some())
        }),
        estimated: false,
    };
    let mut lines = Vec::new();
    for phase in &result.phases {
        lines.push(Line {
            name: phase.phase.name(),
            total: &phase.total,
            units: Some(phase.units),
            weight: Weight::Plain,
        });
        lines.extend(phase.parts.iter().map(|part| Line {
            name: part_words(part.part),
            total: &part.total,
            units: None,
            weight: Weight::Part,
        }));
    }
    if result.wall_ns.is_some() {
        lines.push(Line {
            name: "total",
            total: &all,
            units: None,
            weight: Weight::Total,
        });
    }
    let time = |total: &TotalView, time| Cell::estimated(time, total.estimated);
    let mut columns = Columns::<Line<'_>>::new();
    columns.text("phase", "phase", |line| Cell::text(line.name));
    columns.number("wall_ns", "wall", |line| {
        time(line.total, line.total.wall_ns)
    });
    columns.number("share", "share", |line| Cell::share(line.total.share));
    columns
        .number("busy_ns", "busy", |line| {
            time(line.total, line.total.busy_ns)
        })
        .rank(1);
    columns
        .number("work_ns", "work", |line| {
            time(line.total, line.total.work_ns)
        })
        .rank(2);
    columns
        .number("critical_ns", "critical", |line| {
            Cell::nanos(line.total.critical_ns)
        })
        .rank(3);
    columns
        .number("units", "units", |line| {
            line.units.map_or(Cell::Unknown, Cell::number)
        })
        .rank(1);
    columns
        .text("estimated", "estimated", |line| {
            Cell::text(if line.total.estimated { "yes" } else { "" })
        })
        .for_programs();

    Table::new(columns, lines, |line| line.weight).legend([
        ("wall_ns", "divided among the phases active at each instant"),
        ("busy_ns", "time with any of it active"),
        ("work_ns", "sum of all durations"),
    ])
}

/// How many builder phases are listed; builders may invent as many as they like.
const BUILDER_PHASES: usize = 16;

fn builder_phase_table(result: &PhasesResult) -> Table {
    let name = |phase: &&BuilderPhaseTotalView| match &*phase.name {
        "" => Cell::text("(unnamed)"),
        name => Cell::text(name),
    };
    let mut columns = Columns::<&BuilderPhaseTotalView>::new();
    columns.text("builder_phase", "builder phase", name);
    columns.number("work_ns", "work", |phase| Cell::nanos(phase.work_ns));
    columns
        .number("busy_ns", "busy", |phase| Cell::nanos(phase.busy_ns))
        .rank(1);
    columns
        .number("critical_ns", "critical", |phase| {
            Cell::nanos(phase.critical_ns)
        })
        .rank(2);
    columns
        .number("builds", "builds", |phase| Cell::number(phase.builds))
        .rank(1);

    let phases = result.builder_phases.iter().take(BUILDER_PHASES);
    Table::new(columns, phases, plain).titled("Builder phases")
}

fn outcome_table(result: &PhasesResult) -> Table {
    let mut columns = Columns::<&OutcomeView>::new();
    columns.text("outcome", "outcome", |it| Cell::text(it.outcome.name()));
    columns.number("derivations", "derivations", |it| Cell::number(it.count));

    Table::new(columns, &result.outcomes, |it| weight(it.outcome)).titled("Derivations")
}

/// Says what Nix announced before it began.
fn announced(plan: &PlanView) -> Option<String> {
    let builds = plan
        .builds
        .map(|n| format!("{} to build", plural(n, "derivation")));
    let fetches = plan.fetches.map(|n| {
        let sizes = plan.download_bytes.zip(plan.unpacked_bytes);
        let sizes = sizes.map(|(download, unpacked)| {
            format!(
                " ({} to download, {} unpacked)",
                bytes(download),
                bytes(unpacked)
            )
        });
        format!(
            "{} to fetch{}",
            plural(n, "path"),
            sizes.unwrap_or_default()
        )
    });
    let parts: Vec<String> = builds.into_iter().chain(fetches).collect();
    (!parts.is_empty()).then(|| format!("Nix announced: {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundredths_add_up() {
        let cases: [(&[u64], &[u64]); 5] = [
            (&[1, 1, 1], &[34, 33, 33]),
            (&[475, 475, 50], &[48, 47, 5]),
            (&[995, 5], &[100, 0]),
            (&[7], &[100]),
            (&[], &[]),
        ];
        for (parts, want) in cases {
            assert_eq!(in_hundredths(parts), want, "{parts:?}");
        }
        assert_eq!(in_hundredths(&[u64::MAX, 1]), [100, 0]);
        assert_eq!(in_hundredths(&[0, 0]), [0, 0]);
    }
}
