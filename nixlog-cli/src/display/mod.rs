//! What is shown while a build runs.
//!
//! On a terminal: totals and what runs, repainted at the bottom, with errors and failures above. Into
//! a file or a pipe: plain lines, and twice a minute one that says what runs. In CI: the same, with the
//! build output folded.

mod ahead;
pub(crate) mod closing;
mod echo;
mod folds;
mod frame;
mod heartbeat;
mod screen;
#[cfg(test)]
mod tests;
mod words;

use std::collections::VecDeque;
use std::env;

use nixlog_core::time::{Nanos, Stamp};
use nixlog_core::timeline::live::{FailedBuild, Live};
use nixlog_core::wire::event::{Event, Level, Message};
use nixlog_core::wire::message::{self, Note};
use nixlog_core::wire::{Body, Line, ansi};

use crate::base::clock::unix_nanos;
use crate::base::terminal;
pub(crate) use ahead::{Foresight, Left};
pub(crate) use echo::{Amount, Echo, printable};
pub(crate) use folds::Ci;
use frame::Style;
use screen::{Screen, Sink, Size, Stderr};

/// Where it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DisplayKind {
    /// On a terminal.
    Terminal,
    /// In a file, or to another program.
    Plain,
    /// In the log of a CI that can fold.
    Folded(Ci),
}

impl DisplayKind {
    /// Tells how a build is to be shown on standard error.
    pub(crate) fn of_stderr() -> Self {
        let set = |name| env::var(name).is_ok_and(|value| !value.is_empty() && value != "false");
        // Those that are compatible with GitHub's say that they are GitHub's.
        if set("GITHUB_ACTIONS") {
            return Self::Folded(Ci::GitHub);
        }
        if set("GITLAB_CI") {
            return Self::Folded(Ci::GitLab);
        }
        match terminal::can_move() {
            true => Self::Terminal,
            false => Self::Plain,
        }
    }
}

/// How often a terminal is repainted where only time passes.
const FRAME: Nanos = Nanos::new(100_000_000);

/// So much text is written at once, whatever is still to come.
const AT_ONCE: usize = 64 * 1024;

/// So many failures are remembered, to leave out of Nix's messages what was shown before.
const REMEMBERED: usize = 64;

/// Shows a build.
pub(crate) struct Display {
    live: Live,
    echo: Echo,
    face: Face,
    style: Style,
    foresight: Option<Box<dyn Foresight>>,
    /// Text that is to be written.
    pending: Vec<u8>,
    /// The derivations whose failures were shown.
    told: VecDeque<String>,
    now: Stamp,
}

/// How it looks.
enum Face {
    Terminal {
        screen: Screen,
        /// The lines of the last frame.
        frame: Vec<String>,
        /// How large the terminal was that they were made for.
        size: Option<Size>,
        /// When the next one is due.
        due: Stamp,
    },
    Plain {
        sink: Box<dyn Sink>,
        folds: Option<Folds>,
        /// When the next heartbeat is due.
        due: Stamp,
    },
}

/// The folds of a CI.
struct Folds {
    ci: Ci,
    /// The number of the last one.
    number: u32,
    is_open: bool,
    /// When the display was made, in seconds since 1970.
    epoch: u64,
}

impl Folds {
    fn open(&mut self, now: Stamp, out: &mut Vec<u8>) {
        if !self.is_open {
            self.is_open = true;
            self.number += 1;
            let title = format!(
                "build output from {} on",
                words::clock(now.since(Stamp::ZERO))
            );
            let open = self.ci.open(self.number, self.seconds(now), &title);
            out.extend_from_slice(open.as_bytes());
        }
    }

    fn close(&mut self, now: Stamp, out: &mut Vec<u8>) {
        if self.is_open {
            self.is_open = false;
            let close = self.ci.close(self.number, self.seconds(now));
            out.extend_from_slice(close.as_bytes());
        }
    }

    const fn seconds(&self, now: Stamp) -> u64 {
        self.epoch.saturating_add(now.as_nanos() / 1_000_000_000)
    }
}

impl Display {
    /// Makes a display on standard error. On a terminal, it keeps its place from now on.
    pub(crate) fn new(kind: DisplayKind, color: bool) -> Self {
        let style = Style {
            color,
            ascii: terminal::is_ascii(),
        };
        match kind {
            DisplayKind::Terminal => Self::terminal(Screen::on_stderr(), style),
            DisplayKind::Plain => Self::plain(Box::new(Stderr), None, style),
            DisplayKind::Folded(ci) => {
                let epoch = unix_nanos().unwrap_or_default() / 1_000_000_000;
                let epoch = u64::try_from(epoch).unwrap_or_default();
                Self::plain(Box::new(Stderr), Some((ci, epoch)), style)
            }
        }
    }

