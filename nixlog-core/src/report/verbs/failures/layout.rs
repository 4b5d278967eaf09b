//! The result of `failures`, laid out.

use super::{FailureView, FailuresResult, LogLineView, Options};
use crate::analysis::excerpts::LogSource;
use crate::report::document::{Document, Section, SectionLine, Tone};
use crate::report::envelope::Report;
use crate::report::format::{duration, harmless, plural};
use crate::report::table::{Cell, Columns, Names, Table, Weight, more};
use crate::report::words::{next, notes, nothing, shell_word};
use crate::store_path::name_of;
use crate::timeline::{CacheFault, Clock, FailureKind, UnitKind};

/// So many lines of the end of a log are shown where something in it names the cause, and where not.
const TAIL: usize = 5;
const TAIL_ALONE: usize = 15;

/// So many lines of what Nix said are shown.
const WORDS: usize = 12;

/// So many names are listed.
const NAMED: usize = 5;

/// Lays out the result of `failures`.
pub(super) fn document(report: &Report<FailuresResult>, options: Options) -> Document {
    let result = &report.result;
    let is_timed = report.input.clock != Clock::None;
    let sections = (1..).zip(&result.units);
    let sections = sections
        .map(|(place, unit)| section(place, unit, result.units.len(), is_timed, options))
        .collect();
    if options.is_brief {
        let more = result.total_units.saturating_sub(result.units.len()) as u64;
        let more = (more > 0).then(|| format!("{}: nixlog failures", plural(more, "more failure")));
        return Document {
            verdict: verdict(report),
            sections,
            notes: more.into_iter().collect(),
            ..Document::default()
        };
    }
    let mut all: Vec<String> = more(result.total_units, result.units.len(), "more failure")
        .into_iter()
        .collect();
    all.extend(unattributed(result));
    all.extend(interrupted(result));
    for it in &result.unreachable {
        let times = match it.count {
            1 => String::new(),
            n => format!(" ({n}×)"),
        };
        let (machine, why) = (harmless(&it.machine), harmless(&it.message));
        all.push(format!("{machine} could not be used{times}: {why}"));
    }
    for untold in &result.untold {
        all.push(format!(
            "a build failed, and the log does not say which: {}",
            harmless(untold)
        ));
    }
    all.extend(notes(&report.diagnostics));
    let what_next = match result.units.first() {
        Some(failed) => whole_log(report, failed),
        None => next(&report.input, "critical-path"),
    };
    Document {
        verdict: verdict(report),
        tables: vec![table(result, options.names)],
        sections,
        notes: all,
        next: what_next,
        ..Document::default()
    }
}

/// Says what shows the whole log of a build: the recording, where it has the lines, else Nix.
fn whole_log(report: &Report<FailuresResult>, failed: &FailureView) -> Option<String> {
    let is_here = failed.log_source == Some(LogSource::Log) && report.input.clock != Clock::None;
    let verb = format!("log {}", shell_word(&failed.unit.name));
    let here = next(&report.input, &verb).filter(|_| is_here);
    here.or_else(|| failed.log_command.as_deref().map(command))
}

/// Quotes a command for the shell, word by word: paths come from the log.
fn command(command: &str) -> String {
    let words: Vec<String> = command.split(' ').map(shell_word).collect();
    words.join(" ")
}

