//! The fold from lines for people to events.

use foldhash::HashSet;

use super::activation;
use super::bar::{self, BarStatus};
use super::ci;
use super::event::HumanEvent;
use super::nom;
use crate::store_path::{StorePath, innermost, name_of, pname_of};
use crate::wire::ansi;
use crate::wire::message::{ActivityNote, Note, activity, read, read_error};

/// Reads a log that was made for people, line by line.
///
/// Between lines it remembers which names are being built (a `NAME> ` counts only with a NAME that
/// was seen, where any was), whether a plan is being listed, and an error whose lines are not all
/// there yet.
///
/// # Examples
///
/// ```
/// use nixlog_core::wire::human::{HumanEvent, HumanReader};
/// use nixlog_core::wire::message::ActivityNote;
///
/// let mut started = Vec::new();
/// let mut reader = HumanReader::default();
/// reader.line("building '/nix/store/x-hello-2.12.drv'...", &mut |event| {
///     if let HumanEvent::Activity(ActivityNote::Building { drv, .. }) = event {
///         started.push(drv.to_owned());
///     }
/// });
/// assert_eq!(started, ["/nix/store/x-hello-2.12.drv"]);
/// ```
#[derive(Debug, Default)]
pub struct HumanReader {
    /// Names without version of what was planned or started.
    names: HashSet<Box<str>>,
    /// The lines of an error so far; empty where there is none.
    block: String,
    /// Empty lines since, which belong to the error if more of it follows.
    blanks: usize,
    in_plan: bool,
    /// The header of a plan that may be of a Nix that a build runs: its paths will tell.
    header: Option<Box<str>>,
    /// The folder of the first store path that was planned or started.
    store: Option<Box<str>>,
    activating: bool,
    /// The lines of a status of several lines follow, one for each activity (Lix).
    in_frame: bool,
    /// The terminal holds back what is drawn: a status may be, without counts yet.
    in_update: bool,
}

/// "Erase to the end of the line": every redraw of the status line ends so.
const ERASE: &str = "\u{1b}[K";

/// "Erase to the end of the screen": how a status of several lines is drawn over.
const ERASE_BELOW: &str = "\u{1b}[J";

/// "Show nothing until I say so", and "show it now": Lix puts these around what it draws.
const UPDATE: [&str; 2] = ["\u{1b}[?2026h", "\u{1b}[?2026l"];

/// "Faint": on a terminal, Nix prints the name before a build's line so.
const FAINT: &str = "\u{1b}[2m";

/// How the second and later lines of an error start: as wide as `error: `.
const INDENT: &str = "       ";

/// An error longer than this is not kept in full, so that memory does not grow with the log. Nix
/// quotes 25 lines of a build.
const MAX_BLOCK: usize = 256 * 1024;

/// The longest `NAME (post)` there can be: a store path's name has at most 211 bytes.
const MAX_NAME: usize = 211 + " (post)".len();

