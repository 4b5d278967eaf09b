//! The result of `eval`, laid out.

use std::borrow::Cow;

use super::place::short;
use super::{
    CallsView, CostView, DerivationView, EvalResult, FileView, JobView, JobsView, LockedInputView,
    ProfileView, Shown, SourceKind, StatsView,
};
use crate::eval::stacks::By;
use crate::report::document::{Document, Section, SectionLine};
use crate::report::envelope::{Input, Report};
use crate::report::evaluation_waits::WaitedFor;
use crate::report::format::{bytes, count, duration, harmless, percent, plural};
use crate::report::table::{Cell, Columns, Names, Table, facts, limit, more, plain};
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
    tables.retain(Table::is_shown);
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

/// Returns the profile that is shown: where there are several, the one that tracing did not slow down.
fn profile_of(result: &EvalResult) -> Option<&ProfileView> {
    result.profile.as_ref().or(result.function_calls.as_ref())
}

/// Returns the tables that divide evaluation by something.
fn by_table(result: &EvalResult, by: By, names: Names) -> Vec<Table> {
    let of_profiles = [&result.profile, &result.function_calls]
        .into_iter()
        .flatten()
        .filter_map(|profile| costs(profile, by, names).map(|table| table.legend(COSTS)));
    let mut tables: Vec<Table> = of_profiles.collect();
    match by {
        By::File => tables.push(files(result, names)),
        By::Derivation => tables.push(derivations(result)),
        By::Input => tables.extend(result.inputs.as_deref().map(inputs)),
        By::Function => tables.extend(result.stats.as_ref().and_then(|it| functions(it, names))),
        By::Module | By::Option | By::Frame | By::Place => {}
    }
    tables
}

/// What the columns of costs mean.
const COSTS: [(&str, &str); 3] = [
    ("inclusive", "in it and in all that it called"),
    (
        "range",
        "between which shares the samples put it, with 95 % confidence",
    ),
    (
        "self",
        "in it, and in nothing else of the table that it called",
    ),
];

/// What a profile says by something; nothing where it says nothing of the kind.
fn costs(profile: &ProfileView, by: By, names: Names) -> Option<Table> {
    let (rows, _) = profile.by(by);
    let (title, what, none) = match by {
        By::File => ("By file", "calls from", "(no file)"),
        By::Function => ("By function", "function", "(no name)"),
        By::Module => ("By module", "module", "(in no module)"),
        By::Input => ("By input", "input", "(in no input)"),
        By::Option => ("By option", "option", "(for no option)"),
        By::Derivation => ("By derivation", "derivation", "(for no derivation)"),
        By::Frame | By::Place => return None,
    };
    if !rows.iter().any(|row| row.name.is_some()) {
        return None;
    }
    let mut columns = Columns::<&CostView>::new();
    columns
        .text("name", what, move |row| match row.name.as_deref() {
            None => Cell::text(none),
            Some(name) => place(names, name),
        })
        .keeps(names.full_paths);
    columns.number("inclusive", "inclusive", |row| Cell::Share(row.inclusive));
    if profile.is_sampled() {
        columns
            .text("range", "95 %", |row| match row.inclusive_range {
                Some((low, high)) => {
                    let (low, high) = (low * 100.0, high * 100.0);
                    Cell::Worded(
                        format!("{low:.1}–{high:.1}%"),
                        format!("{low:.4}-{high:.4}"),
                    )
                }
                None => Cell::Unknown,
            })
            .rank(1);
    }
    columns.number("self", "self", |row| Cell::Share(row.own));
    if rows.iter().any(|row| row.calls.is_some()) {
        columns
            .number("calls", "calls", |row| Cell::count(row.calls))
            .rank(2);
    }
    columns
        .text("callers", "asked for by", |row| {
            Cell::text(&asked_for_by(row))
        })
        .rank(3);
    // What belongs to nothing of the kind is what is left.
    let (named, rest): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.name.is_some());
    let rows = named.into_iter().chain(rest);
    Some(Table::new(columns, rows, plain).titled(title))
}

/// Names who made something cost most, if it is more than one in ten.
fn asked_for_by(row: &CostView) -> String {
    let callers = row.callers.iter().filter_map(|caller| {
        let name = caller.name.as_deref()?;
        let is_much = caller.inclusive * 10.0 >= row.inclusive;
        is_much.then(|| format!("{} {}", harmless(&end_of(name)), percent(caller.inclusive)))
    });
    callers.take(2).collect::<Vec<_>>().join(", ")
}

/// What evaluation waited for.
struct Waited<'a> {
    what: &'static str,
    name: &'a str,
    path: &'a str,
    took: Option<u64>,
    bytes: Option<u64>,
    last_file: Option<&'a str>,
}

/// Shows a file or a tree, in few characters unless all of it is asked for; programs have it in full.
fn place(names: Names, place: &str) -> Cell {
    match names.full_paths || place.is_empty() {
        true => Cell::text(place),
        false => Cell::Worded(harmless(&short(place)).into_owned(), place.to_owned()),
    }
}

