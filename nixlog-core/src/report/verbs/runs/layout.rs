//! The results of `runs`, laid out.

use super::{
    PruneReason, PrunedRunView, RunState, RunsListResult, RunsPruneResult, RunsShowResult,
    StoredRunView,
};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{bytes, count, duration, plural, short_id};
use crate::report::table::{self, Cell, Columns, Table, Weight, more};
use crate::report::words::{next, notes, second, shell_word};

/// The settings that matter most for how long a build takes; all others are in JSON.
const SETTINGS: [&str; 5] = ["max-jobs", "cores", "sandbox", "builders", "substituters"];

/// What records a run.
const HOW_TO_RECORD: &str = "nixlog run -- nix build …";

/// Lays out the result of `runs list`.
pub(super) fn list(report: &Report<RunsListResult, ()>) -> Document {
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
    all.extend(more(result.matching_runs, result.runs.len(), "more run"));
    if total > 0 && result.matching_runs == 0 {
        all.push(format!(
            "none of {} matches `--filter`",
            plural(total as u64, "run")
        ));
    }
    all.extend(notes(&report.diagnostics));
    let mut columns = Columns::<&StoredRunView>::new();
    first_column(&mut columns, |run| run);
    other_columns(&mut columns, |run| run);
    let newest = result.runs.iter().find(|run| run.complete);
    let next = match (total, newest) {
        (0, _) => Some(HOW_TO_RECORD.to_owned()),
        (_, None) => None,
        (_, Some(run)) => Some(format!("nixlog phases {}", word_for(run))),
    };
    Document {
        verdict,
        tables: vec![Table::new(columns, &result.runs, |run| weight(run))],
        notes: all,
        next,
        ..Document::default()
    }
}

/// Lays out the result of `runs show`.
pub(super) fn show(report: &Report<RunsShowResult>) -> Document {
    let (input, result) = (&report.input, &report.result);
    let run = &result.run;
    let verdict = match run.state {
        RunState::Running => "a run in progress",
        RunState::CutOff => "an incomplete run: the recording stops early",
        RunState::Complete | RunState::Damaged => "a complete run",
    };
    let fact = |name: &'static str, value: Option<String>| value.map(|value| (name, value));
    let told = |name: &'static str, value: &Option<String>| fact(name, value.clone());
    // A recording without an end has a time at which it stops.
    let wall = run.wall_ns.or(input.wall_ns);
    let thinned = result.thinned.filter(|&n| n > 0);
    let units: Vec<String> = result
        .units
        .iter()
        .map(|kind| format!("{} {}", count(kind.count as u64), kind.kind.name()))
        .collect();
    let of_units = Some(units.join(", ")).filter(|units| !units.is_empty());
    let settings = input.run.iter().flat_map(|run| &run.settings);
    let settings = settings.filter(|(name, _)| SETTINGS.contains(&name.as_str()));
    let settings: Vec<String> = settings
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let facts = [
        fact("id", Some(run.id.clone())),
        told("name", &run.name),
        fact("command", command(run)),
        told("in", &run.cwd),
        told("on", &run.host),
        told("started at", &run.started_at),
        fact("wall time", wall.map(duration)),
        fact("exit", ended(run)),
        fact(
            "recorded by",
            result.recorded_by.as_ref().map(|it| format!("nixlog {it}")),
        ),
        told("captured by", &run.via),
        told("imported from", &result.imported_from),
        told("carrier", &result.carrier),
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
    Document {
        verdict: verdict.to_owned(),
        tables: vec![table::facts(facts.into_iter().flatten(), true)],
        notes: notes(&report.diagnostics),
        next: next(input, "phases"),
        ..Document::default()
    }
}

/// Lays out the result of `runs prune`.
pub(super) fn prune(report: &Report<RunsPruneResult, ()>) -> Document {
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
    let mut columns = Columns::<&PrunedRunView>::new();
    first_column(&mut columns, |pruned| &pruned.run);
    let beyond = |pruned: &&PrunedRunView| {
        Cell::text(match pruned.reason {
            PruneReason::Age => "age",
            PruneReason::Runs => "number of runs",
            PruneReason::Bytes => "total size",
        })
    };
    columns.text("reason", "limit", beyond).rank(1);
    other_columns(&mut columns, |pruned| &pruned.run);
    let mut all = Vec::new();
    if result.named_runs > 0 {
        let named = plural(result.named_runs as u64, "run");
        all.push(format!("{named} with a name: kept, and not counted"));
    }
    all.extend(notes(&report.diagnostics));
    Document {
        verdict,
        tables: vec![Table::new(columns, &result.removed, |it| weight(&it.run))],
        notes: all,
        ..Document::default()
    }
}

/// Returns the word that means a run: its name, or as much of its id as people need.
fn word_for(run: &StoredRunView) -> String {
    let id = || short_id(&run.id).to_owned();
    run.name.as_deref().map_or_else(id, shell_word)
}

/// Adds the column that says which run it is, of rows that have one.
fn first_column<'a, T: 'a>(columns: &mut Columns<'a, T>, run: impl Fn(&T) -> &StoredRunView + 'a) {
    columns.text("run", "run", move |it| Cell::text(short_id(&run(it).id)));
}

/// Adds the other columns of runs.
fn other_columns<'a, T: 'a>(
    columns: &mut Columns<'a, T>,
    run: impl Fn(&T) -> &StoredRunView + Copy + 'a,
) {
    let told = |value: Option<String>| Cell::text(&value.unwrap_or_default());
    columns
        .text("id", "id", move |it| Cell::text(&run(it).id))
        .for_programs();
    columns.text("name", "name", move |it| told(run(it).name.clone()));
    columns
        .text("started_at", "started (UTC)", move |it| {
            told(run(it).started_at.as_deref().map(second))
        })
        .rank(2);
    columns.number("wall_ns", "wall", move |it| Cell::nanos(run(it).wall_ns));
    columns.text("exit", "exit", move |it| told(ended(run(it))));
    columns
        .number("bytes", "size", move |it| Cell::Bytes(run(it).bytes))
        .rank(3);
    columns.text("command", "command", move |it| told(command(run(it))));
    columns
        .text("state", "state", move |it| Cell::text(run(it).state.name()))
        .for_programs();
    columns
        .text("path", "path", move |it| Cell::text(&run(it).path))
        .for_programs();
}

fn weight(run: &StoredRunView) -> Weight {
    let has_failed = run.exit_status.is_some_and(|status| status != 0) || run.signal.is_some();
    match has_failed || run.state == RunState::Damaged {
        true => Weight::Bad,
        false => Weight::Plain,
    }
}

/// Says how a run ended, as far as anybody knows.
fn ended(run: &StoredRunView) -> Option<String> {
    match run.state {
        RunState::Running => Some("running".to_owned()),
        RunState::CutOff => Some("cut off".to_owned()),
        RunState::Damaged => Some("damaged".to_owned()),
        RunState::Complete => run
            .exit_status
            .map(|status| status.to_string())
            .or_else(|| run.signal.map(|signal| format!("signal {signal}"))),
    }
}

fn command(run: &StoredRunView) -> Option<String> {
    let words: Vec<String> = run.command.iter().map(|word| shell_word(word)).collect();
    Some(words.join(" ")).filter(|command| !command.is_empty())
}
