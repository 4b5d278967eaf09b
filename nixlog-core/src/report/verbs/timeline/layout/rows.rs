//! Which rows a chart has, from top to bottom.

use super::super::{Counter, LaneView, PlacedView, StepView, TimelineResult};
use super::row::{Bar, Glyphs, Used, bars, density};
use crate::analysis::lanes::Group;
use crate::report::axis::Scale;
use crate::report::document::{Piece, Tone};
use crate::report::format::{bytes, duration, harmless};
use crate::report::verbs::critical_path::SegmentKind;
use crate::timeline::{End, UnitKind};

/// One row of a chart.
#[derive(Debug)]
pub(super) struct ChartRow<'a> {
    pub(super) label: String,
    /// What is written behind it.
    pub(super) remark: String,
    holds: Holds<'a>,
}

#[derive(Debug)]
enum Holds<'a> {
    /// The critical path.
    Steps(&'a [StepView]),
    /// The evaluator, without what it waits for.
    Evaluation(&'a LaneView),
    /// One slot.
    Lane(&'a LaneView),
    /// The slots that have no row of their own: a full cell is all of them in use.
    Rest(&'a [LaneView]),
    /// What runs in dozens: a full cell is the most at once.
    Crowd(&'a [LaneView]),
}

impl ChartRow<'_> {
    pub(super) fn draw(&self, scale: Scale, glyphs: &Glyphs, used: &mut Used) -> Vec<Piece> {
        match &self.holds {
            Holds::Steps(steps) => bars(steps.iter().filter_map(step), scale, glyphs, used),
            Holds::Evaluation(lane) => {
                bars(lane.units.iter().flat_map(evaluation), scale, glyphs, used)
            }
            Holds::Lane(lane) => bars(lane.units.iter().map(bar), scale, glyphs, used),
            Holds::Rest(lanes) => {
                let most = Some(lanes.len() as u64);
                density(all(lanes), most, scale, glyphs, used)
            }
            Holds::Crowd(lanes) => density(all(lanes), None, scale, glyphs, used),
        }
    }
}

fn all(lanes: &[LaneView]) -> impl Iterator<Item = Bar<'_>> {
    lanes.iter().flat_map(|lane| lane.units.iter().map(bar))
}

fn bar(placed: &PlacedView) -> Bar<'_> {
    let unit = &placed.unit;
    Bar {
        start: placed.drawn_start_ns,
        end: placed.drawn_end_ns,
        name: &unit.name,
        short_name: &unit.pname,
        tone: tone(unit.kind),
        failed: unit.outcome.is_failure(),
        open: unit.end == End::Open,
    }
}

/// Evaluation goes on and off: one bar for each time.
fn evaluation(placed: &PlacedView) -> Vec<Bar<'_>> {
    let whole = bar(placed);
    if placed.stretches.is_empty() {
        return vec![whole];
    }
    let stretches = placed.stretches.iter().map(|stretch| Bar {
        start: stretch.start_ns,
        end: stretch.end_ns,
        failed: false,
        ..whole
    });
    let mut bars: Vec<_> = stretches.collect();
    if let Some(last) = bars.last_mut() {
        last.failed = whole.failed;
    }
    bars
}

/// Waits stay empty: nothing was going on.
fn step(step: &StepView) -> Option<Bar<'_>> {
    let kind = match step.kind {
        SegmentKind::Unit(kind) => Some(kind),
        SegmentKind::Part(_) | SegmentKind::Wait => None,
    };
    Some(Bar {
        start: step.start_ns,
        end: step.end_ns,
        name: &step.name,
        short_name: &step.name,
        tone: tone(kind?),
        failed: false,
        open: false,
    })
}

const fn tone(kind: UnitKind) -> Tone {
    match kind {
        UnitKind::Evaluation => Tone::Evaluation,
        UnitKind::Build => Tone::Building,
        UnitKind::Substitution | UnitKind::Query | UnitKind::SourceFetch | UnitKind::InputFetch => {
            Tone::Fetching
        }
        _ => Tone::Copying,
    }
}

