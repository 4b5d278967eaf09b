//! Lines at the bottom of the terminal that are painted over and over: whoever has something else to write
//! there takes them off first.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use crate::base::terminal;

/// How many lines at the bottom are ours.
pub(crate) type Held = Arc<Mutex<usize>>;

/// The screen on standard error, if there is one: panics, signals and messages from elsewhere need it
/// out of their way.
static ON_STDERR: OnceLock<Held> = OnceLock::new();

/// Returns what is held on standard error, and whether nobody has asked before.
pub(crate) fn on_stderr() -> (Held, bool) {
    let first = ON_STDERR.get().is_none();
    (Arc::clone(ON_STDERR.get_or_init(Held::default)), first)
}

/// Clears our lines where nobody knows any more where they are: they are below the cursor. Some terminals
/// keep in their history what is cleared from the first column of the first row on: it starts behind that.
pub(crate) const ANYWHERE: &str = "\x1b7\x1b[r\x1b8\x1b[K\x1b[C\x1b[J\x1b8";

/// Moves the cursor to the start of a line, the next one unless it is there: as many blanks as a line has
/// go beyond its end if anything is on it, and else do not.
pub(crate) fn fresh_line(columns: usize) -> String {
    format!("{:columns$}\r\x1b[K", "")
}

/// What is held is known at any time, whoever panicked with it.
pub(crate) fn lock(held: &Held) -> MutexGuard<'_, usize> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives back what is held on standard error, if anything is, so that something else can be written.
/// Nothing is taken again before the result is dropped.
pub(crate) fn give_back() -> Option<MutexGuard<'static, usize>> {
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
            let (columns, _) = terminal::size();
            terminal::write((ANYWHERE.to_owned() + &fresh_line(columns)).as_bytes());
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
