//! The result of `timeline`, laid out: a chart of characters.
//!
//! ```text
//!            0         2s        4s
//!           ┌─────────┬─────────┬────┐
//! slot 1    │▐openssl-3.5▒▌▐zlib▒▒▌ ░│ 91%    one row per slot, bars with names, shades
//! slots 2–9 │     ▁▃▇█▅▂             │ 22%    the rest of the slots: how many are in use
//! downloads │▂▇█▃                    │        what runs in dozens: how many at once
//! ```

mod row;
mod rows;
mod words;

use self::row::{Glyphs, Used};
use self::rows::rows;
use super::{LaneView, PlacedView, TimelineResult};
use crate::report::axis::Scale;
use crate::report::document::{Chart, Document, Piece, Tone};
use crate::report::envelope::Report;
use crate::report::table::{Cell, Columns, Table, weight};
use crate::report::words::{evaluation_waits, next, notes};

/// How a chart is drawn.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Options {
    /// How many columns wide; default: 100.
    pub width: usize,
    /// Only ASCII characters; default: no.
    pub ascii: bool,
    /// How many slots of each machine get a row of their own, 0 for all; default: 8.
    pub top: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            width: 100,
            ascii: false,
            top: 8,
        }
    }
}

/// Lays out the result of `timeline`.
pub(super) fn document(report: &Report<TimelineResult>, options: Options) -> Document {
    let result = &report.result;
    let wall = result.wall_ns.filter(|_| !result.lanes.is_empty());
    let chart = wall.map(|wall| chart(result, wall, options));
    let mut all = words::notes(report);
    all.extend(evaluation_waits(&result.evaluation_waits));
    all.extend(notes(&report.diagnostics));
    let mut next = next(&report.input, "timeline");
    if let Some(command) = next.as_mut()
        && chart.is_some()
    {
        command.push_str(" --format html -o timeline.html");
    }
    let document = Document {
        heading: None,
        verdict: words::verdict(report),
        chart,
        tables: vec![table(&result.lanes)],
        notes: all,
        next,
        ..Document::default()
    };
    if options.ascii {
        return ascii(document);
    }
    document
}

/// The chart takes what labels and remarks leave of the width, but never less than this.
const FEWEST_CELLS: usize = 20;

