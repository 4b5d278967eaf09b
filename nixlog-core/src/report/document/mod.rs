//! A view laid out for people: one verdict, tables, notes, and the next command worth running.
//!
//! The printing formats know this and nothing else, so all of them show the same.

mod bottlenecks;
mod cache_candidates;
mod closing;
mod critical_path;
mod doctor;
mod graph;
mod parallelism;
mod phases;
mod reconstruct;
mod runs;
mod scheduling;
mod slowest;
mod timeline;
mod what_if;
mod words;

pub use bottlenecks::bottlenecks;
pub use cache_candidates::cache_candidates;
pub use closing::{Ending, closing};
pub use critical_path::{PathOptions, critical_path};
pub use doctor::doctor;
pub use graph::graph;
pub use parallelism::{ParallelismOptions, parallelism};
pub use phases::phases;
pub use reconstruct::reconstruct;
pub use runs::{runs_list, runs_prune, runs_show};
pub use slowest::{Options, slowest};
pub use timeline::{TimelineOptions, timeline};
pub use what_if::{WhatIfOptions, what_if};

use super::format::{bytes, count, duration, harmless, percent, signed_duration};
use super::view::{Input, Report};

/// A result laid out for people.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Document {
    /// Which recorded run it is about.
    pub heading: Option<String>,
    /// The answer in one line.
    pub verdict: String,
    /// A chart, before the tables.
    pub chart: Option<Chart>,
    /// The tables, the main one first.
    pub tables: Vec<Table>,
    /// What to know about the numbers.
    pub notes: Vec<String>,
    /// The next command worth running.
    pub next: Option<String>,
}

/// A chart made of characters: as wide as it was asked for, one piece of text per tone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chart {
    /// The lines, from top to bottom.
    pub lines: Vec<Vec<Piece>>,
    /// What its characters mean.
    pub legend: Option<String>,
}

/// Text of one tone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// The text.
    pub text: String,
    /// What it is about.
    pub tone: Tone,
}

/// What a piece of a chart is about. Shown as colour, so it never says what the text does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// What surrounds the chart.
    Frame,
    /// The evaluator.
    Evaluation,
    /// Builders.
    Building,
    /// The network.
    Fetching,
    /// Store paths on the move.
    Copying,
    /// Something went wrong.
    Bad,
}

/// Says what a picture is of: the recorded run, or the file.
pub(super) fn subject(input: &Input) -> String {
    words::heading(input).unwrap_or_else(|| input.source.clone())
}

impl Document {
    /// Says first which recorded run a report is about, if it is about one.
    #[must_use]
    pub fn headed<R>(mut self, report: &Report<R>) -> Self {
        self.heading = words::heading(&report.input);
        self
    }
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// A heading; the main table has none.
    pub title: Option<&'static str>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// What columns mean, by their keys.
    pub legend: Vec<(&'static str, &'static str)>,
}

impl Table {
    /// Says what those of some columns mean that need to be explained, in the order of the legend.
    #[must_use]
    pub fn legend_of(&self, shown: &[usize]) -> Option<String> {
        let meaning = |&(key, meaning): &(&str, &str)| {
            let mut shown = shown.iter().map(|&index| &self.columns[index]);
            let column = shown.find(|column| column.key == key)?;
            Some(format!("{}: {meaning}", column.title))
        };
        let meanings: Vec<String> = self.legend.iter().filter_map(meaning).collect();
        (!meanings.is_empty()).then(|| meanings.join("; "))
    }

    /// Tells whether people are shown anything of it.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        !self.rows.is_empty() && !self.columns_for_people().is_empty()
    }

    /// Returns the columns that people are shown, as indices: those of which anything is known, and of
    /// which there is any.
    ///
    /// Programs get every column of every table, so that they need not look which there are.
    #[must_use]
    pub fn columns_for_people(&self) -> Vec<usize> {
        let known = |&index: &usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.cells.get(index));
            let tells = cells.any(|cell| !matches!(cell, Cell::Unknown | Cell::Count(0)));
            tells && !self.columns[index].for_programs
        };
        (0..self.columns.len()).filter(known).collect()
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// The name for programs, with its unit.
    pub key: &'static str,
    /// The heading for people.
    pub title: &'static str,
    /// How its cells are set.
    pub align: Align,
    /// In a narrow terminal, columns with a higher number go first; 0 always stays.
    pub rank: u8,
    /// Cells that do not fit go on in the next line, in place of being cut.
    pub wraps: bool,
    /// Cells are never cut, however narrow the terminal is.
    pub keeps: bool,
    /// Only programs are shown it: people have it in another column, or ask for it.
    pub for_programs: bool,
}