    fn terminal(screen: Screen, style: Style) -> Self {
        let face = Face::Terminal {
            screen,
            frame: Vec::new(),
            size: None,
            due: Stamp::ZERO,
        };
        Self::with(face, Echo::new(Amount::Remarks, style.color), style)
    }

    fn plain(sink: Box<dyn Sink>, ci: Option<(Ci, u64)>, style: Style) -> Self {
        let mut echo = Echo::new(Amount::Everything, style.color);
        if let Some((ci, _)) = ci {
            echo = echo.guarded(ci.guard());
        }
        let folds = ci.map(|(ci, epoch)| Folds {
            ci,
            number: 0,
            is_open: false,
            epoch,
        });
        let due = Stamp::ZERO + heartbeat::EVERY;
        Self::with(Face::Plain { sink, folds, due }, echo, style)
    }

    fn with(face: Face, echo: Echo, style: Style) -> Self {
        Self {
            live: Live::default(),
            echo,
            face,
            style,
            foresight: None,
            pending: Vec::new(),
            told: VecDeque::new(),
            now: Stamp::ZERO,
        }
    }

    /// Shows the build logs or not. By default they are shown, but not on a terminal.
    pub(crate) fn build_logs(mut self, wanted: bool) -> Self {
        self.echo.show_build_logs(wanted);
        self
    }

    /// Leaves out what only a more verbose Nix than this prints.
    pub(crate) fn at_most(mut self, level: Level) -> Self {
        self.echo.at_most(level);
        self
    }

    /// Says that nobody else writes to the terminal: what the command prints comes through
    /// [`output`](Self::output).
    pub(crate) fn alone(mut self, alone: bool) -> Self {
        if let Face::Terminal { screen, .. } = &mut self.face {
            screen.alone(alone);
        }
        self
    }

    /// Takes somebody who knows how long things usually take.
    pub(crate) fn foresee(&mut self, foresight: impl Foresight + 'static) {
        self.foresight = Some(Box::new(foresight));
    }

    /// Takes in a line that came at `now`. [`tick`](Self::tick) is wanted behind the last one that is
    /// there.
    pub(crate) fn line(&mut self, line: &Line<'_>, now: Stamp) {
        self.now = self.now.max(now);
        let line = Line {
            stamp: Some(now),
            ..*line
        };
        self.live.push(&line);
        if let Some(foresight) = &mut self.foresight {
            foresight.line(&line);
        }
        match self.face {
            Face::Terminal { .. } => self.line_above(&line),
            Face::Plain { .. } => self.line_below(&line),
        }
        if self.pending.len() > AT_ONCE {
            self.write();
        }
    }

    /// Prints what the command prints as its result, as it is.
    pub(crate) fn output(&mut self, bytes: &[u8]) {
        // What came before stands before.
        self.write();
        match &mut self.face {
            Face::Terminal { screen, frame, .. } => screen.print(bytes, frame.clone()),
            Face::Plain { sink, .. } => sink.write(bytes),
        }
    }

    /// Is told that time passes, or that no more lines are there: at least every 100 ms.
    pub(crate) fn tick(&mut self, now: Stamp) {
        self.now = self.now.max(now);
        if let Some(foresight) = &mut self.foresight {
            foresight.tick(&self.live, self.now);
        }
        self.failures();
        match &mut self.face {
            Face::Terminal { frame, due, .. } if self.now >= *due => {
                *due = self.now + FRAME;
                *frame = Vec::new();
                self.write();
            }
            Face::Plain { due, folds, .. } if self.now >= *due => {
                while *due <= self.now {
                    *due = *due + heartbeat::EVERY;
                }
                if let Some(folds) = folds {
                    folds.close(self.now, &mut self.pending);
                }
                let left = self.foresight.as_ref();
                let left = left.and_then(|foresight| foresight.left(self.now));
                let line = heartbeat::line(&self.live, self.now, left);
                self.echo.text(&line, &mut self.pending);
                self.write();
            }
            _ if !self.pending.is_empty() => self.write(),
            _ => {}
        }
    }

    /// Leaves standard error to somebody else for a while.
    #[expect(dead_code, reason = "nobody asks questions yet")]
    pub(crate) fn suspend<T>(&mut self, f: impl FnOnce() -> T) -> T {
        self.clear();
        f()
    }

    /// Ends the display: everything is written, and nothing is left that moved.
    pub(crate) fn finish(mut self) {
        self.end();
        // What is said next stands on a line of its own, whatever the command has left there.
        if let Face::Terminal { screen, .. } = &mut self.face {
            screen.begin_line();
        }
    }