fn chart(result: &TimelineResult, wall: u64, options: Options) -> Chart {
    let mut used = Used::default();
    let glyphs = if options.ascii {
        Glyphs::ASCII
    } else {
        Glyphs::UNICODE
    };
    let rows = rows(result, options.top, &glyphs);
    let widest = |texts: &mut dyn Iterator<Item = &str>| {
        texts.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let label_width = widest(&mut rows.iter().map(|row| row.label.as_str()));
    let remark_width = widest(&mut rows.iter().map(|row| row.remark.as_str()));
    let around = label_width + 3 + remark_width + usize::from(remark_width > 0);
    let scale = Scale::new(wall, options.width.saturating_sub(around).max(FEWEST_CELLS));
    let mut lines = axis(scale, label_width, &glyphs);
    for row in &rows {
        let mut line = vec![frame(format!(
            "{:label_width$} {}",
            row.label, glyphs.frame[0]
        ))];
        line.extend(row.draw(scale, &glyphs, &mut used));
        let end = format!("{} {}", glyphs.frame[0], row.remark);
        line.push(frame(end.trim_end().to_owned()));
        lines.push(line);
    }
    Chart {
        lines,
        legend: words::legend(used, &glyphs),
    }
}

fn frame(text: String) -> Piece {
    Piece {
        text,
        tone: Tone::Frame,
    }
}

/// Between two marks there is room for their text.
const MARK_CELLS: usize = 9;

/// Draws the axis: what the marks mean, and a line with the marks.
fn axis(scale: Scale, indent: usize, glyphs: &Glyphs) -> Vec<Vec<Piece>> {
    let [_, line, mark, left, right] = glyphs.frame;
    let (mut texts, mut rule) = (String::new(), vec![line; scale.n_cells]);
    let mut used = 0;
    for (at, text) in scale.ticks(MARK_CELLS) {
        // The mark of the end, and a text that would stick out, are left out.
        if at >= scale.n_cells {
            continue;
        }
        if at > 0 {
            rule[at] = mark;
        }
        // Nor is there room for one that the one before runs into: thousands of hours take more than a mark has.
        let is_free = used == 0 || at > used;
        if is_free && at + text.chars().count() <= scale.n_cells + 1 {
            texts.push_str(&" ".repeat(at - used));
            texts.push_str(&text);
            used = at + text.chars().count();
        }
    }
    let rule: String = rule.into_iter().collect();
    vec![
        vec![frame(format!("{:indent$}  {texts}", ""))],
        vec![frame(format!("{:indent$} {left}{rule}{right}", ""))],
    ]
}

/// Lists the units for programs; people have the chart.
fn table(lanes: &[LaneView]) -> Table {
    type Line<'a> = (&'a LaneView, &'a PlacedView);
    let mut columns = Columns::<Line<'_>>::new();
    columns.text("group", "group", |(lane, _)| Cell::text(lane.group.name()));
    columns.text("machine", "machine", |(lane, _)| {
        Cell::text(lane.machine.as_deref().unwrap_or_default())
    });
    columns.number("slot", "slot", |(lane, _)| Cell::number(lane.slot));
    columns.text("kind", "kind", |(_, it)| Cell::text(it.unit.kind.name()));
    columns.text("name", "name", |(_, it)| Cell::text(&it.unit.name));
    columns.text("path", "path", |(_, it)| Cell::text(&it.unit.path));
    columns.number("start_ns", "start_ns", |(_, it)| {
        Cell::nanos(it.unit.start_ns)
    });
    columns.number("end_ns", "end_ns", |(_, it)| Cell::nanos(it.unit.end_ns));
    columns.number("duration_ns", "duration_ns", |(_, it)| {
        Cell::nanos(it.unit.duration_ns)
    });
    columns.text("outcome", "outcome", |(_, it)| {
        Cell::text(it.unit.outcome.name())
    });

    columns.for_programs();
    let units = lanes
        .iter()
        .flat_map(|lane| lane.units.iter().map(move |placed| (lane, placed)));
    Table::new(columns, units, |(_, it)| weight(it.unit.outcome))
}

/// Writes the sentences around a chart in ASCII too.
fn ascii(document: Document) -> Document {
    let plain = |text: String| -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '×' => out.push('x'),
                '–' => out.push('-'),
                '…' => out.push_str("..."),
                'µ' => out.push('u'),
                c if c.is_ascii() => out.push(c),
                _ => out.push('?'),
            }
        }
        out
    };
    Document {
        verdict: plain(document.verdict),
        notes: document.notes.into_iter().map(plain).collect(),
        next: document.next.map(plain),
        ..document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by fuzzing: a log that lasts thousands of hours.
    #[test]
    fn marks_have_room_however_long_a_log_is() {
        let walls = (0..64).flat_map(|power| [1_u64 << power, (1_u64 << power) + (1 << power) / 2]);
        for wall in walls.chain([u64::MAX, 41_896_512_000_000_000]) {
            for cells in 1..200 {
                let lines = axis(Scale::new(wall, cells), 0, &Glyphs::UNICODE);
                let text: String = lines[0].iter().map(|piece| &*piece.text).collect();
                assert!(text.chars().count() <= cells + 3, "{wall} {cells}: {text}");
                let is_label =
                    |word: &str| word == "0" || word.ends_with('s') || word.contains(':');
                assert!(
                    text.split_whitespace().all(is_label),
                    "{wall} {cells}: {text}"
                );
                let colons = text
                    .split_whitespace()
                    .map(|word| word.matches(':').count());
                assert!(colons.max() <= Some(2), "two marks in one: {text}");
            }
        }
    }
}
