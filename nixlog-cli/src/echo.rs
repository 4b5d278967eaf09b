//! Passes the build's output on to standard error while it comes, as plain Nix would show it.

use std::collections::HashMap;
use std::io::{self, BufWriter, Stderr, Write as _};

use nixlog_core::ids::ActivityId;
use nixlog_core::json_str::JsonStr;
use nixlog_core::report::format::harmless;
use nixlog_core::store_path::{name_of, pname_of};
use nixlog_core::wire::detail::{Detail, ResultDetail};
use nixlog_core::wire::event::{Event, Level, Start};
use nixlog_core::wire::{Body, Line, ansi};

use crate::cli::ColorWhen;
use crate::term;

/// As much as a pipe holds; it is handed on after each read anyway.
const BUFFER_SIZE: usize = 64 * 1024;

/// Writes what is read in readable form.
#[derive(Debug)]
pub(crate) struct Echo {
    out: BufWriter<Stderr>,
    /// Colours are passed on.
    color: bool,
    /// What the lines of open builds are marked with, made harmless.
    labels: HashMap<ActivityId, String>,
    /// Where escapes of JSON are undone.
    decoded: String,
    /// Up to which level Nix would show activities: it filters messages itself, so their levels
    /// tell how verbose it is.
    verbosity: Level,
}

impl Echo {
    pub(crate) fn new(color: ColorWhen) -> Self {
        let stderr = io::stderr();
        let color = term::color(color, &stderr);
        Self {
            out: BufWriter::with_capacity(BUFFER_SIZE, stderr),
            color,
            labels: HashMap::new(),
            decoded: String::new(),
            verbosity: Level::INFO,
        }
    }

    /// Passes one line on. Where standard error is gone, the report is still worth making.
    pub(crate) fn line(&mut self, line: &Line<'_>) {
        match line.body {
            Body::Text(text) | Body::Malformed(text, _) => {
                write(&mut self.out, self.color, ["", ""], text);
            }
            Body::Event(Event::Start(start)) => self.start(&start),
            Body::Event(Event::Stop(id)) => drop(self.labels.remove(&id)),
            Body::Event(Event::Message(message)) => {
                self.verbosity = self.verbosity.max(message.level);
                self.plain(message.text, "");
            }
            Body::Event(Event::Result(result)) => match result.detail() {
                ResultDetail::BuildLogLine(text) => self.log_line(result.id, "> ", text),
                ResultDetail::PostBuildLogLine(text) => self.log_line(result.id, " (post)> ", text),
                _ => {}
            },
            Body::Event(_) | Body::Side(_) => {}
        }
    }

    /// Hands on what has been collected.
    pub(crate) fn flush(&mut self) {
        drop(self.out.flush());
    }

    fn start(&mut self, start: &Start<'_>) {
        if let Detail::Build { drv, .. } | Detail::PostBuildHook { drv } = start.detail() {
            let drv = drv.decode();
            let label = harmless(pname_of(name_of(&drv))).into_owned();
            self.labels.insert(start.id, label);
        }
        if start.level <= self.verbosity && !start.text.is_empty() {
            self.plain(start.text, "...");
        }
    }

    fn plain(&mut self, text: JsonStr<'_>, tail: &str) {
        self.decoded.clear();
        text.decode_into(&mut self.decoded);
        self.decoded.push_str(tail);
        write(&mut self.out, self.color, ["", ""], &self.decoded);
    }

    fn log_line(&mut self, id: ActivityId, mark: &str, text: JsonStr<'_>) {
        let label = self.labels.get(&id).map_or("", String::as_str);
        self.decoded.clear();
        text.decode_into(&mut self.decoded);
        let text = self.decoded.trim_end_matches('\n');
        write(&mut self.out, self.color, [label, mark], text);
    }
}

/// Writes each line of a text behind a label.
fn write(out: &mut impl io::Write, color: bool, [label, mark]: [&str; 2], text: &str) {
    for line in text.split('\n') {
        let line = line.trim_end_matches('\r');
        // Whether the reader is still there is not asked: the report is worth making without it.
        if is_plain(line) {
            // Nine lines in ten; six times as fast as to look at each character.
            let parts = [label, mark, line, "\n"];
            drop(
                parts
                    .iter()
                    .try_for_each(|part| out.write_all(part.as_bytes())),
            );
            continue;
        }
        let shown = if color {
            colors_only(line)
        } else {
            printable(&ansi::strip(line))
        };
        drop(writeln!(out, "{label}{mark}{shown}"));
    }
}

/// Tells whether a text is nothing but printable ASCII and tabs.
fn is_plain(text: &str) -> bool {
    // Without an early exit, so that the compiler takes sixteen at a time.
    text.bytes().fold(true, |plain, byte| {
        plain & (matches!(byte, b' '..=b'~') | (byte == b'\t'))
    })
}

/// Makes text harmless but for its tabs, which move the cursor no further than it would go anyway.
fn printable(text: &str) -> String {
    let cells: Vec<_> = text.split('\t').map(harmless).collect();
    cells.join("\t")
}

/// Keeps colours, and makes everything else harmless that a build could write to a terminal.
fn colors_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&printable(&rest[..at]));
        rest = &rest[at..];
        let length = color(rest).unwrap_or(0);
        out.push_str(&rest[..length]);
        if length == 0 {
            break;
        }
        rest = &rest[length..];
    }
    out.push_str(&printable(&ansi::strip(rest)));
    if text.contains('\u{1b}') {
        out.push_str("\u{1b}[0m");
    }
    out
}

/// Returns the length of the colour sequence that `text` begins with.
fn color(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\u{1b}[")?;
    let end = inner.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    inner[end..].starts_with('m').then_some(2 + end + 1)
}