/// Returns the last parts of a path: enough to know it again.
fn end_of(path: &str) -> Cow<'_, str> {
    let last = path.rmatch_indices('/').nth(1);
    match last {
        Some((at, _)) if !path[at..].contains(['»', '?']) => short(&path[at + 1..]),
        _ => short(path),
    }
}

/// Lists what evaluation waited for, longest first.
fn waited(result: &EvalResult) -> Vec<Waited<'_>> {
    let store = result.waits.iter().map(|it| {
        let asked_for = it.wait.units.last();
        Waited {
            what: match it.wait.reason {
                WaitedFor::Import => "import",
                WaitedFor::Store => "download",
            },
            name: asked_for.map_or("?", |unit| &unit.name),
            path: asked_for.map_or("", |unit| &unit.path),
            took: Some(it.wait.duration_ns),
            bytes: None,
            last_file: it.last_file.as_deref(),
        }
    });
    let inputs = result.input_fetches.iter().map(|it| Waited {
        what: "input",
        name: it.input.as_deref().unwrap_or(&it.unit.name),
        path: &it.unit.path,
        took: it.unit.duration_ns,
        bytes: it.bytes,
        last_file: None,
    });
    let sources = result.source_imports.iter().map(|it| Waited {
        what: "source",
        name: &it.unit.name,
        path: &it.unit.path,
        took: it.unit.duration_ns,
        bytes: it.bytes,
        last_file: None,
    });
    let mut rows: Vec<Waited<'_>> = store.chain(inputs).chain(sources).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.took));
    rows
}

fn waits(result: &EvalResult, shown: Shown) -> Table {
    let mut rows = waited(result);
    rows.truncate(limit(shown.top, rows.len()));
    let has_file = rows.iter().any(|row| row.last_file.is_some());
    let has_bytes = rows.iter().any(|row| row.bytes.is_some());
    let mut columns = Columns::<Waited<'_>>::new();
    columns.text("for", "waited for", |row| Cell::text(row.what));
    let names = shown.names;
    columns
        .text("name", "name", move |row| match names.full_paths {
            true => Cell::text(row.path),
            false => place(names, row.name),
        })
        .keeps(names.full_paths);
    columns
        .text("path", "path", |row| Cell::text(row.path))
        .for_programs();
    columns.number("duration_ns", "took", |row| Cell::nanos(row.took));
    if has_bytes {
        columns
            .number("bytes", "size", |row| Cell::bytes(row.bytes))
            .rank(1);
    }
    if has_file {
        columns
            .text("last_file", "last file before it", move |row| {
                place(names, row.last_file.unwrap_or_default())
            })
            .rank(2);
    }
    let table = Table::new(columns, rows, plain).titled("What evaluation waited for");
    let for_imports = (
        "for",
        "import: a derivation that was built so that evaluation could go on",
    );
    let last_file = (
        "last_file",
        "what asked for it is in that file, or in one before it",
    );
    match result.waits.is_empty() {
        true => table,
        false => table.legend([for_imports, last_file]),
    }
}

fn files(result: &EvalResult, names: Names) -> Table {
    let mut columns = Columns::<&FileView>::new();
    columns
        .text("path", "file", move |file| place(names, &file.path))
        .keeps(names.full_paths);
    columns.number("until_next_ns", "until the next", |file| {
        match file.until_next_ns {
            Some(time) => Cell::AtMostNanos(time),
            None => Cell::Unknown,
        }
    });
    columns
        .number("share", "share", |file| {
            Cell::share(result.share(file.until_next_ns))
        })
        .rank(1);
    columns
        .number("start_ns", "began", |file| Cell::nanos(file.start_ns))
        .rank(2);
    Table::new(columns, &result.files, plain)
        .titled("Files")
        .legend([(
            "until_next_ns",
            "how long evaluation worked until it began with another file: an upper bound for loading this one",
        )])
}

fn derivations(result: &EvalResult) -> Table {
    let mut columns = Columns::<&DerivationView>::new();
    columns.text("name", "derivation", |it| Cell::text(&it.name));
    columns.number("since_previous_ns", "since the one before", |it| {
        match it.since_previous_ns {
            Some(time) => Cell::AtMostNanos(time),
            None => Cell::Unknown,
        }
    });
    columns
        .number("share", "share", |it| {
            Cell::share(result.share(it.since_previous_ns))
        })
        .rank(1);
    columns
        .number("end_ns", "made", |it| Cell::nanos(it.end_ns))
        .rank(2);
    Table::new(columns, &result.derivations, plain)
        .titled("Derivations")
        .legend([(
            "since_previous_ns",
            "how long evaluation worked since the derivation before: an upper bound for making this one",
        )])
}

