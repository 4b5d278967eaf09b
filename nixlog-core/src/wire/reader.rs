//! Blocks of bytes to lines: finds the carrier, takes lines out of their wrapping, stamps them.
//!
//! The reader does no I/O and reads no clock: whoever has the bytes hands them in, block by block,
//! with the time at which they arrived if that is known.

use super::block::Block;
use super::carrier::clock::{Clock, ClockIssues};
use super::carrier::detect::{Detected, detect, within};
use super::carrier::{self, Carrier, Decode as _, Onion, Unwrapped};
use super::nanos::NanosClock;
use super::scan::{Lines, Stamps, TableRow};
use crate::time::Stamp;

/// How many bytes from the beginning are looked at to find the carrier.
const SAMPLE_SIZE: usize = 64 * 1024;

/// After so many lines, the best guess stands.
const SAMPLE_LINES: u64 = 64;

/// Where the times of a log come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClockKind {
    /// Each line was stamped when it arrived here.
    Arrival,
    /// A carrier wrote a time with each line.
    Carrier,
    /// There are none.
    None,
}

impl ClockKind {
    /// Returns the name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::Carrier => "carrier",
            Self::None => "none",
        }
    }
}

/// Turns blocks of a log into [`Line`](super::Line)s, whatever the log is wrapped in.
///
/// ```
/// use nixlog_core::wire::{Body, LogReader};
///
/// let log = b"Nov 21 19:58:52 @nix {\"action\":\"stop\",\"id\":7}\n";
/// let mut reader = LogReader::new(None);
/// for line in reader.block(log, None) {
///     assert!(matches!(line.body, Body::Event(_)));
/// }
/// assert_eq!(reader.carrier().name(), "ts");
/// ```
#[derive(Default)]
pub struct LogReader {
    carrier: Option<Carrier>,
    /// Somebody named it; only what is inside of it is looked for.
    is_named: bool,
    /// The carriers inside of it.
    inside: Vec<Carrier>,
    /// A line proved it, or it has been guessed for good.
    settled: bool,
    decoder: Option<Onion>,
    sample: Vec<u8>,
    unwrapped: Unwrapped,
    table: Vec<TableRow>,
    clock: Clock,
    nanos: NanosClock,
    /// The number of the next physical line.
    next_line: u64,
    /// The text of a block, or of what a carrier handed on, that was not UTF-8 as it came.
    repaired: String,
    n_bytes: u64,
    not_utf8: Option<NotUtf8>,
    stamped_on_arrival: bool,
    n_stamped: u64,
}

/// Lines that are not UTF-8. Their bad bytes read as U+FFFD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8 {
    /// How many lines.
    pub count: u64,
    /// The number of the first.
    pub first_line: u64,
}

impl LogReader {
    /// Makes a reader for a log in the given carrier; `None` finds it from the first lines.
    #[must_use]
    pub fn new(carrier: Option<Carrier>) -> Self {
        let mut reader = Self {
            next_line: 1,
            ..Self::default()
        };
        if let Some(carrier) = carrier {
            reader.is_named = true;
            reader.take(carrier);
            reader.settled = reader.decoder.is_none();
        }
        reader
    }

    /// Makes a reader for the same log from its beginning, with the carriers that this one has found.
    #[must_use]
    pub fn again(&self) -> Self {
        let mut reader = Self::new(self.carrier);
        reader.fill(self.inside.clone());
        reader.settled = true;
        reader
    }

    /// Makes a reader for the typescript of `script`, whose times are in a file of their own.
    #[must_use]
    pub fn with_script_timing(timing: &[u8]) -> Self {
        let decoder = Some(Onion::around(carrier::script(timing)));
        Self {
            next_line: 1,
            carrier: Some(Carrier::Script),
            settled: true,
            decoder,
            ..Self::default()
        }
    }

