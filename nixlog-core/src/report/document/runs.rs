//! The results of `runs`, laid out.

use super::super::format::{bytes, count, duration, plural, short_id};
use super::super::view::{
    PrunedRunView, Report, RunsListResult, RunsPruneResult, RunsReport, RunsShowResult,
    StoredRunView,
};
use super::words::{next, notes, shell_word};
use super::{Align, Cell, Column, Document, Row, Table, Weight, column, prose};

/// The settings that matter most for how long a build takes; all others are in JSON.
const SETTINGS: [&str; 5] = ["max-jobs", "cores", "sandbox", "builders", "substituters"];

/// What records a run.
const HOW_TO_RECORD: &str = "nixlog run -- nix build …";

/// Lays out the result of `runs list`.
#[must_use]
pub fn runs_list(report: &RunsReport<RunsListResult>) -> Document {
    let result = &report.result;
    let total = result.total_runs;
    let verdict = match total {
        0 => format!(
            "no recorded runs in {}",
            Cell::text(&result.folder).for_people()
        ),
        n => format!(
            "{} in {}, {}",
            plural(n as u64, "run"),
            Cell::text(&result.folder).for_people(),
            bytes(result.total_bytes)
        ),
    };
    let mut all = Vec::new();
    let more = result.matching_runs - result.runs.len().min(result.matching_runs);
    if more > 0 {
        let runs = plural(more as u64, "more run");
        all.push(format!("{runs}; `--top 0` lists all"));
    }
    if total > 0 && result.matching_runs == 0 {
        all.push(format!(
            "none of {} matches `--filter`",
            plural(total as u64, "run")
        ));
    }
    all.extend(notes(&report.diagnostics));
    let newest = result.runs.iter().find(|run| run.complete);
    let next = match (total, newest) {
        (0, _) => Some(HOW_TO_RECORD.to_owned()),
        (_, None) => None,
        (_, Some(run)) => Some(format!("nixlog phases {}", word_for(run))),
    };
    Document {
        verdict,
        tables: vec![Table {
            title: None,
            columns: run_columns(),
            rows: result.runs.iter().map(run_row).collect(),
            ..Table::default()
        }],
        notes: all,
        next,
        ..Document::default()
    }
}

/// Lays out the result of `runs show`.
#[must_use]
pub fn runs_show(report: &Report<RunsShowResult>) -> Document {
    let (input, result) = (&report.input, &report.result);
    let run = &result.run;
    let verdict = match run.state {
        "running" => "a run in progress",
        "cut-off" => "an incomplete run: the recording stops early",
        _ => "a complete run",
    };
    let fact = |name: &'static str, value: Option<String>| value.map(|value| (name, value));
    let text = |name: &'static str, value: &Option<String>| fact(name, value.clone());
    // A recording without an end has a time at which it stops.
    let wall = run.wall_ns.or(input.wall_ns);
    let thinned = result.thinned.filter(|&n| n > 0);
    let units: Vec<String> = result
        .units
        .iter()
        .map(|kind| format!("{} {}", count(kind.count as u64), kind.kind))
        .collect();
    let of_units = Some(units.join(", ")).filter(|units| !units.is_empty());
    let settings = input.run.iter().flat_map(|run| &run.settings);
    let settings = settings.filter(|(name, _)| SETTINGS.contains(&name.as_str()));
    let settings: Vec<String> = settings
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let facts = [
        fact("id", Some(run.id.clone())),
        text("name", &run.name),
        fact("command", command(run)),
        text("in", &run.cwd),
        text("on", &run.host),
        text("started at", &run.started_at),
        fact("wall time", wall.map(duration)),
        fact("exit", ended(run)),
        fact(
            "recorded by",
            result.recorded_by.as_ref().map(|it| format!("nixlog {it}")),
        ),
        text("captured by", &run.via),
        text("imported from", &result.imported_from),
        text("carrier", &result.carrier),
        fact("Nix", input.nix_version.clone()),
        fact(
            "settings",
            Some(settings.join(" ")).filter(|it| !it.is_empty()),
        ),
        fact(
            "lines",
            Some(format!("{} ({})", count(input.lines), bytes(input.bytes))),
        ),
        fact(
            "thinned",
            thinned.map(|n| format!("{} left out", plural(n, "progress result"))),
        ),
        fact("units", of_units),
        fact("size", Some(bytes(run.bytes))),
        fact("path", Some(run.path.clone())),
    ];
    let rows = facts.into_iter().flatten().map(|(name, value)| Row {
        weight: Weight::Plain,
        cells: vec![Cell::Text(name.to_owned()), Cell::text(&value)],
    });
    Document {
        verdict: verdict.to_owned(),
        tables: vec![Table {
            title: None,
            columns: vec![
                column("fact", "fact", Align::Left, 0),
                Column {
                    keeps: true,
                    ..prose("value", "value")
                },
            ],
            rows: rows.collect(),
            ..Table::default()
        }],
        notes: notes(&report.diagnostics),
        next: next(input, "phases"),
        ..Document::default()
    }
}

