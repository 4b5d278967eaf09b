//! Records made from a model, so that a third opinion says what has to be found in them.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::event::{Event, Field, Fields};
use crate::json_str::JsonStr;

/// A string, and one of the ways to write it in JSON.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) plain: String,
    pub(super) json: String,
}

/// A value inside `fields`.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Int(u64),
    Str(Text),
    /// What Nix never writes, as raw JSON.
    Odd(&'static str),
}

/// What a record says, apart from how it is written.
#[derive(Debug, Clone)]
pub(super) enum Says {
    Start {
        id: u64,
        parent: Option<u64>,
        kind: u32,
        level: u64,
        text: Text,
        fields: Vec<Value>,
    },
    Stop {
        id: u64,
    },
    Result {
        id: u64,
        kind: u32,
        fields: Vec<Value>,
        payload: Option<&'static str>,
    },
    Message {
        level: u64,
        text: Text,
        position: Option<Position>,
    },
    SetPhase {
        phase: Text,
    },
    Unknown {
        action: &'static str,
        value: Value,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Position {
    raw: Text,
    file: Option<Text>,
    line: Option<u64>,
    column: Option<u64>,
    trace: Option<&'static str>,
}

/// A record with its session, in the way in which Nix writes it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) says: Says,
    pub(super) session: Option<Text>,
}

impl Record {
    /// Returns the keys in alphabetical order, each with its value as JSON.
    pub(super) fn entries(&self) -> Vec<(&'static str, String)> {
        let mut entries = match &self.says {
            Says::Start {
                id,
                parent,
                kind,
                level,
                text,
                fields,
            } => {
                let mut entries = vec![
                    ("action", "\"start\"".to_owned()),
                    ("id", id.to_string()),
                    ("level", level.to_string()),
                    ("text", quoted(text)),
                    ("type", kind.to_string()),
                ];
                entries.extend(parent.map(|parent| ("parent", parent.to_string())));
                entries.extend(array(fields));
                entries
            }
            Says::Stop { id } => vec![("action", "\"stop\"".to_owned()), ("id", id.to_string())],
            Says::Result {
                id,
                kind,
                fields,
                payload,
            } => {
                let mut entries = vec![
                    ("action", "\"result\"".to_owned()),
                    ("id", id.to_string()),
                    ("type", kind.to_string()),
                ];
                entries.extend(payload.map(|payload| ("payload", payload.to_owned())));
                entries.extend(array(fields));
                entries
            }
            Says::Message {
                level,
                text,
                position,
            } => {
                let mut entries = vec![
                    ("action", "\"msg\"".to_owned()),
                    ("level", level.to_string()),
                    ("msg", quoted(text)),
                ];
                if let Some(position) = position {
                    let number =
                        |n: Option<u64>| n.map_or("null".to_owned(), |number| number.to_string());
                    entries.push(("column", number(position.column)));
                    let file = position.file.as_ref();
                    entries.push(("file", file.map_or("null".to_owned(), quoted)));
                    entries.push(("line", number(position.line)));
                    entries.push(("raw_msg", quoted(&position.raw)));
                    entries.extend(position.trace.map(|trace| ("trace", trace.to_owned())));
                }
                entries
            }
            Says::SetPhase { phase } => vec![
                ("action", "\"setPhase\"".to_owned()),
                ("phase", quoted(phase)),
            ],
            Says::Unknown { action, value } => {
                vec![("action", format!("\"{action}\"")), ("value", json(value))]
            }
        };
        entries.extend(self.session.as_ref().map(|sid| ("sid", quoted(sid))));
        entries.sort();
        entries
    }

    /// Writes the record as Nix does.
    pub(super) fn canonical(&self) -> String {
        let entries = self.entries();
        let keys = entries
            .iter()
            .map(|(key, value)| format!("\"{key}\":{value}"));
        format!("{{{}}}", keys.collect::<Vec<_>>().join(","))
    }

