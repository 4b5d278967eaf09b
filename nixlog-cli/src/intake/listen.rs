//! Records every Nix that connects to a socket (`json-log-path`), each into a recording of its own.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nixlog_core::recording::End;
use nixlog_core::report::closing::Ending;
use nixlog_core::time::Stamp;
use nixlog_core::timeline::Clock;
use nixlog_core::wire::block::Block;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::archive::recorder::{self, Recorder};
use crate::archive::runs::Recorded;
use crate::base::clock::{now, unix_nanos};
use crate::base::error::CliError;
use crate::base::output;
use crate::display::closing;
use crate::intake::arguments::SaveArgs;
use crate::intake::load;
use crate::intake::pump::{Next, broken_off, pump};
use crate::intake::run;
use crate::intake::socket::Socket;

/// Listens until a signal comes; then ends what is under way, and waits until it is written. `on_saved` is told
/// of each recording.
pub(crate) fn listen(
    path: Option<&Path>,
    save: SaveArgs,
    quiet: bool,
    on_saved: fn(&Recorded),
) -> Result<(), CliError> {
    let socket = match path {
        Some(path) => Socket::at(path),
        None => Socket::own(),
    };
    let socket = socket.map_err(|error| {
        let failed = match path {
            Some(path) => CliError::new(format!("cannot listen on `{}`", path.display())),
            None => CliError::new("cannot make a socket"),
        };
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "the path exists already: name another one",
            _ => "name a path of at most a hundred bytes, in a folder that you may write to",
        };
        failed.because(error).hint(hint)
    })?;
    let failed = |error| CliError::new("cannot catch signals").because(error);
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed)?;
    let connections = socket
        .connections()
        .map_err(|error| CliError::new("cannot listen").because(error))?;
    output::note(&format!(
        "listening on {0}: nix build … --json-log-path {0}, or NIX_CONFIG='json-log-path = {0}'",
        socket.path().display()
    ));
    let under_way = Arc::new(Mutex::new(UnderWay::default()));
    thread::spawn({
        let under_way = Arc::clone(&under_way);
        move || record_each(connections, &under_way, save, quiet, on_saved)
    });
    signals.forever().next();
    // Whoever does not want to wait for what is still written says so again.
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::new(AtomicBool::new(true)))
            .map_err(failed)?;
    }
    drop(socket);
    for thread in end(&under_way) {
        drop(thread.join());
    }
    Ok(())
}

/// The connections under way.
#[derive(Default)]
struct UnderWay {
    /// So that they can be ended.
    streams: HashMap<u64, UnixStream>,
    threads: Vec<JoinHandle<()>>,
    /// Nobody is recorded any more.
    is_over: bool,
}

fn lock(under_way: &Mutex<UnderWay>) -> MutexGuard<'_, UnderWay> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records each connection in a thread of its own, until it is over.
fn record_each(
    connections: impl Iterator<Item = UnixStream>,
    under_way: &Arc<Mutex<UnderWay>>,
    save: SaveArgs,
    quiet: bool,
    on_saved: fn(&Recorded),
) {
    for (number, stream) in (0..).zip(connections) {
        let mut now = lock(under_way);
        if now.is_over {
            return;
        }
        if let Ok(stream) = stream.try_clone() {
            now.streams.insert(number, stream);
        }
        now.threads.retain(|thread| !thread.is_finished());
        let under_way = Arc::clone(under_way);
        now.threads.push(thread::spawn(move || {
            record(stream, save, quiet, on_saved);
            lock(&under_way).streams.remove(&number);
        }));
    }
}

/// Ends all connections; returns the threads that still write what came through them.
fn end(under_way: &Mutex<UnderWay>) -> Vec<JoinHandle<()>> {
    let mut now = lock(under_way);
    now.is_over = true;
    for stream in now.streams.values() {
        // One that has ended needs no end.
        drop(stream.shutdown(Shutdown::Both));
    }
    std::mem::take(&mut now.threads)
}

/// Records one connection to its end.
fn record(stream: UnixStream, save: SaveArgs, quiet: bool, on_saved: fn(&Recorded)) {
    let (start, started_at) = (Instant::now(), unix_nanos());
    let (command, cwd) = recorder::peer(&stream).unwrap_or_default();
    let mut header = recorder::header("socket", command, started_at);
    header.cwd = cwd;
    let Some(recorder) = Recorder::start(header, save.thinning()) else {
        return;
    };
    let tap = recorder.tap();
    let mut reading = run::reading();
    let read = read(stream, |block| {
        let stamp = now(start);
        tap.lines(block.as_bytes(), stamp);
        reading.block(block, Some(stamp), |_| {});
    });
    if let Err(broken_off) = read {
        output::warning(&broken_off);
    }
    let duration_ns = now(start).as_nanos();
    reading.ends_at(Stamp::from_nanos(duration_ns));
    let mut log = reading.finish("last", started_at);
    let end = End {
        duration_ns,
        ..End::default()
    };
    let saved = load::save(recorder, end, &mut log);
    if saved.is_some() && !quiet {
        log.source.clock = Clock::Recorded;
        let ending = Ending::new(duration_ns, None, None);
        closing::say(&log.source, &log.timeline, ending, saved.as_ref());
    }
    if let Some(saved) = &saved {
        on_saved(saved);
    }
}

/// Reads a connection to its end, or says that it did not come.
fn read(stream: impl Read, mut take: impl FnMut(&Block)) -> Result<(), String> {
    let mut n_bytes = 0;
    let read = pump(stream, |block| {
        n_bytes += block.as_bytes().len() as u64;
        take(&block);
        Next::Continue(block.into_buffer())
    });
    read.map_err(|error| {
        let broken_off = broken_off("a connection", n_bytes, &error);
        format!("{broken_off}; what came before was recorded")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::pump::tests::Breaks;

    #[test]
    fn a_connection_that_breaks_off_is_told_of() {
        let mut taken = Vec::new();
        let read = read(Breaks(b"one\nhalf"), |block| {
            taken.extend_from_slice(block.as_bytes());
        });
        let said = "a connection breaks off after 8 bytes (connection reset); what came before was recorded";
        assert_eq!((read, &*taken), (Err(said.to_owned()), &b"one\nhalf"[..]));
    }
}
