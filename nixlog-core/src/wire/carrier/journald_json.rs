//! `journalctl -o json`: one object per line; also with the frames of `json-seq` and `json-sse`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::join::Joiner;
use super::prefix::whole;
use super::{Decode, IssueKind, Time, Unwrapped, stamp};

/// The fields of an entry that matter. The values are left as they are until read.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, rename = "__REALTIME_TIMESTAMP")]
    realtime: &'a RawValue,
    #[serde(borrow, rename = "MESSAGE")]
    message: Option<&'a RawValue>,
    #[serde(borrow, rename = "_HOSTNAME")]
    host: Option<&'a RawValue>,
    #[serde(borrow, rename = "_SYSTEMD_UNIT")]
    unit: Option<&'a RawValue>,
    #[serde(borrow, rename = "_PID")]
    pid: Option<&'a RawValue>,
    #[serde(borrow, rename = "_STREAM_ID")]
    stream: Option<&'a RawValue>,
}

impl Entry<'_> {
    fn time(&self) -> Option<Time> {
        // A string of microseconds; tools that re-encode entries make a number of it.
        let micros = self.realtime.get().trim_matches('"');
        stamp::unix(micros.parse::<u64>().ok()?.checked_mul(1_000)?)
    }

    fn source(&self) -> Vec<u8> {
        let fields = [self.host, self.unit, self.pid, self.stream];
        let mut source = Vec::new();
        for field in fields {
            source.extend_from_slice(field.map_or("", RawValue::get).as_bytes());
            source.push(b' ');
        }
        source
    }
}

/// Reads `MESSAGE`: a string, an array of byte numbers where it is not printable (any colour!),
/// an array of either where the field was given several times, `null` where it was too large.
fn texts(raw: &str, out: &mut Vec<Vec<u8>>) -> bool {
    if raw.starts_with('"') {
        let Ok(text) = serde_json::from_str::<String>(raw) else {
            return false;
        };
        out.push(text.into_bytes());
        return true;
    }
    if let Ok(bytes) = serde_json::from_str::<Vec<u8>>(raw) {
        out.push(bytes);
        return true;
    }
    match serde_json::from_str::<Vec<Value>>(raw) {
        Ok(values) => {
            for value in values {
                out.push(match value {
                    Value::Text(text) => text.into_bytes(),
                    Value::Bytes(bytes) => bytes,
                });
            }
            true
        }
        Err(_) => false,
    }
}

/// One of several values of a field.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Bytes(Vec<u8>),
}

fn entry(raw: &[u8]) -> Option<Entry<'_>> {
    let raw = raw.strip_prefix(b"\x1e").unwrap_or(raw);
    let raw = raw.strip_prefix(b"data: ").unwrap_or(raw);
    if !raw.starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(raw).ok()
}

/// Says whether the line is an entry, and hands its message to `look`.
pub(super) fn payload<T>(raw: &[u8], look: fn(&[u8]) -> Option<T>) -> Option<Option<T>> {
    let entry = entry(raw)?;
    let mut found = Vec::new();
    if let Some(message) = entry.message {
        texts(message.get(), &mut found);
    }
    Some(found.first().and_then(|text| look(text)))
}

/// Decodes `journalctl -o json`.
#[derive(Debug, Default)]
pub(super) struct JournaldJson {
    joiner: Joiner,
    texts: Vec<Vec<u8>>,
}

impl Decode for JournaldJson {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        let Some(entry) = entry(raw) else {
            // The frames of server-sent events are empty lines.
            if raw.starts_with(b"{") {
                out.note(IssueKind::BadRecord);
                out.push(None, raw);
            } else {
                whole(raw, out);
            }
            return;
        };
        self.texts.clear();
        match entry.message.map(RawValue::get) {
            None | Some("null") => out.note(IssueKind::NoPayload),
            Some(message) if texts(message, &mut self.texts) => {}
            Some(_) => {
                out.note(IssueKind::BadRecord);
                out.push(None, raw);
            }
        }
        let (time, source) = (entry.time(), entry.source());
        for text in &self.texts {
            entry_text(&mut self.joiner, &source, time, text, out);
        }
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        self.joiner.finish(out);
    }
}

/// Hands on the text of an entry. One with several lines was not cut by journald.
pub(super) fn entry_text(
    joiner: &mut Joiner,
    source: &[u8],
    time: Option<Time>,
    text: &[u8],
    out: &mut Unwrapped,
) {
    if memchr::memchr(b'\n', text).is_some() {
        out.push_text(time, text);
    } else {
        joiner.entry(source, time, text, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_message() {
        let (mut decoder, mut out) = (JournaldJson::default(), Unwrapped::new());
        let entry = |message: &str| {
            format!(r#"{{"__REALTIME_TIMESTAMP":"1694186430655028","_PID":"7"{message}}}"#)
        };
        for line in [
            entry(r#","MESSAGE":"a\tb""#),
            entry(r#","MESSAGE":[27,91,109,255,10,120]"#),
            entry(r#","MESSAGE":["x","y",[122]]"#),
            entry(r#","MESSAGE":null"#),
            entry(""),
            format!("\x1e{}", entry(r#","MESSAGE":"seq""#)),
            format!("data: {}", entry(r#","MESSAGE":"sse""#)),
            entry(r#","MESSAGE":{}"#),
            "{".to_owned(),
        ] {
            decoder.line(line.as_bytes(), &mut out);
        }
        decoder.finish(&mut out);
        let lines: Vec<_> = out.text().split(|&byte| byte == b'\n').collect();
        let want: [&[u8]; 8] = [
            b"a\tb",
            b"\x1b[m\xff",
            b"x",
            b"x",
            b"y",
            b"z",
            b"seq",
            b"sse",
        ];
        assert_eq!(lines[..8], want);
        assert_eq!(
            out.lines()[0].time,
            Some(Time::Unix(1_694_186_430_655_028_000))
        );
        let counts: Vec<_> = out.issues().iter().map(|i| (i.kind, i.count)).collect();
        assert_eq!(
            counts,
            [(IssueKind::NoPayload, 2), (IssueKind::BadRecord, 2)]
        );
    }
}
