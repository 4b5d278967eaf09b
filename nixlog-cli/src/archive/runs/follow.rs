//! A recording that is read while it is written.

use std::fs::File;
use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use super::summary::is_being_written;

/// How long to wait for more. A recorder writes at least once a second.
const WAIT: Duration = Duration::from_millis(200);

/// Reads a file, and waits for more at its end for as long as somebody writes it.
pub(crate) struct Following(pub(crate) File);

impl Read for Following {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            // Asked before: what was written between a read and an end that is seen later would be lost.
            let is_written = is_being_written(&self.0);
            match self.0.read(out) {
                Ok(0) if is_written && !out.is_empty() => thread::sleep(WAIT),
                read => return read,
            }
        }
    }
}
