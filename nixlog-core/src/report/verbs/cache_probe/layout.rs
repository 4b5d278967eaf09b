//! The result of `cache probe`, laid out.

use super::{CacheProbeResult, ProbedCacheView, RequestView};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{harmless, plural};
use crate::report::table::{Cell, Columns, Table, Weight};
use crate::report::words::notes;

/// Lays out the result of `cache probe`.
pub(super) fn document(report: &Report<CacheProbeResult, ()>) -> Document {
    let caches = &report.result.caches;
    let mut all: Vec<String> = caches.iter().flat_map(of_cache).collect();
    all.push("one request at a time, over HTTP/1.1; Nix sends many, and may use HTTP/2".to_owned());
    all.extend(notes(&report.diagnostics));
    let answered = caches.iter().filter(|cache| is_fine(cache)).count();
    let of = plural(caches.len() as u64, "cache");
    Document {
        verdict: match caches.is_empty() {
            true => "no cache to ask".to_owned(),
            false => format!("{answered} of {of} answered as a cache does"),
        },
        tables: vec![table(caches)],
        notes: all,
        next: None,
        ..Document::default()
    }
}

/// Tells whether a cache says what it is, and says no where it has nothing.
fn is_fine(cache: &ProbedCacheView) -> bool {
    cache.store_dir.is_some() && cache.absent.as_ref().is_some_and(|it| it.error.is_none())
}

fn took(request: Option<&RequestView>) -> Cell {
    match request {
        Some(request) if request.error.is_some() => Cell::text("failed"),
        request => Cell::nanos(request.and_then(|request| request.took_ns)),
    }
}

fn table(caches: &[ProbedCacheView]) -> Table {
    let mut columns = Columns::<&ProbedCacheView>::new();
    columns.text("uri", "cache", |it| Cell::text(&it.uri));
    columns.number("info_ns", "connect", |it| took(it.info.as_ref()));
    columns.number("info_again_ns", "again", |it| took(it.info_again.as_ref()));
    columns.number("absent_ns", "no", |it| took(it.absent.as_ref()));
    columns.number("present_ns", "yes", |it| took(it.present.as_ref()));
    let range = |it: &&ProbedCacheView, place: usize| {
        Cell::bytes(it.ranges.get(place).and_then(|it| it.bandwidth_bps))
    };
    columns
        .number("bandwidth_1mib_bps", "1 MiB, per s", move |it| range(it, 0))
        .rank(1);
    columns
        .number("bandwidth_8mib_bps", "8 MiB, per s", move |it| range(it, 1))
        .rank(1);
    columns
        .number("ipv4_ns", "IPv4", |it| took(it.ipv4.as_ref()))
        .rank(2);
    columns
        .number("ipv6_ns", "IPv6", |it| took(it.ipv6.as_ref()))
        .rank(2);
    let weight = |it: &&ProbedCacheView| match is_fine(it) {
        true => Weight::Plain,
        false => Weight::Bad,
    };
    Table::new(columns, caches, weight).legend([
        ("info_ns", "`nix-cache-info` over a new connection"),
        ("info_again_ns", "the same over that connection"),
        ("absent_ns", "about a path that it cannot have"),
        ("present_ns", "about one that it has"),
    ])
}

fn of_cache(cache: &ProbedCacheView) -> Vec<String> {
    let uri = harmless(&cache.uri);
    let mut said = Vec::new();
    said.extend(
        cache
            .unsupported
            .as_ref()
            .map(|why| format!("{uri}: {}", harmless(why))),
    );
    let requests = [
        ("nix-cache-info", cache.info.as_ref()),
        ("a path that it cannot have", cache.absent.as_ref()),
        ("a path of this store", cache.present.as_ref()),
        (
            "the first MiB of an archive",
            cache.ranges.first().map(|it| &it.request),
        ),
        (
            "the first 8 MiB of an archive",
            cache.ranges.get(1).map(|it| &it.request),
        ),
        ("over IPv4", cache.ipv4.as_ref()),
        ("over IPv6", cache.ipv6.as_ref()),
    ];
    for (what, request) in requests {
        let Some(request) = request else { continue };
        said.extend(
            request
                .error
                .as_ref()
                .map(|error| format!("{uri}: {what}: {}", harmless(error))),
        );
        said.extend(
            request
                .redirected_to
                .as_ref()
                .map(|to| format!("{uri}: {what}: came from {}", harmless(to))),
        );
    }
    if cache.unsupported.is_none() && cache.present.is_none() && cache.absent.is_some() {
        said.push(format!(
            "{uri}: no path is known that it has; name one with --path to measure its throughput"
        ));
    }
    if cache.local {
        let headers = cache.headers.iter();
        let headers = headers.map(|it| format!("{}: {}", harmless(&it.name), harmless(&it.value)));
        let headers: Vec<String> = headers.collect();
        said.push(format!(
            "{uri} is on this machine: it may be a proxy for another cache{}",
            match headers.is_empty() {
                true => "; its answers do not say".to_owned(),
                false => format!("; its answers say {}", headers.join(", ")),
            }
        ));
    }
    said
}
