//! Chrome's trace event format: what `chrome://tracing`, Perfetto and Speedscope load.
//!
//! A process for each group of lanes and for each machine, a thread for each lane, the critical path
//! as a process of its own on top, with arrows along it between the lanes. No two slices of a thread
//! overlap: a unit is drawn to where the next one on its lane starts (its true times are in its
//! arguments), and what is inside a unit is cut to it. Written as it goes: memory does not grow with
//! the trace.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::envelope::Report;
use super::format::harmless;
use super::verbs::critical_path::SegmentKind;
use super::verbs::timeline::{
    Counter, CounterView, LaneView, PlacedView, StepSliceView, StepView, TimelineResult,
};
use crate::analysis::lanes::Group;
use crate::timeline::End;

/// Writes a trace.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(report: &Report<TimelineResult>, out: &mut dyn Write) -> io::Result<()> {
    let result = &report.result;
    let mut events = Events { out, any: false };
    events.out.write_all(b"{\"traceEvents\":[")?;
    let groups: Vec<&[LaneView]> = result
        .lanes
        .chunk_by(|a, b| a.group == b.group && a.machine == b.machine)
        .collect();
    // Threads count from behind the processes: Perfetto takes one with its process's number for
    // the main thread.
    let mut tid = groups.len() + 2;
    if !result.critical_path.is_empty() {
        events.process(CRITICAL, "critical path")?;
        events.thread(CRITICAL, tid, "critical path")?;
        critical_path(&mut events, &result.critical_path, tid)?;
        tid += 1;
    }
    let arrows = arrows(&result.critical_path);
    let mut lane_index = 0;
    for (pid, lanes) in (CRITICAL + 1..).zip(&groups) {
        events.process(pid, &process_name(&lanes[0]))?;
        for lane in *lanes {
            events.thread(pid, tid, &thread_name(lane))?;
            for (index, placed) in lane.units.iter().enumerate() {
                let arrow = arrows.get(&(lane_index, index)).copied();
                unit(&mut events, placed, pid, tid, arrow)?;
            }
            lane_index += 1;
            tid += 1;
        }
    }
    for each in &result.counters {
        let group = match each.counter {
            Counter::RunningBuilds => Group::Builds,
            Counter::RunningDownloads | Counter::Transferred => Group::Substitutions,
        };
        let place = groups.iter().position(|lanes| lanes[0].group == group);
        counter(&mut events, each, CRITICAL + 1 + place.unwrap_or(0))?;
    }
    events
        .out
        .write_all(b"\n],\"displayTimeUnit\":\"ms\",\"otherData\":")?;
    serde_json::to_writer(&mut *events.out, &Other::of(report))?;
    events.out.write_all(b"}\n")
}

/// The process of the critical path. Others follow, in the order of the chart.
const CRITICAL: usize = 1;

/// What the trace was made from.
#[derive(Serialize)]
struct Other<'a> {
    schema: &'a str,
    nixlog_version: &'a str,
    source: &'a str,
    clock: &'a str,
    complete: bool,
    started_at: Option<&'a str>,
}

impl<'a> Other<'a> {
    fn of(report: &'a Report<TimelineResult>) -> Self {
        Self {
            schema: report.schema,
            nixlog_version: report.nixlog_version,
            source: &report.input.source,
            clock: report.input.clock.name(),
            complete: report.input.complete,
            started_at: report.input.started_at.as_deref(),
        }
    }
}

/// An instant or a length in microseconds, exact to the nanosecond.
#[derive(Debug, Clone, Copy)]
struct Micros(u64);

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        let text = match rest {
            0 => whole.to_string(),
            rest => format!("{whole}.{rest:03}"),
        };
        let number = RawValue::from_string(text).map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

/// One event; which fields it has depends on `ph`.
#[derive(Serialize)]
struct Event<'a, A> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'a str>,
    ph: &'a str,
    pid: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    tid: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<A>,
}

impl<'a, A> Event<'a, A> {
    fn new(ph: &'a str, name: &'a str, pid: usize) -> Self {
        Self {
            name,
            cat: None,
            ph,
            pid,
            tid: None,
            ts: None,
            dur: None,
            id: None,
            bp: None,
            cname: None,
            args: None,
        }
    }
}

/// No arguments.
type Nothing = ();

#[derive(Serialize)]
struct NameOf<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct SortIndex {
    sort_index: usize,
}

/// What is known of a unit besides its place.
#[derive(Serialize)]
struct UnitArgs<'a> {
    path: &'a str,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unpacked_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_lines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_critical_path: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_waited: Option<bool>,
}

struct Events<'o> {
    out: &'o mut dyn Write,
    any: bool,
}

