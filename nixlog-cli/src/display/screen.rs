//! A few lines of a terminal that are painted over and over, and everything else above.
//!
//! The cursor rests where text goes on, and all that is ours lies below it: clearing from there on takes
//! it off, however the terminal has broken or moved lines when its size changed.
//!
//! Where all that is printed comes through us, our lines follow the text, whenever a line of it has ended. Where the terminal is not ours
//! alone, because the command prints its results to it, nobody tells us of what is printed, and it must
//! stay: half a line, or a hundred. There, our lines lie at the bottom, and text goes on in a scroll
//! region that ends above them, as on a smaller terminal. (Should such a terminal become so narrow that it
//! breaks our lines while the text is still near its top, some of them leave it before we can take them
//! off.)
//!
//! Each frame is one write, which a terminal does not mix with those of others, and paints over the one
//! before without clearing it first, so that nothing flickers.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::base::held::{self, ANYWHERE, Held, fresh_line, give_back, lock, step_aside};
use crate::base::signals::ignored;
use crate::base::terminal;

/// Columns and lines of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) lines: usize,
}

/// Where a screen is.
pub(super) trait Sink {
    /// Writes, all at once. Whether anybody reads it is not asked.
    fn write(&mut self, bytes: &[u8]);
    /// Returns how large it is now.
    fn size(&self) -> Size;
}

/// Standard error.
pub(super) struct Stderr;

impl Sink for Stderr {
    fn write(&mut self, bytes: &[u8]) {
        terminal::write(bytes);
    }

    fn size(&self) -> Size {
        let (columns, lines) = terminal::size();
        Size { columns, lines }
    }
}

/// The bottom of a terminal.
pub(super) struct Screen {
    sink: Box<dyn Sink>,
    held: Held,
    /// The terminal was somebody else's for a while: nobody knows what has become of what was painted.
    continued: Arc<AtomicBool>,
    /// What is painted, and on a terminal of which size.
    shown: Vec<String>,
    size: Option<Size>,
    /// Nobody else prints anything, but for keys that are pressed.
    is_alone: bool,
    /// What was printed last was the end of a line.
    is_line_ended: bool,
}

impl Screen {
    /// Takes the bottom of the terminal that standard error is.
    pub(super) fn on_stderr() -> Self {
        let (held, first) = held::on_stderr();
        let screen = Self {
            held,
            ..Self::on(Box::new(Stderr))
        };
        if first {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                step_aside();
                before(panic);
            }));
            give_way_when_stopped();
        }
        // Where it cannot be caught, a build that was stopped leaves a few lines too many.
        let continued = Arc::clone(&screen.continued);
        drop(signal_hook::flag::register(SIGCONT, continued));
        screen
    }

    /// Takes the bottom of any terminal.
    pub(super) fn on(sink: Box<dyn Sink>) -> Self {
        Self {
            sink,
            held: Held::default(),
            continued: Arc::default(),
            shown: Vec::new(),
            size: None,
            is_alone: false,
            is_line_ended: true,
        }
    }

    /// Says whether all that is printed comes through us.
    pub(super) fn alone(&mut self, is_alone: bool) {
        self.is_alone = is_alone;
    }

    pub(super) fn size(&self) -> Size {
        self.sink.size()
    }

    /// Begins a new line, if somebody has left half a one.
    pub(super) fn begin_line(&mut self) {
        let columns = self.sink.size().columns;
        self.sink.write(fresh_line(columns).as_bytes());
    }

    /// Paints `lines`, none wider than the terminal, and `above` them text of ours, which stays.
    pub(super) fn paint(&mut self, above: &[u8], lines: Vec<String>) {
        if above.is_empty() {
            return self.print(above, lines);
        }
        let mut text = fresh_line(self.sink.size().columns).into_bytes();
        text.extend_from_slice(above);
        if above.last() != Some(&b'\n') {
            text.push(b'\n');
        }
        self.print(&text, lines);
    }

    /// The same with text that goes on where the last one ended, as it is.
    pub(super) fn print(&mut self, above: &[u8], lines: Vec<String>) {
        let size = self.sink.size();
        let mut held = lock(&self.held);
        let was_ours = !self.continued.swap(false, Ordering::Relaxed) && self.size == Some(size);
        if let Some(&last) = above.last() {
            self.is_line_ended = last == b'\n';
        }
        // Not every terminal remembers, when the cursor comes back to the end of a full line, that the next
        // letter belongs on the line below.
        let may_follow = !self.is_alone || self.is_line_ended;
        // A region has two lines at least.
        let height = match lines.len() {
            height if height + 2 <= size.lines && may_follow => height,
            _ => 0,
        };
        let is_there = *held == height && (height == 0 || was_ours);
        // Lines that follow the text move with it.
        let stays = is_there && (above.is_empty() || height == 0 || !self.is_alone);
        if stays && above.is_empty() && (height == 0 || self.shown == lines) {
            return;
        }
        let mut out = Vec::from(BEGIN);
        if !stays && *held > 0 {
            let release = match (was_ours, self.is_alone) {
                (true, false) => at_bottom(*held),
                _ => ANYWHERE.to_owned(),
            };
            out.extend_from_slice(release.as_bytes());
        }
        out.extend_from_slice(above);
        if height > 0 && (!stays || self.shown != lines) {
            let frame = match self.is_alone {
                true => below(&lines),
                false if stays => bottom(&lines),
                false => take(height, size.lines) + &bottom(&lines),
            };
            out.extend_from_slice(frame.as_bytes());
        }
        out.extend_from_slice(END);
        self.sink.write(&out);
        *held = height;
        drop(held);
        self.shown = lines;
        self.size = Some(size);
    }
}

