//! Puts the build's output into readable form, as plain Nix would show it.

use std::borrow::Cow;
use std::collections::HashMap;

use nixlog_core::ids::ActivityId;
use nixlog_core::json_str::JsonStr;
use nixlog_core::report::format::harmless;
use nixlog_core::store_path::{name_of, pname_of};
use nixlog_core::wire::detail::{Detail, ResultDetail};
use nixlog_core::wire::event::{Event, Level, Start};
use nixlog_core::wire::{Body, Line, ansi};

/// Which of it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    /// Everything that plain Nix shows to a pipe, build logs too unless they are not wanted.
    Everything,
    /// What a person has to know besides what moves on the screen: errors, warnings, and what other
    /// programs print; the build logs on request.
    Remarks,
}

/// Puts lines into readable form.
#[derive(Debug)]
pub(crate) struct Echo {
    amount: Amount,
    build_logs: bool,
    /// Colours are passed on.
    color: bool,
    /// What the lines of open builds are marked with, made harmless.
    labels: HashMap<ActivityId, String>,
    /// Where escapes of JSON are undone.
    decoded: String,
    /// Up to which level Nix would show activities: it filters messages itself, so their levels
    /// tell how verbose it is.
    verbosity: Level,
    /// What is above this level was asked for by us, not by whoever reads.
    most: Level,
    /// Makes a line harmless for whoever reads our output, where a program does.
    guard: Option<fn(&str) -> Cow<'_, str>>,
}

impl Echo {
    pub(crate) fn new(amount: Amount, color: bool) -> Self {
        Self {
            amount,
            build_logs: amount == Amount::Everything,
            color,
            labels: HashMap::new(),
            decoded: String::new(),
            verbosity: Level::INFO,
            most: Level(u8::MAX),
            guard: None,
        }
    }

    /// The same, with each line made harmless for a program.
    pub(super) fn guarded(mut self, guard: fn(&str) -> Cow<'_, str>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Leaves out what is above this level.
    pub(super) fn at_most(&mut self, level: Level) {
        self.most = level;
    }

    /// Shows the build logs or not.
    pub(super) fn show_build_logs(&mut self, build_logs: bool) {
        self.build_logs = build_logs;
    }

    /// Appends what is to be seen of a line to `out`.
    pub(crate) fn line(&mut self, line: &Line<'_>, out: &mut Vec<u8>) {
        match line.body {
            Body::Text(text) | Body::Malformed(text, _) => {
                self.writer(out).write(["", ""], text);
            }
            Body::Event(Event::Start(start)) => self.start(&start, out),
            Body::Event(Event::Stop(id)) => drop(self.labels.remove(&id)),
            Body::Event(Event::Message(message)) => {
                if message.level > self.most {
                    return;
                }
                self.verbosity = self.verbosity.max(message.level);
                if self.amount == Amount::Everything || message.level < Level::INFO {
                    self.plain(message.text, "", out);
                }
            }
            Body::Event(Event::Result(result)) if self.build_logs => match result.detail() {
                ResultDetail::BuildLogLine(text) => self.log_line(result.id, "> ", text, out),
                ResultDetail::PostBuildLogLine(text) => {
                    self.log_line(result.id, " (post)> ", text, out);
                }
                _ => {}
            },
            Body::Event(_) | Body::Side(_) => {}
        }
    }

    /// Appends a text of ours or of Nix's.
    pub(super) fn text(&self, text: &str, out: &mut Vec<u8>) {
        self.writer(out).write(["", ""], text);
    }

    fn start(&mut self, start: &Start<'_>, out: &mut Vec<u8>) {
        if self.build_logs
            && let Detail::Build { drv, .. } | Detail::PostBuildHook { drv } = start.detail()
        {
            let drv = drv.decode();
            let label = harmless(pname_of(name_of(&drv))).into_owned();
            self.labels.insert(start.id, label);
        }
        let most = self.verbosity.min(self.most);
        let wanted = self.amount == Amount::Everything && start.level <= most;
        if wanted && !start.text.is_empty() {
            self.plain(start.text, "...", out);
        }
    }

    fn plain(&mut self, text: JsonStr<'_>, tail: &str, out: &mut Vec<u8>) {
        self.decoded.clear();
        text.decode_into(&mut self.decoded);
        self.decoded.push_str(tail);
        self.writer(out).write(["", ""], &self.decoded);
    }

    fn log_line(&mut self, id: ActivityId, mark: &str, text: JsonStr<'_>, out: &mut Vec<u8>) {
        self.decoded.clear();
        text.decode_into(&mut self.decoded);
        let label = self.labels.get(&id).map_or("", String::as_str);
        let text = self.decoded.trim_end_matches('\n');
        self.writer(out).write([label, mark], text);
    }

    fn writer<'a>(&self, out: &'a mut Vec<u8>) -> Writer<'a> {
        Writer {
            out,
            color: self.color,
            guard: self.guard,
        }
    }
}

/// Writes lines, made harmless.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    color: bool,
    guard: Option<fn(&str) -> Cow<'_, str>>,
}

impl Writer<'_> {
    /// Writes each line of a text behind a label.
    fn write(&mut self, [label, mark]: [&str; 2], text: &str) {
        for line in text.split('\n') {
            // What a program has drawn over itself is not to be seen on a terminal, either.
            let line = line.trim_end_matches('\r');
            let line = line.rsplit('\r').next().unwrap_or(line);
            if is_plain(line) && self.guard.is_none() {
                // Nine lines in ten; six times as fast as to look at each character.
                self.append(&[label, mark, line, "\n"]);
                continue;
            }
            let shown = if is_plain(line) {
                Cow::Borrowed(line)
            } else if self.color {
                colors_only(line).into()
            } else {
                printable(&ansi::strip(line)).into()
            };
            match self.guard {
                None => self.append(&[label, mark, &shown, "\n"]),
                Some(guard) => {
                    let whole = [label, mark, &shown].concat();
                    self.append(&[&guard(&whole), "\n"]);
                }
            }
        }
    }

    fn append(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
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
pub(crate) fn printable(text: &str) -> String {
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
