//! Signals while a command runs: they are for the command, and the report comes after it.
//!
//! What the terminal sends (Ctrl-C, Ctrl-\, a hang-up) reaches the command too, since it is in the same
//! process group; what another process sends reaches only us, and is passed on. So each reaches the
//! command once.
//!
//! When the command has ended, the first signal still leaves time for the report; the second ends nixlog.
//! What was ignored when nixlog was started (`nohup`) stays so, for the command too.

use std::io;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::emulate_default_handler;

use crate::base::held::step_aside;
use crate::base::signals::ignored;

/// Passes signals on to a command.
#[derive(Default)]
pub(crate) struct Signals {
    over: Arc<AtomicBool>,
}

impl Signals {
    /// Catches signals from now on. Until [`pass_on`](Self::pass_on), they wait.
    pub(crate) fn catch() -> io::Result<(Self, SignalsInfo<WithOrigin>)> {
        let ignored = ignored();
        let caught = NAMES.into_iter().map(|(number, _)| number);
        let caught = caught.filter(|number| !ignored.contains(number));
        let signals = SignalsInfo::<WithOrigin>::new(caught)?;
        Ok((Self::default(), signals))
    }

    /// Passes on to a command what other processes send us.
    pub(crate) fn pass_on(&self, mut signals: SignalsInfo<WithOrigin>, child: &Child) {
        let over = Arc::clone(&self.over);
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        thread::spawn(move || {
            let mut n_late = 0;
            for origin in signals.forever() {
                // The number may be another process's by now.
                if over.load(Ordering::Acquire) {
                    n_late += 1;
                    if n_late > 1 {
                        step_aside();
                        // One that has no default does nothing.
                        drop(emulate_default_handler(origin.signal));
                    }
                    continue;
                }
                // The terminal has sent it to the command as well.
                let Some(_sender) = origin.process else {
                    continue;
                };
                if let (Some(pid), Some(signal)) = (pid, named(origin.signal)) {
                    // A command that has just ended needs no signal.
                    let _ = kill_process(pid, signal);
                }
            }
        });
    }

    /// Says that the command has ended.
    pub(crate) fn over(&self) {
        self.over.store(true, Ordering::Release);
    }
}

/// The signals that are caught.
const NAMES: [(i32, Signal); 6] = [
    (SIGINT, Signal::INT),
    (SIGTERM, Signal::TERM),
    (SIGHUP, Signal::HUP),
    (SIGQUIT, Signal::QUIT),
    (SIGUSR1, Signal::USR1),
    (SIGUSR2, Signal::USR2),
];

fn named(signal: i32) -> Option<Signal> {
    let found = NAMES.into_iter().find(|(number, _)| *number == signal);
    found.map(|(_, name)| name)
}