/// Begins and ends a frame that a terminal is to show all at once, where it can.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Makes room for so many lines below the cursor: an index moves it down in its column, and scrolls where
/// it cannot.
fn room(height: usize) -> String {
    format!("{}\x1b[{height}A", "\x1bD".repeat(height))
}

/// Takes the lowest `height` of so many lines out of what scrolls. To set a region moves the cursor.
fn take(height: usize, lines: usize) -> String {
    format!("{}\x1b7\x1b[1;{}r\x1b8", room(height), lines - height)
}

/// Clears our lines at the bottom, and gives them back.
fn at_bottom(height: usize) -> String {
    format!("\x1b7\x1b[r{}\x1b[J\x1b8", top(height))
}

/// Paints lines at the bottom. One that is too wide, since the terminal has become narrower just now, is cut
/// off.
fn bottom(lines: &[String]) -> String {
    let rows = lines.join("\x1b[K\r\n");
    let top = top(lines.len());
    format!("\x1b7\x1b[?7l{top}{rows}\x1b[K\x1b[?7h\x1b8")
}

/// Paints lines below the cursor's, which is empty: if somebody has pressed Return, it was one of ours.
fn below(lines: &[String]) -> String {
    let room = room(lines.len());
    let rows = lines.join("\x1b[K\r\n");
    format!("{room}\x1b7\x1b[?7l\x1b[K\r\n{rows}\x1b[K\x1b[?7h\x1b8")
}

/// Moves the cursor to the first of the lowest `height` lines, however many the terminal has: more than
/// there are means the last.
fn top(height: usize) -> String {
    match height {
        0 | 1 => "\x1b[9999;1H".to_owned(),
        _ => format!("\x1b[9999;1H\x1b[{}A", height - 1),
    }
}

/// Gives the terminal back whole when somebody stops us with Ctrl-Z.
fn give_way_when_stopped() {
    if ignored().contains(&SIGTSTP) {
        return;
    }
    // Where it cannot be caught, the shell gets a smaller terminal.
    let Ok(mut signals) = Signals::new([SIGTSTP]) else {
        return;
    };
    thread::spawn(move || {
        for signal in signals.forever() {
            let held = give_back();
            // Stopping has no other way to fail than not to stop.
            drop(emulate_default_handler(signal));
            drop(held);
        }
    });
}