impl Events<'_> {
    fn event<A: Serialize>(&mut self, event: &Event<'_, A>) -> io::Result<()> {
        self.out.write_all(if self.any { b",\n" } else { b"\n" })?;
        self.any = true;
        serde_json::to_writer(&mut *self.out, event).map_err(io::Error::from)
    }

    fn process(&mut self, pid: usize, name: &str) -> io::Result<()> {
        self.event(&Event {
            args: Some(NameOf { name }),
            ..Event::new("M", "process_name", pid)
        })?;
        self.event(&Event {
            args: Some(SortIndex { sort_index: pid }),
            ..Event::new("M", "process_sort_index", pid)
        })
    }

    fn thread(&mut self, pid: usize, tid: usize, name: &str) -> io::Result<()> {
        self.event(&Event {
            tid: Some(tid),
            args: Some(NameOf { name }),
            ..Event::new("M", "thread_name", pid)
        })?;
        self.event(&Event {
            tid: Some(tid),
            args: Some(SortIndex { sort_index: tid }),
            ..Event::new("M", "thread_sort_index", pid)
        })
    }
}

fn process_name(lane: &LaneView) -> String {
    match (&lane.machine, lane.group) {
        (Some(machine), group) => format!("{} on {}", group.name(), harmless(machine)),
        (None, Group::Builds) => "builds on this machine".to_owned(),
        (None, group) => group.name().to_owned(),
    }
}

fn thread_name(lane: &LaneView) -> String {
    match lane.group {
        Group::Builds => format!("slot {}", lane.slot),
        group @ (Group::Evaluation | Group::Activation) if lane.slot == 1 => {
            group.name().to_owned()
        }
        group => format!("{} {}", group.name(), lane.slot),
    }
}

fn critical_path(events: &mut Events<'_>, steps: &[StepView], tid: usize) -> io::Result<()> {
    let mut at = 0;
    for step in steps {
        let start = step.start_ns.max(at);
        let name = match step.kind {
            SegmentKind::Wait => format!("wait: {}", harmless(&step.name)),
            _ => harmless(&step.name).into_owned(),
        };
        if let Some(length) = step.end_ns.checked_sub(start) {
            events.event(&slice::<Nothing>(
                &name,
                step.kind.name(),
                (CRITICAL, tid),
                start,
                length,
            ))?;
            at = step.end_ns;
        }
    }
    Ok(())
}

fn slice<'a, A>(
    name: &'a str,
    kind: &'a str,
    (pid, tid): (usize, usize),
    start: u64,
    length: u64,
) -> Event<'a, A> {
    Event {
        cat: Some(kind),
        tid: Some(tid),
        ts: Some(Micros(start)),
        dur: Some(Micros(length)),
        ..Event::new("X", name, pid)
    }
}

/// Tells which of the units on lanes the arrows go through, and as what: the first (`s`), one in
/// between (`t`), the last (`f`).
fn arrows(steps: &[StepView]) -> HashMap<(usize, usize), &'static str> {
    let (mut places, mut seen) = (Vec::new(), HashSet::new());
    for place in steps.iter().filter_map(|step| step.place) {
        // A unit may be several steps, one for each of its builder phases.
        if seen.insert(place) {
            places.push(place);
        }
    }
    let last = places.len().saturating_sub(1);
    if last == 0 {
        return HashMap::new();
    }
    let kind = |index| match index {
        0 => "s",
        index if index == last => "f",
        _ => "t",
    };
    let numbered = places.into_iter().enumerate();
    numbered
        .map(|(index, place)| (place, kind(index)))
        .collect()
}

fn unit(
    events: &mut Events<'_>,
    placed: &PlacedView,
    pid: usize,
    tid: usize,
    arrow: Option<&'static str>,
) -> io::Result<()> {
    let unit = &placed.unit;
    let name = harmless(&unit.name);
    let failed = unit.outcome.is_failure();
    let args = UnitArgs {
        path: &unit.path,
        outcome: unit.outcome.name(),
        reason: unit.reason.as_deref(),
        machine: unit.machine.as_deref(),
        source: unit.source.as_deref(),
        end: Some(unit.end)
            .filter(|&end| end != End::Measured)
            .and_then(End::name),
        end_ns: unit.end_ns.filter(|&end| end != placed.drawn_end_ns),
        bytes: unit.bytes,
        unpacked_bytes: unit.unpacked_bytes,
        log_lines: unit.log_lines.filter(|&lines| lines > 0),
        on_critical_path: unit.on_critical_path.filter(|&on_path| on_path),
        evaluation_waited: unit.evaluation_waited.then_some(true),
    };
    let start = placed.drawn_start_ns;
    events.event(&Event {
        args: Some(args),
        cname: failed.then_some("terrible"),
        ..slice(&name, unit.kind.name(), (pid, tid), start, placed.length())
    })?;
    // An arrow ends at the innermost slice so far: before what is inside this one.
    if let Some(ph) = arrow {
        events.event(&Event::<Nothing> {
            cat: Some("critical"),
            tid: Some(tid),
            ts: Some(Micros(start)),
            id: Some(1),
            bp: (ph != "s").then_some("e"),
            ..Event::new(ph, "critical path", pid)
        })?;
    }
    inside(events, placed, (pid, tid))
}

