//! The readers to beat.
//!
//! [`parse`] is what a careful engineer writes with `serde_json` in safe Rust: hand-written
//! visitors, nothing derived, no `Value`, no tagged or untagged enums; strings borrowed from the
//! line wherever it has no escape in it; fields in an array on the stack. Derived tagged enums run
//! at a third of its speed and `Value` at two thirds: to beat those would say little.
//!
//! [`newlines`] only finds where lines end: the ceiling for a reader that looks at each line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// What a reader saw, so that two readers can be compared and no work is optimized away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checksum {
    /// Lines, of whatever kind.
    pub lines: u64,
    /// Lines that were events.
    pub events: u64,
    /// Lines that claimed to be events and were not readable.
    pub unreadable: u64,
    /// Ids, parents, kinds, levels and integer fields, and how many strings there were.
    pub numbers: u64,
    /// Lengths of all strings, without their escapes.
    pub text_bytes: u64,
}

impl Checksum {
    /// Adds a number; its place tells an id from a kind.
    #[inline]
    pub const fn number(&mut self, place: u64, number: u64) {
        let odd = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        self.numbers = self.numbers.wrapping_add(number.wrapping_mul(odd));
    }

    /// Adds a string of a given length without escapes.
    #[inline]
    pub const fn text(&mut self, len: usize) {
        self.numbers = self.numbers.wrapping_add(1);
        self.text_bytes = self.text_bytes.wrapping_add(len as u64);
    }
}

/// Places for [`Checksum::number`].
pub mod place {
    /// The action: 0 start, 1 stop, 2 result, 3 msg, 4 anything else.
    pub const ACTION: u64 = 1;
    /// The activity's id.
    pub const ID: u64 = 2;
    /// The kind of an activity or of a result: Nix's `type`.
    pub const KIND: u64 = 3;
    /// The level of a start or a message.
    pub const LEVEL: u64 = 4;
    /// The parent of a start.
    pub const PARENT: u64 = 5;
    /// The first field; the next ones follow.
    pub const FIELD: u64 = 6;
}

/// Reads a log with one `serde_json::from_str` per line and adds up what it says.
///
/// This is the baseline that a claim about speed refers to.
#[must_use]
pub fn parse(log: &str) -> Checksum {
    fold(log, |json, sum| {
        serde_json::from_str::<Event<'_>>(json).map(|event| event.add_to(sum))
    })
}

/// The same, but reads into an event where it lies: not to return it saves copying a quarter of a
/// kilobyte per line, which is a tenth of the time. As far as `serde_json` goes, we know
/// of nothing faster.
#[must_use]
pub fn parse_in_place(log: &str) -> Checksum {
    fold(log, |json, sum| {
        let mut event = Event::default();
        let mut deserializer = serde_json::Deserializer::from_str(json);
        EventSeed(&mut event).deserialize(&mut deserializer)?;
        deserializer.end()?;
        event.add_to(sum);
        Ok(())
    })
}

#[inline]
fn fold(
    log: &str,
    mut read: impl FnMut(&str, &mut Checksum) -> serde_json::Result<()>,
) -> Checksum {
    let mut sum = Checksum::default();
    let mut from = 0;
    let ends = memchr::memchr_iter(b'\n', log.as_bytes());
    let unended = !log.is_empty() && !log.ends_with('\n');
    for end in ends.chain(unended.then_some(log.len())) {
        sum.lines += 1;
        if let Some(json) = payload(&log[from..end])
            && read(json, &mut sum).is_err()
        {
            sum.unreadable += 1;
        }
        from = end + 1;
    }
    sum
}

/// Finds the end of every line, and adds up their lengths.
#[must_use]
pub fn newlines(log: &[u8]) -> Checksum {
    let mut sum = Checksum::default();
    let mut from = 0;
    for end in memchr::memchr_iter(b'\n', log) {
        sum.lines += 1;
        sum.text_bytes += (end - from) as u64;
        from = end + 1;
    }
    sum
}

