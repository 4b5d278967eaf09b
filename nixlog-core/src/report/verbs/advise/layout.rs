//! The result of `advise`, laid out.

use super::{AdviceView, AdviseResult, ChangeView, PlanStepView, SavingBasis, StepKind};
use crate::report::document::{Document, Section, SectionLine};
use crate::report::envelope::Report;
use crate::report::format::{duration, harmless, percent, plural};
use crate::report::simulated::replay;
use crate::report::table::{Cell, Columns, Table, limit, more, plain};
use crate::report::words::{next, notes, nothing, with_failures};

/// Lays out the result of `advise`; `top` is how many to list, 0 for all.
pub(super) fn document(report: &Report<AdviseResult>, top: usize) -> Document {
    let result = &report.result;
    let shown = limit(top, result.advice.len());
    let mut all = Vec::new();
    all.extend(
        more(result.advice.len(), shown, "more advice")
            .map(|it| it.replace("advices", "pieces of advice")),
    );
    let error = replay(&result.replay);
    if !error.is_empty()
        && result
            .advice
            .iter()
            .any(|it| it.basis == Some(SavingBasis::Simulated))
    {
        all.push(error);
    }
    if result
        .advice
        .iter()
        .any(|it| it.basis == Some(SavingBasis::Estimated))
    {
        all.push(
            "≤: the time that was measured; how much of it can be saved is not known".to_owned(),
        );
    }
    all.extend(
        result
            .not_assessed
            .iter()
            .map(|it| format!("not assessed: {}; {}", it.what, it.supply)),
    );
    all.extend(notes(&report.diagnostics));
    let mut tables = vec![table(&result.advice[..shown])];
    if result.plan.len() > 1 {
        tables.push(plan(result));
    }
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables,
        sections: result.advice[..shown]
            .iter()
            .enumerate()
            .map(section)
            .collect(),
        notes: all,
        next: next(&report.input, "critical-path"),
        ..Document::default()
    }
}

fn verdict(report: &Report<AdviseResult>) -> String {
    let result = &report.result;
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    let Some(wall) = result.wall_ns else {
        return "this log has no times: nothing can be said about saving any".to_owned();
    };
    match (result.advice.as_slice(), result.combined_saving_ns) {
        ([], _) => format!(
            "nothing to gain that can be told from this log ({} wall)",
            duration(wall)
        ),
        (all, Some(saved)) if saved > 0 => format!(
            "{} wall: {} would save up to {} together ({})",
            duration(wall),
            pieces(all.len()),
            duration(saved),
            percent(saved as f64 / wall.max(1) as f64)
        ),
        (all, _) => format!("{} wall: {}", duration(wall), pieces(all.len())),
    }
}

fn pieces(n: usize) -> String {
    match n {
        1 => "one piece of advice".to_owned(),
        n => plural(n as u64, "piece of advice").replace("piece of advices", "pieces of advice"),
    }
}

fn saving(it: &AdviceView) -> Cell {
    match (it.saving_ns, it.basis) {
        (Some(saving), Some(SavingBasis::Estimated)) => Cell::AtMostNanos(saving),
        (saving, _) => Cell::nanos(saving),
    }
}

fn table(advice: &[AdviceView]) -> Table {
    let mut columns = Columns::<(usize, &AdviceView)>::new();
    columns.number("rank", "#", |(rank, _)| Cell::number(rank + 1));
    columns.text("level", "impact", |(_, it)| {
        Cell::text(&it.level.name().to_uppercase())
    });
    columns
        .text("title", "advice", |(_, it)| Cell::text(&it.title))
        .wraps();
    columns.number("saving_ns", "saves", |(_, it)| saving(it));
    columns
        .number("saving_share", "of wall", |(_, it)| {
            Cell::share(it.saving_share)
        })
        .rank(1);
    columns
        .text("confidence", "confidence", |(_, it)| {
            Cell::text(it.confidence.name())
        })
        .rank(2);
    columns
        .text("id", "id", |(_, it)| Cell::text(it.id))
        .for_programs();
    Table::new(columns, advice.iter().enumerate(), plain)
}

const fn step_words(step: StepKind) -> &'static str {
    match step {
        StepKind::Quick => "1. quick",
        StepKind::Configuration => "2. configuration",
        StepKind::Deeper => "3. deeper",
    }
}

fn plan(result: &AdviseResult) -> Table {
    let mut columns = Columns::<&PlanStepView>::new();
    columns.text("step", "step", |it| Cell::text(step_words(it.step)));
    columns.text("advice", "advice", |it| {
        let numbers: Vec<String> = it.advice.iter().map(|at| format!("#{}", at + 1)).collect();
        Cell::text(&numbers.join(", "))
    });
    columns.number("saving_ns", "saves then", |it| match it.saving_ns {
        Some(saving) if it.estimated_ns > 0 => Cell::AtMostNanos(saving),
        saving => Cell::nanos(saving),
    });
    Table::new(columns, &result.plan, plain)
        .titled("Plan")
        .legend([(
            "saving_ns",
            "after the steps before it: savings do not add up",
        )])
}

fn section((rank, it): (usize, &AdviceView)) -> Section {
    let mut lines: Vec<SectionLine> = Vec::new();
    lines.push(SectionLine::Words(change(&it.change)));
    let mut said = it
        .evidence
        .iter()
        .map(|text| harmless(text).into_owned())
        .collect::<Vec<_>>();
    if let (Some(low), Some(high), Some(SavingBasis::Simulated)) =
        (it.saving_low_ns, it.saving_high_ns, it.basis)
    {
        said.push(format!("saves {} to {}", duration(low), duration(high)));
    }
    lines.extend(
        said.into_iter()
            .map(|text| SectionLine::Words(format!("- {text}"))),
    );
    lines.extend(
        it.caveats
            .iter()
            .map(|text| SectionLine::Words(format!("- but: {text}"))),
    );
    lines.extend(
        it.missing_input
            .iter()
            .map(|text| SectionLine::Words(format!("- surer with: {text}"))),
    );
    Section {
        title: format!("#{} {}", rank + 1, harmless(&it.title)),
        lines,
    }
}

/// Says what to change.
fn change(change: &ChangeView) -> String {
    match change {
        ChangeView::Setting { name, value, .. } => format!("nix.conf: {name} = {value}"),
        ChangeView::Expression { text }
        | ChangeView::Command { text }
        | ChangeView::Other { text } => harmless(text).into_owned(),
    }
}
