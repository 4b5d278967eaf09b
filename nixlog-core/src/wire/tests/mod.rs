//! The two readers against each other: by shape, and in general by `serde_json`.

mod records;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use self::records::{Says, number, quoted, record, text};
use super::canonical::{self, LastIds};
use super::event::Event;
use super::general::{self, ParseError};
use super::{Body, Carrier, LogReader};
use crate::json_str::JsonStr;

/// Reads one line in the plainest way: no scanner, `serde_json` alone.
///
/// This is the specification of what a line is; [`Lines`](super::Lines) has to agree on every line.
fn alone(line: &str) -> Vec<Body<'_>> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let payload = match line.as_bytes() {
        [b'<', priority, b'>', ..] if (b'0'..=b'7').contains(priority) => &line[3..],
        _ => line,
    };
    let answer = if let Some(json) = payload.strip_prefix("@nix ") {
        Some(general::parse(json.trim_ascii_start()))
    } else if payload.len() > 1 && payload.starts_with('{') && payload.ends_with('}') {
        let looks_cut = payload.starts_with("{\"action\":");
        match general::parse(payload) {
            Err(_) => looks_cut.then_some(Err(ParseError::NotJson)),
            parsed => Some(parsed),
        }
    } else {
        None
    };
    let error = match answer {
        Some(Ok(parsed)) => return vec![Body::Event(parsed.event)],
        Some(Err(error)) => Some(error),
        None => None,
    };
    let bad = |text| match error {
        Some(error) => Body::Malformed(text, error),
        None => Body::Text(text),
    };
    let from = usize::from(error.is_some());
    if let Some(at) = payload.get(from..).and_then(|rest| rest.find("@nix {")) {
        let (head, tail) = payload.split_at(from + at);
        if let Ok(parsed) = general::parse(&tail[5..]) {
            let mut bodies = vec![bad(head), Body::Event(parsed.event)];
            bodies.retain(|body| *body != Body::Text(""));
            return bodies;
        }
    }
    vec![bad(line)]
}

/// Removes the stamp of a `<nanoseconds> ` line, in the plainest way.
fn without_stamp(line: &str) -> &str {
    let Some((digits, rest)) = line.split_once(' ') else {
        return line;
    };
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits == "0" || !digits.starts_with('0');
    if number && canonical && digits.len() < 20 {
        rest
    } else {
        line
    }
}

/// Lines as they occur in logs, records of all shapes among them.
fn line() -> BoxedStrategy<String> {
    let spaces = select(vec!["", "", " ", "\t", "  "]);
    let other_shape = (record(), vec(any::<Index>(), 0..9), vec(spaces, 1..9));
    let other_shape =
        other_shape.prop_map(|(record, order, spaces)| record.permuted(&order, &spaces));
    let json = prop_oneof![4 => record().prop_map(|record| record.canonical()), 1 => other_shape];
    let framed = (
        select(vec!["@nix ", "@nix ", "@nix ", "", "<6>@nix ", "@nix  "]),
        json,
    );
    let framed = framed.prop_map(|(frame, json)| frame.to_owned() + &json);
    let plain = select(vec![
        "",
        "building '/nix/store/x'...",
        "{",
        "{}",
        "@nix",
        "@nix ",
        "@nix {",
        "<3>",
        "<9>x",
        "7",
        "{\"action\":\"}",
        "{\"a\":1}",
        "@nix {}",
        "@nix []",
        "@nix {\"action\":5}",
        "grün",
    ]);
    let plain = plain.prop_map(str::to_owned);
    let one = prop_oneof![6 => framed, 1 => plain];
    // One line may run into the next, as where another process did not end its own.
    prop_oneof![
        8 => one.clone(),
        1 => (one.clone(), one).prop_map(|(first, second)| first + &second),
    ]
    .boxed()
}

