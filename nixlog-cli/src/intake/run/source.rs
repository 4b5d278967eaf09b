//! Where the lines of a running command come from: its standard error, or a socket that Nix writes to.
//! Each is read by a thread of its own, which stamps and records what it reads, and hands it on.

use std::io::{self, Read};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Instant;

use nixlog_core::time::Stamp;
use nixlog_core::wire::block::Block;
use rustix::io::Errno;

use crate::archive::recorder::Tap;
use crate::base::clock::now;
use crate::intake::pump::{Next, pump};
use crate::intake::socket::Socket;

/// What the main loop is told.
pub(crate) enum Told {
    /// Something that is read has begun: standard error, or a process that connects.
    Began,
    /// Whole lines, and when they came.
    Lines(Block, Stamp),
    /// What the command has printed as its result, on a terminal that we paint on.
    Output(Vec<u8>),
    /// Something that was read has ended, or cannot be read any more.
    Ended(io::Result<()>),
    /// The command has ended.
    Exited(io::Result<ExitStatus>, Stamp),
}

/// What every reading thread needs.
#[derive(Clone)]
pub(crate) struct Feed {
    start: Instant,
    tap: Option<Tap>,
    told: SyncSender<Told>,
}

impl Feed {
    pub(crate) fn new(start: Instant, tap: Option<Tap>, told: SyncSender<Told>) -> Self {
        Self { start, tap, told }
    }

    /// Reads to the end.
    fn read(&self, input: impl Read) -> io::Result<()> {
        pump(input, |block| match self.hand_on(block) {
            true => Next::Continue(Vec::new()),
            false => Next::Break(()),
        })
    }

    fn hand_on(&self, block: Block) -> bool {
        let stamp = now(self.start);
        if let Some(tap) = &self.tap {
            tap.lines(block.as_bytes(), stamp);
        }
        self.told.send(Told::Lines(block, stamp)).is_ok()
    }

    /// Reads to the end in a thread of its own, and says when that begins and ends.
    pub(crate) fn read_all(&self, input: impl Read + Send + 'static) {
        let feed = self.clone();
        // Where the main loop has ended, nobody is to be told.
        drop(feed.told.send(Told::Began));
        thread::spawn(move || {
            let read = feed.read(input);
            drop(feed.told.send(Told::Ended(read)));
        });
    }

    /// Hands results on in a thread of its own, as they come, and says when that begins and ends.
    pub(crate) fn pass_on(&self, mut output: impl Read + Send + 'static) {
        let feed = self.clone();
        // Where the main loop has ended, nobody is to be told.
        drop(feed.told.send(Told::Began));
        thread::spawn(move || {
            let mut buffer = vec![0; 16 * 1024];
            let read = loop {
                match output.read(&mut buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // Nobody has the terminal open any more.
                    Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
                        break Ok(());
                    }
                    Err(error) => break Err(error),
                    Ok(0) => break Ok(()),
                    Ok(n) if feed.told.send(Told::Output(buffer[..n].to_vec())).is_err() => return,
                    Ok(_) => {}
                }
            };
            drop(feed.told.send(Told::Ended(read)));
        });
    }

    /// Reads whatever connects, each in a thread of its own.
    pub(crate) fn read_each(&self, socket: &Socket) -> io::Result<()> {
        let (connections, feed) = (socket.connections()?, self.clone());
        thread::spawn(move || {
            for stream in connections {
                feed.read_all(stream);
            }
        });
        Ok(())
    }

    /// Waits for the command in a thread of its own.
    pub(crate) fn wait(&self, mut child: Child) {
        let (told, start) = (self.told.clone(), self.start);
        thread::spawn(move || {
            let status = child.wait();
            drop(told.send(Told::Exited(status, now(start))));
        });
    }
}