    /// Writes the record in another order, with spaces wherever JSON allows them outside of values.
    pub(super) fn permuted(&self, order: &[Index], spaces: &[&str]) -> String {
        let mut entries = self.entries();
        for (at, index) in order.iter().enumerate().take(entries.len()) {
            let other = index.index(entries.len());
            entries.swap(at, other);
        }
        let mut spaces = spaces.iter().copied().cycle();
        let mut space = || spaces.next().unwrap_or("");
        let mut json = format!("{{{}", space());
        for (at, (key, value)) in entries.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let (a, b, c, d) = (space(), space(), space(), space());
            write!(json, "{comma}{a}\"{key}\"{b}:{c}{value}{d}").expect("a String takes any text");
        }
        json.push('}');
        json
    }

    /// Tells whether the scanner has to read the record by its shape: all that Nix writes often.
    pub(super) fn is_common(&self) -> bool {
        let fits = |number: u64| number < 10_000_000_000_000_000_000;
        let plain = |fields: &[Value]| {
            let mut fields = fields.iter();
            fields.all(|field| match field {
                Value::Int(number) => fits(*number),
                Value::Str(_) => true,
                Value::Odd(_) => false,
            })
        };
        match &self.says {
            Says::Start {
                id,
                parent,
                level,
                fields,
                ..
            } => fits(*id) && parent.is_none_or(fits) && fits(*level) && plain(fields),
            Says::Stop { id } => fits(*id),
            Says::Result {
                id,
                kind,
                fields,
                payload,
            } => {
                let is_odd = *kind == 105 && counters(fields).is_none();
                fits(*id) && payload.is_none() && !fields.is_empty() && plain(fields) && !is_odd
            }
            Says::Message {
                level, position, ..
            } => fits(*level) && position.is_none(),
            Says::SetPhase { .. } | Says::Unknown { .. } => false,
        }
    }

    /// Tells whether the scanner has to take the shortest way: 98 % of many logs.
    pub(super) fn is_frequent(&self) -> bool {
        let Says::Result {
            id,
            kind,
            fields,
            payload: None,
        } = &self.says
        else {
            return false;
        };
        let small = |counters: [u64; 4]| counters.iter().all(|&counter| counter < 1_000_000);
        let common = match &fields[..] {
            [Value::Str(_)] => *kind == 101,
            fields => *kind == 105 && counters(fields).is_some_and(small),
        };
        common && self.session.is_none() && *id < 1 << 54
    }

    /// Compares an event with what the record says.
    pub(super) fn check(&self, event: &Event<'_>) -> Result<(), TestCaseError> {
        let session = self.session.as_ref().map(|session| session.plain.clone());
        let level = |level: u64| u8::try_from(level).unwrap_or(u8::MAX);
        match (&self.says, event) {
            (
                Says::Start {
                    id,
                    parent,
                    kind,
                    level: at,
                    text,
                    fields,
                },
                Event::Start(start),
            ) => {
                prop_assert_eq!(start.id.0, *id);
                prop_assert_eq!(start.parent.map(|parent| parent.0), *parent);
                prop_assert_eq!(start.kind.0, *kind);
                prop_assert_eq!(start.level.0, level(*at));
                prop_assert_eq!(start.text.decode(), text.plain.as_str());
                prop_assert_eq!(decoded(start.session), session);
                same_fields(fields, start.fields)?;
            }
            (Says::Stop { id }, Event::Stop(stopped)) => prop_assert_eq!(stopped.0, *id),
            (
                Says::Result {
                    id, kind, fields, ..
                },
                Event::Progress(progress),
            ) => {
                let now = [
                    progress.done,
                    progress.expected,
                    progress.running,
                    progress.failed,
                ];
                prop_assert_eq!((progress.id.0, 105), (*id, *kind));
                prop_assert_eq!(Some(now), counters(fields));
            }
            (
                Says::Result {
                    id,
                    kind,
                    fields,
                    payload,
                },
                Event::Result(result),
            ) => {
                prop_assert_eq!((result.id.0, result.kind.0), (*id, *kind));
                prop_assert_eq!(result.payload, *payload);
                prop_assert!(*kind != 105 || counters(fields).is_none());
                same_fields(fields, result.fields)?;
            }
            (
                Says::Message {
                    level: at,
                    text,
                    position,
                },
                Event::Message(message),
            ) => {
                prop_assert_eq!(message.level.0, level(*at));
                prop_assert_eq!(message.text.decode(), text.plain.as_str());
                let position = position.as_ref();
                let plain = |text: &Text| text.plain.clone();
                prop_assert_eq!(decoded(message.raw), position.map(|at| plain(&at.raw)));
                let file = position.and_then(|at| at.file.as_ref()).map(plain);
                prop_assert_eq!(decoded(message.file), file);
                prop_assert_eq!(message.line, position.and_then(|at| at.line));
                prop_assert_eq!(message.column, position.and_then(|at| at.column));
                prop_assert_eq!(message.trace, position.and_then(|at| at.trace));
            }
            (Says::SetPhase { phase }, Event::SetPhase(found)) => {
                prop_assert_eq!(found.decode(), phase.plain.as_str());
            }
            (Says::Unknown { action, .. }, Event::Unknown { action: found }) => {
                prop_assert_eq!(found.raw(), *action);
            }
            (says, event) => prop_assert!(false, "{says:?} was read as {event:?}"),
        }
        Ok(())
    }
}

