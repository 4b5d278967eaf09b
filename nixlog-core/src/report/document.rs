//! A view laid out for people: one verdict, tables, notes, and the next command worth running.
//!
//! The printing formats know this and nothing else, so all of them show the same.

use super::envelope::Input;
use super::table::Table;
use super::words;

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
    /// What is to be said of things one by one, after the tables.
    pub sections: Vec<Section>,
    /// What to know about the numbers.
    pub notes: Vec<String>,
    /// The next command worth running.
    pub next: Option<String>,
}

/// What is to be said of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// What it is about, in one line.
    pub title: String,
    /// What is said.
    pub lines: Vec<SectionLine>,
}

/// A line of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionLine {
    /// Our own words.
    Words(String),
    /// A line of somebody else's, made harmless.
    Quoted {
        /// Its place in the log that it is of, if that is known.
        number: Option<u64>,
        /// The line.
        text: String,
        /// What it is about.
        tone: Tone,
    },
    /// What comes next has nothing to do with what came before.
    Gap,
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
