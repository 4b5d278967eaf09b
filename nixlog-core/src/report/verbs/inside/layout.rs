//! The result of `inside`, laid out.

use super::{InsideResult, SilenceView, StepView};
use crate::analysis::inside::{StepOrder, Took};
use crate::build_log::steps::StepKind;
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{duration, harmless, plural};
use crate::report::table::{Cell, Columns, Names, Table, more, plain};
use crate::report::unit::BuilderPhaseView;
use crate::report::words::{next, notes, nothing, shell_word, with_failures};

/// How many silences are shown.
const SILENCES: usize = 5;

/// Lays out the result of `inside`.
pub(super) fn document(report: &Report<InsideResult>, names: Names) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    all.extend(more(result.total_steps, result.steps.len(), "more step"));
    all.extend(marks(&result.steps));
    if result.left_out_steps > 0 {
        let steps = plural(result.left_out_steps, "more step");
        all.push(format!("{steps}: too many to keep, and in no sum"));
    }
    if let Some(jobs) = result.jobs.filter(|_| result.unit.is_some()) {
        all.push(format!(
            "its tools were told to run {} at once",
            plural(jobs.into(), "job")
        ));
    }
    if result.unit.is_some() && !result.others.is_empty() {
        all.push(others(result));
    }
    all.extend(notes(&report.diagnostics));
    let verb = match &result.unit {
        Some(unit) => format!("log {}", shell_word(&unit.name)),
        None => "critical-path".to_owned(),
    };
    Document {
        verdict: with_failures(verdict(report, names), &report.input),
        tables: vec![
            step_table(result),
            kind_table(result),
            phase_table(result),
            silence_table(&result.silences),
        ],
        notes: all,
        next: next(&report.input, &verb),
        ..Document::default()
    }
}

fn others(result: &InsideResult) -> String {
    let mut names: Vec<String> = result
        .others
        .iter()
        .take(3)
        .map(|name| harmless(name).into_owned())
        .collect();
    let rest = result.matching.saturating_sub(1 + names.len());
    if rest > 0 {
        names.push(format!("{rest} more"));
    }
    format!(
        "the longest of {} that match; the others: {}",
        result.matching,
        names.join(", ")
    )
}

fn verdict(report: &Report<InsideResult>, names: Names) -> String {
    let result = &report.result;
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    let whose = match &result.unit {
        Some(unit) => harmless(if names.full_paths {
            &unit.path
        } else {
            &unit.name
        })
        .into_owned(),
        None if result.matching == 0 => return "nothing in this log matches".to_owned(),
        None => plural(result.matching as u64, "build"),
    };
    let steps = plural(result.total_steps as u64, "step");
    let Some(work) = result.work_ns else {
        return format!("{whose}: {steps}; how long they took is not in this log");
    };
    let total = duration(work);
    if result.total_steps == 0 && result.kinds.is_empty() {
        return format!("{whose}: nothing tells what its {total} were spent on");
    }
    // What is below a hundredth is no answer.
    let is_much = |wall: &u64| wall.saturating_mul(100) >= work && *wall > 0;
    let kinds = result
        .kinds
        .iter()
        .filter_map(|kind| Some((kind.wall_ns.filter(is_much)?, kind.kind)));
    let parts: Vec<String> = kinds
        .map(|(wall, kind)| format!("{} {}", duration(wall), words(kind)))
        .collect();
    let untold = result.untold_ns.filter(is_much).map(duration);
    let untold = untold
        .map(|untold| format!("; nothing tells of {untold}"))
        .unwrap_or_default();
    match parts.as_slice() {
        [] => format!("{whose}: {steps}; nothing tells what its {total} were spent on"),
        parts => format!("{whose}: of {total}, {}{untold}", parts.join(", ")),
    }
}

/// Says what time went into.
const fn words(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Configure => "configuring",
        StepKind::Compile => "compiling",
        StepKind::Link => "linking",
        StepKind::Test => "in tests",
        StepKind::Install => "installing",
        StepKind::Fixup => "in fixup",
        StepKind::Other => "for the rest",
    }
}

/// Explains the marks that occur.
fn marks(steps: &[StepView]) -> Option<String> {
    let meanings = [
        (
            Took::AtMost,
            "≤: no line tells when it was over; at the latest when the next began",
        ),
        (
            Took::AtLeast,
            "≥: no line tells when it began; others ran beside it",
        ),
        (
            Took::UntilNext,
            "~: others ran beside it; the time until the next began",
        ),
    ];
    let occurs = |took: &(Took, _)| {
        steps
            .iter()
            .any(|step| step.took_is == took.0 && step.took_ns.is_some())
    };
    let meanings: Vec<&str> = meanings
        .into_iter()
        .filter(occurs)
        .map(|(_, words)| words)
        .collect();
    (!meanings.is_empty()).then(|| meanings.join("; "))
}

