//! The general reader: any valid JSON object, in any key order and spacing, by `serde_json`.
//!
//! The scanner reads the shape that Nix writes and leaves everything else to this: records
//! that a carrier re-encoded, that a builder printed by hand, that a newer Nix extended. Both give
//! the same [`Event`] on the same line (a property test holds them to it).

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::event::{
    ActivityKind, ActivityResult, Event, Field, Fields, Level, Message, Progress, ResultKind, Start,
};
use crate::ids::ActivityId;
use crate::json_str::JsonStr;

/// Why a line that looks like a record is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// It is not a valid JSON object.
    NotJson,
    /// It has no `action`, or one that is not a string.
    NoAction,
    /// It lacks the `id` that its action needs.
    NoId,
    /// It lacks the `type` that its action needs.
    NoType,
    /// It lacks the text that its action needs.
    NoText,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "not a complete JSON object",
            Self::NoAction => "no `action`",
            Self::NoId => "no `id`, or one that is no unsigned integer",
            Self::NoType => "no `type`, or one that is no unsigned integer",
            Self::NoText => "no text",
        })
    }
}

impl std::error::Error for ParseError {}

/// An event of the general reader, with the first of the keys that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parsed<'a> {
    pub(super) event: Event<'a>,
    pub(super) unknown_key: Option<&'a str>,
}

/// Reads one JSON object.
pub(super) fn parse(json: &str) -> Result<Parsed<'_>, ParseError> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let record = (&mut reader)
        .deserialize_map(RecordVisitor)
        .map_err(|_| ParseError::NotJson)?;
    reader.end().map_err(|_| ParseError::NotJson)?;
    let event = record.event()?;
    Ok(Parsed {
        event,
        unknown_key: record.unknown_key,
    })
}

/// The values of all keys that some version of Nix writes, each as raw JSON.
#[derive(Default)]
struct Record<'a> {
    action: Option<&'a str>,
    column: Option<&'a str>,
    fields: Option<&'a str>,
    file: Option<&'a str>,
    id: Option<&'a str>,
    level: Option<&'a str>,
    line: Option<&'a str>,
    msg: Option<&'a str>,
    name: Option<&'a str>,
    parent: Option<&'a str>,
    payload: Option<&'a str>,
    phase: Option<&'a str>,
    raw_msg: Option<&'a str>,
    sid: Option<&'a str>,
    text: Option<&'a str>,
    trace: Option<&'a str>,
    kind: Option<&'a str>,
    unknown_key: Option<&'a str>,
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record<'de>, A::Error> {
        let mut record = Record::default();
        // The key comes as raw JSON: it is borrowed even where it holds an escape.
        while let Some(key) = map.next_key::<&RawValue>()? {
            let key = inside(key.get());
            let value = map.next_value::<&RawValue>()?.get();
            let slot = match JsonStr::new(key).decode() {
                Cow::Borrowed(name) => record.slot(name),
                Cow::Owned(name) => record.slot(&name),
            };
            match slot {
                // Nix writes no key twice; where somebody does, the last one counts, as in Nix.
                Some(slot) => *slot = Some(value),
                None => record.unknown_key = record.unknown_key.or(Some(key)),
            }
        }
        Ok(record)
    }
}

impl<'a> Record<'a> {
    fn slot(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        Some(match name {
            "action" => &mut self.action,
            "column" => &mut self.column,
            "fields" => &mut self.fields,
            "file" => &mut self.file,
            "id" => &mut self.id,
            "level" => &mut self.level,
            "line" => &mut self.line,
            "msg" => &mut self.msg,
            "name" => &mut self.name,
            "parent" => &mut self.parent,
            "payload" => &mut self.payload,
            "phase" => &mut self.phase,
            "raw_msg" => &mut self.raw_msg,
            "sid" => &mut self.sid,
            "text" => &mut self.text,
            "trace" => &mut self.trace,
            "type" => &mut self.kind,
            _ => return None,
        })
    }

    fn event(&self) -> Result<Event<'a>, ParseError> {
        let action = string(self.action).ok_or(ParseError::NoAction)?;
        Ok(match action.raw() {
            "start" => Event::Start(self.start()?),
            "stop" => Event::Stop(self.id()?),
            "result" => self.result()?,
            "msg" => Event::Message(self.message()?),
            "setPhase" => Event::SetPhase(string(self.phase).ok_or(ParseError::NoText)?),
            _ => Event::Unknown { action },
        })
    }

    fn start(&self) -> Result<Start<'a>, ParseError> {
        Ok(Start {
            id: self.id()?,
            parent: integer(self.parent).map(ActivityId),
            kind: ActivityKind(self.kind()?),
            level: self.level(),
            text: self.title(),
            fields: self.fields(),
            session: string(self.sid),
        })
    }

    /// Where an activity's kind is a name, the name has to do for a text that is empty.
    fn title(&self) -> JsonStr<'a> {
        let text = string(self.text).unwrap_or_default();
        let name = string(self.name).filter(|_| text.is_empty());
        name.unwrap_or(text)
    }

    fn result(&self) -> Result<Event<'a>, ParseError> {
        let (id, kind, fields) = (self.id()?, ResultKind(self.kind()?), self.fields());
        if kind == ResultKind::PROGRESS
            && let Some(progress) = counters(id, fields)
        {
            return Ok(Event::Progress(progress));
        }
        Ok(Event::Result(ActivityResult {
            id,
            kind,
            fields,
            payload: self.payload,
        }))
    }

    fn message(&self) -> Result<Message<'a>, ParseError> {
        let raw = string(self.raw_msg);
        Ok(Message {
            level: self.level(),
            text: string(self.msg).or(raw).ok_or(ParseError::NoText)?,
            raw,
            file: string(self.file),
            line: integer(self.line),
            column: integer(self.column),
            trace: self.trace,
        })
    }

    fn id(&self) -> Result<ActivityId, ParseError> {
        integer(self.id).map(ActivityId).ok_or(ParseError::NoId)
    }

    fn kind(&self) -> Result<u32, ParseError> {
        integer(self.kind)
            .and_then(|code| u32::try_from(code).ok())
            .ok_or(ParseError::NoType)
    }

    /// A record without a level is shown by default.
    fn level(&self) -> Level {
        integer(self.level).map_or(Level::INFO, |level| {
            Level(u8::try_from(level).unwrap_or(u8::MAX))
        })
    }

    fn fields(&self) -> Fields<'a> {
        let array = self.fields.filter(|raw| raw.starts_with('['));
        array
            .map(|raw| Fields::new(inside(raw)))
            .unwrap_or_default()
    }
}

/// Takes the four counters of a progress result; `None` where they are not exactly that.
fn counters(id: ActivityId, fields: Fields<'_>) -> Option<Progress> {
    let mut values = fields.iter().map(Field::as_int);
    let mut next = || values.next().flatten();
    let (done, expected, running, failed) = (next()?, next()?, next()?, next()?);
    values.next().is_none().then_some(Progress {
        id,
        done,
        expected,
        running,
        failed,
    })
}

fn integer(raw: Option<&str>) -> Option<u64> {
    raw?.parse().ok()
}

fn string(raw: Option<&str>) -> Option<JsonStr<'_>> {
    let raw = raw.filter(|raw| raw.starts_with('"'))?;
    Some(JsonStr::new(inside(raw)))
}

/// Removes the quotes or brackets of a raw value.
fn inside(raw: &str) -> &str {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
}