fn verdict(report: &Report<FailuresResult>) -> String {
    let result = &report.result;
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    let failed = result.units.iter().filter(|unit| !unit.recovered).count();
    let n_recovered = result.units.len() - failed;
    let n_failed = result.total_units - n_recovered;
    let first = result.units.iter().find(|unit| !unit.recovered);
    let subject = match (n_failed, first) {
        (1, Some(only)) => match only.unit.kind {
            UnitKind::Evaluation => "evaluation failed".to_owned(),
            _ => format!("{} failed", harmless(&only.unit.name)),
        },
        (0, _) if !result.untold.is_empty() => {
            format!("{} failed", plural(result.untold.len() as u64, "build"))
        }
        (0, _) => match &result.gave_up {
            Some(words) => return format!("the command failed: {}", harmless(words)),
            None if n_recovered > 0 => {
                let tries = plural(n_recovered as u64, "try");
                return format!(
                    "nothing failed in the end; {tries} failed before another succeeded"
                );
            }
            None if report.input.interrupted => return "interrupted; nothing failed".to_owned(),
            None if !report.input.complete => {
                return "nothing failed up to where this log ends".to_owned();
            }
            None => return "nothing failed".to_owned(),
        },
        (n, _) => format!("{n} failed"),
    };
    match result.not_built.len() {
        0 => subject,
        1 => format!("{subject}; 1 derivation that needs it was not built"),
        n => format!("{subject}; {n} derivations that need what failed were not built"),
    }
}

/// Says what was not built, where it is not known for which failure.
fn unattributed(result: &FailuresResult) -> Option<String> {
    let unknown = result.units.iter().any(|unit| unit.blocked.is_none());
    let n = result.not_built.len();
    (unknown && n > 0).then(|| {
        format!(
            "not built: {}; which failure each of them needs is known with their `.drv` files: \
             `--derivations`",
            listed(result.not_built.iter().map(|path| name_of(path)))
        )
    })
}

fn interrupted(result: &FailuresResult) -> Option<String> {
    let n = result.interrupted.len();
    (n > 0).then(|| {
        let names = result.interrupted.iter().map(|unit| unit.name.as_str());
        format!("cut off when it ended: {}", listed(names))
    })
}