pub(super) fn quoted(text: &Text) -> String {
    format!("\"{}\"", text.json)
}

fn json(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Str(text) => quoted(text),
        Value::Odd(raw) => (*raw).to_owned(),
    }
}

/// Nix leaves the key out where there are no fields.
fn array(fields: &[Value]) -> Option<(&'static str, String)> {
    let values: Vec<_> = fields.iter().map(json).collect();
    (!fields.is_empty()).then(|| ("fields", format!("[{}]", values.join(","))))
}

fn counters(fields: &[Value]) -> Option<[u64; 4]> {
    match *fields {
        [
            Value::Int(done),
            Value::Int(expected),
            Value::Int(running),
            Value::Int(failed),
        ] => Some([done, expected, running, failed]),
        _ => None,
    }
}

fn decoded(text: Option<JsonStr<'_>>) -> Option<String> {
    text.map(|text| text.decode().into_owned())
}

fn same_fields(want: &[Value], got: Fields<'_>) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.iter().count(), want.len());
    for (want, got) in want.iter().zip(got) {
        match (want, got) {
            (Value::Int(want), Field::Int(got)) => prop_assert_eq!(*want, got),
            (Value::Str(want), Field::Str(got)) => {
                prop_assert_eq!(want.plain.as_str(), got.decode());
            }
            (Value::Odd(want), Field::Other(got)) => prop_assert_eq!(*want, got),
            (want, got) => prop_assert!(false, "{want:?} was read as {got:?}"),
        }
    }
    Ok(())
}

/// Strings of all sorts, each character written in one of the ways that JSON has for it.
pub(super) fn text() -> BoxedStrategy<Text> {
    let character = prop_oneof![
        8 => prop::char::range(' ', '~'),
        1 => select(vec!['"', '\\', '/', '\u{7f}', 'ä', '\u{2028}', '😀', '\u{fffd}', '\u{ffff}']),
        1 => prop::char::range('\0', '\u{1f}'),
        1 => any::<char>(),
    ];
    let escape = prop_oneof![6 => Just(0_u8), 1 => Just(1), 1 => Just(2)];
    vec((character, escape), 0..50)
        .prop_map(|characters| {
            let (mut plain, mut json) = (String::new(), String::new());
            for (c, escape) in characters {
                plain.push(c);
                push(&mut json, c, escape);
            }
            Text { plain, json }
        })
        .boxed()
}

