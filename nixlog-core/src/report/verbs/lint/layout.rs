//! The result of `lint`, laid out.

use super::{FindingView, LintResult, ProblemView};
use crate::lint::Rule;
use crate::report::document::{Document, Section, SectionLine};
use crate::report::envelope::Report;
use crate::report::format::{harmless, percent, plural};
use crate::report::table::{Cell, Columns, Table, more, plain};
use crate::report::words::notes;

/// So many files that could not be checked are named.
const MOST_PROBLEMS: usize = 5;

/// Lays out the result of `lint`.
pub(super) fn document(report: &Report<LintResult, ()>) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    all.extend(more(
        result.total_findings,
        result.findings.len(),
        "more finding",
    ));
    let hidden = result.hidden.filter(|&n| n > 0);
    all.extend(hidden.map(|n| {
        let findings = plural(n as u64, "finding");
        let costs = if n == 1 { "costs" } else { "cost" };
        format!("{findings} {costs} nothing in the profile; `--all` lists all")
    }));
    if result.hidden.is_some() {
        all.push(
            "costs: samples in these lines and in what is called there; some of it may be needed"
                .to_owned(),
        );
        let unknown = result.findings.iter().filter(|it| it.cost_share.is_none());
        let unknown = unknown.count() as u64;
        if unknown > 0 {
            let findings = plural(unknown, "finding");
            all.push(format!("{findings} without a cost: the profile has nothing of these files, or under another path"));
        }
    }
    all.extend(result.problems.iter().take(MOST_PROBLEMS).map(problem));
    let unnamed = result.problems.len().saturating_sub(MOST_PROBLEMS);
    if unnamed > 0 {
        let files = plural(unnamed as u64, "more file");
        all.push(format!("warning: {files} could not be checked"));
    }
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: verdict(result),
        tables: vec![findings(result)],
        sections: sections(result),
        notes: all,
        next: None,
        ..Document::default()
    }
}

fn verdict(result: &LintResult) -> String {
    let files = plural(result.files as u64, "file");
    if result.files == 0 {
        return "no Nix file was checked".to_owned();
    }
    if result.total_findings == 0 {
        return format!("nothing found in {files}");
    }
    let findings = plural(result.total_findings as u64, "finding");
    let with = result.files_with_findings;
    // That there is none of these is worth to be said.
    let is_told = |rule: Rule, n: usize| n > 0 || rule == Rule::ImportFromDerivation;
    let counts = Rule::ALL.into_iter().filter_map(|rule| {
        let n = *result.counts.get(rule.name())?;
        is_told(rule, n).then(|| format!("{}: {n}", rule.title()))
    });
    let counts: Vec<String> = counts.collect();
    format!("{findings} in {with} of {files}: {}", counts.join("; "))
}

fn problem(it: &ProblemView) -> String {
    let file = harmless(&it.file);
    let place = match (it.line, it.column) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        _ => file.into_owned(),
    };
    format!("warning: {place}: not checked: {}", harmless(&it.message))
}

/// For programs; people have it by rule.
fn findings(result: &LintResult) -> Table {
    let number = |n: u32| Cell::count(Some(u64::from(n)));
    let mut columns = Columns::<&FindingView>::new();
    columns.text("rule", "rule", |it| Cell::text(it.rule.name()));
    columns.text("file", "file", |it| Cell::text(&it.file));
    columns.number("line", "line", move |it| number(it.line));
    columns.number("column", "column", move |it| number(it.column));
    columns.number("end_line", "last line", move |it| number(it.end_line));
    columns.text("message", "what", |it| Cell::text(&it.message));
    columns.text("fix", "fix", |it| Cell::text(&it.fix));
    columns.number("cost_share", "cost", |it| Cell::share(it.cost_share));
    columns.for_programs();
    Table::new(columns, &result.findings, plain)
}

/// What each rule found, why that matters and what to do; the rule of the first finding first.
fn sections(result: &LintResult) -> Vec<Section> {
    let mut by_rule: Vec<(Rule, Vec<&FindingView>)> = Vec::new();
    for it in &result.findings {
        match by_rule.iter_mut().find(|(rule, _)| *rule == it.rule) {
            Some((_, findings)) => findings.push(it),
            None => by_rule.push((it.rule, vec![it])),
        }
    }
    let section = |(rule, findings): (Rule, Vec<&FindingView>)| {
        let why = [rule.reason().to_owned(), format!("fix: {}", rule.fix())];
        let lines = why.into_iter().chain(findings.into_iter().map(line));
        Section {
            title: rule.name().to_owned(),
            lines: lines.map(SectionLine::Words).collect(),
        }
    };
    by_rule.into_iter().map(section).collect()
}

fn line(it: &FindingView) -> String {
    let cost = it.cost_share.map(|share| format!("{} ", percent(share)));
    let cost = cost.unwrap_or_default();
    let (file, message) = (harmless(&it.file), harmless(&it.message));
    format!("{cost}{file}:{}:{}: {message}", it.line, it.column)
}
