//! The result of `eval`, laid out.

use super::place::short;
use super::tables::{
    COSTS, all_counters, by_table, costs, counters, files, functions, inputs, jobs_table, primops,
    profile_of, waited, waits,
};
use super::{EvalResult, Shown, SourceKind, StatsView};
use crate::eval::stacks::By;
use crate::report::document::{Document, Section, SectionLine};
use crate::report::envelope::{Input, Report};
use crate::report::evaluation_waits::WaitedFor;
use crate::report::format::{bytes, count, duration, harmless, percent, plural};
use crate::report::table::{Table, limit, more};
use crate::report::words::{next, notes, nothing, with_failures};
use crate::statistics::proportion::interval;

/// Lays out the result of `eval`.
pub(super) fn document(report: &Report<EvalResult, Option<Input>>, shown: Shown) -> Document {
    let result = &report.result;
    let mut tables = match shown.by {
        _ if shown.counters => result
            .stats
            .as_ref()
            .map(all_counters)
            .into_iter()
            .collect(),
        Some(by) => by_table(result, by, shown.names),
        None => all_tables(result, shown),
    };
    // Programs get the columns of the first one even if it is empty.
    if tables.iter().any(Table::is_shown) {
        tables.retain(Table::is_shown);
    }
    let mut all = Vec::new();
    if shown.counters {
        return Document {
            verdict: verdict(report),
            tables,
            ..Document::default()
        };
    }
    if shown.by.is_none() {
        let total = waited(result).len();
        all.extend(more(total, limit(shown.top, total), "more wait"));
    }
    all.extend(notes_of(result, shown.by));
    if shown.hints {
        all.extend(missing(result, report.input.as_ref(), shown.by));
    }
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: verdict(report),
        tables,
        sections: match shown.by {
            Some(_) => Vec::new(),
            None => sections(result),
        },
        notes: all,
        next: report
            .input
            .as_ref()
            .filter(|input| shown.hints && input.is_nix)
            .and_then(|input| next(input, "phases")),
        ..Document::default()
    }
}

