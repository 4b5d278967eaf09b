//! The result of `cache-candidates`, laid out.

use super::super::format::{bytes, count, duration, harmless, percent, plural};
use super::super::view::{CacheCandidatesResult, LeftOutView, PickView, Report};
use super::parallelism::{replay, where_slots_come_from};
use super::slowest::Options;
use super::what_if::unpredictable;
use super::words::{coverage, next, notes, shell_word};
use super::{Align, Cell, Column, Document, Row, Table, column};

/// Lays out the result of `cache-candidates`.
#[must_use]
pub fn cache_candidates(report: &Report<CacheCandidatesResult>, options: Options) -> Document {
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
        tables: vec![table(result, options)],
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
            "requested" => format!("{n} requested"),
            "not-substituted" => format!("{n} with `allowSubstitutes = false`"),
            "excluded" => format!("{n} excluded"),
            other => format!("{n} {other}"),
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

fn table(result: &CacheCandidatesResult, options: Options) -> Table {
    let columns = vec![
        column("rank", "#", Align::Right, 0),
        Column {
            keeps: options.full_paths,
            ..column("name", "name", Align::Left, 0)
        },
        Column {
            for_programs: true,
            ..column("path", "path", Align::Left, 9)
        },
        column("duration_ns", "took", Align::Right, 1),
        column("saving_ns", "saves", Align::Right, 0),
        column("together_ns", "together", Align::Right, 0),
        column("transitive_dependents", "all dependents", Align::Right, 2),
        column("gone_units", "also skipped", Align::Right, 2),
        column("unpacked_bytes", "size", Align::Right, 3),
    ];
    let row = |(pick, rank): (&PickView, u64)| Row {
        cells: vec![
            Cell::Count(rank),
            Cell::text(if options.full_paths {
                &pick.unit.path
            } else {
                &pick.unit.name
            }),
            Cell::text(&pick.unit.path),
            Cell::nanos(pick.unit.duration_ns),
            Cell::Nanos(pick.saving_ns),
            Cell::Nanos(pick.together_ns),
            Cell::Count(pick.transitive_dependents as u64),
            Cell::Count(pick.gone_units as u64),
            pick.unpacked_bytes.map_or(Cell::Unknown, Cell::Bytes),
        ],
        ..Row::default()
    };
    Table {
        rows: result.picks.iter().zip(1..).map(row).collect(),
        columns,
        legend: vec![
            ("saving_ns", "in addition to the rows above"),
            ("gone_units", "units that need not run any more"),
        ],
        ..Table::default()
    }
}

/// Pushes the picks, where their paths are known.
fn push(picks: &[PickView]) -> Option<String> {
    let known = !picks.is_empty() && picks.iter().all(|pick| !pick.outputs.is_empty());
    let paths = picks.iter().flat_map(|pick| &pick.outputs);
    let paths: Vec<String> = paths.map(|path| shell_word(path)).collect();
    known.then(|| format!("nix copy --to URL {}", paths.join(" ")))
}
