//! Reads derivations as soon as the log names them, then what they need, so that a recording keeps
//! what depends on what when the store forgets it.
//!
//! A `.drv` file's path is its content's address: each path is read once.

use std::collections::HashSet;
use std::env;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use nixlog_core::drv::Derivation;
use nixlog_core::graph::GraphBuilder;
use nixlog_core::recording::{DerivationRecord, SideLine};
use nixlog_core::store_path::base_name;
use rustix::fs::OFlags;

/// So many are handed on at once: the log's own lines get their turn in between.
const BATCH: usize = 64;

/// What the thread is asked for.
pub(super) enum Wanted {
    /// The derivation at this path, and all that it needs.
    Path(String),
    /// Nothing more.
    End,
}

/// Reads derivations in a thread of its own.
pub(super) struct DerivationReader {
    wanted: Sender<Wanted>,
    thread: JoinHandle<GraphBuilder>,
}

impl DerivationReader {
    /// Starts reading; `write` takes side lines without stamp and line feed.
    pub(super) fn start(write: impl Fn(Vec<Vec<u8>>) + Send + 'static) -> Self {
        let (wanted, paths) = mpsc::channel();
        let thread = thread::spawn(move || read(&paths, &write));
        Self { wanted, thread }
    }

    /// Returns where paths of derivations are taken.
    pub(super) fn wanted(&self) -> Sender<Wanted> {
        self.wanted.clone()
    }

    /// Waits until all that was wanted is read; returns what it was.
    pub(super) fn finish(self) -> GraphBuilder {
        // Where it has ended before, it is not to be waited for.
        drop(self.wanted.send(Wanted::End));
        // A reader that panicked has nothing to say.
        self.thread.join().unwrap_or_default()
    }
}

/// Reads a file that the log names. A build prints what it likes: a pipe would never end, and a device
/// could be anything.
fn content(path: &Path) -> Option<Vec<u8>> {
    /// The largest `.drv` files have some megabytes.
    const MOST: u64 = 64 << 20;
    // Without waiting for a pipe's other end.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).ok()?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MOST {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn read(paths: &Receiver<Wanted>, write: &dyn Fn(Vec<Vec<u8>>)) -> GraphBuilder {
    let mut graph = GraphBuilder::default();
    let store = env::var_os("NIX_STORE_DIR").map(PathBuf::from);
    let mut seen = HashSet::new();
    while let Ok(Wanted::Path(path)) = paths.recv() {
        let mut wanted = vec![path];
        let mut sides = Vec::new();
        while let Some(path) = wanted.pop() {
            if !seen.insert(path.clone()) {
                continue;
            }
            let file = match &store {
                Some(store) => store.join(base_name(&path)),
                None => PathBuf::from(&path),
            };
            // What the store does not have, or nobody may read, is missing in the recording, too.
            let Some(bytes) = content(&file) else {
                continue;
            };
            let Ok(derivation) = Derivation::parse(&bytes) else {
                continue;
            };
            wanted.extend(
                derivation
                    .inputs
                    .iter()
                    .map(|input| input.path.to_text().into_owned()),
            );
            graph.add_derivation(&path, &derivation);
            let mut side = Vec::with_capacity(bytes.len() + bytes.len() / 4);
            let record = SideLine::Derivation(DerivationRecord::new(path.as_str(), &bytes));
            if record.write(&mut side).is_ok() {
                sides.push(side);
            }
            if sides.len() >= BATCH {
                write(std::mem::take(&mut sides));
            }
        }
        if !sides.is_empty() {
            write(sides);
        }
    }
    graph
}
