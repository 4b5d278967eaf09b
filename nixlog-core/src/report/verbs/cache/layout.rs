//! The result of `cache`, laid out.

use super::{
    CacheResult, FailuresView, LedgerView, OrderView, ReasonView, SubstituterView, UploadView,
    WorthView,
};
use crate::analysis::cache::{Oddity, Why};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{duration, harmless, percent, plural};
use crate::report::table::{Cell, Columns, Names, Table, Weight, plain};
use crate::report::words::{built_because, next, notes, nothing, with_failures};
use crate::timeline::CacheFault;

/// Lays out the result of `cache`.
pub(super) fn document(report: &Report<CacheResult>, names: Names) -> Document {
    let result = &report.result;
    let mut all: Vec<String> = result.substituters.iter().flat_map(of_cache).collect();
    all.extend(of_proxies(&result.substituters));
    all.extend(result.order.iter().flat_map(of_order));
    all.extend(of_hooks(result));
    all.extend(result.ledger.as_ref().map(of_ledger));
    all.extend(of_settings(result));
    all.extend(of_questions(result));
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: with_failures(verdict(report), &report.input),
        tables: vec![
            caches(&result.substituters),
            reasons(&result.reasons, names),
            uploads(&result.uploads),
            worth(result),
        ],
        notes: all,
        next: next(&report.input, "cache-candidates"),
        ..Document::default()
    }
}

fn verdict(report: &Report<CacheResult>) -> String {
    let result = &report.result;
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    let came = plural(result.substituted_paths as u64, "path");
    let builds = plural(result.builds as u64, "build");
    match (result.hit_rate, result.builds_asked_for) {
        (Some(rate), Some(asked)) => {
            let rest = match result.builds - asked {
                0 => String::new(),
                n => format!(", {n} without asking"),
            };
            format!(
                "hit rate {}: {came} came from caches, {} ran that caches were asked for{rest}",
                percent(rate),
                plural(asked as u64, "build"),
            )
        }
        _ if result.substituted_paths == 0 && result.builds == 0 => copied(result),
        (None, Some(_)) if result.substituters.is_empty() => {
            format!("no cache was asked in this log; {builds} ran")
        }
        _ => format!(
            "{came} came from caches, {builds} ran; the log does not tell what caches were asked for"
        ),
    }
}

/// Says what caches saved.
fn of_ledger(ledger: &LedgerView) -> String {
    let slower = match ledger.slower_than_building {
        0 => String::new(),
        n => format!("; {n} took longer to fetch than they take to build"),
    };
    format!(
        "saved: {} of {} usually take {} to build, and took {} to fetch{slower}",
        ledger.known,
        plural(ledger.packages as u64, "package"),
        duration(ledger.building_ns),
        duration(ledger.fetching_ns)
    )
}

fn worth(result: &CacheResult) -> Table {
    let mut columns = Columns::<&WorthView>::new();
    columns.text("pname", "package", |it| Cell::text(&it.pname));
    columns
        .number("paths", "paths", |it| Cell::number(it.paths))
        .rank(2);
    columns
        .number("bytes", "received", |it| Cell::bytes(it.bytes))
        .rank(1);
    columns.number("fetching_ns", "took to fetch", |it| {
        Cell::nanos(it.fetching_ns)
    });
    columns.number("building_ns", "takes to build", |it| {
        Cell::estimated(it.building_ns, true)
    });
    let rows = result.ledger.iter().flat_map(|ledger| &ledger.worth);
    Table::new(columns, rows, plain).titled("What the caches saved")
}

/// Says what there is where nothing was substituted or built.
fn copied(result: &CacheResult) -> String {
    let from: usize = result.substituters.iter().map(|cache| cache.paths).sum();
    let to: usize = result
        .uploads
        .iter()
        .map(|upload| upload.copies.count)
        .sum();
    let copied = |n: usize, how| (n > 0).then(|| format!("{} {how}", plural(n as u64, "path")));
    let both = [
        copied(from, "copied from other stores"),
        copied(to, "copied to other stores"),
    ];
    let both: Vec<String> = both.into_iter().flatten().collect();
    match both.is_empty() {
        true => "nothing came from a cache, and nothing was built".to_owned(),
        false => both.join(", "),
    }
}

