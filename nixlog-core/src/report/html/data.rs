//! What the script draws, as lines of fields with tabs in between: a few dozen bytes for each unit.
//!
//! ```text
//! wall    MICROSECONDS  HEIGHT
//! texts   TEXT …                                what fields name by number
//! kind    CLASS  NAME                           what units name by number
//! row     Y  HEIGHT  LABEL  REMARK
//! lane    MACHINE                               of the row above
//! NUMBER MARKS  GAP  LENGTH  NAME  FIELD …      a unit of the lane above: its kind, since the last
//! between NEEDS                                 did not run, but stands between units
//! step    KIND  START  LENGTH  NAME  UNIT
//! counter PEAK UNIT  AT VALUE …                 of the row above
//! ```
//!
//! A field begins with a letter that says what it is. Units are numbered in their order, and what stands
//! between them after them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Write};

use super::super::drawing::{self, Holds};
use super::super::format::{harmless, xml};
use super::super::verbs::critical_path::SegmentKind;
use super::super::verbs::timeline::{
    CounterView, LaneView, NeedsView, PlacedView, StepSliceView, StepView, TimelineResult,
};
use crate::timeline::UnitKind;

/// Builder phases are a multiple of the units: these many are in a page.
const MOST_PHASES: usize = 20_000;

/// Evaluation has thousands of files: those that took longest are in a page, in these many stretches.
const MOST_FILES: usize = 2_000;

/// A counter with more changes is told by columns.
const MOST_CHANGES: usize = 4000;

/// Writes what the script draws. Returns from which length on units have their builder phases, where not
/// all have.
pub(super) fn write(result: &TimelineResult, out: &mut dyn Write) -> io::Result<Option<u64>> {
    let wall = result.wall_ns.unwrap_or(0);
    let (bands, height) = drawing::bands(result, 0.0);
    let mut data = Data {
        wall,
        shortest: shortest_with_phases(result),
        numbers: HashMap::new(),
        texts: Vec::new(),
        kinds: Vec::new(),
        needs: result.needs.iter(),
        lines: Vec::new(),
    };
    let mut firsts = Vec::with_capacity(result.lanes.len());
    let mut n_units = 0;
    for lane in &result.lanes {
        firsts.push(n_units);
        n_units += lane.units.len();
    }
    for band in &bands {
        data.line(&[
            "row",
            &band.y.to_string(),
            &band.height.to_string(),
            &band.label,
            &band.remark,
        ])?;
        match band.holds {
            Holds::Steps(steps) => data.steps(steps, &firsts)?,
            Holds::Lanes(lanes) => lanes.iter().try_for_each(|lane| data.lane(lane))?,
            Holds::Counter(counter) => data.counter(counter)?,
        }
    }
    while let Some(needs) = data.needs.next() {
        data.line(&["between", &numbers(&needs.of)])?;
    }
    writeln!(out, "wall\t{}\t{height}", micros(wall))?;
    writeln!(
        out,
        "texts\t{}",
        data.texts
            .iter()
            .map(|text| shown(text))
            .collect::<Vec<_>>()
            .join("\t")
    )?;
    for &kind in &data.kinds {
        writeln!(out, "kind\t{}\t{}", drawing::class(kind), kind.name())?;
    }
    out.write_all(&data.lines)?;
    Ok(data.shortest)
}

struct Data<'a> {
    wall: u64,
    shortest: Option<u64>,
    numbers: HashMap<&'a str, usize>,
    texts: Vec<&'a str>,
    kinds: Vec<SegmentKind>,
    /// Of the units that are still to come.
    needs: std::slice::Iter<'a, NeedsView>,
    lines: Vec<u8>,
}

impl<'a> Data<'a> {
    fn line(&mut self, fields: &[&str]) -> io::Result<()> {
        for (number, field) in fields.iter().enumerate() {
            let tab = if number > 0 { "\t" } else { "" };
            write!(self.lines, "{tab}{}", shown(field))?;
        }
        writeln!(self.lines)
    }