/// Lists the rows. `top` limits how many slots of a machine have one of their own.
pub(super) fn rows<'a>(
    result: &'a TimelineResult,
    top: usize,
    glyphs: &Glyphs,
) -> Vec<ChartRow<'a>> {
    let mut rows = Vec::new();
    if !result.critical_path.is_empty() {
        rows.push(ChartRow {
            label: "critical".to_owned(),
            remark: String::new(),
            holds: Holds::Steps(&result.critical_path),
        });
    }
    let has_builds = result.lanes.iter().any(|lane| lane.group == Group::Builds);
    let groups = result
        .lanes
        .chunk_by(|a, b| a.group == b.group && a.machine == b.machine);
    for lanes in groups {
        let top = if top == 0 { usize::MAX } else { top };
        let n_rows = match lanes[0].group {
            Group::Builds => top,
            Group::Substitutions | Group::Copies if !has_builds => top,
            Group::Evaluation | Group::Activation => 1,
            _ => 0,
        };
        group(&mut rows, result, lanes, n_rows, glyphs);
    }
    rows
}

fn group<'a>(
    rows: &mut Vec<ChartRow<'a>>,
    result: &'a TimelineResult,
    lanes: &'a [LaneView],
    n_rows: usize,
    glyphs: &Glyphs,
) {
    let first = &lanes[0];
    // A fold of one saves nothing.
    let n_rows = if lanes.len() == n_rows.saturating_add(1) && n_rows > 0 {
        lanes.len()
    } else {
        n_rows.min(lanes.len())
    };
    let (own, rest) = lanes.split_at(n_rows);
    for lane in own {
        let slot = lane.slot.to_string();
        let evaluation = lane.group == Group::Evaluation;
        rows.push(ChartRow {
            label: if evaluation {
                "evaluation".to_owned()
            } else {
                label(first, &slot, false)
            },
            remark: if evaluation {
                let took = lane
                    .units
                    .iter()
                    .filter_map(|placed| placed.unit.duration_ns);
                duration(took.sum())
            } else {
                share(lane.busy_ns, 1, result.wall_ns)
            },
            holds: if evaluation {
                Holds::Evaluation(lane)
            } else {
                Holds::Lane(lane)
            },
        });
    }
    let (Some(from), Some(to)) = (rest.first(), rest.last()) else {
        return;
    };
    if !own.is_empty() {
        let slots = format!("{}{}{}", from.slot, glyphs.to, to.slot);
        let busy = rest.iter().map(|lane| lane.busy_ns).sum();
        rows.push(ChartRow {
            label: label(first, &slots, true),
            remark: share(busy, rest.len() as u64, result.wall_ns),
            holds: Holds::Rest(rest),
        });
        return;
    }
    // All of them took no time that shows.
    if rest.iter().all(|lane| lane.busy_ns == 0) {
        return;
    }
    let most = lanes.last().map_or(0, |lane| lane.slot);
    let rate = result.counters.iter().find(|counter| {
        counter.counter == Counter::Transferred && first.group == Group::Substitutions
    });
    rows.push(ChartRow {
        label: match most {
            1 => first.group.name().to_owned(),
            most => format!("{} {}{most}", first.group.name(), glyphs.times),
        },
        remark: rate.map_or_else(String::new, |rate| format!("{}/s", bytes(rate.peak))),
        holds: Holds::Crowd(rest),
    });
}

/// Says what share of the wall time slots were in use.
fn share(busy: u64, n_slots: u64, wall: Option<u64>) -> String {
    let whole = wall.unwrap_or(0).saturating_mul(n_slots).max(1);
    let percent = (u128::from(busy) * 200 + u128::from(whole)) / (u128::from(whole) * 2);
    format!("{percent:>3}%")
}

/// More of a machine's name would leave no room for what it did.
const LONGEST_MACHINE: usize = 16;

fn label(lane: &LaneView, slots: &str, several: bool) -> String {
    match (&lane.machine, lane.group) {
        (Some(machine), _) => {
            let name = short_machine(machine);
            let cut: String = name.chars().take(LONGEST_MACHINE).collect();
            format!("{cut} {slots}")
        }
        (None, Group::Builds) if several => format!("slots {slots}"),
        (None, Group::Builds) => format!("slot {slots}"),
        (None, Group::Activation) => "activation".to_owned(),
        (None, Group::Substitutions) if several => format!("substitutions {slots}"),
        (None, Group::Substitutions) => format!("substitution {slots}"),
        (None, group) => format!("{} {slots}", group.name()),
    }
}

/// Takes the way to a machine off its name: `ssh-ng://nix@builder-a` is `builder-a`.
pub(super) fn short_machine(machine: &str) -> String {
    let name = machine.split_once("://").map_or(machine, |(_, name)| name);
    let name = name.rsplit('@').next().unwrap_or(name);
    let name = name.split(['?', '/']).next().unwrap_or(name);
    let name = harmless(name);
    let one_column = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    name.chars().map(one_column).collect()
}