/// Writes a character into a JSON string: by itself or shortly escaped, or (1, 2) as `\uXXXX`.
fn push(json: &mut String, c: char, escape: u8) {
    let short = match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '\n' => Some("\\n"),
        '\t' => Some("\\t"),
        '\r' => Some("\\r"),
        '\u{8}' => Some("\\b"),
        '\u{c}' => Some("\\f"),
        '/' if escape == 1 => Some("\\/"),
        _ => None,
    };
    if let Some(short) = short.filter(|_| escape < 2) {
        json.push_str(short);
    } else if escape == 0 && c > '\u{1f}' {
        json.push(c);
    } else {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let digits = if escape == 2 {
                format!("\\u{unit:04X}")
            } else {
                format!("\\u{unit:04x}")
            };
            json.push_str(&digits);
        }
    }
}

/// Numbers of every length, those of real activities above all.
pub(super) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0_u64..1 << 22, 0_u64..2000).prop_map(|(pid, counter)| (pid << 32) + counter),
        3 => 0_u64..300,
        1 => any::<u64>(),
        1 => (0_u32..20).prop_map(|digits| 10_u64.pow(digits)),
        1 => select(vec![0, 9_999_999_999_999_999_999, 10_000_000_000_000_000_000, u64::MAX]),
    ]
}

fn kind() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(105), 1 => Just(1050), 4 => 100_u32..114, 1 => Just(0), 1 => any::<u32>()]
}

fn fields() -> BoxedStrategy<Vec<Value>> {
    let odd = select(vec![
        "-1",
        "1.5",
        "1e3",
        "null",
        "true",
        "[]",
        r#"["a,]",{"b":[1]}]"#,
        r#"{"a":"}"}"#,
    ]);
    let int = || number().prop_map(Value::Int);
    let value = prop_oneof![
        4 => int(),
        4 => text().prop_map(Value::Str),
        1 => odd.prop_map(Value::Odd),
    ];
    prop_oneof![
        2 => vec(int(), 4..5),
        1 => vec(int(), 1..6),
        1 => text().prop_map(|line| vec![Value::Str(line)]),
        2 => vec(value, 0..6),
    ]
    .boxed()
}

fn level() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0_u64..8, 1 => select(vec![255, 256, u64::MAX])]
}

fn position() -> BoxedStrategy<Position> {
    let trace = select(vec![r#"[{"raw_msg":"while, }","line":1}]"#, "[]"]);
    let parts = (
        text(),
        option::of(text()),
        option::of(number()),
        option::of(number()),
        option::of(trace),
    );
    parts
        .prop_map(|(raw, file, line, column, trace)| Position {
            raw,
            file,
            line,
            column,
            trace,
        })
        .boxed()
}

pub(super) fn record() -> BoxedStrategy<Record> {
    let start = (
        number(),
        option::of(number()),
        kind(),
        level(),
        text(),
        fields(),
    );
    let start = start.prop_map(|(id, parent, kind, level, text, fields)| Says::Start {
        id,
        parent,
        kind,
        level,
        text,
        fields,
    });
    let payload = select(vec![
        r#"{"status":"Built","path":{"drvPath":"a-b.drv"}}"#,
        "null",
        "[1]",
    ]);
    let result = (number(), kind(), fields(), option::weighted(0.1, payload));
    let result = result.prop_map(|(id, kind, fields, payload)| Says::Result {
        id,
        kind,
        fields,
        payload,
    });
    let message = (level(), text(), option::of(position()));
    let message = message.prop_map(|(level, text, position)| Says::Message {
        level,
        text,
        position,
    });
    let unknown = (
        select(vec!["", "sto", "stopp", "pause", "résumé"]),
        number(),
    );
    let says = prop_oneof![
        4 => start,
        2 => number().prop_map(|id| Says::Stop { id }),
        6 => result,
        3 => message,
        1 => text().prop_map(|phase| Says::SetPhase { phase }),
        1 => unknown.prop_map(|(action, value)| Says::Unknown { action, value: Value::Int(value) }),
    ];
    (says, option::weighted(0.3, text()))
        .prop_map(|(says, session)| Record { says, session })
        .boxed()
}