    fn text(&mut self, text: &'a str) -> usize {
        let texts = &mut self.texts;
        *self.numbers.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() - 1
        })
    }

    fn kind(&mut self, kind: SegmentKind) -> usize {
        let known = self.kinds.iter().position(|&known| known == kind);
        known.unwrap_or_else(|| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        })
    }

    fn lane(&mut self, lane: &'a LaneView) -> io::Result<()> {
        self.line(&["lane", lane.machine.as_deref().unwrap_or_default()])?;
        let mut last = 0;
        for placed in &lane.units {
            self.unit(placed, last)?;
            last = micros(placed.drawn_end_ns);
        }
        Ok(())
    }

    fn unit(&mut self, placed: &'a PlacedView, last: u64) -> io::Result<()> {
        let unit = &placed.unit;
        let (start, end) = (micros(placed.drawn_start_ns), micros(placed.drawn_end_ns));
        let mut kind = self.kind(SegmentKind::Unit(unit.kind)).to_string();
        for (is, mark) in [
            (drawing::is_failed(placed), 'x'),
            (unit.on_critical_path == Some(true), 'c'),
            (drawing::is_open(placed), 'o'),
        ] {
            kind.extend(is.then_some(mark));
        }
        let name = &unit.name;
        let mut fields = vec![
            kind,
            (start - last.min(start)).to_string(),
            (end - start).to_string(),
            name.clone(),
        ];
        match unit.duration_ns.map(micros) {
            // Each is rounded.
            Some(took) if took.abs_diff(end - start) <= 1 => {}
            took => fields.push(format!(
                "t{}",
                took.map_or_else(String::new, |took| took.to_string())
            )),
        }
        fields.extend(
            unit.bytes
                .filter(|&size| size > 0)
                .map(|size| format!("b{size}")),
        );
        if let Some(source) = &unit.source {
            fields.push(format!("s{}", self.text(source)));
        }
        fields.extend(
            drawing::facts(unit)
                .into_iter()
                .map(|fact| format!("f{fact}")),
        );
        let mut parts = Vec::new();
        let mut at = start;
        for (name, from, until) in self.parts(placed) {
            let (from, until) = (micros(from).clamp(at, end), micros(until).clamp(at, end));
            if until <= from {
                continue;
            }
            let name = self.text(name);
            parts.push(format!("{name} {} {}", from - at, until - from));
            at = until;
        }
        if !parts.is_empty() {
            fields.push(format!("p{}", parts.join(" ")));
        }
        let is_node = unit.kind.is_asked_for();
        if let Some(needs) = self.needs.next().filter(|_| is_node) {
            let unknown = if needs.is_known { "" } else { "?" };
            fields.push(format!("n{unknown}{}", numbers(&needs.of)));
        }
        self.line(&fields.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Returns what a unit was doing: its builder phases, or what it did instead of one thing all the time.
    fn parts(&self, placed: &'a PlacedView) -> Vec<(&'a str, u64, u64)> {
        let phases = &placed.unit.builder_phases;
        if placed.unit.kind == UnitKind::Evaluation && !placed.steps.is_empty() {
            return files(placed);
        }
        if phases.is_empty() {
            let stretches = placed.stretches.iter();
            return stretches
                .map(|part| (part.part.name(), part.start_ns, part.end_ns))
                .collect();
        }
        if self
            .shortest
            .is_some_and(|shortest| placed.length() < shortest)
        {
            return Vec::new();
        }
        let phases = phases.iter().filter_map(|phase| {
            let start = phase.start_ns?;
            Some((
                &*phase.name,
                start,
                start.saturating_add(phase.duration_ns?),
            ))
        });
        phases.collect()
    }

    fn steps(&mut self, steps: &[StepView], firsts: &[usize]) -> io::Result<()> {
        for step in steps {
            let (start, end) = (micros(step.start_ns), micros(step.end_ns));
            let kind = self.kind(step.kind).to_string();
            let unit = step
                .place
                .map(|(lane, place)| (firsts[lane] + place).to_string());
            let name = drawing::step_name(step);
            self.line(&[
                "step",
                &kind,
                &start.to_string(),
                &(end - start).to_string(),
                &name,
                &unit.unwrap_or_default(),
            ])?;
        }
        Ok(())
    }

    fn counter(&mut self, counter: &CounterView) -> io::Result<()> {
        write!(
            self.lines,
            "counter\t{}\t{}\t",
            counter.peak,
            counter.unit.name()
        )?;
        let mut last = 0;
        let mut point = |at: u64, value: u64| {
            let at = micros(at);
            let gap = at.saturating_sub(last);
            last = at.max(last);
            write!(self.lines, "{gap} {value} ")
        };
        if counter.at_ns.len() <= MOST_CHANGES {
            for (&at, &value) in counter.at_ns.iter().zip(&counter.values) {
                point(at, value)?;
            }
        } else {
            let columns = drawing::columns(counter, self.wall);
            let mut number = 0;
            for alike in columns.chunk_by(|a, b| a == b) {
                let at = u128::from(self.wall) * number / columns.len() as u128;
                point(u64::try_from(at).unwrap_or(u64::MAX), alike[0])?;
                number += alike.len() as u128;
            }
        }
        writeln!(self.lines)
    }
}

/// Returns at which files evaluation was; where there are too many, those that took longest, in their order.
fn files(placed: &PlacedView) -> Vec<(&str, u64, u64)> {
    let mut longest: Vec<&StepSliceView> = placed.steps.iter().collect();
    longest.sort_by_key(|step| Reverse(step.end_ns.saturating_sub(step.start_ns)));
    longest.truncate(MOST_FILES);
    longest.sort_by_key(|step| step.start_ns);
    let files = longest.into_iter();
    files
        .map(|step| (&*step.name, step.start_ns, step.end_ns))
        .collect()
}

/// Returns how long a unit has to be for its builder phases, where there are too many for all.
fn shortest_with_phases(result: &TimelineResult) -> Option<u64> {
    let units = result.lanes.iter().flat_map(|lane| &lane.units);
    let mut lengths: Vec<(Reverse<u64>, usize)> = units
        .map(|placed| (Reverse(placed.length()), placed.unit.builder_phases.len()))
        .filter(|&(_, n)| n > 0)
        .collect();
    lengths.sort_unstable();
    let mut room = MOST_PHASES;
    for (Reverse(length), n) in lengths {
        match room.checked_sub(n) {
            Some(rest) => room = rest,
            None => return Some(length.saturating_add(1)),
        }
    }
    None
}

/// A page's clock is as fine as microseconds.
fn micros(nanos: u64) -> u64 {
    nanos / 1000
}

fn numbers(all: &[u32]) -> String {
    all.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

/// Neither a tab nor the end of a line is in it, nor markup.
fn shown(text: &str) -> String {
    // Most names need nothing done.
    if text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"&<>\"'".contains(&byte))
    {
        return text.to_owned();
    }
    xml(&harmless(text))
}
