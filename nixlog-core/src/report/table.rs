//! Tables: rows, and columns of which each knows what its cell of a row is.

use super::format::{bytes, count, duration, harmless, percent, plural, signed_duration};
use crate::timeline::Outcome;

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
    /// It is known with a mark only, which programs have in a column of its own.
    MarkedNanos(&'static str, u64),
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
    /// What people read, and what programs get.
    Worded(String, String),
    /// Not known.
    Unknown,
}

impl Cell {
    pub(super) fn nanos(value: Option<u64>) -> Self {
        value.map_or(Self::Unknown, Self::Nanos)
    }

    /// Marks a length of time that is only estimated.
    pub(super) fn estimated(value: Option<u64>, is_estimated: bool) -> Self {
        match value {
            Some(nanos) if is_estimated && nanos > 0 => Self::AboutNanos(nanos),
            value => Self::nanos(value),
        }
    }

    pub(super) fn share(value: Option<f64>) -> Self {
        value.map_or(Self::Unknown, Self::Share)
    }

    pub(super) fn count(value: Option<u64>) -> Self {
        value.map_or(Self::Unknown, Self::Count)
    }

    pub(super) fn number(value: usize) -> Self {
        Self::Count(value as u64)
    }

    pub(super) fn bytes(value: Option<u64>) -> Self {
        value.map_or(Self::Unknown, Self::Bytes)
    }

    pub(super) fn text(value: &str) -> Self {
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
            Self::Text(text) | Self::Worded(text, _) => text.clone(),
            Self::Nanos(nanos) => duration(*nanos),
            Self::AboutNanos(nanos) => format!("~{}", duration(*nanos)),
            Self::AtMostNanos(nanos) => format!("≤{}", duration(*nanos)),
            Self::MarkedNanos(mark, nanos) => format!("{mark}{}", duration(*nanos)),
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
            Self::Text(text) | Self::NamedNanos(text, _) | Self::Worded(_, text) => text.clone(),
            Self::Nanos(n)
            | Self::AboutNanos(n)
            | Self::MarkedNanos(_, n)
            | Self::Count(n)
            | Self::Bytes(n) => n.to_string(),
            Self::Change(n) => n.to_string(),
            Self::Share(share) => format!("{share:.6}"),
            Self::AtMostNanos(_) | Self::Unknown => String::new(),
        }
    }
}

/// What a column makes of a row.
type OfRow<'a, T> = Box<dyn Fn(&T) -> Cell + 'a>;

/// Columns of rows of type `T`, each with what it makes of a row.
pub(super) struct Columns<'a, T>(Vec<(Column, OfRow<'a, T>)>);

impl<'a, T> Columns<'a, T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a column of text.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        title: &'static str,
        cell: impl Fn(&T) -> Cell + 'a,
    ) -> &mut Column {
        let head = Column {
            key,
            title,
            align: Align::Left,
            rank: 0,
            wraps: false,
            keeps: false,
            for_programs: false,
        };
        let place = self.0.len();
        self.0.push((head, Box::new(cell)));
        &mut self.0[place].0
    }

    /// Adds a column of numbers.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        title: &'static str,
        cell: impl Fn(&T) -> Cell + 'a,
    ) -> &mut Column {
        let head = self.text(key, title, cell);
        head.align = Align::Right;
        head
    }

    /// Adds columns of names and, for programs, paths. `both` tells them of a row.
    pub(super) fn names(
        &mut self,
        names: Names,
        title: &'static str,
        both: impl Fn(&T) -> (&str, &str) + Copy + 'a,
    ) {
        let called = move |row: &T| {
            let (name, path) = both(row);
            names.of(name, path)
        };
        self.text("name", title, called).keeps(names.full_paths);
        self.text("path", "path", move |row| Cell::text(both(row).1))
            .for_programs();
    }

    /// Shows all of them to programs only.
    pub(super) fn for_programs(&mut self) {
        for (head, _) in &mut self.0 {
            head.for_programs();
        }
    }
}

impl Column {
    /// In a narrow terminal, columns with a higher number go first; 0, the default, always stays.
    pub(super) const fn rank(&mut self, rank: u8) -> &mut Self {
        self.rank = rank;
        self
    }

    /// What does not fit goes on in the next line.
    pub(super) const fn wraps(&mut self) -> &mut Self {
        self.wraps = true;
        self
    }

    /// Cells are never cut, if so.
    pub(super) const fn keeps(&mut self, keeps: bool) -> &mut Self {
        self.keeps = keeps;
        self
    }

    /// Only programs are shown it.
    pub(super) const fn for_programs(&mut self) -> &mut Self {
        self.for_programs = true;
        self
    }
}

impl Table {
    /// Makes a table of rows.
    pub(super) fn new<T>(
        columns: Columns<'_, T>,
        rows: impl IntoIterator<Item = T>,
        weight: impl Fn(&T) -> Weight,
    ) -> Self {
        let row = |row: T| Row {
            weight: weight(&row),
            cells: columns.0.iter().map(|(_, cell)| cell(&row)).collect(),
        };
        Self {
            rows: rows.into_iter().map(row).collect(),
            columns: columns.0.into_iter().map(|(head, _)| head).collect(),
            ..Self::default()
        }
    }

    pub(super) fn titled(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// Says what columns mean, by their keys.
    pub(super) fn legend<const N: usize>(
        mut self,
        legend: [(&'static str, &'static str); N],
    ) -> Self {
        self.legend = legend.into();
        self
    }
}

/// Makes a table of facts: what, and how it is.
pub(super) fn facts(facts: impl IntoIterator<Item = (&'static str, String)>, keeps: bool) -> Table {
    let mut columns = Columns::<(&str, String)>::new();
    columns.text("fact", "fact", |(fact, _)| Cell::text(fact));
    columns
        .text("value", "value", |(_, value)| Cell::text(value))
        .wraps()
        .keeps(keeps);

    Table::new(columns, facts, plain)
}

/// The weight of rows of which none stands out.
pub(super) fn plain<T>(_: &T) -> Weight {
    Weight::Plain
}

/// Tells how much a reader should mind an outcome.
pub(super) const fn weight(outcome: Outcome) -> Weight {
    match outcome {
        Outcome::Succeeded | Outcome::Unknown => Weight::Plain,
        _ => Weight::Bad,
    }
}

/// How what is listed is called: by its name, and on request by its path. Programs have both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Names {
    /// Store paths in place of names; default: no.
    pub full_paths: bool,
}

impl Names {
    /// Chooses between names and paths.
    #[must_use]
    pub const fn new(full_paths: bool) -> Self {
        Self { full_paths }
    }

    /// Returns what people are shown.
    pub(super) fn of(self, name: &str, path: &str) -> Cell {
        Cell::text(if self.full_paths { path } else { name })
    }
}

/// Says that a list was cut: how many more there are.
pub(super) fn more(total: usize, shown: usize, one_more: &str) -> Option<String> {
    let more = total.saturating_sub(shown) as u64;
    (more > 0).then(|| format!("{}; `--top 0` lists all", plural(more, one_more)))
}

/// Returns how many of so many are listed; 0 does not limit them.
pub(super) const fn limit(top: usize, total: usize) -> usize {
    match top {
        0 => total,
        top if top < total => top,
        _ => total,
    }
}
