//! CSV (RFC 4180): the main table in whole units, for spreadsheets and scripts. (The facts of
//! `doctor` are of all kinds, and stay words for people.)

use std::io::{self, Write};

use super::document::Document;
use super::table::{Cell, Weight};

/// Writes the main table of a document. A column `part_of` tells the rows that are parts of another;
/// sums are left out, since whoever reads this can add.
///
/// # Errors
///
/// Passes on what the output says.
pub fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let Some(table) = document.tables.first() else {
        return Ok(());
    };
    let has_parts = table.rows.iter().any(|row| row.weight == Weight::Part);
    let mut header: Vec<String> = table
        .columns
        .iter()
        .map(|column| column.key.to_owned())
        .collect();
    if has_parts {
        header.insert(1, "part".to_owned());
    }
    write_record(&header, out)?;
    let mut whole = String::new();
    for row in table.rows.iter().filter(|row| row.weight != Weight::Total) {
        let mut record: Vec<String> = row.cells.iter().map(Cell::for_programs).collect();
        if has_parts && let Some(first) = record.first_mut() {
            let part = if row.weight == Weight::Part {
                std::mem::replace(first, whole.clone())
            } else {
                String::new()
            };
            whole.clone_from(first);
            record.insert(1, part);
        }
        write_record(&record, out)?;
    }
    Ok(())
}

fn write_record(fields: &[String], out: &mut dyn Write) -> io::Result<()> {
    let quoted: Vec<String> = fields.iter().map(|field| quote(field)).collect();
    write!(out, "{}\r\n", quoted.join(","))
}

/// Quotes a field where it needs to be. A field that a spreadsheet would take for a formula gets a
/// quote in front, since names come from the log; a number is one.
fn quote(field: &str) -> String {
    let is_number = field.parse::<i64>().is_ok();
    let guarded = if field.starts_with(['=', '+', '-', '@']) && !is_number {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{Align, Column, Row, Table};
    use super::*;

    #[test]
    fn a_known_zero_is_a_zero() {
        let column = |key| Column {
            key,
            title: key,
            align: Align::Right,
            rank: 0,
            wraps: false,
            keeps: false,
            for_programs: false,
        };
        let table = Table {
            columns: vec![column("took"), column("failed")],
            rows: vec![Row {
                weight: Weight::Plain,
                cells: vec![Cell::Unknown, Cell::Count(0)],
            }],
            ..Table::default()
        };
        let document = Document {
            tables: vec![table],
            ..Document::default()
        };
        let mut out = Vec::new();
        write(&document, &mut out).expect("memory takes all");
        assert_eq!(out, b"took,failed\r\n,0\r\n");
    }
}