/// What happens to the bytes of a log.
#[derive(Debug, Clone)]
enum Damage {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    Truncate(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = || prop_oneof![2 => select(b"\"\\{}[],:\n\r 0159u@-\0".to_vec()), 1 => any::<u8>()];
    prop_oneof![
        4 => (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        4 => (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        2 => (any::<Index>(), 1_usize..20).prop_map(|(at, n)| Damage::Remove(at, n)),
        1 => (any::<Index>(), 1_usize..90).prop_map(|(at, n)| Damage::Repeat(at, n)),
        1 => any::<Index>().prop_map(Damage::Truncate),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match *self {
            Self::Replace(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len()), byte),
            Self::Remove(at, n) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + n).min(bytes.len()));
            }
            Self::Repeat(at, n) => {
                let at = at.index(bytes.len());
                let again = bytes[at..(at + n).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

/// What follows a line in all of a block but its end, so that windows fit.
const LONG_REST: &str =
    "\n------------------------------------------------------------------------";

/// Compares the scanner with the plain reading, line by line.
fn compare(text: &str, stamped: bool) -> Result<(), TestCaseError> {
    let mut reader = LogReader::new(Some(if stamped {
        Carrier::Nanos
    } else {
        Carrier::None
    }));
    let mut got = reader.block(text.as_bytes(), None);
    let whole = text.strip_suffix('\n').unwrap_or(text);
    let lines = (1..).zip(whole.split('\n')).filter(|_| !text.is_empty());
    for (number, line) in lines {
        let payload = if stamped { without_stamp(line) } else { line };
        for want in alone(payload) {
            let got = got.next();
            prop_assert_eq!(
                got.map(|line| line.body),
                Some(want),
                "line {}: {}",
                number,
                line
            );
            prop_assert_eq!(got.map(|line| line.number), Some(number));
        }
    }
    prop_assert_eq!(got.next(), None);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn both_readers_find_what_a_record_says(
        record in record(),
        ending in select(vec!["", "\n", "\r\n", "\r", "\nmore", LONG_REST]),
    ) {
        let json = record.canonical();
        let general = general::parse(&json).map(|parsed| parsed.event);
        let Ok(general) = general else {
            return Err(TestCaseError::fail(format!("{json}: {general:?}")));
        };
        record.check(&general)?;
        let line = format!("@nix {json}{ending}");
        let next = line.len() - ending.strip_prefix('\n').unwrap_or_default().len();
        for (text, next) in [(&line[..], next), (&line[5..], next - 5)] {
            let mut last = LastIds::default();
            // The second time, the number is one that was seen before.
            for _ in 0..2 {
                let want = record.is_common().then_some((general, next));
                prop_assert_eq!(canonical::record(text, 0, &mut last), want, "{}", text);
                let frequent = canonical::frequent(text, 0, &mut last);
                let right = frequent.is_none_or(|frequent| frequent == (general, next));
                prop_assert!(right, "{}: {:?}", text, frequent);
                if record.is_frequent() && ending == LONG_REST {
                    prop_assert!(frequent.is_some(), "{} takes the long way", text);
                }
            }
        }
    }

    #[test]
    fn order_and_spaces_do_not_matter(
        record in record(),
        order in vec(any::<Index>(), 0..9),
        spaces in vec(select(vec!["", " ", "\t", "  ", "\r"]), 1..9),
        unknown in any::<bool>(),
    ) {
        let canonical = record.canonical();
        let mut permuted = record.permuted(&order, &spaces);
        if unknown {
            permuted.insert_str(1, "\"n\\u00e9w\":[{}],");
        }
        let line = format!("@nix {permuted}");
        let line = super::scan(&line).next();
        let want = general::parse(&canonical).map(|parsed| parsed.event);
        prop_assert_eq!(line.map(|line| line.body), want.ok().map(Body::Event));
        let known = matches!(record.says, Says::Unknown { .. });
        if !known {
            prop_assert_eq!(line.and_then(|line| line.unknown_key), unknown.then_some("n\\u00e9w"));
        }
    }

    #[test]
    fn a_line_means_the_same_whatever_surrounds_it(
        lines in vec((line(), number(), select(vec!["\n", "\n", "\n", "\r\n", "\r\r\n"])), 0..12),
        damage in vec(damage(), 0..6),
        stamped in any::<bool>(),
    ) {
        let mut bytes = Vec::new();
        for (line, stamp, end) in &lines {
            if stamped {
                bytes.extend_from_slice(format!("{stamp} ").as_bytes());
            }
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(end.as_bytes());
        }
        for damage in &damage {
            damage.apply(&mut bytes);
        }
        compare(&String::from_utf8_lossy(&bytes), stamped)?;
    }

    #[test]
    fn numbers_that_repeat_in_part(ids in vec(number(), 1..30)) {
        // The scanner compares a number with the last one; one may begin like another.
        let text: String = ids.iter().flat_map(|id| [*id, id / 10, id % 1_000_000_007, *id])
            .map(|id| format!("@nix {{\"action\":\"stop\",\"id\":{id}}}\n"))
            .collect();
        compare(&text, false)?;
    }

    #[test]
    fn strings_decode_as_serde_json_does(text in text()) {
        let json = quoted(&text);
        let theirs: Result<String, _> = serde_json::from_str(&json);
        prop_assert_eq!(theirs.ok(), Some(text.plain.clone()));
        prop_assert_eq!(JsonStr::new(&text.json).decode(), text.plain);
    }
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    let line = r#"@nix {"action":"stop","id":1,"id":2}"#;
    let stop = Event::Stop(crate::ids::ActivityId(2));
    let bodies: Vec<_> = super::scan(line).map(|line| line.body).collect();
    assert_eq!(bodies, [Body::Event(stop)]);
}
