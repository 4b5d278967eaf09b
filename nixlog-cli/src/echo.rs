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

/// Writes what is read in readable form.
#[derive(Debug)]
pub(crate) struct Echo {
    out: BufWriter<Stderr>,
    /// Colours are passed on.
    color: bool,
    /// What the lines of open builds are marked with.
    labels: HashMap<ActivityId, String>,
    /// Up to which level Nix would show activities: it filters messages itself, so their levels
    /// tell how verbose it is.
    verbosity: Level,
}

impl Echo {
    pub(crate) fn new(color: ColorWhen) -> Self {
        let stderr = io::stderr();
        let color = term::color(color, &stderr);
        Self {
            out: BufWriter::new(stderr),
            color,
            labels: HashMap::new(),
            verbosity: Level::INFO,
        }
    }

    /// Passes one line on. Where standard error is gone, the report is still worth making.
    pub(crate) fn line(&mut self, line: &Line<'_>) {
        match line.body {
            Body::Text(text) | Body::Malformed(text, _) => self.write("", text),
            Body::Event(Event::Start(start)) => self.start(&start),
            Body::Event(Event::Stop(id)) => drop(self.labels.remove(&id)),
            Body::Event(Event::Message(message)) => {
                self.verbosity = self.verbosity.max(message.level);
                self.write("", &message.text.decode());
            }
            Body::Event(Event::Result(result)) => match result.detail() {
                ResultDetail::BuildLogLine(text) => self.log_line(result.id, "> ", text),
                ResultDetail::PostBuildLogLine(text) => self.log_line(result.id, " (post)> ", text),
                _ => {}
            },
            Body::Event(_) => {}
        }
    }

    /// Hands on what has been collected.
    pub(crate) fn flush(&mut self) {
        drop(self.out.flush());
    }

    fn start(&mut self, start: &Start<'_>) {
        if let Detail::Build { drv, .. } | Detail::PostBuildHook { drv } = start.detail() {
            let drv = drv.decode();
            self.labels
                .insert(start.id, pname_of(name_of(&drv)).to_owned());
        }
        if start.level <= self.verbosity && !start.text.is_empty() {
            self.write("", &format!("{}...", start.text.decode()));
        }
    }

    fn log_line(&mut self, id: ActivityId, mark: &str, text: JsonStr<'_>) {
        let mut label = self.labels.get(&id).cloned().unwrap_or_default();
        label.push_str(mark);
        self.write(&label, text.decode().trim_end_matches('\n'));
    }

    fn write(&mut self, label: &str, text: &str) {
        for line in text.split('\n') {
            let line = line.trim_end_matches('\r');
            let shown = if self.color {
                colors_only(line)
            } else {
                printable(&ansi::strip(line))
            };
            drop(writeln!(self.out, "{}{shown}", harmless(label)));
        }
    }
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