/// Takes off a stamp and Nix's prefix.
#[inline]
fn payload(line: &str) -> Option<&str> {
    if let Some(json) = line.strip_prefix("@nix ") {
        return Some(json);
    }
    let (stamp, rest) = line.split_once(' ')?;
    let is_stamp = stamp.bytes().all(|byte| byte.is_ascii_digit());
    if is_stamp {
        rest.strip_prefix("@nix ")
    } else {
        None
    }
}

/// One event, of whatever action: each key has a place.
#[derive(Debug, Default)]
struct Event<'a> {
    action: u64,
    id: u64,
    kind: u64,
    level: u64,
    parent: u64,
    /// `text` of a start, `msg` of a message.
    text: Option<Text<'a>>,
    raw_message: Option<Text<'a>>,
    fields: Fields<'a>,
}

impl Event<'_> {
    #[inline]
    fn add_to(&self, sum: &mut Checksum) {
        sum.events += 1;
        sum.number(place::ACTION, self.action);
        sum.number(place::ID, self.id);
        sum.number(place::KIND, self.kind);
        sum.number(place::LEVEL, self.level);
        sum.number(place::PARENT, self.parent);
        for text in self.text.iter().chain(&self.raw_message) {
            sum.text(text.0.len());
        }
        let fields = &self.fields.items[..self.fields.len.min(MAX_FIELDS)];
        for (at, field) in (place::FIELD..).zip(fields) {
            match field {
                Field::Int(number) => sum.number(at, *number),
                Field::Text(text) => sum.text(text.0.len()),
                Field::Other => {}
            }
        }
    }
}

/// Nix writes four fields at most.
const MAX_FIELDS: usize = 4;

#[derive(Debug, Default)]
struct Fields<'a> {
    items: [Field<'a>; MAX_FIELDS],
    len: usize,
}

#[derive(Debug, Default)]
enum Field<'a> {
    Int(u64),
    Text(Text<'a>),
    #[default]
    Other,
}

#[derive(Debug)]
struct Text<'a>(Cow<'a, str>);

/// The keys that matter.
enum Key {
    Action,
    Fields,
    Id,
    Level,
    Message,
    Parent,
    RawMessage,
    Text,
    Type,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            #[inline]
            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                Ok(match key {
                    "action" => Key::Action,
                    "fields" => Key::Fields,
                    "id" => Key::Id,
                    "level" => Key::Level,
                    "msg" => Key::Message,
                    "parent" => Key::Parent,
                    "raw_msg" => Key::RawMessage,
                    "text" => Key::Text,
                    "type" => Key::Type,
                    _ => Key::Other,
                })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

/// The value of `action`.
struct Action(u64);

impl<'de> Deserialize<'de> for Action {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ActionVisitor;
        impl Visitor<'_> for ActionVisitor {
            type Value = Action;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an action")
            }

            #[inline]
            fn visit_str<E>(self, action: &str) -> Result<Action, E> {
                Ok(Action(match action {
                    "start" => 0,
                    "stop" => 1,
                    "result" => 2,
                    "msg" => 3,
                    _ => 4,
                }))
            }
        }
        deserializer.deserialize_str(ActionVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            #[inline]
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            #[inline]
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor;
        impl<'de> Visitor<'de> for FieldVisitor {
            type Value = Field<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer or a string")
            }

            #[inline]
            fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
                Ok(Field::Int(number))
            }

            #[inline]
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Text(Cow::Borrowed(text))))
            }

            #[inline]
            fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
                Ok(Field::Text(Text(Cow::Owned(text.to_owned()))))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Field<'de>, E> {
                Ok(Field::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Field<'de>, E> {
                Ok(Field::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Field<'de>, E> {
                Ok(Field::Other)
            }

            fn visit_unit<E>(self) -> Result<Field<'de>, E> {
                Ok(Field::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Other)
            }
        }
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldsSeed<'e, 'a>(&'e mut Fields<'a>);

