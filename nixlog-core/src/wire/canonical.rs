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

/// The activities that records were about lately. Most records are about the same one as the one
/// before of their kind, so that the number need not be read, only compared.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastIds {
    /// Of lines of a build's log.
    text: LastId,
    /// Of progress.
    progress: LastId,
    /// Of all others.
    other: LastId,
}

/// The number of an activity, as text.
#[derive(Debug, Clone, Copy, Default)]
struct LastId {
    /// The first 16 digits and the next 8, and which bits of them count.
    text: (u128, u64),
    mask: (u128, u64),
    length: usize,
    id: u64,
}

/// Ids are a process id above 32 bits of count; with `pid_max` at 2^22 they have 17 digits.
const ID_SIZE: usize = 24;

impl LastId {
    /// Tells whether a text begins with the same digits; what follows them is for the caller.
    #[inline(always)]
    fn is_at(&self, window: &[u8; ID_SIZE]) -> bool {
        let (low, high) = split(window);
        let differs =
            ((low ^ self.text.0) & self.mask.0 != 0) | ((high ^ self.text.1) & self.mask.1 != 0);
        !differs & (self.length > 0)
    }

    /// Remembers an id, which the first `length` bytes of a text are.
    #[inline(always)]
    fn remember(&mut self, window: &[u8; ID_SIZE], length: usize, id: u64) {
        /// Ones for the bytes that count, then zeros for those that do not.
        const MASKS: [u8; 2 * ID_SIZE] = {
            let mut masks = [0; 2 * ID_SIZE];
            masks
                .split_at_mut(ID_SIZE)
                .0
                .copy_from_slice(&[u8::MAX; ID_SIZE]);
            masks
        };
        if let Some(mask) = json::window(&MASKS, ID_SIZE.saturating_sub(length)) {
            self.text = split(window);
            self.mask = split(mask);
            self.length = length;
            self.id = id;
        }
    }
}

#[inline(always)]
fn split(text: &[u8; ID_SIZE]) -> (u128, u64) {
    let (mut low, mut high) = ([0; 16], [0; 8]);
    low.copy_from_slice(&text[..16]);
    high.copy_from_slice(&text[16..]);
    (u128::from_le_bytes(low), u64::from_le_bytes(high))
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
    fn level(&mut self) -> Option<Level> {
        let (value, end) = json::short_integer(self.text.as_bytes(), self.at)?;
        self.at = end;
        Some(Level(u8::try_from(value).unwrap_or(u8::MAX)))
    }

    #[inline(always)]
    fn code(&mut self) -> Option<u32> {
        let (value, end) = json::short_integer(self.text.as_bytes(), self.at)?;
        self.at = end;
        u32::try_from(value).ok()
    }

    #[inline(always)]
    fn id(&mut self, last: &mut LastId) -> Option<ActivityId> {
        let bytes = self.text.as_bytes();
        let window = json::window(bytes, self.at);
        if window.is_some_and(|window| last.is_at(window)) {
            let behind = self.at + last.length;
            if !bytes.get(behind).is_some_and(u8::is_ascii_digit) {
                self.at = behind;
                return Some(ActivityId(last.id));
            }
        }
        let from = self.at;
        let id = self.integer()?;
        if let Some(window) = window {
            last.remember(window, self.at - from, id);
        }
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

/// What all results begin with, up to their first field.
const RESULT: &[u8; 34] = b"@nix {\"action\":\"result\",\"fields\":[";
const BARE_RESULT: &[u8; 29] = b"{\"action\":\"result\",\"fields\":[";

/// Reads the record that starts at `at`, if it is one of the results that nearly all logs consist
/// of: progress, what is expected, a line of a build's log. Returns it and where the next line
/// starts. `None` for any other and near the end of the text: [`record`] starts again.
#[inline(always)]
pub(super) fn frequent<'a>(
    text: &'a str,
    at: usize,
    last: &mut LastIds,
) -> Option<(Event<'a>, usize)> {
    let bytes = text.as_bytes();
    if json::is_at(bytes, at, RESULT) {
        frequent_result(text, at + RESULT.len(), last)
    } else if json::is_at(bytes, at, BARE_RESULT) {
        frequent_result(text, at + BARE_RESULT.len(), last)
    } else {
        None
    }
}

/// Reads the record that starts at `at`, if it has Nix's own shape; returns it and where the next
/// line starts.
pub(super) fn record<'a>(
    text: &'a str,
    at: usize,
    last: &mut LastIds,
) -> Option<(Event<'a>, usize)> {
    // A `json-log-path` file goes without.
    let mut cursor = Cursor { text, at };
    cursor.optional(b"@nix ");
    bare_record(text, cursor.at, last)
}