/// Lays out the result of `runs prune`.
#[must_use]
pub fn runs_prune(report: &RunsReport<RunsPruneResult>) -> Document {
    let result = &report.result;
    let n = result.removed.len() as u64;
    let left = format!(
        "{} ({}) left",
        plural(result.kept_runs as u64, "run"),
        bytes(result.kept_bytes)
    );
    let verdict = match (n, result.dry_run) {
        (0, true) => format!("nothing would be removed: {left}"),
        (0, false) => format!("nothing to remove: {left}"),
        (_, true) => format!(
            "{} ({}) would be removed; {left}",
            plural(n, "run"),
            bytes(result.removed_bytes)
        ),
        (_, false) => format!(
            "removed {} ({}); {left}",
            plural(n, "run"),
            bytes(result.removed_bytes)
        ),
    };
    let mut columns = run_columns();
    columns.insert(1, column("reason", "limit", Align::Left, 1));
    let row = |pruned: &PrunedRunView| {
        let mut row = run_row(&pruned.run);
        let beyond = match pruned.reason {
            "age" => "age",
            "runs" => "number of runs",
            _ => "total size",
        };
        row.cells.insert(1, Cell::Text(beyond.to_owned()));
        row
    };
    let mut all = Vec::new();
    if result.named_runs > 0 {
        let named = plural(result.named_runs as u64, "run");
        all.push(format!("{named} with a name: kept, and not counted"));
    }
    all.extend(notes(&report.diagnostics));
    Document {
        verdict,
        tables: vec![Table {
            title: None,
            columns,
            rows: result.removed.iter().map(row).collect(),
            ..Table::default()
        }],
        notes: all,
        ..Document::default()
    }
}

/// Returns the word that means a run: its name, or as much of its id as people need.
fn word_for(run: &StoredRunView) -> String {
    let id = || short_id(&run.id).to_owned();
    run.name.as_deref().map_or_else(id, shell_word)
}

fn run_columns() -> Vec<Column> {
    let for_programs = |key| Column {
        for_programs: true,
        ..column(key, key, Align::Left, 9)
    };
    vec![
        column("run", "run", Align::Left, 0),
        for_programs("id"),
        column("name", "name", Align::Left, 0),
        column("started_at", "started (UTC)", Align::Left, 2),
        column("wall_ns", "wall", Align::Right, 0),
        column("exit", "exit", Align::Left, 0),
        column("bytes", "size", Align::Right, 3),
        column("command", "command", Align::Left, 0),
        for_programs("state"),
        for_programs("path"),
    ]
}

fn run_row(run: &StoredRunView) -> Row {
    let has_failed = run.exit_status.is_some_and(|status| status != 0) || run.signal.is_some();
    let text = |value: Option<String>| Cell::text(&value.unwrap_or_default());
    Row {
        weight: if has_failed || run.state == "damaged" {
            Weight::Bad
        } else {
            Weight::Plain
        },
        cells: vec![
            Cell::text(short_id(&run.id)),
            Cell::text(&run.id),
            text(run.name.clone()),
            text(run.started_at.as_deref().map(instant)),
            Cell::nanos(run.wall_ns),
            text(ended(run)),
            Cell::Bytes(run.bytes),
            text(command(run)),
            Cell::text(run.state),
            Cell::text(&run.path),
        ],
    }
}

/// Shows an instant to the second.
fn instant(rfc3339: &str) -> String {
    let second: String = rfc3339.chars().take(19).collect();
    second.replace('T', " ")
}

/// Says how a run ended, as far as anybody knows.
fn ended(run: &StoredRunView) -> Option<String> {
    match run.state {
        "running" => Some("running".to_owned()),
        "cut-off" => Some("cut off".to_owned()),
        "damaged" => Some("damaged".to_owned()),
        _ => run
            .exit_status
            .map(|status| status.to_string())
            .or_else(|| run.signal.map(|signal| format!("signal {signal}"))),
    }
}

fn command(run: &StoredRunView) -> Option<String> {
    let words: Vec<String> = run.command.iter().map(|word| shell_word(word)).collect();
    Some(words.join(" ")).filter(|command| !command.is_empty())
}
