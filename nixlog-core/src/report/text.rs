//! Text for people: aligned tables that fit the terminal.

use std::io::{self, Write};

use super::document::{Chart, Document, Section, SectionLine, Tone};
use super::table::{Align, Cell, Row, Table, Weight};

/// How text is printed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Style {
    /// Columns of the terminal; `None` does not limit lines.
    pub width: Option<usize>,
    /// What colours and weights are written as; plain text where empty.
    pub theme: Theme,
}

/// What goes before and after text of some weight, such as terminal escapes.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Theme {
    /// The verdict and the total.
    pub strong: &'static str,
    /// Headings and notes.
    pub faint: &'static str,
    /// What went wrong.
    pub bad: &'static str,
    /// Ends any of them.
    pub reset: &'static str,
    /// The evaluator in a chart.
    pub evaluation: &'static str,
    /// Builders in a chart.
    pub building: &'static str,
    /// The network in a chart.
    pub fetching: &'static str,
    /// Store paths on the move in a chart.
    pub copying: &'static str,
}

impl Theme {
    /// Terminal escapes.
    pub const TERMINAL: Self = Self {
        strong: "\u{1b}[1m",
        faint: "\u{1b}[2m",
        bad: "\u{1b}[31m",
        reset: "\u{1b}[0m",
        evaluation: "\u{1b}[35m",
        building: "\u{1b}[32m",
        fetching: "\u{1b}[36m",
        copying: "\u{1b}[33m",
    };

    fn tone(&self, tone: Tone) -> &'static str {
        match tone {
            Tone::Plain => "",
            Tone::Frame => self.faint,
            Tone::Evaluation => self.evaluation,
            Tone::Building => self.building,
            Tone::Fetching => self.fetching,
            Tone::Copying => self.copying,
            Tone::Bad => self.bad,
        }
    }
}

impl Style {
    /// Makes a style.
    #[must_use]
    pub const fn new(width: Option<usize>, theme: Theme) -> Self {
        Self { width, theme }
    }
}

/// Writes a document.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(document: &Document, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Theme {
        strong,
        faint,
        reset,
        ..
    } = style.theme;
    if let Some(heading) = &document.heading {
        write_wrapped(heading, "", faint, style, out)?;
    }
    write_wrapped(&document.verdict, "", strong, style, out)?;
    if let Some(chart) = &document.chart {
        writeln!(out)?;
        write_chart(chart, style.theme, out)?;
        if let Some(legend) = &chart.legend {
            write_wrapped(legend, "", style.theme.faint, style, out)?;
        }
    }
    let mut notes = Vec::new();
    for table in document.tables.iter().filter(|table| table.is_shown()) {
        writeln!(out)?;
        if let Some(title) = table.title {
            writeln!(out, "{strong}{title}{reset}")?;
        }
        let shown = write_table(table, style, out)?;
        notes.extend(table.legend_of(&shown));
    }
    for section in &document.sections {
        writeln!(out)?;
        write_section(section, style, out)?;
    }
    notes.extend(document.notes.iter().cloned());
    if !notes.is_empty() {
        writeln!(out)?;
        for note in &notes {
            write_wrapped(note, "  ", faint, style, out)?;
        }
    }
    if let Some(next) = &document.next {
        writeln!(out, "\nnext: {strong}{next}{reset}")?;
    }
    Ok(())
}

/// So many rows of the terminal are given to a quoted line at most.
const MOST_ROWS: usize = 3;

/// Writes what is to be said of one thing: our own words indented, and what is quoted behind its number.
fn write_section(section: &Section, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    write_wrapped(&section.title, "  ", style.theme.strong, style, out)?;
    let numbers = section.lines.iter().filter_map(|line| match line {
        SectionLine::Quoted { number, .. } => *number,
        _ => None,
    });
    let margin = numbers.max().map_or(0, |n| n.to_string().len() + 2) + 2;
    for line in &section.lines {
        match line {
            SectionLine::Gap => writeln!(out, "{:margin$}…", "")?,
            SectionLine::Words(words) => {
                write!(out, "  ")?;
                write_wrapped(words, "    ", "", &narrower(style, 2), out)?;
            }
            SectionLine::Quoted { number, text, tone } => {
                let mark = style.theme.tone(*tone);
                let reset = if mark.is_empty() {
                    ""
                } else {
                    style.theme.reset
                };
                let number = number.map_or_else(String::new, |n| format!("{n}  "));
                let width = style.width.unwrap_or(usize::MAX).max(20);
                for (row, text) in rows(text, width.saturating_sub(margin)).iter().enumerate() {
                    let number = if row == 0 { number.as_str() } else { "" };
                    let line = format!("{number:>margin$}{mark}{text}{reset}");
                    writeln!(out, "{}", line.trim_end())?;
                }
            }
        }
    }
    Ok(())
}