impl<'de> DeserializeSeed<'de> for FieldsSeed<'_, 'de> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for FieldsSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(field) = seq.next_element()? {
            if let Some(place) = self.0.items.get_mut(self.0.len) {
                *place = field;
            }
            self.0.len += 1;
        }
        Ok(())
    }
}

struct EventSeed<'e, 'a>(&'e mut Event<'a>);

impl<'de> DeserializeSeed<'de> for EventSeed<'_, 'de> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let event = self.0;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Action => event.action = map.next_value::<Action>()?.0,
                Key::Fields => map.next_value_seed(FieldsSeed(&mut event.fields))?,
                Key::Id => event.id = map.next_value()?,
                Key::Level => event.level = map.next_value()?,
                Key::Message | Key::Text => event.text = Some(map.next_value()?),
                Key::Parent => event.parent = map.next_value()?,
                Key::RawMessage => event.raw_message = Some(map.next_value()?),
                Key::Type => event.kind = map.next_value()?,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Event<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut event = Event::default();
        EventSeed(&mut event).deserialize(deserializer)?;
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{Mix, generate, generate_stamped};

    /// The same sum from `serde_json::Value`, written without an eye to speed.
    fn slow(log: &str) -> Checksum {
        let mut sum = Checksum::default();
        for line in log.lines() {
            sum.lines += 1;
            let json = line.split_once("@nix ").expect("an event").1;
            let event: Value = serde_json::from_str(json).expect("valid JSON");
            sum.events += 1;
            let actions = ["start", "stop", "result", "msg"];
            let action = actions.iter().position(|action| event["action"] == *action);
            sum.number(place::ACTION, action.expect("a known action") as u64);
            for (place, key) in [
                (place::ID, "id"),
                (place::KIND, "type"),
                (place::LEVEL, "level"),
                (place::PARENT, "parent"),
            ] {
                sum.number(place, event[key].as_u64().unwrap_or(0));
            }
            let mut texts = vec![&event["text"], &event["msg"], &event["raw_msg"]];
            let none = Vec::new();
            for (at, field) in event["fields"]
                .as_array()
                .unwrap_or(&none)
                .iter()
                .enumerate()
            {
                texts.push(field);
                let number = field.as_u64().unwrap_or(0);
                sum.number(place::FIELD + at as u64, number);
            }
            for text in texts.into_iter().filter_map(Value::as_str) {
                sum.text(text.len());
            }
        }
        sum
    }

    #[test]
    fn it_reads_what_is_there() {
        for mix in [Mix::Build, Mix::Download, Mix::Escapes] {
            let log = generate(mix, 1, 200_000);
            let sum = parse(&log);
            assert_eq!(sum, slow(&log), "{mix:?}");
            assert_eq!(sum, parse_in_place(&log), "{mix:?}");
            assert_eq!(sum.lines, newlines(log.as_bytes()).lines, "{mix:?}");
            assert_eq!(sum, parse(&generate_stamped(mix, 1, 200_000)), "{mix:?}");
        }
    }

    #[test]
    fn it_takes_what_builders_and_other_nixes_write() {
        let log = concat!(
            "warning: a plain line\n",
            "@nix {\"action\": \"msg\", \"level\": 0, \"msg\": \"\\u001b[31merror\", \"raw_msg\": \"e\", \"line\": null}\n",
            "@nix {\"action\":\"result\",\"id\":0,\"payload\":{\"a\":[1,-2,3.5]},\"sid\":\"x\",\"type\":109}\n",
            "@nix {\"action\":\"result\",\"fields\":[-1,null,true,[2],{\"a\":3},\"x\"],\"id\":5,\"type\":1}\n",
            "@nix {\"action\":\"stop\",\"id\":\n",
            "@nix {\"action\":\"stop\",\"id\":7}",
        );
        let sum = parse(log);
        assert_eq!(sum, parse_in_place(log));
        assert_eq!(parse(""), Checksum::default());
        assert_eq!((sum.lines, sum.events, sum.unreadable), (6, 4, 1));
        assert_eq!(sum.text_bytes, 11);
    }
}