/// The same for a record without `@nix ` in front.
pub(super) fn bare_record<'a>(
    text: &'a str,
    at: usize,
    last: &mut LastIds,
) -> Option<(Event<'a>, usize)> {
    let mut cursor = Cursor { text, at };
    cursor.literal(b"{\"action\":\"")?;
    let event = match cursor.peek()? {
        b'r' => result(&mut cursor, last)?,
        b'm' => message(&mut cursor)?,
        _ if cursor.optional(b"stop\",\"id\":") => {
            let id = cursor.id(&mut last.other)?;
            session(&mut cursor)?;
            Event::Stop(id)
        }
        _ => start(&mut cursor, last)?,
    };
    Some((event, cursor.end()?))
}

/// The same from its first field on.
#[inline(always)]
fn frequent_result<'a>(text: &'a str, at: usize, last: &mut LastIds) -> Option<(Event<'a>, usize)> {
    let bytes = text.as_bytes();
    let (id, kind, fields, next);
    if bytes.get(at) == Some(&b'"') {
        let end = json::string_end(bytes, at + 1)? + 1;
        (id, kind, next) = frequent_tail(bytes, end, &mut last.text)?;
        fields = at..end;
    } else {
        let (counters, end) = json::integers(bytes, at)?;
        if let Some([done, expected, running, failed]) = counters {
            (id, kind, next) = frequent_tail(bytes, end - 1, &mut last.progress)?;
            if kind == ResultKind::PROGRESS {
                let progress = Progress {
                    id,
                    done,
                    expected,
                    running,
                    failed,
                };
                return Some((Event::Progress(progress), next));
            }
        } else {
            (id, kind, next) = frequent_tail(bytes, end - 1, &mut last.other)?;
        }
        fields = at..end - 1;
    }
    // Progress that is not four numbers is odd, and left to the general reader.
    if kind == ResultKind::PROGRESS {
        return None;
    }
    let result = ActivityResult {
        id,
        kind,
        fields: Fields::new(text.get(fields)?),
        payload: None,
    };
    Some((Event::Result(result), next))
}

/// Reads the end of the fields, the id, Determinate Nix's session where there is one, the kind, and
/// the end of the line.
#[inline(always)]
fn frequent_tail(
    bytes: &[u8],
    at: usize,
    last: &mut LastId,
) -> Option<(ActivityId, ResultKind, usize)> {
    if json::window(bytes, at)? != b"],\"id\":" {
        return None;
    }
    let at = at + 7;
    let window = json::window::<ID_SIZE>(bytes, at)?;
    // What has to follow the id, a comma, tells that it has no further digits.
    let (id, behind) = if last.is_at(window) {
        (last.id, at + last.length)
    } else {
        let (id, behind) = json::integer(bytes, at)?;
        last.remember(window, behind - at, id);
        (id, behind)
    };
    let mut at = behind;
    let mut tail = json::window::<13>(bytes, at)?;
    if tail.starts_with(b",\"sid\":\"") {
        at = json::string_end(bytes, at + 8)? + 1;
        tail = json::window(bytes, at)?;
    }
    let [_, _, _, _, _, _, _, _, _, tens, ones, b'}', b'\n'] = *tail else {
        return None;
    };
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tail[..9] != *b",\"type\":1" || tens > 9 || ones > 9 {
        return None;
    }
    let kind = 100 + 10 * u32::from(tens) + u32::from(ones);
    Some((ActivityId(id), ResultKind(kind), at + 13))
}

/// Reads a result, from `result"` on.
#[inline(always)]
fn result<'a>(cursor: &mut Cursor<'a>, last: &mut LastIds) -> Option<Event<'a>> {
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
    let id = cursor.id(&mut last.other)?;
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
    last: &mut LastIds,
    fields: Fields<'a>,
) -> Option<Event<'a>> {
    cursor.literal(b",\"id\":")?;
    let id = cursor.id(&mut last.other)?;
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
fn start<'a>(cursor: &mut Cursor<'a>, last: &mut LastIds) -> Option<Event<'a>> {
    cursor.literal(b"start\",")?;
    let fields = if cursor.optional(b"\"fields\":[") {
        let fields = cursor.fields()?;
        cursor.literal(b",")?;
        fields
    } else {
        Fields::default()
    };
    cursor.literal(b"\"id\":")?;
    let id = cursor.id(&mut last.other)?;
    cursor.literal(b",\"level\":")?;
    let level = cursor.level()?;
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
    let level = cursor.level()?;
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
