//! A few lines at the bottom of a terminal that are painted over and over, and text above them.
//!
//! The cursor rests below them at the start of a line: whatever else comes to the terminal, a shell's
//! prompt after `kill -9` too, starts on a line of its own. Each frame is one write, and paints over
//! the one before without clearing it first, so that nothing flickers.

use std::io::{self, Write as _};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use nixlog_core::time::{Nanos, Stamp};

use crate::term;

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
        let mut out = io::stderr().lock();
        drop(out.write_all(bytes).and_then(|()| out.flush()));
    }

    fn size(&self) -> Size {
        let (columns, lines) = term::size().unwrap_or((80, 24));
        Size { columns, lines }
    }
}

/// How wide each line is that has been painted.
type Painted = Arc<Mutex<Vec<usize>>>;

/// The screen on standard error, if there is one: panics and messages from elsewhere need it out of
/// their way.
static ON_STDERR: OnceLock<Painted> = OnceLock::new();

/// The bottom of a terminal.
pub(super) struct Screen {
    sink: Box<dyn Sink>,
    painted: Painted,
    /// The terminal was somebody else's for a while: what is painted there is not ours any more.
    continued: Arc<AtomicBool>,
    /// What the lines were, to paint only what is new.
    shown: Vec<String>,
    columns: usize,
    /// How large the terminal was when somebody last looked, and when that will be certain.
    seen: Option<(Size, Stamp)>,
}

/// For so long the size must not have changed before anything is painted. A terminal that is being
/// dragged moves what is painted at once, but its size is told late (by tmux up to a quarter of a
/// second), and whatever is painted in between lands in the wrong place.
const STEADY: Nanos = Nanos::new(300_000_000);

impl Screen {
    /// Takes the bottom of the terminal that standard error is.
    pub(super) fn on_stderr() -> Self {
        let first = ON_STDERR.get().is_none();
        let painted = Arc::clone(ON_STDERR.get_or_init(Painted::default));
        let screen = Self {
            painted,
            ..Self::on(Box::new(Stderr))
        };
        if first {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                step_aside();
                before(panic);
            }));
        }
        // Where it cannot be caught, a stopped build leaves a few lines too many.
        drop(signal_hook::flag::register(
            signal_hook::consts::SIGCONT,
            Arc::clone(&screen.continued),
        ));
        screen
    }

    /// Takes the bottom of any terminal.
    pub(super) fn on(sink: Box<dyn Sink>) -> Self {
        Self {
            sink,
            painted: Painted::default(),
            continued: Arc::default(),
            shown: Vec::new(),
            columns: 0,
            seen: None,
        }
    }

    /// Tells whether the size is no longer changing.
    pub(super) fn is_steady(&mut self, now: Stamp) -> bool {
        let size = self.sink.size();
        match self.seen {
            Some((seen, since)) if seen == size => now >= since,
            before => {
                // What has not been painted yet cannot land anywhere.
                let wait = if before.is_some() {
                    STEADY
                } else {
                    Nanos::ZERO
                };
                self.seen = Some((size, now + wait));
                before.is_none()
            }
        }
    }

    pub(super) fn size(&self) -> Size {
        self.sink.size()
    }

    /// Paints `lines`, none wider than the terminal, and `above` them text that stays.
    pub(super) fn paint(&mut self, above: &[u8], lines: Vec<String>) {
        let columns = self.sink.size().columns;
        let mut painted = lock(&self.painted);
        if self.continued.swap(false, Ordering::Relaxed) {
            painted.clear();
        }
        let is_there = painted.len() == lines.len() && self.shown == lines;
        let is_same = is_there && (self.columns == columns || lines.is_empty());
        if above.is_empty() && is_same {
            return;
        }
        let n_painted = n_lines(&painted, columns);
        let mut out = Vec::from(BEGIN);
        if lines.is_empty() || !above.is_empty() {
            out.extend_from_slice(erase(n_painted).as_bytes());
        } else {
            out.extend_from_slice(up(n_painted).as_bytes());
        }
        out.extend_from_slice(above);
        if above.last().is_some_and(|&last| last != b'\n') {
            out.push(b'\n');
        }
        for line in &lines {
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(CLEAR_LINE);
            out.push(b'\n');
        }
        if !lines.is_empty() {
            out.extend_from_slice(CLEAR_BELOW);
        }
        out.extend_from_slice(END);
        self.sink.write(&out);
        painted.clear();
        painted.extend(lines.iter().map(|line| console::measure_text_width(line)));
        drop(painted);
        self.shown = lines;
        self.columns = columns;
    }
}

/// Begins and ends a frame that a terminal is to show all at once, where it can.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

const CLEAR_LINE: &[u8] = b"\x1b[K";
const CLEAR_BELOW: &[u8] = b"\x1b[J";

/// Returns how many lines of the terminal are painted. One that has become narrower has broken those
/// that were wider.
fn n_lines(painted: &[usize], columns: usize) -> usize {
    let lines = painted.iter();
    lines
        .map(|width| width.div_ceil(columns.max(1)).max(1))
        .sum()
}

/// Moves the cursor up, to the start of a line.
fn up(lines: usize) -> String {
    match lines {
        0 => "\r".to_owned(),
        _ => format!("\r\x1b[{lines}A"),
    }
}

/// Clears the lines above the cursor and its own, on which somebody may have typed, and moves it to the
/// first of them.
///
/// One by one: where they are all that is on the screen, tmux takes clearing the screen for a wish to
/// keep them in its history.
fn erase(lines: usize) -> String {
    let clear = "\x1b[K\n".repeat(lines);
    format!("{}{clear}\x1b[K{}", up(lines), up(lines))
}

/// What is painted is whole at any time, whoever panicked with it.
fn lock(painted: &Painted) -> MutexGuard<'_, Vec<usize>> {
    painted.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes off standard error what is painted there, if anything is, so that something else can be
/// written.
pub(crate) fn step_aside() {
    let Some(painted) = ON_STDERR.get() else {
        return;
    };
    // In a panic while it is being painted, there is nothing that could be done.
    let Ok(mut painted) = painted.try_lock() else {
        return;
    };
    if !painted.is_empty() {
        let mut stderr = Stderr;
        let lines = n_lines(&painted, stderr.size().columns);
        stderr.write(erase(lines).as_bytes());
        painted.clear();
    }
}