fn verdict(report: &Report<EvalResult, Option<Input>>) -> String {
    let result = &report.result;
    let is_only_log = result.sources.iter().all(|it| it.kind == SourceKind::Log);
    if let Some(nothing) = report.input.as_ref().and_then(nothing)
        && is_only_log
    {
        return nothing;
    }
    let blocked = result.blocked_ns.filter(|&blocked| blocked > 0);
    let worked = match (result.wall_ns, blocked) {
        (None, _) => None,
        (Some(wall), None) => Some(format!("{} evaluation", duration(wall))),
        (Some(wall), Some(blocked)) => Some(format!(
            "{} evaluation, and {} that it waited{}",
            duration(wall),
            duration(blocked),
            waited_for(result)
        )),
    };
    let stats = result.stats.as_ref();
    let gc = |stats: &StatsView| {
        let share = stats.gc_share.map(|share| format!(" ({})", percent(share)));
        let gc = stats.gc_ns.filter(|&gc| gc > 0).map(duration)?;
        Some(format!(
            "{gc} in garbage collection{}",
            share.unwrap_or_default()
        ))
    };
    let parts = [
        worked,
        stats.and_then(|it| Some(format!("{} CPU", duration(it.cpu_ns?)))),
        stats.and_then(gc),
        stats.and_then(|it| Some(format!("heap {}", bytes(it.heap_bytes?)))),
        result
            .jobs
            .as_ref()
            .map(|jobs| plural(jobs.total as u64, "attribute")),
        result
            .profile
            .as_ref()
            .map(|profile| plural(profile.samples, "sample")),
        result
            .function_calls
            .as_ref()
            .map(|calls| format!("{} in traced calls", duration(calls.samples))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let verdict = match (parts.is_empty(), &report.input) {
        (false, _) => parts.join(" · "),
        (true, Some(input)) if input.is_nix && input.wall_ns.is_none() => {
            "this log has no times: how long evaluation took is not known".to_owned()
        }
        (true, _) => "no evaluation in what was read".to_owned(),
    };
    match &report.input {
        Some(input) => with_failures(verdict, input),
        None => verdict,
    }
}

/// Says for what evaluation waited, in the order of what cost most.
fn waited_for(result: &EvalResult) -> String {
    let Some(blocked) = result.blocked else {
        return String::new();
    };
    let builds = result
        .waits
        .iter()
        .any(|it| it.wait.reason == WaitedFor::Import);
    let mut parts = [
        (
            blocked.store_ns,
            match builds {
                true => "imports from derivations",
                false => "downloads",
            },
        ),
        (blocked.input_fetches_ns, "inputs"),
        (blocked.source_imports_ns, "sources"),
    ];
    parts.sort_by_key(|&(time, _)| std::cmp::Reverse(time));
    let total = result.blocked_ns.unwrap_or_default();
    let parts: Vec<&str> = parts
        .into_iter()
        .filter(|&(time, _)| time.saturating_mul(20) >= total && time > 0)
        .map(|(_, words)| words)
        .collect();
    match parts.as_slice() {
        [] => String::new(),
        parts => format!(" for {}", parts.join(", ")),
    }
}

fn all_tables(result: &EvalResult, shown: Shown) -> Vec<Table> {
    let mut tables = vec![waits(result, shown)];
    match profile_of(result) {
        Some(profile) => {
            let kinds = [
                By::Module,
                By::File,
                By::Function,
                By::Input,
                By::Derivation,
            ];
            let costs = kinds
                .into_iter()
                .filter_map(|by| costs(profile, by, shown.names));
            tables.extend(costs.enumerate().map(|(place, table)| match place {
                0 => table.legend(COSTS),
                _ => table,
            }));
        }
        None => tables.push(files(result, shown.names)),
    }
    tables.extend(result.inputs.as_deref().map(inputs));
    if let Some(stats) = &result.stats {
        tables.push(counters(stats));
        tables.extend(functions(stats, shown.names));
        tables.extend(primops(stats));
    }
    tables.extend(result.jobs.as_ref().map(jobs_table));
    tables
}

/// How many directories of a source, and how many warnings, are shown.
const MOST_LISTED: usize = 5;

fn sections(result: &EvalResult) -> Vec<Section> {
    let mut sections = Vec::new();
    for import in result
        .source_imports
        .iter()
        .filter(|it| !it.largest.is_empty())
    {
        let line = |directory: &super::DirectoryView| {
            let files = plural(directory.files, "file");
            let path = harmless(&directory.path);
            SectionLine::Words(format!("{:>10}  {path} ({files})", bytes(directory.bytes)))
        };
        let all: u64 = import.largest.iter().map(|it| it.bytes).sum();
        let is_much = |it: &super::DirectoryView| it.bytes.saturating_mul(50) >= all;
        sections.push(Section {
            title: format!("What is large in {}", harmless(&short(&import.unit.name))),
            lines: import
                .largest
                .iter()
                .filter(|it| is_much(it))
                .take(MOST_LISTED)
                .map(line)
                .collect(),
        });
    }
    if !result.warnings.is_empty() {
        let line = |warning: &super::WarningView| {
            let times = (warning.count > 1).then(|| format!("{}× ", warning.count));
            let first = warning.text.lines().next().unwrap_or_default();
            let text = format!("{}{}", times.unwrap_or_default(), harmless(first));
            SectionLine::Quoted {
                number: None,
                text,
                tone: crate::report::document::Tone::Plain,
            }
        };
        let mut lines: Vec<SectionLine> =
            result.warnings.iter().take(MOST_LISTED).map(line).collect();
        let rest = result.warnings.len().saturating_sub(MOST_LISTED) as u64;
        if rest > 0 {
            lines.push(SectionLine::Words(plural(rest, "more warning")));
        }
        sections.push(Section {
            title: plural(result.warnings.len() as u64, "warning of evaluation")
                .replace("warning of evaluations", "warnings of evaluation"),
            lines,
        });
    }
    sections
}

/// What to know about the numbers.
fn notes_of(result: &EvalResult, by: Option<By>) -> Vec<String> {
    let mut notes = Vec::new();
    let shown =
        |total: Option<usize>, shown: usize, one: &str| more(total.unwrap_or_default(), shown, one);
    notes.extend(shown(result.total_files, result.files.len(), "more file"));
    if by == Some(By::Derivation) {
        let n_derivations = result.derivations.len();
        notes.extend(shown(
            result.total_derivations,
            n_derivations,
            "more derivation",
        ));
    }
    if let Some(stats) = &result.stats {
        let n_functions = stats.functions.as_ref().map_or(0, Vec::len);
        notes.extend(shown(stats.total_functions, n_functions, "more function"));
    }
    notes.extend(profile_notes(result, by));
    if result.evaluators > 1 {
        notes.push(format!(
            "{} evaluators printed statistics: these are of the one that worked most",
            result.evaluators
        ));
    }
    if let Some(cache) = result.attribute_cache {
        notes.push(format!(
            "the evaluation cache had {} of {}",
            count(cache.hits),
            plural(cache.hits + cache.misses, "attribute")
        ));
    }
    if result.dirty {
        notes.push(
            "the flake has changes that are not committed: Nix keeps nothing of its evaluation for next time"
                .to_owned(),
        );
    }
    if let Some(jobs) = &result.jobs {
        if jobs.failed > 0 {
            notes.push(format!(
                "{} could not be evaluated",
                plural(jobs.failed as u64, "attribute")
            ));
        }
        if jobs.jobs.iter().any(|job| job.wall_ns.is_some()) {
            notes.push(
                "what several attributes share is billed to whichever forces it first".to_owned(),
            );
        } else {
            notes.push("this nix-eval-jobs tells no times".to_owned());
        }
        notes.extend(more(jobs.total, jobs.jobs.len(), "more attribute"));
        if jobs.other_lines > 0 {
            notes.push(format!(
                "{} that are none of nix-eval-jobs'",
                plural(jobs.other_lines, "line")
            ));
        }
    }
    let sources: Vec<String> = result
        .sources
        .iter()
        .map(|source| match (source.kind, source.name.as_str()) {
            (SourceKind::Log, _) => "the log".to_owned(),
            (kind, "log") => format!("{} in it", words(kind)),
            (kind, name) => format!("{} from {}", words(kind), harmless(name)),
        })
        .collect();
    if !sources.is_empty() {
        notes.push(format!("read: {}", sources.join(", ")));
    }
    notes
}

/// What to know about the numbers of a profile.
fn profile_notes(result: &EvalResult, by: Option<By>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(profile) = &result.profile {
        let (low, high) = interval(profile.samples / 5, profile.samples).unwrap_or_default();
        let half = (high - low) * 50.0;
        notes.push(format!(
            "samples: of {}, a row of 20 % is right to ±{half:.1} points in 95 of 100 cases",
            count(profile.samples)
        ));
        if profile.samples == 0 {
            notes.pop();
            notes.push(
                "the profile is empty: the evaluation was too short for a single sample".to_owned(),
            );
        }
        match profile.frequency_hz {
            Some(hz) if hz > 0.0 => notes.push(format!(
                "at {hz} samples a second they stand for {:.1} s",
                profile.samples as f64 / hz
            )),
            _ => {}
        }
    }
    if let Some(profile) = profile_of(result) {
        notes.push(
            "a frame of a profile says where a call stands, not where the function does: a file has the cost of \
             what is called from it"
                .to_owned(),
        );
        if profile.bad_lines > 0 {
            notes.push(format!(
                "{} of the profile could not be read",
                plural(profile.bad_lines, "line")
            ));
        }
        let by = by.into_iter();
        for by in by {
            let (rows, total) = profile.by(by);
            notes.extend(more(total, rows.len(), "more row"));
        }
    }
    if result.traced_calls > 0 && result.function_calls.is_none() {
        notes.push(format!(
            "the log has {}: `--function-calls FILE` with the same log adds them up",
            plural(result.traced_calls, "traced function call")
        ));
    }
    notes
}

const fn words(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Log => "the log",
        SourceKind::Statistics => "statistics",
        SourceKind::Profile => "a profile",
        SourceKind::FunctionCalls => "function calls",
        SourceKind::Jobs => "what nix-eval-jobs printed",
        SourceKind::Lock => "inputs",
    }
}

/// Says what is not known, and what would supply it.
fn missing(result: &EvalResult, input: Option<&Input>, by: Option<By>) -> Vec<String> {
    let mut missing = Vec::new();
    let has = |kind: SourceKind| result.sources.iter().any(|source| source.kind == kind);
    if let Some(input) = input
        && input.is_nix
    {
        if result.total_files.is_none() && result.wall_ns.is_some() {
            let flag = match input.dialect {
                crate::dialect::Dialect::Lix => "-vvv",
                _ => "-v",
            };
            missing.push(format!(
                "not known: which files; `{flag}` makes Nix name them"
            ));
        }
        if result.stats.is_none() {
            missing.push(
                "not known: processor time, heap, counters; NIX_SHOW_STATS=1 makes Nix print them, \
                 NIX_COUNT_CALLS=1 the functions that were called most"
                    .to_owned(),
            );
        }
    }
    if by == Some(By::Option)
        && profile_of(result).is_some_and(|it| it.options.iter().all(|row| row.name.is_none()))
    {
        missing.push("not known: which option; the sources of the modules are not here".to_owned());
    }
    let needs_profile = by.is_none_or(|by| by != By::Derivation);
    if needs_profile && !has(SourceKind::Profile) && !has(SourceKind::FunctionCalls) {
        missing.push(
            "not known: which function and which module; `nixlog profile -- COMMAND` finds out, or \
             `--eval-profiler flamegraph` (Nix ≥ 2.30) and `nixlog eval --profile nix.profile`"
                .to_owned(),
        );
    }
    missing
}
