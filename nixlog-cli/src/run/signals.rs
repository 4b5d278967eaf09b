//! Signals while a command runs: they are for the command, and the report comes after it.
//!
//! What the terminal sends (Ctrl-C, Ctrl-\, a hang-up) reaches the command too, since it is in the same
//! process group; what another process sends reaches only us, and is passed on. So each reaches the
//! command once.

use std::io;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};

/// Passes signals on to a command, as long as this lives.
pub(crate) struct Signals {
    handle: Handle,
    over: Arc<AtomicBool>,
}

impl Signals {
    /// Catches signals from now on. Until [`pass_on`](Self::pass_on), they wait.
    pub(crate) fn catch() -> io::Result<(Self, SignalsInfo<WithOrigin>)> {
        let caught = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];
        let signals = SignalsInfo::<WithOrigin>::new(caught)?;
        let signals_here = Self {
            handle: signals.handle(),
            over: Arc::default(),
        };
        Ok((signals_here, signals))
    }

    /// Passes on to a command what other processes send us.
    pub(crate) fn pass_on(&self, mut signals: SignalsInfo<WithOrigin>, child: &Child) {
        let over = Arc::clone(&self.over);
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        thread::spawn(move || {
            for origin in signals.forever() {
                // The terminal has sent it to the command as well.
                let Some(_sender) = origin.process else {
                    continue;
                };
                // The number may be another process's by now.
                if over.load(Ordering::Acquire) {
                    return;
                }
                if let (Some(pid), Some(signal)) = (pid, named(origin.signal)) {
                    // A command that has just ended needs no signal.
                    let _ = kill_process(pid, signal);
                }
            }
        });
    }

    /// Says that the command has ended. Signals are still caught: the report is wanted.
    pub(crate) fn over(&self) {
        self.over.store(true, Ordering::Release);
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
    }
}

fn named(signal: i32) -> Option<Signal> {
    let names = [
        (SIGINT, Signal::INT),
        (SIGTERM, Signal::TERM),
        (SIGHUP, Signal::HUP),
        (SIGQUIT, Signal::QUIT),
        (SIGUSR1, Signal::USR1),
        (SIGUSR2, Signal::USR2),
    ];
    let found = names.into_iter().find(|(number, _)| *number == signal);
    found.map(|(_, name)| name)
}
