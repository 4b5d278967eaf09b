//! The result of `cache coverage`, laid out.

use super::{CacheCoverageResult, CoveringCacheView, MissingView};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{bytes, count, duration, harmless, plural};
use crate::report::table::{Cell, Columns, Names, Table, Weight, more, plain};
use crate::report::words::notes;

/// Lays out the result of `cache coverage`.
pub(super) fn document(report: &Report<CacheCoverageResult, ()>, names: Names) -> Document {
    let result = &report.result;
    let mut all: Vec<String> = result.caches.iter().flat_map(of_cache).collect();
    all.extend(more(
        result.to_build,
        result.missing.len(),
        "more derivation",
    ));
    if result.paths_unknown > 0 {
        all.push(format!(
            "{} in no cache that answered; one did not answer: they count as missing",
            plural(result.paths_unknown as u64, "path")
        ));
    }
    if result.derivations_without_paths > 0 {
        all.push(format!(
            "{} whose paths are known only after the build: no cache was asked, and they count as missing",
            plural(result.derivations_without_paths as u64, "derivation")
        ));
    }
    let rate = result.lookups_per_second;
    let rate = rate.map_or_else(String::new, |rate| format!(", {} a second", count(rate)));
    all.push(format!(
        "{} in {}{rate}; what is in the local store already is not taken into account",
        plural(result.lookups as u64, "answer"),
        duration(result.took_ns)
    ));
    all.extend(notes(&report.diagnostics));
    let size = result.to_fetch_bytes;
    let size = size.map_or_else(String::new, |size| format!(" ({})", bytes(size)));
    Document {
        verdict: match result.paths {
            0 => "no path to ask for".to_owned(),
            paths => format!(
                "{} of {} in a cache: {} to fetch{size}, {} to build",
                count(result.paths_in_caches as u64),
                plural(paths as u64, "path"),
                count(result.to_fetch as u64),
                count(result.to_build as u64)
            ),
        },
        tables: vec![caches(&result.caches), missing(&result.missing, names)],
        notes: all,
        next: None,
        ..Document::default()
    }
}

fn caches(caches: &[CoveringCacheView]) -> Table {
    let mut columns = Columns::<&CoveringCacheView>::new();
    columns.text("uri", "cache", |it| Cell::text(&it.uri));
    columns.number("asked", "asked", |it| Cell::number(it.asked));
    columns.number("present", "has", |it| Cell::number(it.present));
    columns.number("only_here", "new", |it| Cell::number(it.only_here));
    columns.number("absent", "has not", |it| Cell::number(it.absent));
    columns.number("failed", "failed", |it| Cell::number(it.failed));
    columns
        .number("bytes", "size", |it| Cell::bytes(it.bytes))
        .rank(1);
    let weight = |it: &&CoveringCacheView| match it.failed {
        0 => Weight::Plain,
        _ => Weight::Bad,
    };
    Table::new(columns, caches, weight).legend([("only_here", "what it has and no cache above it")])
}

fn missing(missing: &[MissingView], names: Names) -> Table {
    let mut columns = Columns::<&MissingView>::new();
    columns.names(names, "derivation", |it| (&*it.name, &*it.path));
    columns.number("transitive_dependents", "needed by", |it| {
        Cell::number(it.transitive_dependents)
    });
    columns.text("why", "", |it| {
        Cell::text(match it {
            MissingView { unknown: true, .. } => "a cache did not answer",
            MissingView {
                not_substituted: true,
                ..
            } => "allowSubstitutes = false",
            MissingView { in_part: true, .. } => "some outputs are there",
            MissingView {
                is_fixed_output: true,
                ..
            } => "a download of its own",
            _ => "",
        })
    });
    Table::new(columns, missing, plain).titled("To build")
}

fn of_cache(cache: &CoveringCacheView) -> Vec<String> {
    let uri = harmless(&cache.uri);
    let mut said = Vec::new();
    said.extend(
        cache
            .unsupported
            .as_ref()
            .map(|why| format!("{uri}: {}", harmless(why))),
    );
    said.extend(
        cache
            .error
            .as_ref()
            .map(|error| format!("{uri}: {}", harmless(error))),
    );
    if cache.local {
        said.push(format!(
            "{uri} is on this machine: it may be a proxy for another cache"
        ));
    }
    said
}