    /// Takes in whole lines; only the last line of the log may lack its line feed. `arrival` is
    /// the time at which they arrived, where somebody watched.
    pub fn block<'b>(&'b mut self, bytes: &'b [u8], arrival: Option<Stamp>) -> Lines<'b> {
        match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => self.text(text, arrival),
            Err(_) => self.bytes(bytes, arrival),
        }
    }

    /// The same for a block that was checked for UTF-8 already.
    pub fn checked_block<'b>(&'b mut self, block: &'b Block, arrival: Option<Stamp>) -> Lines<'b> {
        match block {
            Block::Text(text) => self.text(text, arrival),
            Block::Bytes(bytes) => self.bytes(bytes, arrival),
        }
    }

    fn text<'b>(&'b mut self, text: &'b str, arrival: Option<Stamp>) -> Lines<'b> {
        self.look(text.as_bytes());
        if self.decoder.is_some() {
            return self.unwrap(text.as_bytes(), arrival);
        }
        self.plain(text, arrival)
    }

    fn bytes<'b>(&'b mut self, bytes: &[u8], arrival: Option<Stamp>) -> Lines<'b> {
        self.look(bytes);
        if self.decoder.is_some() {
            return self.unwrap(bytes, arrival);
        }
        self.note_not_utf8(bytes, self.next_line);
        let mut repaired = std::mem::take(&mut self.repaired);
        repair(bytes, &mut repaired);
        self.repaired = repaired;
        self.count(bytes, arrival);
        let stamps = match self.carrier {
            Some(Carrier::Nanos) => Stamps::Nanos(&mut self.nanos),
            _ => Stamps::Same(arrival),
        };
        Lines::numbered(&self.repaired, &mut self.next_line, stamps)
    }

    /// Reads lines that no decoder needs to take out of anything.
    fn plain<'b>(&'b mut self, text: &'b str, arrival: Option<Stamp>) -> Lines<'b> {
        self.count(text.as_bytes(), arrival);
        let stamps = match self.carrier {
            Some(Carrier::Nanos) => Stamps::Nanos(&mut self.nanos),
            _ => Stamps::Same(arrival),
        };
        Lines::numbered(text, &mut self.next_line, stamps)
    }

    fn count(&mut self, bytes: &[u8], arrival: Option<Stamp>) {
        self.n_bytes += bytes.len() as u64;
        self.stamped_on_arrival |= arrival.is_some();
    }

    /// Hands on what the carrier still held back, at the end of the log.
    pub fn finish(&mut self) -> Lines<'_> {
        self.unwrapped.clear();
        if let Some(decoder) = &mut self.decoder {
            decoder.finish(&mut self.unwrapped);
        }
        self.stamp_unwrapped(None)
    }

    /// Tells whether the carrier is certain, or has been guessed for good: whatever comes, it stays.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Finds the carrier, as long as it is not settled.
    fn look(&mut self, bytes: &[u8]) {
        if self.settled {
            return;
        }
        let room = SAMPLE_SIZE - self.sample.len();
        let end = if bytes.len() <= room {
            bytes.len()
        } else {
            memchr::memrchr(b'\n', &bytes[..room]).map_or(room, |at| at + 1)
        };
        self.sample.extend_from_slice(&bytes[..end]);
        let found = match self.carrier.filter(|_| self.is_named) {
            Some(carrier) => within(carrier, &self.sample),
            None => detect(&self.sample),
        };
        let Detected {
            carrier,
            inside,
            sure,
        } = found;
        if self.carrier != Some(carrier) {
            self.take(carrier);
        }
        self.fill(inside);
        let n_lines = memchr::memchr_iter(b'\n', &self.sample).count() as u64;
        self.settled = sure || n_lines >= SAMPLE_LINES || end < bytes.len();
        if self.settled {
            self.sample = Vec::new();
        }
    }

    fn take(&mut self, carrier: Carrier) {
        self.carrier = Some(carrier);
        self.decoder = Onion::new(carrier);
    }

    fn fill(&mut self, inside: Vec<Carrier>) {
        if let Some(decoder) = &mut self.decoder {
            decoder.fill(&inside);
        }
        self.inside = inside;
    }

    /// Takes lines out of their wrapping.
    fn unwrap(&mut self, bytes: &[u8], arrival: Option<Stamp>) -> Lines<'_> {
        self.decode(bytes);
        self.stamp_unwrapped(arrival)
    }

    fn decode(&mut self, bytes: &[u8]) {
        self.count(bytes, None);
        self.unwrapped.clear();
        let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let Some(decoder) = &mut self.decoder else {
            return;
        };
        for raw in body.split(|&byte| byte == b'\n') {
            self.unwrapped.at_line(self.next_line);
            decoder.line(raw, &mut self.unwrapped);
            self.next_line += 1;
        }
    }

    fn stamp_unwrapped(&mut self, arrival: Option<Stamp>) -> Lines<'_> {
        self.stamp_table(arrival);
        let first = self
            .table
            .first()
            .map_or(self.next_line, |&(_, number, _)| number);
        if std::str::from_utf8(self.unwrapped.text()).is_err() {
            note(&mut self.not_utf8, self.unwrapped.text(), |index| {
                self.table
                    .get(index)
                    .map_or(first, |&(_, number, _)| number)
            });
        }
        repair(self.unwrapped.text(), &mut self.repaired);
        Lines::new(&self.repaired, first, Stamps::Table(self.table.iter()))
    }

    /// Gives each line that was taken out of its wrapping its stamp.
    fn stamp_table(&mut self, arrival: Option<Stamp>) {
        if let Some(started_at) = self.unwrapped.started_at() {
            self.clock.set_started_at(started_at);
        }
        self.table.clear();
        for line in self.unwrapped.lines() {
            self.clock.at_line(line.number);
            let stamp = line.time.map(|time| self.clock.stamp(time));
            self.n_stamped += u64::from(stamp.is_some());
            self.table.push((stamp, line.number, line.strand));
        }
        // Where the carrier has no times at all, those of arrival are better than none.
        if self.n_stamped == 0 && arrival.is_some() {
            self.stamped_on_arrival |= !self.table.is_empty();
            self.table
                .iter_mut()
                .for_each(|(stamp, ..)| *stamp = arrival);
        }
    }

    /// Takes in whole lines as [`block`](Self::block) does, and hands on what was in the wrapping as it
    /// is, unread, without line feeds: for those who copy a log.
    pub fn payloads(
        &mut self,
        bytes: &[u8],
        arrival: Option<Stamp>,
        mut each: impl FnMut(Option<Stamp>, &[u8]),
    ) {
        self.look(bytes);
        if self.decoder.is_some() {
            self.decode(bytes);
            self.stamp_table(arrival);
            self.unwrapped_payloads(each);
            return;
        }
        self.count(bytes, arrival);
        let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for line in body.split(|&byte| byte == b'\n') {
            let (stamp, from) = match self.carrier {
                Some(Carrier::Nanos) => self.nanos.read(line, 0, self.next_line),
                _ => (arrival, 0),
            };
            self.next_line += 1;
            each(stamp, line.get(from..).unwrap_or_default());
        }
    }

    /// Hands on what the carrier still held back, at the end of the log, as [`payloads`](Self::payloads)
    /// does.
    pub fn last_payloads(&mut self, each: impl FnMut(Option<Stamp>, &[u8])) {
        self.unwrapped.clear();
        if let Some(decoder) = &mut self.decoder {
            decoder.finish(&mut self.unwrapped);
        }
        self.stamp_table(None);
        self.unwrapped_payloads(each);
    }

    fn unwrapped_payloads(&self, mut each: impl FnMut(Option<Stamp>, &[u8])) {
        let text = self.unwrapped.text();
        let body = text.strip_suffix(b"\n").unwrap_or(text);
        let lines = body.split(|&byte| byte == b'\n');
        for (&(stamp, ..), line) in self.table.iter().zip(lines) {
            each(stamp, line);
        }
    }

    fn note_not_utf8(&mut self, bytes: &[u8], first: u64) {
        note(&mut self.not_utf8, bytes, |index| first + index as u64);
    }

    /// Returns the carrier, as far as it is known.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.carrier.unwrap_or(Carrier::None)
    }

    /// Returns the names of the carriers, from the outermost on: `github-actions+buildkit`.
    #[must_use]
    pub fn carriers(&self) -> String {
        let inside = self.inside.iter().copied();
        let names: Vec<_> = std::iter::once(self.carrier())
            .chain(inside)
            .map(Carrier::name)
            .collect();
        names.join("+")
    }

    /// Returns where the times come from.
    #[must_use]
    pub fn clock_kind(&self) -> ClockKind {
        match self.carrier {
            Some(Carrier::Nanos) => ClockKind::Carrier,
            _ if self.n_stamped > 0 => ClockKind::Carrier,
            _ if self.stamped_on_arrival => ClockKind::Arrival,
            _ => ClockKind::None,
        }
    }

    /// Returns the wall clock at the start of the recording, in nanoseconds since 1970, where the
    /// carrier tells.
    #[must_use]
    pub fn started_at(&self) -> Option<i64> {
        self.clock.started_at()
    }

    /// Returns what the clock saw and corrected.
    #[must_use]
    pub fn clock_issues(&self) -> ClockIssues {
        match self.carrier {
            Some(Carrier::Nanos) => self.nanos.issues(),
            _ => self.clock.issues(),
        }
    }

    /// Returns what went wrong with the carrier.
    #[must_use]
    pub fn carrier_issues(&self) -> &[carrier::Issue] {
        self.unwrapped.issues()
    }

    /// Returns the lines that were not UTF-8.
    #[must_use]
    pub fn not_utf8(&self) -> Option<NotUtf8> {
        self.not_utf8
    }

    /// Returns the bytes read so far.
    #[must_use]
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader")
            .field("carrier", &self.carrier)
            .field("next_line", &self.next_line)
            .finish_non_exhaustive()
    }
}

/// Writes bytes as text, with U+FFFD in place of what is not UTF-8.
fn repair(bytes: &[u8], text: &mut String) {
    text.clear();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Counts the lines that are not UTF-8.
fn note(not_utf8: &mut Option<NotUtf8>, bytes: &[u8], number: impl Fn(usize) -> u64) {
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if std::str::from_utf8(line).is_err() {
            let first_line = number(index);
            not_utf8
                .get_or_insert(NotUtf8 {
                    count: 0,
                    first_line,
                })
                .count += 1;
        }
    }
}
