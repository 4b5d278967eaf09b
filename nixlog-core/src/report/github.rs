//! Annotations of GitHub Actions: lines on standard output that a workflow's page shows beside the job.

use std::io::{self, Write};

use super::envelope::Report;
use super::format::{duration, harmless, percent, plural};
use super::verbs::check::CheckResult;
use super::verbs::failures::{FailureView, FailuresResult};
use super::verbs::lint::LintResult;
use crate::analysis::limits::Answer;

/// GitHub shows so many of a kind for a step.
const MOST: usize = 10;

/// Writes what failed, an annotation each.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(report: &Report<FailuresResult>, out: &mut dyn Write) -> io::Result<()> {
    let result = &report.result;
    let (bad, recovered): (Vec<_>, Vec<_>) = result.units.iter().partition(|it| !it.recovered);
    let unnamed: Vec<&String> = result.untold.iter().chain(&result.gave_up).collect();
    for it in bad.iter().take(MOST) {
        annotate("error", it, out)?;
    }
    for words in unnamed.iter().take(MOST.saturating_sub(bad.len())) {
        annotation("error", &[], "Nix failed", &[(*words).clone()], out)?;
    }
    for it in recovered.iter().take(MOST) {
        annotate("warning", it, out)?;
    }
    if bad.is_empty() && unnamed.is_empty() && recovered.is_empty() {
        // Only whoever debugs the workflow sees it.
        writeln!(out, "::debug::nothing failed")?;
    }
    let n_shown = bad.len().min(MOST) + recovered.len().min(MOST);
    let more = result.total_units.saturating_sub(n_shown);
    if more > 0 {
        writeln!(
            out,
            "::notice::{more} more failures: nixlog failures --top 0"
        )?;
    }
    Ok(())
}

/// Writes which limits do not hold, an annotation each, and which have nothing to be held against them.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write_check(report: &Report<CheckResult, ()>, out: &mut dyn Write) -> io::Result<()> {
    let result = &report.result;
    // What counts as failed is one.
    let skip = if result.strict { "error" } else { "notice" };
    for (verdict, level) in [(Answer::Fail, "error"), (Answer::Skip, skip)] {
        let checks = result.checks.iter();
        for it in checks.filter(|it| it.verdict == verdict).take(MOST) {
            let title = format!("nixlog check: {}", it.name);
            annotation(level, &[], &title, &[it.line()], out)?;
        }
    }
    if result.passed {
        let words = format!("{} checked", plural(result.checks.len() as u64, "limit"));
        annotation("notice", &[], "nixlog check passed", &[words], out)?;
    }
    Ok(())
}

/// Writes what was found in Nix files, an annotation each.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write_lint(report: &Report<LintResult, ()>, out: &mut dyn Write) -> io::Result<()> {
    let result = &report.result;
    for it in result.findings.iter().take(MOST) {
        let place = [
            ("file", it.file.clone()),
            ("line", it.line.to_string()),
            ("endLine", it.end_line.to_string()),
            ("col", it.character.to_string()),
        ];
        let title = format!("nixlog lint: {}", it.rule.name());
        let cost = it
            .cost_share
            .map(|share| format!("cost: {}", percent(share)));
        let lines = [
            it.message.clone(),
            it.rule.reason().to_owned(),
            format!("fix: {}", it.fix),
        ];
        let lines: Vec<String> = lines.into_iter().chain(cost).collect();
        annotation("warning", &place, &title, &lines, out)?;
    }
    let files = plural(result.files as u64, "file");
    let more = result
        .total_findings
        .saturating_sub(result.findings.len().min(MOST));
    if result.total_findings == 0 {
        let words = format!("nothing found in {files}");
        annotation("notice", &[], "nixlog lint", &[words], out)?;
    }
    if more > 0 {
        let words = format!(
            "{}: nixlog lint --top 0",
            plural(more as u64, "more finding")
        );
        annotation("notice", &[], "nixlog lint", &[words], out)?;
    }
    Ok(())
}

/// Writes one annotation: where, what in brief, and what there is to say.
fn annotation(
    level: &str,
    place: &[(&str, String)],
    title: &str,
    lines: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = ("title", title.to_owned());
    let properties = place.iter().chain([&title]);
    let properties: Vec<String> = properties
        .map(|(name, value)| format!("{name}={}", property(value)))
        .collect();
    let text: Vec<String> = lines.iter().map(|line| message(line)).collect();
    let properties = properties.join(",");
    writeln!(out, "::{level} {properties}::{}", text.join("%0A"))
}

fn annotate(level: &str, failed: &FailureView, out: &mut dyn Write) -> io::Result<()> {
    let mut at = Vec::new();
    if let Some(place) = &failed.place {
        at.extend([
            ("file", place.file.clone()),
            ("line", place.line.to_string()),
        ]);
        at.extend(place.column.map(|column| ("col", column.to_string())));
    }
    let mut lines: Vec<String> = failed
        .causes
        .iter()
        .flat_map(|cause| &cause.lines)
        .map(|line| line.text.clone())
        .collect();
    if let (Some(specified), Some(got)) = (&failed.specified_hash, &failed.got_hash) {
        lines.extend([
            format!("specified: {specified}"),
            format!("got:       {got}"),
        ]);
    }
    if lines.is_empty() {
        let tail = failed.log_tail.iter().rev().take(5).rev();
        lines.extend(tail.map(|line| line.text.clone()));
    }
    if lines.is_empty() {
        let words = failed.message.as_deref().unwrap_or_default().lines();
        lines.extend(words.take(MOST).map(str::to_owned));
    }
    if let Some(blocked) = failed
        .blocked
        .as_ref()
        .filter(|blocked| !blocked.is_empty())
    {
        lines.push(format!("not built for it: {}", blocked.len()));
    }
    lines.extend(
        failed
            .log_command
            .iter()
            .map(|command| format!("whole log: {command}")),
    );
    annotation(level, &at, &title(failed), &lines, out)
}

fn title(failed: &FailureView) -> String {
    let reason = failed.unit.reason.as_deref().unwrap_or("failed");
    let phase = failed.builder_phase.as_ref();
    let phase = phase.map_or_else(String::new, |phase| format!(" in {phase}"));
    let after = failed.unit.duration_ns;
    let after = after.map_or_else(String::new, |took| format!(" after {}", duration(took)));
    format!("{}: {reason}{phase}{after}", failed.unit.name)
}

/// Quotes the text of an annotation (`escapeData` in GitHub's `toolkit`).
fn message(text: &str) -> String {
    let text = harmless(text);
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Quotes a property of an annotation (`escapeProperty`).
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