    fn end(&mut self) {
        self.failures();
        if let Face::Plain {
            folds: Some(folds), ..
        } = &mut self.face
        {
            folds.close(self.now, &mut self.pending);
        }
        self.clear();
    }

    /// Writes what is to be written, and takes off what moves.
    fn clear(&mut self) {
        match &mut self.face {
            Face::Terminal {
                screen, frame, due, ..
            } => {
                frame.clear();
                *due = Stamp::ZERO;
                screen.paint(&self.pending, Vec::new());
                self.pending.clear();
            }
            Face::Plain { .. } => self.write(),
        }
    }

    /// Writes what is to be written; on a terminal with the frame below.
    fn write(&mut self) {
        match &mut self.face {
            Face::Terminal {
                screen,
                frame,
                size,
                ..
            } => {
                let now = screen.size();
                if self.live.is_idle() {
                    frame.clear();
                } else if frame.is_empty() || *size != Some(now) {
                    let foresight = self.foresight.as_deref();
                    *frame = frame::lines(&self.live, self.now, foresight, self.style, now);
                    *size = Some(now);
                }
                screen.paint(&self.pending, frame.clone());
            }
            Face::Plain { sink, .. } => {
                if !self.pending.is_empty() {
                    sink.write(&self.pending);
                }
            }
        }
        self.pending.clear();
    }

    /// Puts what is worth saying of a line above what moves.
    fn line_above(&mut self, line: &Line<'_>) {
        // What the command prints next it may print without us: its results, to the same terminal.
        if matches!(line.body, Body::Event(Event::Stop(_))) && self.live.is_idle() {
            self.clear();
        }
        self.echo_line(line);
    }

    /// Puts a line where nothing moves, in a fold or outside.
    fn line_below(&mut self, line: &Line<'_>) {
        let before = self.pending.len();
        self.echo_line(line);
        let Face::Plain {
            folds: Some(folds), ..
        } = &mut self.face
        else {
            return;
        };
        let stands_out = match &line.body {
            Body::Event(Event::Message(message)) => message.level < Level::INFO,
            Body::Text(text) => is_remark(text),
            _ => false,
        };
        if self.pending.len() == before {
            return;
        }
        let text = self.pending.split_off(before);
        match stands_out {
            true => folds.close(self.now, &mut self.pending),
            false => folds.open(self.now, &mut self.pending),
        }
        self.pending.extend_from_slice(&text);
    }

    /// Writes what is to be seen of a line; of Nix's own words about a failure, after the failure, what
    /// has not been shown with it.
    fn echo_line(&mut self, line: &Line<'_>) {
        if let Body::Event(Event::Message(message)) = &line.body
            && message.level == Level::ERROR
        {
            self.failures();
            if self.is_told(message) {
                let text = words::without_tail(&message.text.decode());
                return self.echo.text(&text, &mut self.pending);
            }
        }
        self.echo.line(line, &mut self.pending);
    }

    /// Says which builds have failed, where their logs are out of sight.
    fn failures(&mut self) {
        for failed in self.live.take_failures(self.now) {
            self.failure(&failed);
        }
    }

    fn failure(&mut self, failed: &FailedBuild) {
        let mark = match &mut self.face {
            Face::Terminal { .. } if self.style.ascii => "x ",
            Face::Terminal { .. } => "✗ ",
            Face::Plain {
                folds: Some(folds), ..
            } => {
                folds.close(self.now, &mut self.pending);
                "nixlog: "
            }
            // Its log has been printed.
            Face::Plain { folds: None, .. } => return,
        };
        let text = words::failure(failed, mark);
        let text = match self.style.color {
            true => text.replacen(mark, &format!("\u{1b}[31m{mark}\u{1b}[0m"), 1),
            false => text,
        };
        self.echo.text(&text, &mut self.pending);
        if self.told.len() == REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back(failed.drv.clone());
    }

    /// Tells whether a message is about a failure that was shown.
    fn is_told(&self, message: &Message<'_>) -> bool {
        let text = message.raw.unwrap_or(message.text).decode();
        let plain = ansi::strip(&text);
        match message::read(&plain) {
            Note::BuildFailed { drv: Some(drv), .. } | Note::RemoteBuildFailed { drv, .. } => {
                self.told.iter().any(|told| told == drv)
            }
            _ => false,
        }
    }
}

/// Tells whether a line for people is an error or a warning.
fn is_remark(text: &str) -> bool {
    let text = ansi::strip(text);
    text.starts_with("error:") || text.starts_with("warning:")
}

impl Drop for Display {
    fn drop(&mut self) {
        // In a panic, the screen has been cleared before its message, and a second one would abort.
        if !std::thread::panicking() {
            self.end();
        }
    }
}
