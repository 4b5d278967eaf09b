//! What is said above and below a chart.

use std::cmp::Reverse;

use super::super::{LaneView, PlacedView, TimelineResult};
use super::row::{Glyphs, Used};
use super::rows::short_machine;
use crate::analysis::lanes::Group;
use crate::report::envelope::Report;
use crate::report::format::{duration, harmless, percent, plural};
use crate::report::words::nothing;
use crate::timeline::UnitKind;

/// Says in one line what there was to do, on how much, and what took longest.
pub(super) fn verdict(report: &Report<TimelineResult>) -> String {
    let result = &report.result;
    if let Some(nothing) = nothing(&report.input) {
        return nothing;
    }
    let Some(wall) = result.wall_ns else {
        let lines = plural(report.input.lines, "line");
        return format!("{lines} without timestamps: no chart");
    };
    let lanes_of = |group: Group| -> Vec<&LaneView> {
        let lanes = result.lanes.iter();
        lanes.filter(|lane| lane.group == group).collect()
    };
    let wall_text = duration(wall);
    let others = result
        .lanes
        .iter()
        .filter(|lane| lane.group != Group::Evaluation);
    let longest = others
        .flat_map(|lane| &lane.units)
        .max_by_key(|placed| (placed.length(), Reverse(placed.drawn_start_ns)));
    let Some(longest) = longest else {
        let without_times = plural(result.units_without_times as u64, "unit");
        return match result.units_without_times {
            0 if result.units_not_wanted > 0 => {
                format!("{wall_text} wall; no unit matches")
            }
            0 if result.units == 0 => {
                format!("{wall_text} wall; the log does not tell what took it")
            }
            0 => format!("{wall_text} wall, all evaluation"),
            _ => format!("{wall_text} wall: {without_times} with unknown ends"),
        };
    };
    let (builds, substitutions) = (lanes_of(Group::Builds), lanes_of(Group::Substitutions));
    let what = match (builds.is_empty(), substitutions.is_empty()) {
        (false, _) => {
            let (all, failed) = count(&builds, "build");
            let comma = if failed.is_empty() { "" } else { "," };
            format!("{all}{failed}{comma}{}", place(&builds))
        }
        (true, false) => {
            let (all, failed) = count(&substitutions, "substitution");
            format!("{all}{failed}, up to {} at once", substitutions.len())
        }
        (true, true) => plural(result.units as u64, "unit"),
    };
    let kind = match longest.unit.kind {
        UnitKind::Build => String::new(),
        kind => format!(" ({})", kind.name()),
    };
    format!(
        "{wall_text} wall: {what}; {}{kind} took longest: {}{}",
        harmless(&longest.unit.name),
        duration(longest.length()),
        of_wall(longest.length(), wall),
    )
}

/// Counts units and, if there are any, those that failed.
fn count(lanes: &[&LaneView], one: &str) -> (String, String) {
    let units = || lanes.iter().flat_map(|lane| &lane.units);
    let all = plural(units().count() as u64, one);
    let failed = units().filter(|placed| placed.unit.outcome.is_failure());
    match failed.count() {
        0 => (all, String::new()),
        n => (all, format!(", {n} failed")),
    }
}

fn of_wall(part: u64, wall: u64) -> String {
    if wall == 0 {
        return String::new();
    }
    format!(" ({} of the wall time)", percent(share(part, wall)))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share needs no more than 52 bits"
)]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Says where the builds ran, and how much of the slots they used while there were any.
fn place(lanes: &[&LaneView]) -> String {
    let n_local = lanes.iter().filter(|lane| lane.machine.is_none()).count();
    let mut machines: Vec<&str> = lanes
        .iter()
        .filter_map(|lane| lane.machine.as_deref())
        .collect();
    machines.dedup();
    let local = plural(n_local as u64, "slot");
    let remote = plural(machines.len() as u64, "machine");
    let place = match (n_local, machines.len()) {
        (_, 0) => local,
        (0, _) => remote,
        _ => format!("{local} and {remote}"),
    };
    let units = || lanes.iter().flat_map(|lane| &lane.units);
    let start = units().map(|placed| placed.drawn_start_ns).min();
    let end = units().map(|placed| placed.drawn_end_ns).max();
    let window = start.zip(end).map_or(0, |(start, end)| end - start);
    let busy: u64 = lanes.iter().map(|lane| lane.busy_ns).sum();
    let whole = window.saturating_mul(lanes.len() as u64);
    if whole == 0 || lanes.len() < 2 {
        return format!(" on {place}");
    }
    format!(" on {place} ({} in use)", percent(share(busy, whole)))
}

/// More would hide what else there is to know.
const MOST_FAILED: usize = 5;

/// Says what failed, and what is not in the chart.
pub(super) fn notes(report: &Report<TimelineResult>) -> Vec<String> {
    let result = &report.result;
    let mut notes = Vec::new();
    let units = result
        .lanes
        .iter()
        .flat_map(|lane| lane.units.iter().map(move |placed| (lane, placed)));
    let failed: Vec<_> = units
        .filter(|(_, placed)| placed.unit.outcome.is_failure())
        .collect();
    for (lane, placed) in failed.iter().take(MOST_FAILED) {
        notes.push(failure(lane, placed));
    }
    if failed.len() > MOST_FAILED {
        notes.push(format!("and {} more failures", failed.len() - MOST_FAILED));
    }
    for (n, why) in [
        (
            result.units_without_times,
            "not drawn: start or end is unknown",
        ),
        (result.units_not_wanted, "not drawn: filtered out"),
    ] {
        if n > 0 && result.wall_ns.is_some() {
            notes.push(format!("{} {why}", plural(n as u64, "unit")));
        }
    }
    notes
}

fn failure(lane: &LaneView, placed: &PlacedView) -> String {
    let unit = &placed.unit;
    let place = match (&lane.machine, lane.group) {
        (Some(machine), _) => format!(" on {}", short_machine(machine)),
        (None, Group::Builds) => format!(" on slot {}", lane.slot),
        _ => String::new(),
    };
    let reason = unit
        .reason
        .as_deref()
        .map(|reason| format!(": {}", harmless(reason)));
    let kind = match unit.kind {
        UnitKind::Build => String::new(),
        kind => format!(" ({})", kind.name()),
    };
    format!(
        "{}: {}{kind}{place}, from {} to {}{}",
        unit.outcome.name(),
        harmless(&unit.name),
        duration(placed.drawn_start_ns),
        duration(placed.drawn_end_ns),
        reason.unwrap_or_default(),
    )
}

/// Says what the characters of a chart mean, those that are in it.
pub(super) fn legend(used: Used, glyphs: &Glyphs) -> Option<String> {
    let [begin, inside, end] = glyphs.bar;
    let mut parts = Vec::new();
    if used.bars {
        parts.push(format!("{begin}name{inside}{end} one unit"));
    }
    if used.shades {
        let shades: String = glyphs.shades.iter().collect();
        parts.push(format!("{shades} short units, by share of the time"));
    }
    if used.levels {
        let levels: String = glyphs.levels.iter().collect();
        parts.push(format!("{levels} number at once"));
    }
    if used.failed {
        parts.push(format!("{} failed", glyphs.failed));
    }
    if used.open {
        parts.push(format!("{} still running when the log stops", glyphs.open));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