/// A slice inside a unit.
struct Inner<'a> {
    name: &'a str,
    start: u64,
    end: u64,
}

/// Draws what a unit was doing, and inside that its builder phases.
fn inside(events: &mut Events<'_>, placed: &PlacedView, place: (usize, usize)) -> io::Result<()> {
    let whole = (placed.drawn_start_ns, placed.drawn_end_ns);
    let stretches = placed.stretches.iter().map(|stretch| Inner {
        name: stretch.part.name(),
        start: stretch.start_ns,
        end: stretch.end_ns,
    });
    let stretches = cut(stretches.collect(), whole);
    let phases = placed.unit.builder_phases.iter().filter_map(|phase| {
        let start = phase.start_ns?;
        Some(Inner {
            name: &phase.name,
            start,
            end: start.saturating_add(phase.duration_ns?),
        })
    });
    let phases = cut(phases.collect(), whole);
    let mut steps = Steps::of(placed);
    if stretches.is_empty() {
        for phase in &phases {
            inner(events, phase, "builder-phase", place)?;
            steps.within(events, (phase.start, phase.end), place)?;
        }
        return match phases.is_empty() {
            true => steps.within(events, whole, place),
            false => Ok(()),
        };
    }
    let has_phases = !phases.is_empty();
    let mut phases = phases.into_iter().peekable();
    for stretch in &stretches {
        inner(events, stretch, "part", place)?;
        let bounds = (stretch.start, stretch.end);
        // A phase belongs to the stretch in which most of it lies; it is cut to that.
        while let Some(phase) = phases.next_if(|phase| {
            let within = phase.end.min(stretch.end).saturating_sub(phase.start);
            within * 2 >= phase.end - phase.start || phase.end <= stretch.end
        }) {
            for phase in cut(vec![phase], bounds) {
                inner(events, &phase, "builder-phase", place)?;
                steps.within(events, (phase.start, phase.end), place)?;
            }
        }
        if !has_phases {
            steps.within(events, bounds, place)?;
        }
    }
    Ok(())
}

/// The steps of a build that are still to be drawn.
struct Steps<'a>(std::iter::Peekable<std::vec::IntoIter<&'a StepSliceView>>);

impl<'a> Steps<'a> {
    fn of(placed: &'a PlacedView) -> Self {
        let mut steps: Vec<&StepSliceView> = placed.steps.iter().collect();
        // Of what begins together the longest has the others inside.
        steps.sort_by_key(|step| (step.start_ns, Reverse(step.end_ns)));
        Self(steps.into_iter().peekable())
    }

    /// Draws those that begin within bounds, cut to them. Steps that ran side by side lie in one another as far as
    /// they can; the rest is cut off.
    fn within(
        &mut self,
        events: &mut Events<'_>,
        (start, end): (u64, u64),
        place: (usize, usize),
    ) -> io::Result<()> {
        let mut around: Vec<u64> = Vec::new();
        while let Some(step) = self.0.next_if(|step| step.start_ns < end) {
            if step.start_ns < start {
                continue;
            }
            while around.pop_if(|outer| *outer <= step.start_ns).is_some() {}
            let most = around.last().copied().unwrap_or(end);
            let slice = Inner {
                name: &step.name,
                start: step.start_ns,
                end: step.end_ns.min(most),
            };
            if slice.start < slice.end {
                inner(events, &slice, step.kind, place)?;
                around.push(slice.end);
            }
        }
        Ok(())
    }
}

fn inner(
    events: &mut Events<'_>,
    inner: &Inner<'_>,
    cat: &str,
    place: (usize, usize),
) -> io::Result<()> {
    let length = inner.end - inner.start;
    let name = harmless(inner.name);
    events.event(&slice::<Nothing>(&name, cat, place, inner.start, length))
}

/// Sorts slices and cuts them so that none overlaps another, or leaves the bounds. What nothing is
/// left of is left out.
fn cut<'a>(mut slices: Vec<Inner<'a>>, (start, end): (u64, u64)) -> Vec<Inner<'a>> {
    slices.sort_by_key(|slice| slice.start);
    let mut at = start;
    slices.retain_mut(|slice| {
        slice.start = slice.start.max(at);
        slice.end = slice.end.min(end);
        let left = slice.start < slice.end;
        if left {
            at = slice.end;
        }
        left
    });
    slices
}

fn counter(events: &mut Events<'_>, counter: &CounterView, pid: usize) -> io::Result<()> {
    let (name, series) = match counter.counter {
        Counter::RunningBuilds => ("running builds", "builds"),
        Counter::RunningDownloads => ("running downloads", "downloads"),
        Counter::Transferred => ("bytes per second", "bytes_per_second"),
    };
    for (&at, &value) in counter.at_ns.iter().zip(&counter.values) {
        events.event(&Event {
            ts: Some(Micros(at)),
            args: Some(HashMap::from([(series, value)])),
            ..Event::new("C", name, pid)
        })?;
    }
    Ok(())
}
