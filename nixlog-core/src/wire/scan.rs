//! Blocks of whole lines to [`Line`]s.
//!
//! One pass, forward: a record in Nix's own shape is read without first looking for its newline.
//! Only a line that has another shape is cut out and read with more patience. A line never makes
//! the reading fail, and damage never reaches beyond its line.

use super::canonical::{self, LastIds};
use super::event::Event;
use super::general::{self, ParseError, Parsed};
use super::nanos::is_header;
use crate::time::Stamp;

/// One line of a log, or the half of a line where a record begins in the middle of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number in the input, from 1 on.
    pub number: u64,
    /// When it was written or arrived, if anybody knows.
    pub stamp: Option<Stamp>,
    /// What it holds.
    pub body: Body<'a>,
    /// The first of its keys that this version of nixlog does not know.
    pub unknown_key: Option<&'a str>,
    /// Which of the logs that a carrier has mixed into one it is of: that of which host, job or step.
    /// Zero: of none.
    pub strand: u32,
}

/// The stamp of a line that was taken out of its wrapping, its number and its strand.
pub(super) type TableRow = (Option<Stamp>, u64, u32);

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// A record of Nix's event stream.
    Event(Event<'a>),
    /// Plain text: human output, or what other programs print in between.
    Text(&'a str),
    /// It looks like a record but is none: cut off, or damaged.
    Malformed(&'a str, ParseError),
    /// A side line of nixlog's own recordings, in JSON: no part of the log.
    Side(&'a str),
}

/// Where the lines' stamps come from.
#[derive(Debug)]
pub(super) enum Stamps<'a> {
    /// All lines of the block have the same, or none.
    Same(Option<Stamp>),
    /// `<nanoseconds> ` in front of each line, never going backward.
    Nanos(&'a mut super::nanos::NanosClock),
    /// A carrier took the lines out of their wrapping.
    Table(std::slice::Iter<'a, TableRow>),
}

/// Iterates over the lines of one block of text.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: u64,
    strand: u32,
    /// Where the number of the line behind the last one is wanted.
    next_number: Option<&'a mut u64>,
    stamps: Stamps<'a>,
    last_ids: LastIds,
    /// The record behind a text without newline, which shares its line.
    rest: Option<Line<'a>>,
}

impl<'a> Lines<'a> {
    /// Iterates over `text`, whole lines of which the first has the number `first`.
    pub(super) fn new(text: &'a str, first: u64, stamps: Stamps<'a>) -> Self {
        let (last_ids, at) = (LastIds::default(), 0);
        Self {
            text,
            at,
            number: first,
            strand: 0,
            next_number: None,
            stamps,
            last_ids,
            rest: None,
        }
    }

    /// The same, going on from `number`, which is moved on to the line behind the last one.
    ///
    /// Only the scan itself learns how many lines there are, since nobody looks for newlines before.
    pub(super) fn numbered(text: &'a str, number: &'a mut u64, stamps: Stamps<'a>) -> Self {
        let mut lines = Self::new(text, *number, stamps);
        lines.next_number = Some(number);
        lines
    }

    /// Reads the stamp of the line that starts at `at`; returns where its payload starts.
    #[inline(always)]
    fn stamp(&mut self, at: usize) -> (Option<Stamp>, usize) {
        match &mut self.stamps {
            Stamps::Same(stamp) => (*stamp, at),
            Stamps::Nanos(clock) => clock.read(self.text.as_bytes(), at, self.number),
            Stamps::Table(table) => match table.next() {
                Some(&(stamp, number, strand)) => {
                    self.number = number;
                    self.strand = strand;
                    (stamp, at)
                }
                None => (None, at),
            },
        }
    }

    /// Returns what is left of a line, or notes at the end of the text how many lines it has.
    #[cold]
    fn rest_or_end(&mut self) -> Option<Line<'a>> {
        if let Some(rest) = self.rest.take() {
            self.number += 1;
            return Some(rest);
        }
        if let Some(number) = &mut self.next_number {
            **number = self.number;
        }
        None
    }

    /// Counts the line of a record.
    #[inline(always)]
    fn record(&mut self, event: Event<'a>, stamp: Option<Stamp>) -> Line<'a> {
        let number = self.number;
        self.number += 1;
        Line {
            number,
            stamp,
            body: Body::Event(event),
            unknown_key: None,
            strand: self.strand,
        }
    }

    /// Reads a line that is no frequent one.
    ///
    /// A function of its own, so that it writes its result to where the caller wants it: else the
    /// frequent ones are copied along with it, for a fifth of the time of a log of builds.
    #[inline(never)]
    fn other_line(&mut self, at: usize, stamp: Option<Stamp>) -> Line<'a> {
        if let Some((event, next)) = canonical::record(self.text, at, &mut self.last_ids) {
            self.at = next;
            return self.record(event, stamp);
        }
        let line = self.odd_line(at, stamp);
        if self.rest.is_none() {
            self.number += 1;
        }
        line
    }

    /// Reads a line that is no record in Nix's own shape.
    #[cold]
    fn odd_line(&mut self, at: usize, stamp: Option<Stamp>) -> Line<'a> {
        let rest = &self.text[at..];
        let length = memchr::memchr(b'\n', rest.as_bytes());
        self.at = length.map_or(self.text.len(), |length| at + length + 1);
        let line = &rest[..length.unwrap_or(rest.len())];
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (number, strand) = (self.number, self.strand);
        let line = match self.beside(line) {
            Beside::Side(json) => {
                return Line {
                    number,
                    stamp,
                    body: Body::Side(json),
                    unknown_key: None,
                    strand,
                };
            }
            Beside::Log(line) => line,
        };
        let (head, tail) = odd(line, &mut self.last_ids);
        let make = |item: Item<'a>| match item {
            Item::Text(text) => Line {
                number,
                stamp,
                body: Body::Text(text),
                unknown_key: None,
                strand,
            },
            Item::Malformed(text, error) => Line {
                number,
                stamp,
                body: Body::Malformed(text, error),
                unknown_key: None,
                strand,
            },
            Item::Record(Parsed { event, unknown_key }) => Line {
                number,
                stamp,
                body: Body::Event(event),
                unknown_key,
                strand,
            },
        };
        self.rest = tail.map(make);
        make(head)
    }
}

