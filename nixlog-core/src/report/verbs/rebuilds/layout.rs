//! The result of `rebuilds`, laid out.

use super::{
    CacheReasonView, ChangeView, RebuildsResult, RebuiltView, RootView, Unexplained,
    UnexplainedView,
};
use crate::analysis::cache::Why;
use crate::analysis::rebuilds::Became;
use crate::report::document::{Document, Section, SectionLine};
use crate::report::envelope::Report;
use crate::report::format::{count, duration, harmless, plural};
use crate::report::table::{Cell, Columns, Names, Table, more, plain};
use crate::report::words::{built_because, next, notes, nothing, second, with_failures};

/// So many names are listed.
const NAMED: usize = 5;

/// So many roots are named in the first line.
const ROOTS: usize = 3;

/// So many changes of a root are shown.
const CHANGES: usize = 6;

/// Lays out the result of `rebuilds`.
pub(super) fn document(report: &Report<RebuildsResult>, names: Names) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    all.extend(more(result.total_roots, result.roots.len(), "more root"));
    let shown = result.unexplained.len();
    all.extend(more(result.total_unexplained, shown, "more build"));
    if result.shared > 0 {
        let shared = plural(result.shared as u64, "build");
        let verb = if result.shared == 1 {
            "follows"
        } else {
            "follow"
        };
        all.push(format!(
            "{shared} {verb} from several roots and count for each of them"
        ));
    }
    if let Some(before) = &result.before {
        let when = before.started_at.as_deref();
        let when = when.map(|at| format!(", {} UTC", second(at)));
        all.push(format!(
            "compared with {}{}",
            harmless(&before.source),
            when.unwrap_or_default()
        ));
        if before.derivations == 0 {
            all.push("nothing is known of its derivations".to_owned());
        }
    }
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables: vec![
            root_table(&result.roots, names),
            unexplained(&result.unexplained, names, result.before.is_some()),
        ],
        sections: result
            .roots
            .iter()
            .map(|it| root_section(it, names))
            .collect(),
        notes: all,
        next: next(&report.input, "cache"),
        ..Document::default()
    }
}

fn verdict(report: &Report<RebuildsResult>) -> String {
    let result = &report.result;
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    if result.builds == 0 {
        return "nothing was built".to_owned();
    }
    let builds = plural(result.builds as u64, "build");
    let Some(before) = &result.before else {
        return match by_cache(&result.cache_reasons) {
            Some(reasons) => format!("{builds}: {reasons}"),
            None => format!("{builds}; why they came from no cache is unknown"),
        };
    };
    if before.derivations == 0 {
        return format!("{builds}; why is unknown: there are no derivations to compare with");
    }
    let mut parts = Vec::new();
    if result.total_roots > 0 {
        parts.push(roots_in_short(&result.roots, result.total_roots));
        if result.follow > 0 {
            parts.push(follow(result.follow));
        }
    }
    if result.needed > 0 {
        let verb = if result.needed == 1 { "is" } else { "are" };
        parts.push(format!(
            "{} {verb} newly needed",
            count(result.needed as u64)
        ));
    }
    match (result.total_unexplained, result.total_roots) {
        (0, _) => {}
        (_, 0) => parts.push("nothing differs".to_owned()),
        (n, _) => parts.push(format!("{} unexplained", count(n as u64))),
    }
    format!("{builds}: {}", parts.join(", "))
}

fn follow(n: usize) -> String {
    match n {
        1 => "1 follows".to_owned(),
        n => format!("{} follow", count(n as u64)),
    }
}

/// Says how often which reason occurs; `None` where none is known.
fn by_cache(reasons: &[CacheReasonView]) -> Option<String> {
    if reasons.iter().all(|it| it.reason == Why::Unknown) {
        return None;
    }
    let said = reasons.iter().map(|it| {
        let because = built_because(it.reason);
        match reasons.len() {
            1 => because.to_owned(),
            _ => format!("{} {because}", count(it.count as u64)),
        }
    });
    Some(said.collect::<Vec<_>>().join("; "))
}

/// Names the first roots.
pub(in crate::report::verbs) fn roots_in_short(roots: &[RootView], total: usize) -> String {
    let mut named: Vec<String> = roots.iter().take(ROOTS).map(in_short).collect();
    if total > named.len() {
        named.push("…".to_owned());
    }
    format!("{} ({})", plural(total as u64, "root"), named.join("; "))
}

/// Names a root and what has changed first.
fn in_short(root: &RootView) -> String {
    let name = harmless(&root.unit.pname);
    let what = match (root.became, root.changes.first()) {
        (Became::New, _) => "new".to_owned(),
        (_, Some(change)) => changed(change),
        (_, None) => "unknown".to_owned(),
    };
    format!("{name}: {what}")
}

