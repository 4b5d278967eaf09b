//! `journalctl -o export`: `FIELD=value` lines, an empty line after each entry.
//!
//! A value that is not printable is binary: the field's name on a line, eight bytes of length,
//! the bytes, a `\n`. Bytes and even the length may hold `\n`, so the physical lines that we are
//! given are put together again.

use super::join::Joiner;
use super::journald_json::entry_text;
use super::prefix::whole;
use super::{Decode, IssueKind, LARGEST_LINE, Time, Unwrapped, stamp};

/// The fields that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Realtime,
    Message,
    /// One of those that tell the streams apart.
    Source,
    Other,
}

impl Field {
    fn of(name: &[u8]) -> Self {
        match name {
            b"__REALTIME_TIMESTAMP" => Self::Realtime,
            b"MESSAGE" => Self::Message,
            b"_HOSTNAME" | b"_SYSTEMD_UNIT" | b"_PID" | b"_STREAM_ID" => Self::Source,
            _ => Self::Other,
        }
    }
}

/// Where in an entry the next physical line starts.
#[derive(Debug)]
enum State {
    /// At the name of a field, or at the end of the entry.
    Fields,
    /// Within the length of a binary value.
    Length {
        field: Field,
        read: [u8; 8],
        n: usize,
    },
    /// Within a binary value.
    Data {
        field: Field,
        left: u64,
        value: Vec<u8>,
    },
}

/// Says whether a line is the first of an entry.
pub(super) fn starts_entry(raw: &[u8]) -> bool {
    raw.starts_with(b"__CURSOR=") || raw.starts_with(b"__REALTIME_TIMESTAMP=")
}

/// Decodes `journalctl -o export`.
#[derive(Debug)]
pub(super) struct JournaldExport {
    state: State,
    /// Whether a field was seen since the last end of an entry.
    in_entry: bool,
    time: Option<Time>,
    source: Vec<u8>,
    messages: Vec<Vec<u8>>,
    joiner: Joiner,
}

impl Default for JournaldExport {
    fn default() -> Self {
        Self {
            state: State::Fields,
            in_entry: false,
            time: None,
            source: Vec::new(),
            messages: Vec::new(),
            joiner: Joiner::default(),
        }
    }
}

impl JournaldExport {
    fn value(&mut self, field: Field, value: Vec<u8>) {
        self.in_entry = true;
        match field {
            Field::Realtime => {
                let micros = stamp::integer(&value).map(|(micros, _)| micros);
                let nanos = micros.and_then(|micros| micros.checked_mul(1_000));
                self.time = nanos.and_then(stamp::unix);
            }
            Field::Message => self.messages.push(value),
            Field::Source => {
                self.source.extend_from_slice(&value);
                self.source.push(b' ');
            }
            Field::Other => {}
        }
    }

    fn end_entry(&mut self, out: &mut Unwrapped) {
        if !self.in_entry {
            return;
        }
        if self.messages.is_empty() {
            out.note(IssueKind::NoPayload);
        }
        for message in self.messages.drain(..) {
            entry_text(&mut self.joiner, &self.source, self.time, &message, out);
        }
        self.in_entry = false;
        self.time = None;
        self.source.clear();
    }