impl HumanReader {
    /// Reads one line, with or without its line ending; gives what it says to `out`.
    ///
    /// An error is given when the next line shows that it is complete; see [`finish`](Self::finish).
    /// A line of a terminal recording can hold many states of the status line: all are given.
    pub fn line(&mut self, text: &str, out: &mut impl FnMut(HumanEvent<'_>)) {
        let mut rest = text.trim_end_matches(['\r', '\n']);
        self.follow_frame(rest);
        let mut overdrawn = false;
        while let Some(at) = memchr::memchr(b'\r', rest.as_bytes()) {
            self.redraw(&rest[..at], true, out);
            rest = &rest[at + 1..];
            overdrawn = true;
        }
        if rest.ends_with(ERASE) {
            return self.redraw(rest, overdrawn, out);
        }
        let visible = ansi::strip(rest);
        let visible = unframed(&visible);
        // What is left of a line that was erased is no line.
        if visible.is_empty() && (overdrawn || !rest.is_empty()) {
            return;
        }
        // What pads a line to the width of a terminal is not Nix's.
        let visible = visible.trim_end();
        if let Some(status) = bar::status(visible) {
            self.in_frame = self.in_update || rest.contains(ERASE_BELOW);
            return self.status(
                BarStatus {
                    overdrawn,
                    ..status
                },
                out,
            );
        }
        if self.in_frame || self.in_update && is_evaluating(visible) {
            return self.status(BarStatus::of_activity(visible), out);
        }
        let faint = ansi::leading(rest).contains(FAINT);
        self.plain(visible, faint, out);
    }

    /// Follows where a status of several lines begins and ends.
    fn follow_frame(&mut self, raw: &str) {
        if !raw.contains('\u{1b}') {
            return;
        }
        let [begin, end] = UPDATE.map(|mark| raw.rfind(mark));
        if begin.is_some() || end.is_some() {
            self.in_update = begin > end;
            self.in_frame = false;
        }
        if raw.contains(ERASE_BELOW) {
            self.in_frame = false;
        }
    }

    /// Ends the log: gives the error that was still open.
    pub fn finish(&mut self, out: &mut impl FnMut(HumanEvent<'_>)) {
        self.plan_header(out);
        self.close(out);
    }

    /// Reads what was drawn over later: a state of the status line, or the progress of some other
    /// program, of which only the last state counts.
    fn redraw(&mut self, raw: &str, overdrawn: bool, out: &mut impl FnMut(HumanEvent<'_>)) {
        let text = ansi::strip(raw);
        let text = text.trim();
        let status = match bar::status(text) {
            Some(status) => status,
            None if text.is_empty() || !raw.ends_with(ERASE) => return,
            None => BarStatus::of_activity(text),
        };
        self.status(
            BarStatus {
                overdrawn,
                ..status
            },
            out,
        );
    }

    fn status(&mut self, status: BarStatus<'_>, out: &mut impl FnMut(HumanEvent<'_>)) {
        self.close(out);
        if let Some(build) = status.build() {
            self.learn(build.name);
        }
        out(HumanEvent::BarStatus(status));
    }

    /// Reads a line that is what a person saw of it.
    fn plain(&mut self, line: &str, faint: bool, out: &mut impl FnMut(HumanEvent<'_>)) {
        if !self.block.is_empty() {
            if line.is_empty() {
                self.blanks += 1;
                return;
            }
            if line.starts_with(INDENT) {
                return self.continue_block(line, out);
            }
            self.close(out);
        }
        if let Some(mark) = ci::mark(line) {
            self.in_plan = false;
            return out(mark);
        }
        if line.starts_with("error:") {
            self.in_plan = false;
            self.block.push_str(line);
            return;
        }
        if self.in_plan {
            if let note @ Note::PlanItem { path } = read(line) {
                if self.is_foreign(path) {
                    if let Some(header) = self.header.take() {
                        out(HumanEvent::Text(&header));
                    }
                    return out(HumanEvent::Text(line));
                }
                self.plan_header(out);
                if path.ends_with(".drv") {
                    self.learn(name_of(path));
                }
                return out(HumanEvent::Note(note));
            }
            self.plan_header(out);
            self.in_plan = false;
        }
        if let Some((drv, machine)) = nom::started(line) {
            self.learn(name_of(drv));
            self.names.insert(name_of(drv).into());
            return out(HumanEvent::Activity(ActivityNote::Building {
                drv,
                machine,
            }));
        }
        if let Some((name, took)) = nom::finished(line) {
            return out(HumanEvent::Finished { name, took });
        }
        if let Some((pname, text, post_hook)) = self.build_log(line, faint) {
            if faint {
                self.learn(pname);
            }
            return out(HumanEvent::BuildLog {
                pname,
                text,
                post_hook,
            });
        }
        if let Some(text) = line.strip_prefix("post-build-hook: ") {
            return out(HumanEvent::HookLog { text });
        }
        if self.started(line, out) || self.activation(line, out) {
            return;
        }
        self.message(line, out);
    }

    /// Reads `NAME> line` and `NAME (post)> line`.
    fn build_log<'a>(&self, line: &'a str, faint: bool) -> Option<(&'a str, &'a str, bool)> {
        let head = &line.as_bytes()[..line.len().min(MAX_NAME + 1)];
        let end = memchr::memchr(b'>', head)?;
        let text = &line[end + 1..];
        // Carriers that trim lines leave `NAME>` of an empty one.
        let text = if text.is_empty() {
            text
        } else {
            text.strip_prefix(' ')?
        };
        let (name, post_hook) = match line[..end].strip_suffix(" (post)") {
            Some(name) => (name, true),
            None => (&line[..end], false),
        };
        let known = if faint || self.names.is_empty() {
            is_pname(name)
        } else {
            self.names.contains(name)
        };
        known.then_some((name, text, post_hook))
    }

    /// Reads the start of an activity: its title and `...`.
    fn started(&mut self, line: &str, out: &mut impl FnMut(HumanEvent<'_>)) -> bool {
        if !line.ends_with("...") {
            return false;
        }
        let note = activity(line);
        match note {
            ActivityNote::Other => return false,
            // A build of a Nix says this of its own store.
            ActivityNote::Building { drv: path, .. }
            | ActivityNote::Checking { drv: path, .. }
            | ActivityNote::Repairing { drv: path, .. }
            | ActivityNote::CopyingPath { path, .. }
                if self.is_foreign(path) =>
            {
                return false;
            }
            ActivityNote::Building { drv, .. }
            | ActivityNote::Checking { drv, .. }
            | ActivityNote::Repairing { drv, .. } => self.learn(name_of(drv)),
            _ => {}
        }
        self.activating = false;
        out(HumanEvent::Activity(note));
        true
    }

    /// Reads what the tools around Nix say.
    fn activation(&mut self, line: &str, out: &mut impl FnMut(HumanEvent<'_>)) -> bool {
        if line == "building the system configuration..." {
            self.activating = false;
            out(HumanEvent::SystemConfiguration);
            return true;
        }
        let starts = activation::starts(line);
        self.activating |= starts;
        let belongs = starts || self.activating && activation::continues(line);
        if belongs {
            out(HumanEvent::Activation { text: line });
        }
        belongs
    }

    /// Reads one message of one line, or else a text.
    fn message(&mut self, line: &str, out: &mut impl FnMut(HumanEvent<'_>)) {
        out(match read(line) {
            // Up to 2.3, what a goal fails with has no mark.
            note @ Note::BuildFailed { drv: Some(drv), .. } if self.is_known(drv) => {
                HumanEvent::Note(note)
            }
            // Nix marks all of these with `error:`; without it a builder says so.
            Note::BuildFailed { .. }
            | Note::BuildsFailed
            | Note::ProgramFailed { .. }
            | Note::Interrupted
            // And this without a plan.
            | Note::PlanItem { .. }
            | Note::Other => HumanEvent::Text(line),
            note => {
                if matches!(
                    note,
                    Note::PlanBuild { .. } | Note::PlanFetch { .. } | Note::PlanUnknown
                ) {
                    self.in_plan = true;
                    self.activating = false;
                    if self.store.is_some() {
                        self.header = Some(line.into());
                        return;
                    }
                }
                HumanEvent::Note(note)
            }
        });
    }

    /// Adds a line to the error.
    fn continue_block(&mut self, line: &str, out: &mut impl FnMut(HumanEvent<'_>)) {
        let mut last = self.block.rsplit('\n').next().unwrap_or("").trim_start();
        if self.blanks > 0 {
            last = "";
        }
        let text = line.trim_start();
        // Some errors say where they end; the rest ends where something else starts.
        let ends = text.starts_with("For full logs, run '")
            || last == "For full logs, run:"
            || text.starts_with("got:")
                && (last.starts_with("specified:") || last.starts_with("wanted:"));
        if self.block.len() < MAX_BLOCK {
            for _ in 0..self.blanks {
                self.block.push('\n');
            }
            self.block.push('\n');
            self.block.push_str(line);
        }
        self.blanks = 0;
        if ends {
            self.close(out);
        }
    }

    /// Gives the error that is open, if any.
    fn close(&mut self, out: &mut impl FnMut(HumanEvent<'_>)) {
        if self.block.is_empty() {
            return;
        }
        let block = std::mem::take(&mut self.block);
        let note = read_error(&block);
        if let Note::BuildFailed { drv: Some(drv), .. } = note
            && drv.ends_with(".drv")
            && self.is_foreign(drv)
        {
            block.lines().for_each(|line| out(HumanEvent::Text(line)));
        } else {
            out(HumanEvent::Error { text: &block });
            if note != Note::Other {
                out(HumanEvent::Note(note));
            }
        }
        for _ in 0..std::mem::take(&mut self.blanks) {
            out(HumanEvent::Text(""));
        }
        self.block = block;
        self.block.clear();
    }

    /// Tells whether a derivation, or one that has such an output, was planned or started.
    fn is_known(&self, path: &str) -> bool {
        let Some(path) = innermost(path) else {
            return false;
        };
        let name = path.name();
        let mut ends = name.match_indices('-').map(|(at, _)| at);
        self.names.contains(pname_of(name))
            || ends.any(|end| self.names.contains(pname_of(&name[..end])))
    }

    /// Gives the header of a plan that was held back.
    fn plan_header(&mut self, out: &mut impl FnMut(HumanEvent<'_>)) {
        if let Some(header) = self.header.take() {
            out(HumanEvent::Note(read(&header)));
        }
    }

    /// Tells whether a path lies in another store than the first one: that of a Nix which a build
    /// runs, such as the tests of Nix itself.
    fn is_foreign(&mut self, path: &str) -> bool {
        let Some(path) = StorePath::parse(path) else {
            return false;
        };
        let folder = path.as_str().strip_suffix(path.base_name());
        // A base name alone, as Lix prints it, is in no store.
        let Some(folder) = folder.filter(|folder| !folder.is_empty()) else {
            return false;
        };
        **self.store.get_or_insert_with(|| folder.into()) != *folder
    }

    /// Remembers a name as one that is being built.
    fn learn(&mut self, name: &str) {
        let pname = pname_of(name.strip_suffix(".drv").unwrap_or(name));
        if !self.names.contains(pname) {
            self.names.insert(pname.into());
        }
    }
}

/// Tells whether the status of a terminal says that the evaluator works. A message of it would end
/// in `...`.
fn is_evaluating(text: &str) -> bool {
    text.starts_with("evaluating ") && !text.ends_with("...")
}

/// Takes off what a terminal or a tool puts before a line: the echo of keys, the frame of a box.
fn unframed(line: &str) -> &str {
    let mut rest = line;
    for key in ["^C", "^Z", "^\\"] {
        while let Some(behind) = rest.strip_prefix(key) {
            rest = behind;
        }
    }
    let boxed = rest.strip_prefix(['┃', '│']);
    boxed.map_or(rest, |inner| inner.strip_prefix(' ').unwrap_or(inner))
}

/// Tells whether a text can be a derivation's name without version.
fn is_pname(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-._?=".contains(&byte))
        && pname_of(text) == text
}