fn changed(change: &ChangeView) -> String {
    let how = match (&change.old, &change.new) {
        (None, Some(_)) => "added",
        (Some(_), None) => "removed",
        _ => "changed",
    };
    format!("{} {how}", harmless(&change.what))
}

/// Makes the table of roots.
pub(in crate::report::verbs) fn root_table(roots: &[RootView], names: Names) -> Table {
    let mut columns = Columns::<&RootView>::new();
    columns.names(names, "root", |it| (&*it.unit.name, &*it.unit.path));
    columns.text("what", "what changed", |it| {
        let mut what: Vec<String> = it.changes.iter().map(|it| it.what.clone()).collect();
        if what.len() > 3 {
            let more = what.len() - 3;
            what.truncate(3);
            what.push(format!("{more} more"));
        }
        match it.became {
            Became::New => Cell::text("new"),
            _ => Cell::text(&what.join(", ")),
        }
    });
    columns.number("cascade", "follow", |it| Cell::number(it.cascade.len()));
    columns
        .number("needed", "needed", |it| Cell::number(it.needed.len()))
        .rank(2);
    columns.number("cost_ns", "took", |it| {
        Cell::estimated(it.cost_ns, it.unknown_durations > 0)
    });
    columns
        .number("alone_ns", "it alone", |it| Cell::nanos(it.alone_ns))
        .rank(1);
    Table::new(columns, roots, plain).legend([
        ("cascade", "built because they depend on it"),
        (
            "needed",
            "built because it newly needs them, its changed sources among them",
        ),
        ("cost_ns", "sum of all that was built because of it"),
        (
            "alone_ns",
            "the same without what another root would have had built, too",
        ),
    ])
}

fn unexplained(builds: &[UnexplainedView], names: Names, is_compared: bool) -> Table {
    let mut columns = Columns::<&UnexplainedView>::new();
    columns.names(names, "build", |it| it.unit.names());
    columns.text("reason", "why", |it| Cell::text(it.reason.map_or("", why)));
    columns.text("cache", "from no cache because", |it| {
        Cell::text(built_because(it.cache))
    });
    columns.number("duration_ns", "took", |it| Cell::nanos(it.unit.duration_ns));
    let table = Table::new(columns, builds, plain);
    match is_compared {
        true => table.titled("Nothing differs"),
        false => table,
    }
}

const fn why(reason: Unexplained) -> &'static str {
    match reason {
        Unexplained::FailedBefore => "it failed last time",
        Unexplained::BuiltBefore => "built last time, too: lost since, or another store",
        Unexplained::NotBuiltBefore => "not built last time",
        Unexplained::NoDerivation => "its derivation is not known",
    }
}

/// Says what is to be said of a root.
pub(in crate::report::verbs) fn root_section(root: &RootView, names: Names) -> Section {
    let called = |it: &RebuiltView| match names.full_paths {
        true => harmless(&it.path).into_owned(),
        false => harmless(&it.name).into_owned(),
    };
    let took = root.cost_ns.map(|cost| format!(", {}", duration(cost)));
    let mut lines = Vec::new();
    let mut say = |words: String| lines.push(SectionLine::Words(words));
    match root.became {
        Became::New => say("there was none like it".to_owned()),
        Became::Unknown => say("it differs; one of the two derivations is not at hand".to_owned()),
        _ => {}
    }
    if !root.built {
        say("not built itself: it came from a cache, or was there".to_owned());
    }
    for change in root.changes.iter().take(CHANGES) {
        let text = |value: &Option<String>| {
            let one_line = |text: &String| harmless(&text.replace('\n', " ")).into_owned();
            value.as_ref().map(one_line)
        };
        let what = harmless(&change.what);
        say(match (text(&change.old), text(&change.new)) {
            (Some(old), Some(new)) => format!("{what}: {old} → {new}"),
            (None, Some(new)) => format!("{what}: + {new}"),
            (Some(old), None) => format!("{what}: - {old}"),
            (None, None) => format!("{what} changed"),
        });
    }
    if root.changes.len() > CHANGES {
        let more = root.changes.len() - CHANGES;
        say(plural(more as u64, "more change"));
    }
    let list = |all: &[RebuiltView]| {
        let mut longest: Vec<&RebuiltView> = all.iter().collect();
        longest.sort_by_key(|it| std::cmp::Reverse(it.duration_ns));
        let mut named: Vec<String> = longest.into_iter().take(NAMED).map(called).collect();
        if all.len() > NAMED {
            named.push(format!("{} more", count((all.len() - NAMED) as u64)));
        }
        named.join(", ")
    };
    if !root.needed.is_empty() {
        say(format!("newly needed: {}", list(&root.needed)));
    }
    if !root.cascade.is_empty() {
        say(format!("rebuilt for it: {}", list(&root.cascade)));
    }
    Section {
        title: format!(
            "{}: {}{}",
            called(&root.unit),
            follow(root.cascade.len()),
            took.unwrap_or_default()
        ),
        lines,
    }
}
