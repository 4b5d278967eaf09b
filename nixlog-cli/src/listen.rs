//! Records every Nix that connects to a socket (`json-log-path`), each into a recording of its own.

use std::collections::HashMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nixlog_core::recording::End;
use nixlog_core::report::document::Ending;
use nixlog_core::timeline::Source;
use nixlog_core::wire::block::Blocks;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cli::SaveArgs;
use crate::error::CliError;
use crate::recorder::{self, Options, Recorder};
use crate::run::source::{Socket, now};
use crate::run::{self, closing};
use crate::{load, output};

/// The connections under way, so that they can be ended.
type Open = Arc<Mutex<HashMap<u64, UnixStream>>>;

/// Listens until a signal comes; then ends what is under way, and waits until it is written.
pub(crate) fn listen(path: Option<&Path>, save: SaveArgs, quiet: bool) -> Result<(), CliError> {
    let socket = match path {
        Some(path) => Socket::at(path),
        None => Socket::own(),
    };
    let socket = socket.map_err(|error| {
        let failed = match path {
            Some(path) => CliError::new(format!("cannot listen on `{}`", path.display())),
            None => CliError::new("cannot make a socket"),
        };
        failed
            .because(error)
            .hint("name a path of at most a hundred bytes, in a folder that you may write to")
    })?;
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| CliError::new("cannot catch signals").because(error))?;
    output::note(&format!(
        "listening on {0}: nix build … --json-log-path {0}, or NIX_CONFIG='json-log-path = {0}'",
        socket.path().display()
    ));
    let socket = Arc::new(socket);
    let open = Open::default();
    let threads: Arc<Mutex<Vec<JoinHandle<()>>>> = Arc::default();
    thread::spawn({
        let (socket, open, threads) =
            (Arc::clone(&socket), Arc::clone(&open), Arc::clone(&threads));
        move || {
            for number in 0.. {
                let Ok(stream) = socket.accept() else {
                    continue;
                };
                if let Ok(stream) = stream.try_clone() {
                    lock(&open).insert(number, stream);
                }
                let open = Arc::clone(&open);
                let thread = thread::spawn(move || {
                    record(stream, save, quiet);
                    lock(&open).remove(&number);
                });
                let mut threads = lock(&threads);
                threads.retain(|thread| !thread.is_finished());
                threads.push(thread);
            }
        }
    });
    signals.forever().next();
    drop(std::fs::remove_file(socket.path()));
    for stream in lock(&open).values() {
        // One that has ended needs no end.
        drop(stream.shutdown(Shutdown::Both));
    }
    let threads = std::mem::take(&mut *lock(&threads));
    for thread in threads {
        drop(thread.join());
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records one connection to its end.
fn record(stream: UnixStream, save: SaveArgs, quiet: bool) {
    let (start, started_at) = (Instant::now(), recorder::unix_nanos());
    let (command, cwd) = recorder::peer(&stream).unwrap_or_default();
    let mut header = recorder::header("socket", command, started_at);
    header.cwd = cwd;
    let Some(recorder) = Recorder::start(header, Options::new(save)) else {
        return;
    };
    let tap = recorder.tap();
    let mut session = run::session();
    let mut blocks = Blocks::new(stream);
    let mut buffer = Vec::new();
    while let Ok(Some(block)) = blocks.next_block(buffer) {
        let stamp = now(start);
        tap.lines(block.as_bytes(), stamp);
        session.block(&block, Some(stamp), |_| {});
        buffer = block.into_buffer();
    }
    let duration_ns = now(start).as_nanos();
    session.end(|_| {});
    let (mut timeline, reader, ..) = session.finish();
    let end = End {
        duration_ns,
        ..End::default()
    };
    let saved = load::save(recorder, end, &mut timeline);
    if saved.is_some() && !quiet {
        let mut source = Source::new("last", &reader, started_at);
        source.clock = "recorded";
        let ending = Ending::new(duration_ns, None, None);
        closing::say(&source, &timeline, ending, saved.as_ref());
    }
}
