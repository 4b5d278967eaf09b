//! Where the lines of a running command come from: its standard error, or a socket that Nix writes to.
//! Each is read by a thread of its own, which stamps and records what it reads, and hands it on.

use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use nixlog_core::time::Stamp;
use nixlog_core::wire::block::{Block, Blocks};
use tempfile::TempDir;

use crate::recorder::Tap;

/// What the main loop is told.
pub(crate) enum Told {
    /// Something that is read has begun: standard error, or a process that connects.
    Began,
    /// Whole lines, and when they came.
    Lines(Block, Stamp),
    /// What the command has printed as its result, on a terminal that we paint on.
    Output(Vec<u8>),
    /// Something that was read has ended.
    Ended,
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
    pub(crate) fn read(&self, input: impl Read) {
        let mut blocks = Blocks::new(input);
        loop {
            let block = match blocks.next_block(Vec::new()) {
                Ok(Some(block)) => block,
                // An error ends what can be read; so does the end.
                Ok(None) => return,
                Err(_) => match blocks.into_rest() {
                    Some(rest) => {
                        self.hand_on(rest);
                        return;
                    }
                    None => return,
                },
            };
            if !self.hand_on(block) {
                return;
            }
        }
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
            feed.read(input);
            drop(feed.told.send(Told::Ended));
        });
    }

    /// Hands results on in a thread of its own, as they come, and says when that begins and ends.
    pub(crate) fn pass_on(&self, mut output: impl Read + Send + 'static) {
        let feed = self.clone();
        // Where the main loop has ended, nobody is to be told.
        drop(feed.told.send(Told::Began));
        thread::spawn(move || {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                match output.read(&mut buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // Where nobody has a terminal open any more, there is an error.
                    Ok(0) | Err(_) => break,
                    Ok(n) if feed.told.send(Told::Output(buffer[..n].to_vec())).is_err() => return,
                    Ok(_) => {}
                }
            }
            drop(feed.told.send(Told::Ended));
        });
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

/// Returns the time since the start.
pub(crate) fn now(start: Instant) -> Stamp {
    Stamp::from_nanos(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// A socket for `json-log-path`, in a folder that goes with it.
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    _folder: Option<TempDir>,
}

impl Socket {
    /// Makes one in a folder of its own, which nobody else may enter.
    pub(crate) fn own() -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("nixlog-");
        // A path of a socket has a hundred bytes, so the shortest place that there is.
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let folder = match runtime.filter(|folder| folder.is_dir()) {
            Some(runtime) => builder.tempdir_in(runtime).or_else(|_| builder.tempdir())?,
            None => builder.tempdir()?,
        };
        let path = folder.path().join("log");
        let listener = UnixListener::bind(&path)?;
        Ok(Self {
            listener,
            path,
            _folder: Some(folder),
        })
    }

    /// Makes one at a place that somebody named. What a killed nixlog left there is removed; nothing else
    /// is.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let bound = UnixListener::bind(path);
        let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
        let is_deaf = || {
            // A file that is no socket refuses a connection, too.
            let is_socket = path
                .symlink_metadata()
                .is_ok_and(|metadata| metadata.file_type().is_socket());
            let refused = || UnixStream::connect(path).map_err(|error| error.kind());
            is_socket && matches!(refused(), Err(io::ErrorKind::ConnectionRefused))
        };
        let listener = match bound {
            Err(error) if is_taken(&error) && is_deaf() => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        Ok(Self {
            listener,
            path: path.to_owned(),
            _folder: None,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads whatever connects, each in a thread of its own.
    pub(crate) fn read_each(&self, feed: &Feed) -> io::Result<()> {
        let (connections, feed) = (self.connections()?, feed.clone());
        thread::spawn(move || {
            for stream in connections {
                feed.read_all(stream);
            }
        });
        Ok(())
    }

    /// Iterates over the processes that connect, for ever.
    pub(crate) fn connections(
        &self,
    ) -> io::Result<impl Iterator<Item = UnixStream> + Send + 'static> {
        /// Where too many files are open, one must be closed before the next can be.
        const PAUSE: Duration = Duration::from_millis(100);
        let listener = self.listener.try_clone()?;
        let next = move || match listener.accept() {
            Ok((stream, _)) => Some(stream),
            Err(_) => {
                thread::sleep(PAUSE);
                None
            }
        };
        Ok(std::iter::repeat_with(next).flatten())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}