fn caches(caches: &[SubstituterView]) -> Table {
    let count = |count: Option<usize>| Cell::count(count.map(|count| count as u64));
    let mut columns = Columns::<&SubstituterView>::new();
    columns.text("uri", "cache", |cache| Cell::text(&cache.uri));
    columns.number("asked", "asked", move |cache| count(cache.asked));
    columns.number("hit", "hit", move |cache| count(cache.hit));
    columns.number("missed", "missed", move |cache| count(cache.missed));
    columns
        .number("unclear", "unclear", move |cache| count(cache.unclear))
        .rank(6);
    columns.number("failed", "failed", |cache| Cell::number(cache.failed));
    columns
        .number("paths", "paths", |cache| Cell::number(cache.paths))
        .rank(2);
    columns
        .number("bytes", "received", |cache| Cell::bytes(cache.bytes))
        .rank(3);
    columns
        .number("bandwidth_bps", "per second", |cache| {
            Cell::bytes(cache.bandwidth_bps)
        })
        .rank(1);
    columns
        .number("latency_p50_ns", "p50", |cache| {
            Cell::nanos(cache.latency_p50_ns)
        })
        .rank(4);
    columns
        .number("latency_p90_ns", "p90", |cache| {
            Cell::nanos(cache.latency_p90_ns)
        })
        .rank(1);
    columns
        .number("latency_max_ns", "max", |cache| {
            Cell::nanos(cache.latency_max_ns)
        })
        .rank(7);
    columns
        .number("critical_ns", "critical", |cache| {
            Cell::nanos(cache.critical_ns)
        })
        .rank(1);
    columns
        .number("busy_ns", "busy", |cache| Cell::nanos(cache.busy_ns))
        .rank(5);
    columns
        .number("unpacked_bytes", "unpacked", |cache| {
            Cell::bytes(cache.unpacked_bytes)
        })
        .rank(8);
    type OfCache = fn(&SubstituterView) -> Cell;
    let hidden: [(&'static str, OfCache); 6] = [
        ("unanswered", |cache| {
            Cell::count(cache.unanswered.map(|n| n as u64))
        }),
        ("retries", |cache| Cell::number(cache.retries)),
        ("disabled", |cache| Cell::number(cache.disabled)),
        ("stalls", |cache| {
            Cell::count(cache.stalls.map(|n| n as u64))
        }),
        ("stalled_ns", |cache| Cell::nanos(cache.stalled_ns)),
        ("asking_ns", |cache| Cell::nanos(cache.asking_ns)),
    ];
    for (key, cell) in hidden {
        columns
            .number(key, key, move |cache| cell(cache))
            .for_programs();
    }
    let weight = |cache: &&SubstituterView| match cache.failed {
        0 => Weight::Plain,
        _ => Weight::Bad,
    };
    Table::new(columns, caches, weight).legend([
        ("hit", "it has the path"),
        (
            "bandwidth_bps",
            "while any download from it was under way",
        ),
        ("latency_p50_ns", "half of its answers took at most this"),
        ("latency_p90_ns", "nine of ten answers took at most this"),
        (
            "critical_ns",
            "how much of the critical path lies in it; a slow cache that nobody waits for costs nothing",
        ),
    ])
}

fn reasons(reasons: &[ReasonView], names: Names) -> Table {
    let mut columns = Columns::<&ReasonView>::new();
    columns
        .text("reason", "reason", |row| Cell::text(row.reason.name()))
        .for_programs();
    columns.text("why", "why", |row| Cell::text(built_because(row.reason)));
    columns.number("count", "builds", |row| Cell::number(row.count));
    columns.number("duration_ns", "took", |row| Cell::nanos(row.duration_ns));
    columns
        .text("units", "the longest", move |row| {
            let called = row.units.iter().map(|unit| match names.full_paths {
                true => harmless(&unit.path),
                false => harmless(&unit.name),
            });
            Cell::text(&called.collect::<Vec<_>>().join(", "))
        })
        .rank(1);
    Table::new(columns, reasons, plain).titled("Why it was built")
}

fn uploads(uploads: &[UploadView]) -> Table {
    let mut columns = Columns::<&UploadView>::new();
    columns.text("uri", "store", |row| Cell::text(&row.uri));
    columns.number("count", "paths", |row| Cell::number(row.copies.count));
    columns.number("failed", "failed", |row| Cell::number(row.copies.failed));
    columns.number("bytes", "sent", |row| Cell::bytes(row.copies.bytes));
    columns.number("unpacked_bytes", "unpacked", |row| {
        Cell::bytes(row.copies.unpacked_bytes)
    });
    columns.number("busy_ns", "busy", |row| Cell::nanos(row.copies.busy_ns));
    columns.number("critical_ns", "critical", |row| {
        Cell::nanos(row.copies.critical_ns)
    });
    Table::new(columns, uploads, plain).titled("Copied to other stores")
}

/// Says in words what failed.
fn failures(failures: &[FailuresView]) -> String {
    let words = |failure: &FailuresView| {
        let what = match failure.kind {
            CacheFault::Unreachable => "could not be reached",
            CacheFault::TimedOut => "timed out",
            CacheFault::ClientError => "HTTP errors 4xx",
            CacheFault::ServerError => "HTTP errors 5xx",
            CacheFault::Truncated => "broke off",
            CacheFault::NotSigned => "not signed by a trusted key",
            CacheFault::HashMismatch => "wrong contents",
            CacheFault::WrongPath => "another path than asked for",
            CacheFault::WrongStore => "for another store folder",
            CacheFault::Disabled => "not tried any more",
            CacheFault::Untrusted => "not allowed to this user",
            CacheFault::Other => "failed otherwise",
        };
        format!("{}× {what}", failure.count)
    };
    let words: Vec<String> = failures.iter().map(words).collect();
    words.join(", ")
}

/// What to know about one cache.
fn of_cache(cache: &SubstituterView) -> Vec<String> {
    let uri = harmless(&cache.uri);
    let mut said = Vec::new();
    if !cache.failures.is_empty() || cache.retries > 0 || cache.disabled > 0 {
        let mut parts = Vec::new();
        if !cache.failures.is_empty() {
            parts.push(failures(&cache.failures));
        }
        if cache.retries > 0 {
            parts.push(format!("{}× tried again", cache.retries));
        }
        if cache.disabled > 0 {
            parts.push(format!("{}× not used for some time", cache.disabled));
        }
        said.push(format!("{uri}: {}", parts.join(", ")));
    }
    if let (Some(stalls @ 1..), Some(all), Some(longest)) =
        (cache.stalls, cache.stalled_ns, cache.longest_stall_ns)
    {
        said.push(format!(
            "{uri}: nothing arrived {}, for {} in all, the longest {}",
            plural(stalls as u64, "time"),
            duration(all),
            duration(longest)
        ));
    }
    said
}

/// Says of which caches nobody knows what is behind them.
fn of_proxies(caches: &[SubstituterView]) -> Option<String> {
    let local = caches.iter().filter(|cache| cache.local);
    let local: Vec<_> = local.map(|cache| harmless(&cache.uri)).collect();
    (!local.is_empty()).then(|| {
        format!(
            "on this machine, maybe a proxy with the figures of a cache behind it: {}",
            local.join(", ")
        )
    })
}

fn of_order(order: &OrderView) -> Vec<String> {
    let mut said = Vec::new();
    if !order.never_had.is_empty() {
        let names: Vec<_> = order.never_had.iter().map(|it| harmless(it)).collect();
        said.push(format!(
            "never had anything that was asked for: {}",
            names.join(", ")
        ));
    }
    if let Some(in_vain) = order.in_vain_ns.filter(|&it| it > 0) {
        let critical = order
            .critical_in_vain_ns
            .map(|critical| format!(", {} of it on the critical path", duration(critical)));
        said.push(format!(
            "questions that were answered with no were under way for {}{}",
            duration(in_vain),
            critical.unwrap_or_default()
        ));
    }
    if let (Some(better), Some(now), Some(then)) = (&order.better, order.asked_ns, order.better_ns)
    {
        let names: Vec<_> = better.iter().map(|it| harmless(it)).collect();
        said.push(format!(
            "questions about what some cache had took {} in sum; asked in the order {}, at most about {}",
            duration(now),
            names.join(", "),
            duration(then)
        ));
    }
    said
}

fn of_hooks(result: &CacheResult) -> Option<String> {
    let hooks = result.post_build_hooks.as_ref()?;
    let n = plural((hooks.count + hooks.failed) as u64, "time");
    let busy = hooks.busy_ns.map(|busy| format!(" for {}", duration(busy)));
    let critical = hooks
        .critical_ns
        .map(|critical| format!(", {} of it on the critical path", duration(critical)));
    let failed = (hooks.failed > 0).then(|| format!("; {} failed", hooks.failed));
    Some(format!(
        "the post-build hook ran {n}{}{}{}",
        busy.unwrap_or_default(),
        critical.unwrap_or_default(),
        failed.unwrap_or_default()
    ))
}

fn of_settings(result: &CacheResult) -> Vec<String> {
    let Some(settings) = &result.settings else {
        return Vec::new();
    };
    let finding = |finding: &super::FindingView| {
        let about = harmless(&finding.about);
        match finding.finding {
            Oddity::NoKey => format!(
                "setting: no trusted key bears the name of {about}; paths that only it has may be refused"
            ),
            Oddity::NoSubstituter => {
                format!("setting: no substituter bears the name of the key {about}")
            }
        }
    };
    let mut said: Vec<String> = settings.findings.iter().map(finding).collect();
    let was_missed = result
        .reasons
        .iter()
        .any(|it| matches!(it.reason, Why::Absent | Why::NotAsked));
    if let Some(seconds) = settings.negative_ttl_s.filter(|&it| it > 0 && was_missed) {
        said.push(format!(
            "setting: Nix remembers for {} that a cache has not a path (narinfo-cache-negative-ttl)",
            duration(seconds.saturating_mul(1_000_000_000))
        ));
    }
    said
}

fn of_questions(result: &CacheResult) -> Vec<String> {
    let mut said = Vec::new();
    if result.builds_by_name > 0 {
        said.push(format!(
            "{} without derivations: whether caches were asked for them is told by their names",
            plural(result.builds_by_name as u64, "build")
        ));
    }
    let unclear: usize = result.substituters.iter().filter_map(|it| it.unclear).sum();
    if unclear > 0 {
        said.push(format!(
            "{} whose answer the log does not tell",
            plural(unclear as u64, "question")
        ));
    }
    let is_timed = result
        .substituters
        .iter()
        .any(|it| it.latency_max_ns.is_some());
    if is_timed {
        said.push(
            "p50, p90: up to Nix 2.33 with the wait for one of `http-connections` connections"
                .to_owned(),
        );
    }
    said
}