/// Leaves so many columns free.
fn narrower(style: &Style, columns: usize) -> Style {
    let width = style.width.map(|width| width.saturating_sub(columns));
    Style::new(width, style.theme)
}

/// Breaks a line into rows wherever they are full; what does not fit into a few is cut.
fn rows(text: &str, width: usize) -> Vec<String> {
    let mut left = text.chars();
    let mut rows = Vec::new();
    while rows.len() < MOST_ROWS {
        let row: String = left.by_ref().take(width).collect();
        if row.is_empty() {
            break;
        }
        rows.push(row);
    }
    if left.next().is_some()
        && let Some(last) = rows.last_mut()
    {
        last.pop();
        last.push('…');
    }
    if rows.is_empty() {
        rows.push(String::new());
    }
    rows
}

fn write_chart(chart: &Chart, theme: Theme, out: &mut dyn Write) -> io::Result<()> {
    for line in &chart.lines {
        for piece in line {
            let mark = theme.tone(piece.tone);
            let reset = if mark.is_empty() { "" } else { theme.reset };
            write!(out, "{mark}{}{reset}", piece.text)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes a paragraph, later lines indented.
fn write_wrapped(
    text: &str,
    indent: &str,
    mark: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let reset = if mark.is_empty() {
        ""
    } else {
        style.theme.reset
    };
    let width = style.width.unwrap_or(usize::MAX).max(20);
    let mut used = 0;
    write!(out, "{mark}")?;
    for word in text.split(' ') {
        let length = columns(word);
        if used > 0 && used + 1 + length > width {
            write!(out, "\n{indent}")?;
            used = indent.len();
        } else if used > 0 {
            write!(out, " ")?;
            used += 1;
        }
        write!(out, "{word}")?;
        used += length;
    }
    writeln!(out, "{reset}")
}

/// What stands between two columns.
const GAP: &str = "  ";

/// The narrowest that a text column is cut to.
const NARROWEST: usize = 12;

/// Writes a table; returns the columns for which there was room.
fn write_table(table: &Table, style: &Style, out: &mut dyn Write) -> io::Result<Vec<usize>> {
    let texts: Vec<Vec<String>> = table.rows.iter().map(cell_texts).collect();
    let shown = fit(table, &texts, style.width);
    let Theme {
        strong,
        faint,
        bad,
        reset,
        ..
    } = style.theme;
    let header = table
        .columns
        .iter()
        .map(|column| column.title.to_owned())
        .collect::<Vec<_>>();
    if header.iter().any(|title| !title.is_empty()) {
        write_row(table, &header, &shown, (faint, reset), out)?;
    }
    for (row, cells) in table.rows.iter().zip(&texts) {
        let mark = match row.weight {
            Weight::Total => (strong, reset),
            Weight::Bad => (bad, reset),
            Weight::Part => (faint, reset),
            Weight::Plain => ("", ""),
        };
        write_row(table, cells, &shown, mark, out)?;
    }
    Ok(shown.iter().map(|column| column.index).collect())
}

fn cell_texts(row: &Row) -> Vec<String> {
    let mut texts: Vec<String> = row.cells.iter().map(Cell::for_people).collect();
    if row.weight == Weight::Part
        && let Some(first) = texts.first_mut()
    {
        first.insert_str(0, "  ");
    }
    texts
}

/// A column that is shown, and how wide.
struct Shown {
    index: usize,
    width: usize,
}

/// Chooses columns and widths: leaves out the least important ones, then cuts text.
fn fit(table: &Table, texts: &[Vec<String>], limit: Option<usize>) -> Vec<Shown> {
    let widest = |index: usize| {
        let cells = texts
            .iter()
            .filter_map(|row| row.get(index))
            .map(|cell| columns(cell));
        cells
            .chain([columns(table.columns[index].title)])
            .max()
            .unwrap_or(0)
    };
    let mut shown: Vec<Shown> = table
        .columns_for_people()
        .into_iter()
        .map(|index| Shown {
            index,
            width: widest(index),
        })
        .collect();
    let Some(limit) = limit else { return shown };
    let total = |shown: &[Shown]| {
        shown
            .iter()
            .map(|column| column.width + GAP.len())
            .sum::<usize>()
            - GAP.len()
    };
    // The main text column may give up some width before a number has to go.
    let main = |shown: &[Shown]| {
        let wraps = shown
            .iter()
            .find(|column| table.columns[column.index].wraps);
        if let Some(column) = wraps {
            return Some(column.index);
        }
        let text = shown
            .iter()
            .filter(|column| table.columns[column.index].align == Align::Left)
            .filter(|column| !table.columns[column.index].keeps);
        text.max_by_key(|column| column.width)
            .map(|column| column.index)
    };
    while total(&shown) > limit {
        let spare =
            main(&shown).and_then(|index| shown.iter().find(|column| column.index == index));
        let spare = spare.map_or(0, |column| column.width.saturating_sub(32));
        let excess = total(&shown) - limit;
        let least = shown
            .iter()
            .map(|column| table.columns[column.index].rank)
            .max()
            .unwrap_or(0);
        if spare >= excess || least == 0 {
            break;
        }
        shown.retain(|column| table.columns[column.index].rank != least);
    }
    let excess = total(&shown).saturating_sub(limit);
    if let Some(index) = main(&shown)
        && let Some(column) = shown.iter_mut().find(|column| column.index == index)
    {
        column.width = column
            .width
            .saturating_sub(excess)
            .max(NARROWEST.min(column.width));
    }
    shown
}

/// Writes a row; cells of sentences may make it several lines.
fn write_row(
    table: &Table,
    cells: &[String],
    shown: &[Shown],
    (mark, reset): (&str, &str),
    out: &mut dyn Write,
) -> io::Result<()> {
    let parts: Vec<Vec<String>> = shown
        .iter()
        .map(|column| match table.columns[column.index].wraps {
            true => wrap(&cells[column.index], column.width),
            false => vec![clip(&cells[column.index], column.width)],
        })
        .collect();
    let height = parts.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..height {
        let mut line = String::new();
        for (position, column) in shown.iter().enumerate() {
            let cell = parts[position].get(at).map_or("", |cell| cell);
            let pad = " ".repeat(column.width.saturating_sub(columns(cell)));
            if position > 0 {
                line.push_str(GAP);
            }
            match table.columns[column.index].align {
                Align::Left => line.extend([cell, &pad]),
                Align::Right => line.extend([&*pad, cell]),
            }
        }
        writeln!(out, "{mark}{}{reset}", line.trim_end())?;
    }
    Ok(())
}

/// Breaks text into lines between words; a word that does not fit is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => line.extend([" ", word]),
            _ => lines.push(clip(word, width)),
        }
    }
    lines
}