/// What a line of a recording is.
enum Beside<'a> {
    /// A side line's JSON.
    Side(&'a str),
    /// A line of the log, without the quote that it may have in a recording.
    Log(&'a str),
}

impl<'a> Lines<'a> {
    /// Tells side lines from lines of the log. Only a recording has side lines, and only its first line
    /// makes it one: else a build could print them.
    fn beside(&mut self, line: &'a str) -> Beside<'a> {
        let Some(rest) = line.strip_prefix("@nixlog") else {
            return Beside::Log(line);
        };
        let Stamps::Nanos(clock) = &mut self.stamps else {
            return Beside::Log(line);
        };
        if self.number == 1 && rest.strip_prefix(' ').is_some_and(is_header) {
            clock.begin_recording();
        }
        match rest.split_at_checked(1) {
            Some((" ", json)) if clock.is_recording() => Beside::Side(json),
            Some(("=", quoted)) if clock.is_recording() => Beside::Log(quoted),
            _ => Beside::Log(line),
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_some() || self.at >= self.text.len() {
            return self.rest_or_end();
        }
        let (stamp, at) = self.stamp(self.at);
        if let Some((event, next)) = canonical::frequent(self.text, at, &mut self.last_ids) {
            self.at = next;
            return Some(self.record(event, stamp));
        }
        Some(self.other_line(at, stamp))
    }
}

/// What an odd line, or a part of one, turned out to be.
enum Item<'a> {
    Text(&'a str),
    Malformed(&'a str, ParseError),
    Record(Parsed<'a>),
}

/// Reads a line of any shape: a record, text, or text with a record behind it.
fn odd<'a>(line: &'a str, last: &mut LastIds) -> (Item<'a>, Option<Item<'a>>) {
    let payload = without_priority(line);
    let error = match payload.as_bytes() {
        [b'@', b'n', b'i', b'x', b' ', ..] => match record(payload[5..].trim_ascii_start(), last) {
            Ok(parsed) => return (Item::Record(parsed), None),
            Err(error) => Some(error),
        },
        [b'{', .., b'}'] => match record(payload, last) {
            Ok(parsed) => return (Item::Record(parsed), None),
            // Any other JSON is somebody's output; a record that was cut is worth a word.
            Err(_) => payload
                .starts_with("{\"action\":")
                .then_some(ParseError::NotJson),
        },
        _ => None,
    };
    // Another process may have left its last line without a newline, so that a record begins in
    // the middle of this one. The text in front may itself be a record that was cut.
    let from = usize::from(error.is_some());
    if let Some(cut) =
        memchr::memmem::find(&payload.as_bytes()[from..], b"@nix {").map(|at| at + from)
        && let Ok(parsed) = record(&payload[cut + 5..], last)
    {
        let head = &payload[..cut];
        let head = error.map_or(Item::Text(head), |error| Item::Malformed(head, error));
        return match head {
            Item::Text("") => (Item::Record(parsed), None),
            head => (head, Some(Item::Record(parsed))),
        };
    }
    (
        error.map_or(Item::Text(line), |error| Item::Malformed(line, error)),
        None,
    )
}

/// Reads one JSON object: by shape where a carrier's residue was in the way, else in general.
fn record<'a>(json: &'a str, last: &mut LastIds) -> Result<Parsed<'a>, ParseError> {
    match canonical::bare_record(json, 0, last) {
        Some((event, end)) if end == json.len() => Ok(Parsed {
            event,
            unknown_key: None,
        }),
        _ => general::parse(json),
    }
}

/// Removes the `<3>` that Nix up to 2.26 and Lix put in front of each line under systemd
/// (`SimpleLogger::log` with `IN_SYSTEMD` set).
fn without_priority(line: &str) -> &str {
    match line.as_bytes() {
        [b'<', b'0'..=b'7', b'>', ..] => &line[3..],
        _ => line,
    }
}
