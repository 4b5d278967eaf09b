//! Markdown: for step summaries, issues and notes.

use std::io::{self, Write};

use super::document::{Chart, Document, Section, SectionLine};
use super::table::{Align, Table, Weight};

/// Writes a document.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    if let Some(heading) = &document.heading {
        writeln!(out, "{}\n", escape(heading))?;
    }
    writeln!(out, "**{}**", escape(&document.verdict))?;
    if let Some(chart) = &document.chart {
        write_chart(chart, out)?;
    }
    let mut notes = Vec::new();
    for table in document.tables.iter().filter(|table| table.is_shown()) {
        writeln!(out)?;
        if let Some(title) = table.title {
            writeln!(out, "### {title}\n")?;
        }
        write_table(table, out)?;
        notes.extend(table.legend_of(&table.columns_for_people()));
    }
    for section in &document.sections {
        write_section(section, out)?;
    }
    notes.extend(document.notes.iter().cloned());
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in &notes {
        writeln!(out, "- {}", escape(note))?;
    }
    if let Some(next) = &document.next {
        writeln!(out, "\nNext: `{next}`")?;
    }
    Ok(())
}

/// Writes what is to be said of one thing. No quoted line can end the fence: each begins with a number or
/// with blanks.
fn write_section(section: &Section, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n### {}\n", escape(&section.title))?;
    let mut is_fenced = false;
    let fence = |should: bool, is_fenced: &mut bool, out: &mut dyn Write| {
        if should != *is_fenced {
            *is_fenced = should;
            writeln!(out, "{}", if should { "```text" } else { "```\n" })?;
        }
        Ok::<(), io::Error>(())
    };
    for line in &section.lines {
        match line {
            SectionLine::Gap => writeln!(out, "     …")?,
            SectionLine::Words(words) => {
                fence(false, &mut is_fenced, out)?;
                writeln!(out, "{}\n", escape(words))?;
            }
            SectionLine::Quoted { number, text, .. } => {
                fence(true, &mut is_fenced, out)?;
                let number = number.map_or_else(String::new, |n| n.to_string());
                writeln!(out, "{number:>5}  {}", text.trim_end())?;
            }
        }
    }
    fence(false, &mut is_fenced, out)
}

/// Writes a chart as it is. No line of it can end the fence: none starts with one.
fn write_chart(chart: &Chart, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n```text")?;
    for line in &chart.lines {
        let text: String = line.iter().map(|piece| piece.text.as_str()).collect();
        writeln!(out, "{}", text.trim_end())?;
    }
    if let Some(legend) = &chart.legend {
        writeln!(out, "\n{legend}")?;
    }
    writeln!(out, "```")
}

fn write_table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    let shown = table.columns_for_people();
    let columns = || shown.iter().map(|&index| &table.columns[index]);
    let titles: Vec<&str> = columns().map(|column| column.title).collect();
    writeln!(out, "| {} |", titles.join(" | "))?;
    let rule = |align| if align == Align::Right { "--:" } else { ":--" };
    let rules: Vec<&str> = columns().map(|column| rule(column.align)).collect();
    writeln!(out, "| {} |", rules.join(" | "))?;
    for row in &table.rows {
        let cells = shown.iter().filter_map(|&index| row.cells.get(index));
        let mut cells: Vec<String> = cells.map(|cell| escape(&cell.for_people())).collect();
        match (row.weight, cells.first_mut()) {
            (Weight::Part, Some(first)) => first.insert_str(0, "&nbsp;&nbsp;"),
            (Weight::Total, Some(first)) => *first = format!("**{first}**"),
            _ => {}
        }
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

/// Keeps text from the log from being read as markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}
