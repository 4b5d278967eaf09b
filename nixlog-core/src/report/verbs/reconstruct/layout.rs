//! The result of `reconstruct`, laid out.

use super::{ReconstructResult, SessionView};
use crate::report::document::Document;
use crate::report::envelope::Report;
use crate::report::format::{duration, plural, short_id};
use crate::report::table::{Cell, Columns, Table, Weight, limit, more};
use crate::report::words;

/// A shorter pause needs no words.
const PAUSE: u64 = 30_000_000_000;

/// Derivations that were written no longer before the first build need none either.
const WRITING: u64 = 2_000_000_000;

/// Lays out the result of `reconstruct`. `top` cuts the list of sessions (0: no cut).
pub(super) fn document(report: &Report<ReconstructResult>, top: usize) -> Document {
    let sessions = &report.result.sessions;
    let asked_for = sessions.iter().find(|session| session.asked_for);
    let Some(latest) = asked_for.or(sessions.first()) else {
        return Document {
            verdict: "the store has no build times".to_owned(),
            ..Document::default()
        };
    };
    let mut notes = words::notes(&report.diagnostics);
    notes.extend(pause(latest));
    notes.extend(written(latest));
    let n_shown = limit(top, sessions.len());
    notes.extend(more(sessions.len(), n_shown, "more session"));
    let is_kept = |session: &SessionView| session.run.is_some() || session.path.is_some();
    if !sessions.iter().all(is_kept) {
        let which = match sessions.first().is_some_and(is_kept) {
            true => "the latest session",
            false => "the session that built what was asked for",
        };
        notes.push(format!(
            "only {which} was recorded; `--all` records all of them"
        ));
    }
    Document {
        verdict: verdict(latest),
        tables: vec![table(&sessions[..n_shown])],
        notes,
        next: words::next(&report.input, "critical-path"),
        ..Document::default()
    }
}

fn verdict(session: &SessionView) -> String {
    let mut parts = Vec::new();
    if session.builds > 0 {
        parts.push(format!("{} built", plural(session.builds, "derivation")));
    }
    if session.substitutions > 0 {
        parts.push(format!("{} fetched", plural(session.substitutions, "path")));
    }
    let failed = match session.failed {
        0 => String::new(),
        n => format!(", {n} failed"),
    };
    let day = session.started_at.as_deref().and_then(|at| at.get(..10));
    let times = clock(session.started_at.as_deref()).zip(clock(session.ended_at.as_deref()));
    let when = day
        .zip(times)
        .map_or_else(String::new, |(day, (from, until))| {
            format!(", on {day} from {from} to {until} UTC")
        });
    format!(
        "{}{failed} in {}{when}",
        parts.join(" and "),
        duration(session.wall_ns)
    )
}

/// Returns the time of day of an instant.
fn clock(at: Option<&str>) -> Option<&str> {
    at?.get(11..19)
}

fn pause(session: &SessionView) -> Option<String> {
    let pause = session.longest_pause_ns.filter(|&pause| pause >= PAUSE)?;
    Some(format!(
        "nothing ran for {} in between; if these were two builds, separate them with `--gap {}`",
        duration(pause),
        shorter(pause)
    ))
}

/// Returns a round length of time that is shorter than a pause, as the command line takes it.
fn shorter(pause: u64) -> String {
    let seconds = pause / 1_000_000_000;
    match seconds / 60 {
        0 => format!("{}s", seconds / 10 * 10),
        minutes @ 1..=5 => format!("{minutes}m"),
        _ => "5m".to_owned(),
    }
}

fn written(session: &SessionView) -> Option<String> {
    let before = session
        .written_before_ns
        .filter(|&before| before >= WRITING)?;
    Some(format!(
        "the first derivation or source was written {} before the first start, by this evaluation or an earlier \
         one: how long evaluation took is not known, and not part of these times",
        duration(before)
    ))
}

fn table(sessions: &[SessionView]) -> Table {
    let started = |session: &&SessionView| {
        let started = session.started_at.as_deref().unwrap_or_default();
        Cell::text(&words::second(started))
    };
    let mut columns = Columns::<&SessionView>::new();
    columns.text("started_at", "started (UTC)", started);
    columns.number("wall_ns", "took", |session| Cell::Nanos(session.wall_ns));
    columns
        .number("builds", "built", |session| Cell::Count(session.builds))
        .rank(1);
    columns
        .number("substitutions", "fetched", |session| {
            Cell::Count(session.substitutions)
        })
        .rank(2);
    columns
        .number("failed", "failed", |session| Cell::Count(session.failed))
        .rank(1);
    columns
        .number("unknown_durations", "unknown durations", |session| {
            Cell::Count(session.unknown_durations)
        })
        .rank(5);
    columns.text("run", "run", |session| {
        Cell::text(session.run.as_deref().map(short_id).unwrap_or_default())
    });
    columns
        .text("path", "file", |session| {
            Cell::text(session.path.as_deref().unwrap_or_default())
        })
        .rank(4);

    let weight = |session: &&SessionView| match session.failed {
        0 => Weight::Plain,
        _ => Weight::Bad,
    };
    Table::new(columns, sessions, weight)
}