/// Cuts text to a number of columns; the cut shows.
fn clip(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    text.chars()
        .take(width.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// Counts the columns that text takes: one for each character. Names in a Nix store are ASCII.
fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::super::table::Column;
    use super::*;

    fn document() -> Document {
        let column = |key, rank| Column {
            key,
            title: key,
            align: Align::Right,
            rank,
            wraps: false,
            keeps: false,
            for_programs: false,
        };
        let row = Row {
            weight: Weight::Plain,
            cells: vec![
                Cell::Nanos(1_000_000_000),
                Cell::Nanos(2_000_000_000),
                Cell::Count(0),
            ],
        };
        let table = Table {
            title: None,
            columns: vec![column("took", 0), column("slack", 1), column("failed", 1)],
            rows: vec![row],
            legend: vec![("took", "how long"), ("slack", "how late")],
        };
        Document {
            tables: vec![table],
            ..Document::default()
        }
    }

    fn text(width: Option<usize>) -> String {
        let mut out = Vec::new();
        let style = Style::new(width, Theme::default());
        write(&document(), &style, &mut out).expect("memory takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn only_columns_that_are_shown_are_explained() {
        let wide = text(None);
        assert!(wide.contains("took: how long; slack: how late"), "{wide}");
        let narrow = text(Some(6));
        assert!(!narrow.contains("slack"), "{narrow}");
        assert!(narrow.contains("took: how long"), "{narrow}");
    }

    #[test]
    fn a_column_of_zeros_tells_nothing() {
        assert!(!text(None).contains("failed"));
    }
}
