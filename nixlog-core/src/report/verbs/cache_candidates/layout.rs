//! The result of `cache-candidates`, laid out.

use super::{CacheCandidatesResult, LeftOutView, PickView};
use crate::analysis::cache_candidates::LeftOut;
use crate::report::coverage::coverage;
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{bytes, count, duration, harmless, percent, plural};
use crate::report::simulated::{replay, unpredictable, where_slots_come_from};
use crate::report::table::{Cell, Columns, Names, Table, plain};
use crate::report::words::{next, notes, shell_word};

/// Lays out the result of `cache-candidates`.
pub(super) fn document(report: &Report<CacheCandidatesResult>, names: Names) -> Document {
    let result = &report.result;
    let mut all = Vec::new();
    if result.saving_ns.is_some() {
        all.extend(left_out(&result.left_out));
        all.push(format!("replay: {}", replay(&result.replay)));
        all.extend(unknown_downloads(result));
        all.extend(where_slots_come_from(result.slots, result.slots_source));
    }
    all.extend(coverage(&result.coverage));
    all.extend(notes(&report.diagnostics));
    Document {
        verdict: verdict(report),
        tables: vec![table(result, names)],
        notes: all,
        next: push(&result.picks).or_else(|| next(&report.input, "bottlenecks")),
        ..Document::default()
    }
}

fn verdict(report: &Report<CacheCandidatesResult>) -> String {
    let result = &report.result;
    let Some(saving) = result.saving_ns else {
        return unpredictable(&report.input, &result.coverage);
    };
    let picks = plural(result.picks.len() as u64, "path");
    match (
        result.picks.as_slice(),
        result.wall_ns,
        result.predicted_wall_ns,
    ) {
        ([], ..) => "no build is worth caching: none would save time".to_owned(),
        ([only], Some(wall), Some(then)) => format!(
            "{} in a cache would save {} ({}): {} wall instead of {}",
            harmless(&only.unit.name),
            duration(saving),
            percent(result.saving_share.unwrap_or_default()),
            duration(then),
            duration(wall)
        ),
        (_, Some(wall), Some(then)) => format!(
            "{picks} in a cache would save {} ({}) together: {} wall instead of {}",
            duration(saving),
            percent(result.saving_share.unwrap_or_default()),
            duration(then),
            duration(wall)
        ),
        _ => format!("{picks} in a cache would save {}", duration(saving)),
    }
}

/// Says which builds were no candidates.
fn left_out(all: &[LeftOutView]) -> Option<String> {
    let say = |it: &LeftOutView| {
        let n = count(it.count as u64);
        match it.reason {
            LeftOut::Requested => format!("{n} requested"),
            LeftOut::NotSubstituted => format!("{n} with `allowSubstitutes = false`"),
            LeftOut::Excluded => format!("{n} excluded"),
            LeftOut::Failed => format!("{n} failed"),
        }
    };
    let all: Vec<String> = all.iter().map(say).collect();
    (!all.is_empty()).then(|| format!("builds left out: {}", all.join(", ")))
}

fn unknown_downloads(result: &CacheCandidatesResult) -> Vec<String> {
    let mut all = Vec::new();
    let n_unsized = result
        .picks
        .iter()
        .filter(|pick| pick.unpacked_bytes.is_none())
        .count();
    match result.bandwidth_bps {
        _ if result.picks.is_empty() => {}
        Some(rate) => all.push(format!(
            "downloads: {}/s each, the median of the recorded ones",
            bytes(rate)
        )),
        None => all.push(
            "downloads count as 0s: the log has no download to take the rate from".to_owned(),
        ),
    }
    if n_unsized > 0 && result.bandwidth_bps.is_some() {
        all.push(format!(
            "{} of unknown size: the download counts as 0s; `--derivations` takes sizes from `nix path-info -r --json`",
            plural(n_unsized as u64, "path")
        ));
    }
    all
}

fn table(result: &CacheCandidatesResult, names: Names) -> Table {
    type Line<'a> = (usize, &'a PickView);
    let mut columns = Columns::<Line<'_>>::new();
    columns.number("rank", "#", |&(rank, _)| Cell::number(rank));
    columns.names(names, "name", |(_, pick)| pick.unit.names());
    columns
        .number("duration_ns", "took", |(_, pick)| {
            Cell::nanos(pick.unit.duration_ns)
        })
        .rank(1);
    columns.number("saving_ns", "saves", |(_, pick)| {
        Cell::Nanos(pick.saving_ns)
    });
    columns.number("together_ns", "together", |(_, pick)| {
        Cell::Nanos(pick.together_ns)
    });
    columns
        .number("transitive_dependents", "all dependents", |(_, pick)| {
            Cell::number(pick.transitive_dependents)
        })
        .rank(2);
    columns
        .number("gone_units", "also skipped", |(_, pick)| {
            Cell::number(pick.gone_units)
        })
        .rank(2);
    columns
        .number("unpacked_bytes", "size", |(_, pick)| {
            Cell::bytes(pick.unpacked_bytes)
        })
        .rank(3);

    Table::new(columns, (1..).zip(&result.picks), plain).legend([
        ("saving_ns", "in addition to the rows above"),
        ("gone_units", "units that need not run any more"),
    ])
}

/// Pushes the picks, where their paths are known.
fn push(picks: &[PickView]) -> Option<String> {
    let known = !picks.is_empty() && picks.iter().all(|pick| !pick.outputs.is_empty());
    let paths = picks.iter().flat_map(|pick| &pick.outputs);
    let paths: Vec<String> = paths.map(|path| shell_word(path)).collect();
    known.then(|| format!("nix copy --to URL {}", paths.join(" ")))
}
