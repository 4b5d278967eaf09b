//! A terminal of its own for what a command prints as its result.
//!
//! On the terminal that we paint on, we print it ourselves, so that it does not get mixed up with what
//! moves there. The command sees a terminal, as it would without us; nothing is changed on its way.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{Mode, OFlags, fstat, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    OptionalActions, OutputModes, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

/// Our end of it.
#[derive(Debug)]
pub(crate) struct Stdout {
    ours: OwnedFd,
    size: Option<Winsize>,
}

impl Stdout {
    /// Makes one, and the end that is for the command.
    pub(crate) fn make() -> io::Result<(Self, OwnedFd)> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = open(&*name, flags, Mode::empty())?;
        // The real terminal makes line feeds into new lines.
        let mut modes = tcgetattr(&theirs)?;
        modes.output_modes.remove(OutputModes::OPOST);
        tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        let mut stdout = Self { ours, size: None };
        stdout.resize();
        Ok((stdout, theirs))
    }

    /// Returns what reads it.
    pub(crate) fn reader(&self) -> io::Result<File> {
        self.ours.try_clone().map(File::from)
    }

    /// Makes it as large as the terminal that standard error is.
    pub(crate) fn resize(&mut self) {
        let Ok(size) = tcgetwinsize(io::stderr()) else {
            return;
        };
        let is_same = self
            .size
            .is_some_and(|before| (before.ws_col, before.ws_row) == (size.ws_col, size.ws_row));
        if !is_same {
            self.size = Some(size);
            // It is a terminal; at worst, lines are laid out for another width.
            let _ = tcsetwinsize(&self.ours, size);
        }
    }
}

/// Tells whether standard output and standard error are one terminal.
pub(crate) fn is_shared() -> bool {
    let device = |stream: io::Result<rustix::fs::Stat>| stream.ok().map(|stat| stat.st_rdev);
    let [out, err] = [
        fstat(io::stdout().as_fd()).map_err(io::Error::from),
        fstat(io::stderr().as_fd()).map_err(io::Error::from),
    ]
    .map(device);
    out.is_some() && out == err && rustix::termios::isatty(io::stdout())
}