/// How the cells of a column are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A row of a table.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// How important the row is.
    pub weight: Weight,
    /// One cell for each column.
    pub cells: Vec<Cell>,
}

/// How important a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weight {
    /// As any other.
    #[default]
    Plain,
    /// A part of the row above it.
    Part,
    /// The sum.
    Total,
    /// Something went wrong.
    Bad,
}

/// A cell: what programs get, and what people read.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// Text from us or, made harmless, from the log.
    Text(String),
    /// A length of time in nanoseconds.
    Nanos(u64),
    /// The same, but for an end that the log does not have.
    AboutNanos(u64),
    /// It is not known, but no longer than this.
    AtMostNanos(u64),
    /// A name and how many nanoseconds it took; programs have the latter in a column of its own.
    NamedNanos(String, u64),
    /// A difference in nanoseconds.
    Change(i64),
    /// A fraction of 1.
    Share(f64),
    /// A number of things.
    Count(u64),
    /// Bytes.
    Bytes(u64),
    /// Not known.
    Unknown,
}

impl Cell {
    fn nanos(value: Option<u64>) -> Self {
        value.map_or(Self::Unknown, Self::Nanos)
    }

    /// Marks a length of time that is only estimated.
    fn estimated(value: Option<u64>, is_estimated: bool) -> Self {
        match value {
            Some(nanos) if is_estimated && nanos > 0 => Self::AboutNanos(nanos),
            value => Self::nanos(value),
        }
    }

    fn share(value: Option<f64>) -> Self {
        value.map_or(Self::Unknown, Self::Share)
    }

    fn count(value: Option<u64>) -> Self {
        value.map_or(Self::Unknown, Self::Count)
    }

    fn text(value: &str) -> Self {
        if value.is_empty() {
            Self::Unknown
        } else {
            Self::Text(harmless(value).into_owned())
        }
    }

    /// Returns what people read.
    #[must_use]
    pub fn for_people(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Nanos(nanos) => duration(*nanos),
            Self::AboutNanos(nanos) => format!("~{}", duration(*nanos)),
            Self::AtMostNanos(nanos) => format!("≤{}", duration(*nanos)),
            Self::NamedNanos(name, nanos) => format!("{name} {}", duration(*nanos)),
            Self::Change(nanos) => signed_duration(*nanos),
            Self::Share(share) => percent(*share),
            Self::Count(n) => count(*n),
            Self::Bytes(n) => bytes(*n),
            Self::Unknown => "–".to_owned(),
        }
    }

    /// Returns what programs read: whole units, an empty field for what is not known.
    #[must_use]
    pub fn for_programs(&self) -> String {
        match self {
            Self::Text(text) | Self::NamedNanos(text, _) => text.clone(),
            Self::Nanos(n) | Self::AboutNanos(n) | Self::Count(n) | Self::Bytes(n) => n.to_string(),
            Self::Change(n) => n.to_string(),
            Self::Share(share) => format!("{share:.6}"),
            Self::AtMostNanos(_) | Self::Unknown => String::new(),
        }
    }
}

fn column(key: &'static str, title: &'static str, align: Align, rank: u8) -> Column {
    Column {
        key,
        title,
        align,
        rank,
        wraps: false,
        keeps: false,
        for_programs: false,
    }
}

/// Makes a column of sentences.
fn prose(key: &'static str, title: &'static str) -> Column {
    Column {
        wraps: true,
        ..column(key, title, Align::Left, 0)
    }
}

/// Tells how much a reader should mind an outcome.
fn weight(outcome: &str) -> Weight {
    if matches!(outcome, "succeeded" | "unknown") {
        Weight::Plain
    } else {
        Weight::Bad
    }
}
