//! The result of `cache-candidates`, laid out.

use super::super::format::{bytes, duration, harmless, percent, plural};
use super::super::view::{CacheCandidatesResult, PickView, Report};
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
        all.push(
            "each is the best in addition to those before it; taken alone they save something else"
                .to_owned(),
        );
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
        ([], ..) => "no build whose result would be worth having in a cache".to_owned(),
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

fn unknown_downloads(result: &CacheCandidatesResult) -> Option<String> {
    let n = result.unknown_downloads;
    let sizes = result
        .picks
        .iter()
        .filter(|pick| pick.unpacked_bytes.is_some());
    let has_sizes = sizes.count() == result.picks.len();
    let rate = result
        .bandwidth_bps
        .map(|rate| format!("downloads count at {} a second, as measured", bytes(rate)));
    match (n, has_sizes) {
        (0, _) => rate,
        (_, true) => {
            Some("downloads count as nothing, since there was none to measure a rate by".to_owned())
        }
        _ => Some(format!(
            "{n} of unknown size count as taking no time to download: sizes come from `nix path-info --json`, named with `--derivations`"
        )),
    }
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
        column("gone_units", "not needed then", Align::Right, 2),
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
            Cell::Count(pick.gone_units as u64),
            pick.unpacked_bytes.map_or(Cell::Unknown, Cell::Bytes),
        ],
        ..Row::default()
    };
    Table {
        rows: result.picks.iter().zip(1..).map(row).collect(),
        columns,
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
