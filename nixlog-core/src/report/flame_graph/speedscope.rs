//! The file format of <https://www.speedscope.app>, after its `file-format-spec.ts`.

use std::collections::HashMap;
use std::io::{self, Write};

use foldhash::fast::FixedState;
use serde::{Serialize, Serializer};

use crate::eval::stacks::tree::{Call, CallTree};
use crate::eval::stacks::{Frame, Unit, What};

/// Where the format is described.
const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

/// Writes a tree as one profile. Its order is that of the tree, since neither samples nor a merged tree know when
/// something happened. With a frequency, samples become seconds.
///
/// # Errors
///
/// Returns what the writer returns.
pub fn write(
    tree: &CallTree,
    title: &str,
    frequency: Option<f64>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut numbers: HashMap<&str, usize, FixedState> = HashMap::default();
    let mut frames = Vec::new();
    let calls = tree.calls.iter().skip(1);
    let calls: Vec<(&Call, usize)> = calls
        .map(|call| {
            let name = tree.name(call);
            let number = *numbers.entry(name).or_insert_with(|| {
                frames.push(shown(name));
                frames.len() - 1
            });
            (call, number)
        })
        .collect();
    let (unit, scale) = match (tree.unit, frequency) {
        (Unit::Nanoseconds, _) => ("nanoseconds", None),
        (Unit::Samples, None) => ("none", None),
        (Unit::Samples, Some(hertz)) => ("seconds", Some(hertz)),
    };
    let at = |cost: u64| Value { cost, scale };
    let file = File {
        schema: SCHEMA,
        exporter: concat!("nixlog ", env!("CARGO_PKG_VERSION")),
        name: title,
        active_profile_index: 0,
        shared: Shared { frames },
        profiles: [Profile {
            kind: "evented",
            name: title,
            unit,
            start_value: at(0),
            end_value: at(tree.total()),
            events: Events {
                calls: &calls,
                begin: tree.calls.first().map_or(0, |all| all.own),
                scale,
            },
        }],
    };
    serde_json::to_writer(&mut *out, &file)?;
    writeln!(out)
}

/// Returns what is shown for a key of the tree: of a frame, what is called, with its place beside it.
fn shown(name: &str) -> FrameView<'_> {
    let frame = Frame::parse(name);
    let Some(place) = frame.place else {
        return FrameView {
            name: name.into(),
            file: None,
            line: None,
            col: None,
        };
    };
    FrameView {
        name: match frame.what {
            What::Lambda(name) => name.into(),
            What::Primop(name) => format!("primop {name}"),
            What::Derivation(name) => format!("derivation {name}"),
            What::Functor => format!("functor at {}", place.text),
            What::Anonymous => place.text.into(),
        },
        file: Some(place.file),
        line: Some(place.line),
        col: Some(place.column),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    exporter: &'static str,
    name: &'a str,
    active_profile_index: u32,
    shared: Shared<'a>,
    profiles: [Profile<'a>; 1],
}

#[derive(Serialize)]
struct Shared<'a> {
    frames: Vec<FrameView<'a>>,
}

#[derive(Serialize)]
struct FrameView<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    col: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    unit: &'static str,
    start_value: Value,
    end_value: Value,
    events: Events<'a>,
}

/// A cost in the unit of the profile.
#[derive(Clone, Copy)]
struct Value {
    cost: u64,
    scale: Option<f64>,
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.scale {
            None => serializer.serialize_u64(self.cost),
            Some(scale) => serializer.serialize_f64(self.cost as f64 / scale),
        }
    }
}

/// When calls begin and end: first what a call spent alone, then the calls that it made.
struct Events<'a> {
    calls: &'a [(&'a Call, usize)],
    begin: u64,
    scale: Option<f64>,
}

#[derive(Serialize)]
struct Event {
    #[serde(rename = "type")]
    kind: char,
    at: Value,
    frame: usize,
}

impl Serialize for Events<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut open: Vec<usize> = Vec::new();
        let mut now = self.begin;
        let scale = self.scale;
        let event = move |kind, cost, frame| Event {
            kind,
            at: Value { cost, scale },
            frame,
        };
        let calls = self.calls.iter().flat_map(|&(call, frame)| {
            let keep = call.depth.saturating_sub(1).min(open.len());
            let ended: Vec<Event> = open
                .drain(keep..)
                .rev()
                .map(|frame| event('C', now, frame))
                .collect();
            open.push(frame);
            let begins = event('O', now, frame);
            now += call.own;
            ended.into_iter().chain([begins])
        });
        // The last ones are ended by a call that is none.
        let mut events: Vec<Event> = calls.collect();
        events.extend(open.drain(..).rev().map(|frame| event('C', now, frame)));
        serializer.collect_seq(events)
    }
}