fn took(step: &StepView) -> Cell {
    match (step.took_ns, step.took_is) {
        (None, _) => Cell::Unknown,
        (Some(nanos), Took::Exactly) => Cell::Nanos(nanos),
        (Some(nanos), Took::AtMost) => Cell::MarkedNanos("≤", nanos),
        (Some(nanos), Took::AtLeast) => Cell::MarkedNanos("≥", nanos),
        (Some(nanos), Took::UntilNext) => Cell::MarkedNanos("~", nanos),
    }
}

fn step_table(result: &InsideResult) -> Table {
    let start = result.unit.as_ref().and_then(|unit| unit.start_ns);
    let mut columns = Columns::<&StepView>::new();
    columns.number("took_ns", "took", |step| took(step));
    columns
        .text("took_is", "took_is", |step| Cell::text(step.took_is.name()))
        .for_programs();
    columns.text("kind", "kind", |step| Cell::text(step.kind.name()));
    columns
        .text("tool", "tool", |step| Cell::text(step.tool.name()))
        .rank(2);
    columns
        .text("build", "build", |step| {
            Cell::text(step.build.as_deref().unwrap_or_default())
        })
        .rank(1);
    columns.text("name", "step", |step| Cell::text(&step.name));
    let since_start = move |step: &&StepView| {
        let at = step
            .start_ns
            .zip(start)
            .map(|(at, start)| at.saturating_sub(start));
        Cell::nanos(at.filter(|_| result.sort == StepOrder::Start || step.took_ns.is_some()))
    };
    columns
        .number("since_build_started_ns", "after", since_start)
        .rank(3);
    columns
        .number("start_ns", "start_ns", |step| Cell::nanos(step.start_ns))
        .for_programs();
    columns
        .number("end_ns", "end_ns", |step| Cell::nanos(step.end_ns))
        .for_programs();
    columns
        .text("bounded", "bounded", |step| {
            Cell::text(if step.bounded { "true" } else { "false" })
        })
        .for_programs();
    columns
        .number("line", "line", |step| Cell::count(Some(step.line)))
        .rank(4);
    Table::new(columns, &result.steps, plain).legend([
        (
            "since_build_started_ns",
            "when it began, from the start of the build",
        ),
        ("line", "the line of the build's log that tells of it"),
    ])
}

fn kind_table(result: &InsideResult) -> Table {
    let mut columns = Columns::<(Option<StepKind>, usize, Option<u64>, Option<f64>)>::new();
    columns.text("kind", "kind", |(kind, ..)| {
        Cell::text(kind.map_or("(not told)", StepKind::name))
    });
    columns.number("wall_ns", "time", |&(.., wall, _)| Cell::nanos(wall));
    columns.number("share", "share", |&(.., share)| Cell::share(share));
    columns.number("steps", "steps", |&(_, steps, ..)| Cell::number(steps));
    let kinds = result
        .kinds
        .iter()
        .map(|kind| (Some(kind.kind), kind.steps, kind.wall_ns, kind.share));
    let share = crate::report::envelope::share(result.untold_ns, result.work_ns);
    let untold = result.untold_ns.filter(|untold| *untold > 0);
    let untold = untold.map(|untold| (None, 0, Some(untold), share));
    Table::new(columns, kinds.chain(untold), plain).titled("what the time was spent on")
}

fn phase_table(result: &InsideResult) -> Table {
    let mut columns = Columns::<&BuilderPhaseView>::new();
    columns.text("builder_phase", "builder phase", |phase| {
        Cell::text(&phase.name)
    });
    columns.number("duration_ns", "took", |phase| {
        Cell::nanos(phase.duration_ns)
    });
    columns
        .number("phase_start_ns", "phase_start_ns", |phase| {
            Cell::nanos(phase.start_ns)
        })
        .for_programs();
    let phases = result.unit.iter().flat_map(|unit| &unit.builder_phases);
    Table::new(columns, phases, plain).titled("builder phases")
}

fn silence_table(silences: &[SilenceView]) -> Table {
    let mut columns = Columns::<&SilenceView>::new();
    columns.number("silent_ns", "silent", |silence| {
        Cell::nanos(Some(silence.duration_ns))
    });
    columns.number("silent_after_line", "after line", |silence| {
        Cell::count(Some(silence.after_line))
    });
    columns.text("silent_after", "which said", |silence| {
        Cell::text(&silence.after)
    });
    // Programs get as many as people: the rest is in JSON.
    let shown = silences
        .iter()
        .filter(|silence| silence.duration_ns >= 1_000_000_000);
    Table::new(columns, shown.take(SILENCES), plain).titled("without a line")
}