    fn field_line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if raw.is_empty() {
            self.end_entry(out);
        } else if let Some(at) = memchr::memchr(b'=', raw) {
            self.value(Field::of(&raw[..at]), raw[at + 1..].to_vec());
        } else if raw.iter().all(|&byte| is_name(byte)) {
            self.state = State::Length {
                field: Field::of(raw),
                read: [0; 8],
                n: 0,
            };
        } else {
            whole(raw, out);
        }
    }

    /// Takes bytes of a binary value, its length first.
    fn feed(&mut self, mut bytes: &[u8], out: &mut Unwrapped) {
        loop {
            match &mut self.state {
                State::Fields => return,
                State::Length { field, read, n } => {
                    while let (Some((&byte, rest)), true) = (bytes.split_first(), *n < 8) {
                        read[*n] = byte;
                        *n += 1;
                        bytes = rest;
                    }
                    if *n < 8 {
                        return;
                    }
                    self.state = State::Data {
                        field: *field,
                        left: u64::from_le_bytes(*read),
                        value: Vec::new(),
                    };
                }
                State::Data { left: 0, .. } => {
                    if bytes.is_empty() {
                        return;
                    }
                    // A `\n` ends the value. Anything else means that the file is damaged: go on
                    // with the next line.
                    if bytes != b"\n" {
                        out.note(IssueKind::BadRecord);
                    }
                    self.end_value();
                    return;
                }
                State::Data { field, left, value } => {
                    let n = usize::try_from(*left).unwrap_or(usize::MAX);
                    let (head, rest) = bytes.split_at(n.min(bytes.len()));
                    if head.is_empty() {
                        return;
                    }
                    *left = left.saturating_sub(head.len() as u64);
                    bytes = rest;
                    if *field == Field::Other {
                        continue;
                    }
                    if value.len().saturating_add(head.len()) <= LARGEST_LINE {
                        value.extend_from_slice(head);
                    } else {
                        out.note(IssueKind::TooLong);
                    }
                }
            }
        }
    }

    fn end_value(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Fields);
        if let State::Data { field, value, .. } = state {
            self.value(field, value);
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

impl Decode for JournaldExport {
    fn line(&mut self, raw: &[u8], out: &mut Unwrapped) {
        if matches!(self.state, State::Fields) {
            self.field_line(raw, out);
        } else {
            self.feed(raw, out);
            self.feed(b"\n", out);
        }
    }

    fn finish(&mut self, out: &mut Unwrapped) {
        // The input ended within a value, unless only its `\n` is missing.
        if matches!(
            self.state,
            State::Length { .. } | State::Data { left: 1.., .. }
        ) {
            out.note(IssueKind::Unfinished);
        }
        self.end_value();
        self.end_entry(out);
        self.joiner.finish(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(input: &[u8]) -> Unwrapped {
        let (mut decoder, mut out) = (JournaldExport::default(), Unwrapped::new());
        let input = input.strip_suffix(b"\n").unwrap_or(input);
        for (number, line) in (1..).zip(input.split(|&byte| byte == b'\n')) {
            out.at_line(number);
            decoder.line(line, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    fn binary(name: &str, value: &[u8]) -> Vec<u8> {
        let mut field = format!("{name}\n").into_bytes();
        field.extend_from_slice(&(value.len() as u64).to_le_bytes());
        field.extend_from_slice(value);
        field.push(b'\n');
        field
    }

    #[test]
    fn binary_values_may_hold_line_ends() {
        let head = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1694186430655028\n_PID=7\n";
        // Ten bytes: the length itself is a line end. 2570 is two of them.
        for n in [0, 1, 9, 10, 11, 255, 256, 2570] {
            let mut value = vec![b'x'; n];
            if n > 8 {
                value[3] = b'\n';
                value[n - 1] = 0xff;
            }
            let mut input = head.to_vec();
            input.extend(binary("_CMDLINE", &value));
            input.extend(binary("MESSAGE", &value));
            input.extend(b"\n\n");
            input.extend(head);
            input.extend(b"MESSAGE=a=b\n\n");
            let out = decode(&input);
            let mut want = value.clone();
            want.extend(b"\na=b\n");
            assert_eq!(out.text(), want, "{n}");
            let time = Some(Time::Unix(1_694_186_430_655_028_000));
            assert!(out.lines().iter().all(|line| line.time == time), "{n}");
            assert!(out.issues().is_empty(), "{n}");
        }
    }

    #[test]
    fn cut_files_and_entries_without_message() {
        let mut input = b"__REALTIME_TIMESTAMP=1\n\n_PID=7\n".to_vec();
        input.extend(binary("MESSAGE", b"abc"));
        input.truncate(input.len() - 3);
        let out = decode(&input);
        assert_eq!(out.text(), b"a\n");
        let kinds: Vec<_> = out.issues().iter().map(|issue| issue.kind).collect();
        assert_eq!(kinds, [IssueKind::NoPayload, IssueKind::Unfinished]);
    }
}
