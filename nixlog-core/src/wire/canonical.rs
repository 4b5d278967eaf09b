//! The scanner's fast way: the exact shape in which Nix writes its records.
//!
//! `JSONLogger` prints keys in alphabetical order and without spaces, so a record can be read
//! forward by comparing whole literals: no newline search before, no key dispatch, no copy. The
//! first byte that differs ends the attempt, and [`general`](super::general) reads the line.

use super::event::{
    ActivityKind, ActivityResult, Event, Fields, Level, Message, Progress, ResultKind, Start,
};
use super::json;
use crate::ids::ActivityId;
use crate::json_str::JsonStr;

/// The number of the last activity, as text: most records name the same one as the record before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastId {
    text: u128,
    mask: u128,
    length: usize,
    id: u64,
}

impl LastId {
    fn remember(&mut self, digits: &[u8], id: u64) {
        let mut text = [0_u8; 16];
        // Longer numbers are not worth remembering: pids stay below 2^22, so ids below 2^54.
        let Some(slot) = text.get_mut(..digits.len()) else {
            return;
        };
        slot.copy_from_slice(digits);
        self.text = u128::from_le_bytes(text);
        self.mask = if digits.len() == 16 {
            u128::MAX
        } else {
            (1 << (8 * digits.len())) - 1
        };
        self.length = digits.len();
        self.id = id;
    }
}

/// Reads records out of one text.
#[derive(Debug, Clone, Copy)]
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Steps over a literal.
    #[inline(always)]
    fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        let found = self.text.as_bytes().get(self.at..)?.first_chunk::<N>()?;
        (found == literal).then(|| self.at += N)
    }

    /// Steps over a literal where it is there.
    #[inline(always)]
    fn optional<const N: usize>(&mut self, literal: &[u8; N]) -> bool {
        self.literal(literal).is_some()
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads a string behind its opening quote, and steps over the closing one.
    #[inline(always)]
    fn string(&mut self) -> Option<JsonStr<'a>> {
        let end = json::string_end(self.text.as_bytes(), self.at)?;
        let inside = self.text.get(self.at..end)?;
        self.at = end + 1;
        Some(JsonStr::new(inside))
    }

    #[inline(always)]
    fn integer(&mut self) -> Option<u64> {
        let (value, end) = json::integer(self.text.as_bytes(), self.at)?;
        self.at = end;
        Some(value)
    }

    #[inline(always)]
    fn code(&mut self) -> Option<u32> {
        u32::try_from(self.integer()?).ok()
    }

    #[inline(always)]
    fn id(&mut self, last: &mut LastId) -> Option<ActivityId> {
        let bytes = self.text.as_bytes();
        if let Some(window) = bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk::<16>())
        {
            let same = (u128::from_le_bytes(*window) ^ last.text) & last.mask == 0;
            let behind = self.at + last.length;
            if same && last.length > 0 && !bytes.get(behind).is_some_and(u8::is_ascii_digit) {
                self.at = behind;
                return Some(ActivityId(last.id));
            }
        }
        let from = self.at;
        let id = self.integer()?;
        last.remember(&bytes[from..self.at], id);
        Some(ActivityId(id))
    }

    /// Reads the array behind its opening bracket, and steps over the closing one.
    #[inline(always)]
    fn fields(&mut self) -> Option<Fields<'a>> {
        let from = self.at;
        loop {
            if self.optional(b"\"") {
                self.string()?;
            } else {
                self.integer()?;
            }
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    let fields = Fields::new(self.text.get(from..self.at)?);
                    self.at += 1;
                    return Some(fields);
                }
                _ => return None,
            }
        }
    }

    /// Steps over the end of the record and of its line; returns where the next line starts.
    #[inline(always)]
    fn end(&mut self) -> Option<usize> {
        self.literal(b"}")?;
        match self.peek() {
            Some(b'\n') => Some(self.at + 1),
            None => Some(self.at),
            Some(_) => {
                // A recording of a terminal ends its lines with CR LF.
                self.literal(b"\r")?;
                matches!(self.peek(), None | Some(b'\n'))
                    .then(|| (self.at + 1).min(self.text.len()))
            }
        }
    }
}

/// What every record begins with.
const HEAD: &[u8; 16] = b"@nix {\"action\":\"";

/// Reads the record that starts at `at`, if it has Nix's own shape; returns it and where the next
/// line starts.
#[inline(always)]
pub(super) fn record<'a>(
    text: &'a str,
    at: usize,
    last: &mut LastId,
) -> Option<(Event<'a>, usize)> {
    let mut cursor = Cursor { text, at };
    cursor.literal(HEAD)?;
    body(cursor, last)
}

/// The same without the `@nix ` in front, as in a `json-log-path` file.
#[inline]
pub(super) fn bare_record<'a>(
    text: &'a str,
    at: usize,
    last: &mut LastId,
) -> Option<(Event<'a>, usize)> {
    let mut cursor = Cursor { text, at };
    cursor.literal(b"{\"action\":\"")?;
    body(cursor, last)
}

