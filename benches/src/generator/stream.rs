//! Lines as Nix's JSON logger writes them: keys in alphabetical order, no spaces.

use std::fmt::Write as _;

/// A field of a start or a result: Nix writes integers and strings, nothing else.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    Int(u64),
    Text(&'a str),
}

/// The log so far.
#[derive(Debug)]
pub(super) struct Stream {
    out: String,
    /// Nanoseconds since the start; `None` where lines carry no stamp.
    clock: Option<u64>,
    stamp_bytes: usize,
    last_id: u64,
}

/// `counter + (pid << 32)`: ids of real size have 14 to 17 digits.
const FIRST_ID: u64 = 2_742_822 << 32;

impl Stream {
    pub(super) fn plain(bytes: usize) -> Self {
        Self {
            out: String::with_capacity(bytes + bytes / 8),
            clock: None,
            stamp_bytes: 0,
            last_id: FIRST_ID,
        }
    }

    pub(super) fn stamped(bytes: usize) -> Self {
        Self {
            clock: Some(31_548_576),
            ..Self::plain(bytes + bytes / 4)
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Returns the length without the stamps.
    pub(super) const fn len(&self) -> usize {
        self.out.len() - self.stamp_bytes
    }

    /// Lets time pass: the lines up to the next call arrive together.
    pub(super) const fn wait(&mut self, nanos: u64) {
        if let Some(clock) = &mut self.clock {
            *clock += nanos;
        }
    }

    pub(super) fn start(
        &mut self,
        kind: u64,
        level: u64,
        parent: u64,
        text: &str,
        fields: &[Field<'_>],
    ) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        self.open("start");
        if !fields.is_empty() {
            self.fields(fields);
        }
        self.put(format_args!(
            ",\"id\":{id},\"level\":{level},\"parent\":{parent},\"text\":"
        ));
        self.string(text);
        self.put(format_args!(",\"type\":{kind}}}\n"));
        id
    }

    pub(super) fn stop(&mut self, id: u64) {
        self.open("stop");
        self.put(format_args!(",\"id\":{id}}}\n"));
    }

    pub(super) fn result(&mut self, id: u64, kind: u64, fields: &[Field<'_>]) {
        self.open("result");
        self.fields(fields);
        self.put(format_args!(",\"id\":{id},\"type\":{kind}}}\n"));
    }

    /// A result of integers alone: progress, counters, expectations.
    pub(super) fn counts(&mut self, id: u64, kind: u64, counts: &[u64]) {
        self.open("result");
        self.out.push_str(",\"fields\":[");
        for (at, count) in counts.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            self.put(format_args!("{comma}{count}"));
        }
        self.put(format_args!("],\"id\":{id},\"type\":{kind}}}\n"));
    }

    pub(super) fn message(&mut self, level: u64, text: &str) {
        self.open("msg");
        self.put(format_args!(",\"level\":{level},\"msg\":"));
        self.string(text);
        self.out.push_str("}\n");
    }

    fn open(&mut self, action: &str) {
        if let Some(clock) = self.clock {
            let before = self.out.len();
            self.put(format_args!("{clock} "));
            self.stamp_bytes += self.out.len() - before;
        }
        self.put(format_args!("@nix {{\"action\":\"{action}\""));
    }

    fn fields(&mut self, fields: &[Field<'_>]) {
        self.out.push_str(",\"fields\":[");
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            match field {
                Field::Int(number) => self.put(format_args!("{number}")),
                Field::Text(text) => self.string(text),
            }
        }
        self.out.push(']');
    }

    /// Escapes as Nix's JSON library does: control characters, quotes and backslashes only.
    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\t' => self.out.push_str("\\t"),
                '\r' => self.out.push_str("\\r"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '\0'..='\u{1f}' => self.put(format_args!("\\u{:04x}", u32::from(c))),
                _ => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("a String takes any text");
    }
}
