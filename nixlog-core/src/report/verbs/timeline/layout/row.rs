//! One row of a chart: bars where there is room for them, shades where there is not.

use crate::report::axis::Scale;
use crate::report::document::{Piece, Tone};

/// The characters that a chart consists of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyphs {
    /// Where a bar begins, its inside, and where it ends.
    pub(super) bar: [char; 3],
    /// Ends a bar whose unit was still at work when the log stops.
    pub(super) open: char,
    /// Begins the bar of a unit that failed.
    pub(super) failed: char,
    /// A name goes on.
    pub(super) cut: char,
    /// How much of a cell is covered.
    pub(super) shades: [char; 4],
    /// How many of the most.
    pub(super) levels: [char; 8],
    /// Beside the rows; above them; above them at a mark; the two corners.
    pub(super) frame: [char; 5],
    /// Before a number of things at once.
    pub(super) times: char,
    /// Between two numbers.
    pub(super) to: char,
}

impl Glyphs {
    pub(super) const UNICODE: Self = Self {
        bar: ['▐', '▒', '▌'],
        open: '»',
        failed: '✗',
        cut: '…',
        shades: ['░', '▒', '▓', '█'],
        levels: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        frame: ['│', '─', '┬', '┌', '┐'],
        times: '×',
        to: '–',
    };

    pub(super) const ASCII: Self = Self {
        bar: ['[', '=', ']'],
        open: '>',
        failed: '!',
        cut: '~',
        shades: ['.', ':', '+', '#'],
        levels: ['.', ',', ':', ';', '+', 'x', 'X', '#'],
        frame: ['|', '-', '+', '+', '+'],
        times: 'x',
        to: '-',
    };
}

/// What is drawn in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar<'a> {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) name: &'a str,
    /// Taken where there is no room for the name.
    pub(super) short_name: &'a str,
    pub(super) tone: Tone,
    pub(super) failed: bool,
    pub(super) open: bool,
}

/// Characters that were used and that a reader may want explained.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) bars: bool,
    pub(super) shades: bool,
    pub(super) levels: bool,
    pub(super) failed: bool,
    pub(super) open: bool,
}

type Cell = (char, Tone);

const EMPTY: Cell = (' ', Tone::Plain);

/// Draws what does not overlap: a bar for each that takes at least two cells, else a shade.
pub(super) fn bars<'a>(
    units: impl Iterator<Item = Bar<'a>>,
    scale: Scale,
    glyphs: &Glyphs,
    used: &mut Used,
) -> Vec<Piece> {
    let mut cells = vec![EMPTY; scale.n_cells];
    let mut covered = vec![0_u64; scale.n_cells];
    let mut tones = vec![Tone::Plain; scale.n_cells];
    let mut failed = Vec::new();
    for unit in units {
        let (from, to) = (scale.edge(unit.start), scale.edge(unit.end));
        if to >= from + 2 {
            draw(&unit, &mut cells[from..to], glyphs);
            used.bars = true;
            used.failed |= unit.failed;
            used.open |= unit.open;
            continue;
        }
        scale.cover(unit.start, unit.end, &mut covered);
        let first = scale.cell(unit.start);
        tones[first..=scale.cell(unit.end).max(first)].fill(unit.tone);
        if unit.failed {
            failed.push(first);
        }
    }
    let free = |cells: &[Cell], at: usize| cells.get(at).is_some_and(|cell| *cell == EMPTY);
    // A cell within a bar is the bar's: what failed there stands in the nearest one that is free.
    for at in failed {
        let near = [at, at + 1, at.wrapping_sub(1)].into_iter();
        let place = near.clone().find(|&place| free(&cells, place));
        cells[place.unwrap_or(at)] = (glyphs.failed, Tone::Bad);
        used.failed = true;
    }
    for at in 0..cells.len() {
        if free(&cells, at) && covered[at] > 0 {
            let shade = level(covered[at], scale.length(at), glyphs.shades.len());
            cells[at] = (glyphs.shades[shade], tones[at]);
            used.shades = true;
        }
    }
    pieces(&cells)
}

/// Draws one bar: its name, where there is room for some of it.
fn draw(unit: &Bar<'_>, cells: &mut [Cell], glyphs: &Glyphs) {
    let [begin, inside, end] = glyphs.bar;
    let tone = if unit.failed { Tone::Bad } else { unit.tone };
    cells.fill((inside, tone));
    let last = cells.len() - 1;
    cells[0].0 = if unit.failed { glyphs.failed } else { begin };
    cells[last].0 = if unit.open { glyphs.open } else { end };
    let room = last - 1;
    let fits = |name: &str| name.chars().count() <= room;
    let name = if fits(unit.name) {
        unit.name
    } else {
        unit.short_name
    };
    if room < 3 && !fits(name) {
        return;
    }
    // One character, one column: what comes from the log may be wider.
    let shown = name
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '?' });
    let whole = fits(name);
    for (at, c) in shown.take(room).enumerate() {
        let cut = !whole && at + 1 == room;
        cells[at + 1] = (
            if cut { glyphs.cut } else { c },
            if unit.failed { tone } else { Tone::Plain },
        );
    }
}

/// Draws how much was going on: `most` is a full cell; without one, the fullest cell is.
pub(super) fn density<'a>(
    units: impl Iterator<Item = Bar<'a>>,
    most: Option<u64>,
    scale: Scale,
    glyphs: &Glyphs,
    used: &mut Used,
) -> Vec<Piece> {
    let mut covered = vec![0_u64; scale.n_cells];
    let mut cells = vec![EMPTY; scale.n_cells];
    for unit in units {
        scale.cover(unit.start, unit.end, &mut covered);
        let at = scale.cell(unit.start);
        if unit.failed {
            cells[at] = (glyphs.failed, Tone::Bad);
            used.failed = true;
        } else if cells[at] == EMPTY {
            cells[at..=scale.cell(unit.end.saturating_sub(1)).max(at)]
                .iter_mut()
                .filter(|cell| cell.1 == Tone::Plain)
                .for_each(|cell| cell.1 = unit.tone);
        }
    }
    let fullest = || covered.iter().copied().max().unwrap_or(0).max(1);
    let fullest = most.map_or_else(fullest, |most| most * scale.length(0));
    for (cell, &covered) in cells.iter_mut().zip(&covered) {
        if covered > 0 && cell.0 == ' ' {
            cell.0 = glyphs.levels[level(covered, fullest, glyphs.levels.len())];
            used.levels = true;
        }
    }
    pieces(&cells)
}

/// Returns which of `n` levels something above none has.
fn level(part: u64, whole: u64, n: usize) -> usize {
    let levels = u128::from(part) * (n as u128) / u128::from(whole.max(1));
    usize::try_from(levels).map_or(n - 1, |level| level.min(n - 1))
}

/// Joins cells of one tone.
fn pieces(cells: &[Cell]) -> Vec<Piece> {
    let alike = cells.chunk_by(|a, b| a.1 == b.1);
    alike
        .map(|cells| Piece {
            text: cells.iter().map(|cell| cell.0).collect(),
            tone: cells[0].1,
        })
        .collect()
}