#[inline(always)]
fn body<'a>(mut cursor: Cursor<'a>, last: &mut LastId) -> Option<(Event<'a>, usize)> {
    let event = match cursor.peek()? {
        b'r' => result(&mut cursor, last)?,
        b'm' => message(&mut cursor)?,
        _ if cursor.optional(b"stop\",\"id\":") => {
            let id = cursor.id(last)?;
            session(&mut cursor)?;
            Event::Stop(id)
        }
        _ => start(&mut cursor, last)?,
    };
    Some((event, cursor.end()?))
}

/// Reads a result, from `result"` on.
#[inline(always)]
fn result<'a>(cursor: &mut Cursor<'a>, last: &mut LastId) -> Option<Event<'a>> {
    cursor.literal(b"result\",\"fields\":[")?;
    if cursor.peek()? == b'"' {
        // A line of a build's log, or a phase.
        let from = cursor.at;
        let fields = cursor.fields()?;
        debug_assert!(from < cursor.at);
        return other_result(cursor, last, fields);
    }
    let from = cursor.at;
    let Some(counters) = counters(cursor) else {
        cursor.at = from;
        let fields = cursor.fields()?;
        return other_result(cursor, last, fields);
    };
    let fields_end = cursor.at - 1;
    cursor.literal(b",\"id\":")?;
    let id = cursor.id(last)?;
    session(cursor)?;
    if cursor.optional(b",\"type\":105") && !cursor.peek().is_some_and(|byte| byte.is_ascii_digit())
    {
        let [done, expected, running, failed] = counters;
        return Some(Event::Progress(Progress {
            id,
            done,
            expected,
            running,
            failed,
        }));
    }
    // Four integers, but not progress: no such result is known, and so nobody hurries.
    let fields = Fields::new(cursor.text.get(from..fields_end)?);
    cursor.at = fields_end + 1;
    other_result(cursor, last, fields)
}

/// Reads exactly four integers and the bracket behind them.
#[inline(always)]
fn counters(cursor: &mut Cursor<'_>) -> Option<[u64; 4]> {
    let mut counters = [0; 4];
    for (position, counter) in counters.iter_mut().enumerate() {
        *counter = cursor.integer()?;
        let want = if position == 3 { b']' } else { b',' };
        if cursor.peek()? != want {
            return None;
        }
        cursor.at += 1;
    }
    Some(counters)
}

#[inline(always)]
fn other_result<'a>(
    cursor: &mut Cursor<'a>,
    last: &mut LastId,
    fields: Fields<'a>,
) -> Option<Event<'a>> {
    cursor.literal(b",\"id\":")?;
    let id = cursor.id(last)?;
    session(cursor)?;
    cursor.literal(b",\"type\":")?;
    let kind = ResultKind(cursor.code()?);
    // Four integers of the progress kind have been dealt with; anything else of that kind is odd.
    (kind != ResultKind::PROGRESS).then_some(())?;
    Some(Event::Result(ActivityResult {
        id,
        kind,
        fields,
        payload: None,
    }))
}

/// Reads a start, from `start"` on.
fn start<'a>(cursor: &mut Cursor<'a>, last: &mut LastId) -> Option<Event<'a>> {
    cursor.literal(b"start\",")?;
    let fields = if cursor.optional(b"\"fields\":[") {
        let fields = cursor.fields()?;
        cursor.literal(b",")?;
        fields
    } else {
        Fields::default()
    };
    cursor.literal(b"\"id\":")?;
    let id = cursor.id(last)?;
    cursor.literal(b",\"level\":")?;
    let level = Level(u8::try_from(cursor.integer()?).unwrap_or(u8::MAX));
    let parent = if cursor.optional(b",\"parent\":") {
        Some(ActivityId(cursor.integer()?))
    } else {
        None
    };
    let session = session(cursor)?;
    cursor.literal(b",\"text\":\"")?;
    let text = cursor.string()?;
    cursor.literal(b",\"type\":")?;
    let kind = ActivityKind(cursor.code()?);
    Some(Event::Start(Start {
        id,
        parent,
        kind,
        level,
        text,
        fields,
        session,
    }))
}

/// Reads a plain message, from `msg"` on. Those with a position are rare, and left out.
#[inline(always)]
fn message<'a>(cursor: &mut Cursor<'a>) -> Option<Event<'a>> {
    cursor.literal(b"msg\",\"level\":")?;
    let level = Level(u8::try_from(cursor.integer()?).unwrap_or(u8::MAX));
    cursor.literal(b",\"msg\":\"")?;
    let text = cursor.string()?;
    session(cursor)?;
    Some(Event::Message(Message {
        level,
        text,
        raw: None,
        file: None,
        line: None,
        column: None,
        trace: None,
    }))
}

/// Reads Determinate Nix's session where there is one; `None` where it is cut.
#[inline(always)]
fn session<'a>(cursor: &mut Cursor<'a>) -> Option<Option<JsonStr<'a>>> {
    if cursor.optional(b",\"sid\":\"") {
        cursor.string().map(Some)
    } else {
        Some(None)
    }
}
