//! A few lines at the bottom of a terminal that are painted over and over, and everything else above.
//!
//! The terminal is not ours alone: the command that runs prints its results to it, and so may anybody,
//! at any time, half a line too. What others print must stay, and nobody tells us of it. So the cursor is
//! theirs. It rests where text goes on, in a scroll region that ends above our lines: whatever is
//! printed scrolls there, as on a smaller terminal, and does not touch them. We paint below it, and put
//! the cursor back. As all that is ours lies below the cursor, clearing from there on takes it off,
//! however the terminal has broken or moved lines when its size changed.
//!
//! Each frame is one write, which a terminal does not mix with those of others, and paints over the one
//! before without clearing it first, so that nothing flickers.

use std::io::{self, Write as _};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::run::signals::ignored;
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

/// How many lines at the bottom are ours.
type Held = Arc<Mutex<usize>>;

/// The screen on standard error, if there is one: panics, signals and messages from elsewhere need it
/// out of their way.
static ON_STDERR: OnceLock<Held> = OnceLock::new();

/// The bottom of a terminal.
pub(super) struct Screen {
    sink: Box<dyn Sink>,
    held: Held,
    /// The terminal was somebody else's for a while: nobody knows what has become of what was painted.
    continued: Arc<AtomicBool>,
    /// What is painted, and on a terminal of which size.
    shown: Vec<String>,
    size: Option<Size>,
}

impl Screen {
    /// Takes the bottom of the terminal that standard error is.
    pub(super) fn on_stderr() -> Self {
        let first = ON_STDERR.get().is_none();
        let held = Arc::clone(ON_STDERR.get_or_init(Held::default));
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
        }
    }

    pub(super) fn size(&self) -> Size {
        self.sink.size()
    }

    /// Begins a new line, if somebody has left half a one.
    pub(super) fn begin_line(&mut self) {
        let columns = self.sink.size().columns;
        self.sink.write(fresh_line(columns).as_bytes());
    }

    /// Paints `lines`, none wider than the terminal, and `above` them text that stays.
    pub(super) fn paint(&mut self, above: &[u8], lines: Vec<String>) {
        let size = self.sink.size();
        let mut held = lock(&self.held);
        let was_ours = !self.continued.swap(false, Ordering::Relaxed) && self.size == Some(size);
        // A region has two lines at least.
        let height = match lines.len() {
            height if height + 2 <= size.lines => height,
            _ => 0,
        };
        let is_there = *held == height && (height == 0 || was_ours);
        if is_there && above.is_empty() && (height == 0 || self.shown == lines) {
            return;
        }
        let mut out = Vec::from(BEGIN);
        if !is_there {
            out.extend_from_slice(release(*held, was_ours).as_bytes());
        }
        if !above.is_empty() {
            out.extend_from_slice(fresh_line(size.columns).as_bytes());
            out.extend_from_slice(above);
            if above.last() != Some(&b'\n') {
                out.push(b'\n');
            }
        }
        if height > 0 {
            if !is_there {
                out.extend_from_slice(take(height, size.lines).as_bytes());
            }
            if !is_there || self.shown != lines {
                out.extend_from_slice(painted(&lines).as_bytes());
            }
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

/// Takes the lowest `height` of so many lines out of what scrolls, and makes room there.
fn take(height: usize, lines: usize) -> String {
    // An index moves the cursor down in its column, and scrolls where it cannot.
    let room = "\x1bD".repeat(height);
    let region = lines - height;
    // To set a region moves the cursor.
    format!("{room}\x1b[{height}A\x1b7\x1b[1;{region}r\x1b8")
}

/// Gives back the lines that are ours, cleared. If nobody knows any more where they are, they are below
/// the cursor.
fn release(height: usize, is_known: bool) -> String {
    match height {
        0 => String::new(),
        _ if is_known => format!("\x1b7\x1b[r{}\x1b[J\x1b8", top(height)),
        _ => "\x1b7\x1b[r\x1b8\x1b[J".to_owned(),
    }
}

/// Paints lines at the bottom. One that is too wide, since the terminal has become narrower just now, is
/// cut off.
fn painted(lines: &[String]) -> String {
    let top = top(lines.len());
    let rows = lines.join("\x1b[K\r\n");
    format!("\x1b7\x1b[?7l{top}{rows}\x1b[K\x1b[?7h\x1b8")
}

/// Moves the cursor to the first of the lowest `height` lines, however many the terminal has: more than
/// there are means the last.
fn top(height: usize) -> String {
    match height {
        0 | 1 => "\x1b[9999;1H".to_owned(),
        _ => format!("\x1b[9999;1H\x1b[{}A", height - 1),
    }
}

/// Moves the cursor to the start of a line, the next one unless it is there: as many blanks as a line has
/// go beyond its end if anything is on it, and else do not.
fn fresh_line(columns: usize) -> String {
    format!("{:columns$}\r\x1b[K", "")
}

/// What is held is known at any time, whoever panicked with it.
fn lock(held: &Held) -> MutexGuard<'_, usize> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives back what is held on standard error, if anything is, so that something else can be written.
/// Nothing is taken again before the result is dropped.
fn give_back() -> Option<MutexGuard<'static, usize>> {
    /// A terminal that takes nothing, or a panic while it is painted, is not waited for.
    const ATTEMPTS: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(5);
    let held = ON_STDERR.get()?;
    for _ in 0..ATTEMPTS {
        let mut held = match held.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                thread::sleep(PAUSE);
                continue;
            }
        };
        if *held > 0 {
            let mut stderr = Stderr;
            let columns = stderr.size().columns;
            let free = release(*held, false) + &fresh_line(columns);
            stderr.write(free.as_bytes());
            *held = 0;
        }
        return Some(held);
    }
    None
}

/// Takes off standard error what moves there, if anything does, so that something else can be written.
pub(crate) fn step_aside() {
    drop(give_back());
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
