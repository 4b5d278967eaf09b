//! The tables of `eval`.

use std::borrow::Cow;

use super::place::short;
use super::{
    CallsView, CostView, DerivationView, EvalResult, FileView, JobView, JobsView, LockedInputView,
    PrimopView, ProfileView, Shown, StatsView,
};
use crate::eval::stacks::By;
use crate::report::evaluation_waits::WaitedFor;
use crate::report::format::{bytes, count, harmless, percent};
use crate::report::table::{Cell, Columns, Names, Table, facts, limit, plain};

/// Returns the profile that is shown: where there are several, the one that tracing did not slow down.
pub(super) fn profile_of(result: &EvalResult) -> Option<&ProfileView> {
    result.profile.as_ref().or(result.function_calls.as_ref())
}

/// Returns the tables that divide evaluation by something.
pub(super) fn by_table(result: &EvalResult, by: By, names: Names) -> Vec<Table> {
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
pub(super) const COSTS: [(&str, &str); 3] = [
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
pub(super) fn costs(profile: &ProfileView, by: By, names: Names) -> Option<Table> {
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
pub(super) struct Waited<'a> {
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
pub(super) fn waited(result: &EvalResult) -> Vec<Waited<'_>> {
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

pub(super) fn waits(result: &EvalResult, shown: Shown) -> Table {
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

pub(super) fn files(result: &EvalResult, names: Names) -> Table {
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

pub(super) fn derivations(result: &EvalResult) -> Table {
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

pub(super) fn inputs(inputs: &[LockedInputView]) -> Table {
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

pub(super) fn counters(stats: &StatsView) -> Table {
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
pub(super) fn all_counters(stats: &StatsView) -> Table {
    let mut columns = Columns::<(&String, &u64)>::new();
    columns.text("name", "counter", |(name, _)| Cell::text(name));
    columns.number("count", "value", |&(_, &count)| Cell::Count(count));
    Table::new(columns, &stats.counters, plain)
}

pub(super) fn functions(stats: &StatsView, names: Names) -> Option<Table> {
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

pub(super) fn primops(stats: &StatsView) -> Option<Table> {
    let mut columns = Columns::<&PrimopView>::new();
    columns.text("name", "primop", |it| Cell::text(&it.name));
    columns.number("count", "calls", |it| Cell::Count(it.count));
    Some(Table::new(columns, stats.primops.as_ref()?, plain).titled("Primops called most"))
}

pub(super) fn jobs_table(jobs: &JobsView) -> Table {
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