fn inputs(inputs: &[LockedInputView]) -> Table {
    let mut columns = Columns::<&LockedInputView>::new();
    columns.text("name", "input", |it| Cell::text(&it.name));
    columns.number("fetch_ns", "fetch", |it| Cell::nanos(it.fetch_ns));
    columns
        .number("import_ns", "copy or hash", |it| Cell::nanos(it.import_ns))
        .rank(1);
    columns.number("files", "files", |it| {
        it.files.map_or(Cell::Unknown, Cell::number)
    });
    columns.number("until_next_ns", "evaluation", |it| match it.until_next_ns {
        Some(time) => Cell::AtMostNanos(time),
        None => Cell::Unknown,
    });
    columns
        .text("remark", "remark", |it| {
            let unused = match (it.unused, it.files) {
                (Some(true), _) => Some("fetched, never evaluated".to_owned()),
                (_, Some(0)) => Some("not evaluated".to_owned()),
                _ => None,
            };
            let same =
                (!it.same_as.is_empty()).then(|| format!("same as {}", it.same_as.join(", ")));
            let remarks: Vec<String> = unused.into_iter().chain(same).collect();
            Cell::text(&remarks.join("; "))
        })
        .rank(2);
    columns
        .text("url", "from", |it| Cell::text(&it.url))
        .for_programs();
    Table::new(columns, inputs, plain).titled("Inputs")
}

fn counters(stats: &StatsView) -> Table {
    let per = |part: Option<u64>, whole: Option<u64>, words: &str| {
        let (part, whole) = part.zip(whole).filter(|&(_, whole)| whole > 0)?;
        Some(format!(" ({:.1} {words})", part as f64 / whole as f64))
    };
    let number = |value: Option<u64>| value.map(count);
    let avoided = stats
        .avoided_share
        .map(|share| format!(" ({} avoided)", percent(share)));
    let with = |value: Option<String>, more: Option<String>| {
        value.map(|value| format!("{value}{}", more.unwrap_or_default()))
    };
    let copied = per(stats.values_copied, stats.updates, "values per `//`");
    let rows = [
        ("allocated", stats.allocated_bytes.map(bytes)),
        ("garbage collections", number(stats.gc_cycles)),
        ("thunks", with(number(stats.thunks), avoided)),
        ("function calls", number(stats.function_calls)),
        ("primop calls", number(stats.primop_calls)),
        ("lookups", number(stats.lookups)),
        (
            "values copied by `//`",
            with(number(stats.values_copied), copied),
        ),
        ("list concatenations", number(stats.list_concats)),
        ("expressions", number(stats.expressions)),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(fact, value)| Some((fact, value?)));
    facts(rows, false).titled("Counters")
}

/// Lists counters by the names that Nix gives them.
fn all_counters(stats: &StatsView) -> Table {
    let mut columns = Columns::<(&String, &u64)>::new();
    columns.text("name", "counter", |(name, _)| Cell::text(name));
    columns.number("count", "value", |&(_, &count)| Cell::Count(count));
    Table::new(columns, &stats.counters, plain)
}

fn functions(stats: &StatsView, names: Names) -> Option<Table> {
    let mut columns = Columns::<&CallsView>::new();
    columns.text("name", "function", |it| {
        Cell::text(it.name.as_deref().unwrap_or("(no name)"))
    });
    columns.number("count", "calls", |it| Cell::Count(it.count));
    columns
        .text("place", "where", move |it| place(names, &it.place()))
        .keeps(names.full_paths);
    Some(Table::new(columns, stats.functions.as_ref()?, plain).titled("Functions called most"))
}

fn primops(stats: &StatsView) -> Option<Table> {
    let mut columns = Columns::<&super::PrimopView>::new();
    columns.text("name", "primop", |it| Cell::text(&it.name));
    columns.number("count", "calls", |it| Cell::Count(it.count));
    Some(Table::new(columns, stats.primops.as_ref()?, plain).titled("Primops called most"))
}

fn jobs_table(jobs: &JobsView) -> Table {
    let mut columns = Columns::<&JobView>::new();
    let has = |of: fn(&JobView) -> bool| jobs.jobs.iter().any(of);
    columns.text("attribute", "attribute", |it| Cell::text(&it.attribute));
    if has(|it| it.wall_ns.is_some()) {
        columns.number("wall_ns", "took", |it| Cell::nanos(it.wall_ns));
        columns
            .number("allocated_bytes", "allocated", |it| {
                Cell::bytes(it.allocated_bytes)
            })
            .rank(1);
    }
    if has(|it| it.cache_status.is_some()) {
        columns.text("cache_status", "outputs", |it| {
            Cell::text(it.cache_status.as_deref().unwrap_or_default())
        });
    }
    if has(|it| it.needed_builds.is_some()) {
        columns
            .number("needed_builds", "to build", |it| {
                it.needed_builds.map_or(Cell::Unknown, Cell::number)
            })
            .rank(2);
    }
    if has(|it| it.error.is_some()) {
        columns.text("error", "error", |it| {
            let error = it.error.as_deref().unwrap_or_default();
            let mut lines = error.lines().map(str::trim).filter(|line| !line.is_empty());
            let last =
                lines.rfind(|line| line.starts_with("error:") && line.len() > "error:".len());
            Cell::text(last.or_else(|| error.lines().next()).unwrap_or_default())
        });
    }
    Table::new(columns, &jobs.jobs, plain).titled("Attributes")
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
    if by == Some(By::Option) && profile_of(result).is_some_and(|it| it.options.is_empty()) {
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