/// Lists names, the first few of them.
fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let n = names.len();
    let most = if n <= NAMED + 1 { n } else { NAMED };
    let named: Vec<_> = names.take(most).map(harmless).collect();
    match n - most {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn table(result: &FailuresResult, names: Names) -> Table {
    let mut columns = Columns::<&FailureView>::new();
    columns.names(names, "name", |it| (&it.unit.name, &it.unit.path));
    columns.text("failure", "failure", |it| Cell::text(it.failure.name()));
    columns
        .text("reason", "reason", |it| {
            Cell::text(it.unit.reason.as_deref().unwrap_or_default())
        })
        .for_programs();
    columns
        .text("builder_phase", "phase", |it| {
            Cell::text(it.builder_phase.as_deref().unwrap_or_default())
        })
        .rank(2);
    columns
        .number("duration_ns", "after", |it| {
            Cell::nanos(it.unit.duration_ns)
        })
        .rank(1);
    columns
        .number("blocked", "blocked", |it| {
            Cell::count(it.blocked.as_ref().map(|blocked| blocked.len() as u64))
        })
        .rank(1);
    columns
        .text("machine", "machine", |it| {
            Cell::text(it.unit.machine.as_deref().unwrap_or_default())
        })
        .rank(3);
    columns
        .text("exit_code", "exit code", |it| match it.unit.exit_code {
            Some(code) => Cell::text(&code.to_string()),
            None => Cell::Unknown,
        })
        .for_programs();
    columns
        .text("cause", "cause", |it| {
            Cell::text(first_line(it).unwrap_or_default())
        })
        .for_programs();
    columns
        .text("recovered", "recovered", |it| {
            Cell::text(if it.recovered { "yes" } else { "" })
        })
        .rank(2);
    if result.units.len() == 1 {
        // People have it all in the section.
        columns.for_programs();
    }
    let weight = |it: &&FailureView| match it.recovered {
        true => Weight::Plain,
        false => Weight::Bad,
    };
    Table::new(columns, &result.units, weight).legend([
        ("blocked", "derivations not built for it"),
        ("recovered", "a later try succeeded"),
    ])
}

/// Returns what says best why a unit failed, as far as its log tells.
fn first_line(failed: &FailureView) -> Option<&str> {
    let cause = failed.causes.first();
    cause.map(|cause| cause.headline.as_str())
}

fn section(
    place: usize,
    failed: &FailureView,
    n: usize,
    is_timed: bool,
    options: Options,
) -> Section {
    let mut lines = Vec::new();
    lines.extend(kind_lines(failed));
    let n_causes = failed.causes.len();
    for (at, cause) in failed.causes.iter().enumerate() {
        for (row, line) in cause.lines.iter().enumerate() {
            let tone = if row == 0 { Tone::Bad } else { Tone::Plain };
            lines.push(quoted(line, tone));
        }
        if at + 1 < n_causes {
            lines.push(SectionLine::Gap);
        }
    }
    let unseen = failed.total_causes.saturating_sub(n_causes as u64);
    if unseen > 0 {
        lines.push(SectionLine::Words(format!("and {unseen} more of the like")));
    }
    if !options.is_brief || failed.causes.is_empty() {
        lines.extend(tail(failed));
    }
    if lines.is_empty() {
        lines.extend(words_of(failed));
    }
    lines.extend(blocked(failed));
    if let Some(log) = failed.log_command.as_deref()
        && (n > 1 || options.is_brief)
    {
        lines.push(SectionLine::Words(format!("whole log: {}", command(log))));
    }
    Section {
        title: title(place, failed, n, is_timed),
        lines,
    }
}

/// Says of a failure what it is, in one line.
fn title(place: usize, failed: &FailureView, n: usize, is_timed: bool) -> String {
    let number = if n > 1 {
        format!("{place}. ")
    } else {
        String::new()
    };
    let name = match failed.unit.kind {
        UnitKind::PostBuildHook => format!("post-build hook of {}", harmless(&failed.unit.name)),
        _ => harmless(&failed.unit.name).into_owned(),
    };
    let what = match (failed.failure, failed.unit.reason.as_deref()) {
        (FailureKind::Substitution, reason) => not_fetched(failed, reason),
        (FailureKind::DiskFull, Some(reason)) => format!("the disk is full ({reason})"),
        (FailureKind::DiskFull, None) => "the disk is full".to_owned(),
        (FailureKind::OutOfMemory, Some(reason)) => format!("memory ran out ({reason})"),
        (FailureKind::OutOfMemory, None) => "memory ran out".to_owned(),
        (_, Some(reason)) => harmless(reason).into_owned(),
        (_, None) => "failed".to_owned(),
    };
    let phase = failed.builder_phase.as_deref();
    let phase = phase.map(|phase| format!(" in {}", harmless(phase)));
    let after = failed.unit.duration_ns.filter(|_| is_timed);
    let after = after.map(|took| format!(" after {}", duration(took)));
    let on = failed.unit.machine.as_deref();
    let on = on.map(|machine| format!(" on {}", harmless(machine)));
    let parts = [phase, after, on].into_iter().flatten();
    format!("{number}{name}: {what}{}", parts.collect::<String>())
}

/// Says that a path could not be fetched, from where, and why.
fn not_fetched(failed: &FailureView, reason: Option<&str>) -> String {
    let from = failed.unit.source.as_deref();
    let from = from.map_or_else(String::new, |from| format!(" from {}", harmless(from)));
    let reason = reason.or(failed.cache_fault.map(CacheFault::name));
    let why = reason.map_or_else(String::new, |why| format!(": {}", harmless(why)));
    format!("could not be fetched{from}{why}")
}

fn quoted(line: &LogLineView, tone: Tone) -> SectionLine {
    SectionLine::Quoted {
        number: line.line,
        text: harmless(&line.text).into_owned(),
        tone,
    }
}

/// Says what belongs to a kind of failure: the hashes, the place.
fn kind_lines(failed: &FailureView) -> Vec<SectionLine> {
    let words = |text: String| SectionLine::Words(text);
    let plain = |text: String| SectionLine::Quoted {
        number: None,
        text,
        tone: Tone::Plain,
    };
    let mut lines = Vec::new();
    if let (Some(specified), Some(got)) = (&failed.specified_hash, &failed.got_hash) {
        lines.push(plain(format!("specified: {}", harmless(specified))));
        lines.push(plain(format!("got:       {}", harmless(got))));
        lines.push(words(
            "the second one goes into the expression, if what came is what was meant".to_owned(),
        ));
    }
    if let Some(place) = &failed.place {
        let column = place.column.map(|column| format!(":{column}"));
        let column = column.unwrap_or_default();
        lines.push(words(format!(
            "at {}:{}{column}",
            harmless(&place.file),
            place.line
        )));
    }
    match failed.failure {
        FailureKind::Evaluation => lines.extend(words_of(failed)),
        FailureKind::TimedOut => lines.push(words(
            "the limit is the setting `timeout`, or `max-silent-time`, which Nix words the same from 2.34 on"
                .to_owned(),
        )),
        FailureKind::Silent => lines.push(words(
            "the limit is the setting `max-silent-time`: how long a build may print nothing"
                .to_owned(),
        )),
        FailureKind::LogTooLong => lines.push(words(
            "the limit is the setting `max-build-log-size`".to_owned(),
        )),
        FailureKind::SystemMissing | FailureKind::FeaturesMissing | FailureKind::NoSlot => {
            lines.extend(words_of(failed));
        }
        _ => {}
    }
    lines
}

/// Shows the last lines of a log that are not shown already.
fn tail(failed: &FailureView) -> Vec<SectionLine> {
    let most = match failed.causes.is_empty() {
        true => TAIL_ALONE,
        false => TAIL,
    };
    let is_shown = |line: &&LogLineView| {
        let mut shown = failed.causes.iter().flat_map(|cause| &cause.lines);
        shown.any(|shown| match line.line {
            Some(_) => shown.line == line.line,
            None => shown.text == line.text,
        })
    };
    let start = failed.log_tail.len().saturating_sub(most);
    let left = failed.log_tail[start..]
        .iter()
        .filter(|line| !is_shown(line));
    let left: Vec<&LogLineView> = left.filter(|line| !line.text.trim().is_empty()).collect();
    let mut lines = Vec::new();
    if !left.is_empty() {
        let from = match failed.log_source {
            Some(LogSource::Store) => "the end of its log, as Nix stored it:",
            _ => "the end of its log:",
        };
        lines.push(SectionLine::Words(from.to_owned()));
    }
    lines.extend(left.into_iter().map(|line| quoted(line, Tone::Plain)));
    lines
}

/// Shows what Nix said; of an error of the evaluator what went wrong in the end, without what led there.
fn words_of(failed: &FailureView) -> Vec<SectionLine> {
    let message = failed.message.as_deref().unwrap_or_default();
    let lines = message.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<&str> = lines.collect();
    let starts = |line: &&str| line.trim_start().starts_with("error:");
    let start = match failed.failure {
        FailureKind::Evaluation => lines.iter().rposition(starts).unwrap_or(0),
        _ => 0,
    };
    let own = &lines[start..];
    let indent = own
        .iter()
        .map(|line| line.len() - line.trim_start().len())
        .min();
    let shown = own.iter().take(WORDS).map(|line| SectionLine::Quoted {
        number: None,
        text: harmless(&line[indent.unwrap_or(0)..]).into_owned(),
        tone: Tone::Plain,
    });
    let mut shown: Vec<SectionLine> = shown.collect();
    let left = lines.len() - own.len().min(WORDS);
    if left > 0 {
        let more = plural(left as u64, "more line");
        shown.push(SectionLine::Words(format!(
            "and {more}: `--format json` has all"
        )));
    }
    shown
}

fn blocked(failed: &FailureView) -> Option<SectionLine> {
    let blocked = failed
        .blocked
        .as_ref()
        .filter(|blocked| !blocked.is_empty())?;
    let names = listed(blocked.iter().map(|path| name_of(path)));
    Some(SectionLine::Words(format!("not built for it: {names}")))
}
