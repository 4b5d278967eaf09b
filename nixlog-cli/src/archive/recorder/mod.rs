//! Writes a recording while a build runs.
//!
//! Whoever reads the log hands in lines as they come ([`Tap`]); a thread of its own compresses and
//! writes them, at least once a second. A recording that cannot be written costs one warning;
//! one that is written slower than the build prints holds it up once 8 MiB wait.

mod checkout;
mod derivations;
mod host;
mod named;
mod payloads;
mod secrets;
mod whole;

pub(crate) use host::{header, peer, set_start, writer_of_stdin};
pub(crate) use payloads::Payloads;
pub(crate) use whole::{Packed, keep, keep_copy, pack};

use std::ffi::OsStr;
use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nixlog_core::graph::GraphBuilder;
use nixlog_core::recording::{End, Header, PathInfoRecord, Pending, SideLine, Thinning};
use nixlog_core::time::Stamp;

use crate::archive::frames::Frames;
use crate::archive::runs::{self, NewRun, Place, Recorded};
use crate::base::output;
use crate::nix::database::Database;
use crate::nix::settings;
use crate::nix::store::Store;
use derivations::{DerivationReader, Wanted};
use named::Named;

/// Lines are written when the first of them has waited for so long: a kill costs less than a second.
const DELAY: Duration = Duration::from_millis(700);

/// So much is written at once, without waiting.
const FRAME: usize = 1 << 20;

/// Where the disk is too slow for the log, so much waits for it; then the log waits, too.
const FULL: usize = 8 << 20;

/// A recording under way.
pub(crate) struct Recorder {
    id: String,
    shared: Arc<Shared>,
    writer: JoinHandle<(NewRun, Option<Frames>)>,
    /// None once it has ended.
    derivations: Option<DerivationReader>,
    named: Arc<Mutex<Named>>,
    /// Asks Nix what it is set to.
    settings: Option<JoinHandle<()>>,
}

/// Takes in lines of the log; there may be several.
#[derive(Clone)]
pub(crate) struct Tap {
    shared: Arc<Shared>,
    named: Arc<Mutex<Named>>,
    wanted: Option<Sender<Wanted>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write.
    work: Condvar,
    /// There is room again.
    room: Condvar,
}

#[derive(Default)]
struct State {
    pending: Pending,
    /// When the first of the pending lines came.
    oldest: Option<Instant>,
    /// The recording ends, or cannot be written: nothing more is taken in.
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with the lock left whole lines behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to what is pending, and wakes the writer where it should not sleep on.
    fn add(&self, add: impl FnOnce(&mut Pending)) {
        let mut state = self.lock();
        while state.pending.len() >= FULL && !state.ended {
            let woken = self.room.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended {
            return;
        }
        add(&mut state.pending);
        let is_first = state.oldest.is_none();
        state.oldest.get_or_insert_with(Instant::now);
        if is_first || state.pending.len() >= FRAME {
            self.work.notify_one();
        }
    }
}

impl Recorder {
    /// Begins a recording in the folder of runs. Where that cannot be, says so once, and returns none.
    pub(crate) fn start(header: Header, thinning: Thinning) -> Option<Self> {
        Self::create(header, thinning)
            .inspect_err(not_recorded)
            .ok()
    }

    /// Begins a recording in the folder of runs.
    pub(crate) fn create(header: Header, thinning: Thinning) -> io::Result<Self> {
        let run = Place::find()?.create()?;
        let frames = run.file.try_clone().and_then(Frames::new)?;
        Ok(Self::begin(header, thinning, run, frames))
    }

    fn begin(mut header: Header, thinning: Thinning, run: NewRun, frames: Frames) -> Self {
        let id = run.id.to_string();
        header.id = Some(id.clone());
        // Where a log was made elsewhere, what is checked out here says nothing.
        if header.host.is_some() {
            checkout::describe(&mut header);
        }
        let shared = Arc::new(Shared::default());
        shared.lock().pending = Pending::new(thinning);
        let header = SideLine::Header(Box::new(header));
        shared.add(|pending| pending.side(&header));
        let writer = thread::spawn({
            let shared = Arc::clone(&shared);
            move || write(&shared, run, frames)
        });
        let derivations = DerivationReader::start({
            let shared = Arc::clone(&shared);
            move |sides| shared.add(|pending| pending.written_sides(&sides))
        });
        let named = Arc::new(Mutex::new(Named::default()));
        Self {
            id,
            shared,
            writer,
            derivations: Some(derivations),
            named,
            settings: None,
        }
    }

    /// Asks the Nix that belongs to a program what it is set to, while the build runs.
    pub(crate) fn ask_settings(&mut self, program: &OsStr) {
        let (nix, tap) = (settings::nix_beside(program), self.tap());
        self.settings = Some(thread::spawn(move || {
            if let Some(settings) = settings::settings(&nix) {
                tap.side(&SideLine::Settings(settings));
            }
        }));
    }

    /// Returns what takes in the lines of the log.
    pub(crate) fn tap(&self) -> Tap {
        Tap {
            shared: Arc::clone(&self.shared),
            named: Arc::clone(&self.named),
            wanted: self.derivations.as_ref().map(DerivationReader::wanted),
        }
    }

    /// Adds what the substituted paths refer to, now that the store knows them.
    fn references(&self) {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let mut paths: Vec<&str> = named.substituted().iter().map(String::as_str).collect();
        if paths.is_empty() {
            return;
        }
        paths.sort_unstable();
        // A store whose database nobody may read leaves the recording without them.
        let database = Database::open(&Store::find(None).database());
        let Ok(infos) = database.and_then(|database| database.path_infos(paths)) else {
            return;
        };
        for info in infos {
            let side = SideLine::PathInfo(PathInfoRecord {
                path: info.path,
                nar_bytes: info.nar_bytes,
                references: info.references,
                deriver: info.deriver,
            });
            self.shared.add(|pending| pending.side(&side));
        }
    }

    /// Ends the recording, and prunes those of old runs. What could not be written was told already; then
    /// there is none. The derivations that were read for it come back in any case.
    pub(crate) fn finish(mut self, end: End) -> (Option<Recorded>, GraphBuilder) {
        self.references();
        let derivations = self.derivations.take();
        let graph = derivations.map(DerivationReader::finish);
        (self.complete(end), graph.unwrap_or_default())
    }

    fn complete(self, mut end: End) -> Option<Recorded> {
        let id = self.id.clone();
        let (run, frames, shared) = self.stop()?;
        // A writer that gave up has said why. Where not even the header was written, nothing is left.
        let Some(mut frames) = frames else {
            if run
                .file
                .metadata()
                .is_ok_and(|metadata| metadata.len() == 0)
            {
                run.discard();
            }
            return None;
        };
        let mut pending = Pending::new(Thinning::Off);
        {
            let state = shared.lock();
            end.thinned = state.pending.thinned();
            end.unterminated = state.pending.is_unterminated();
            pending.at(state.pending.last().max(Stamp::from_nanos(end.duration_ns)));
        }
        pending.side(&SideLine::End(end));
        let mut text = Vec::new();
        pending.take(&mut text);
        let complete = || {
            frames.last_frame(&text)?;
            let bytes = frames.length();
            let (path, file) = run.complete()?;
            Ok(Recorded {
                id,
                path,
                bytes,
                file: Some(file),
            })
        };
        let recorded = complete().inspect_err(not_recorded).ok();
        recorded.inspect(runs::prune_after_saving)
    }

    /// Ends a recording that nobody wants, and removes it.
    pub(crate) fn discard(self) {
        if let Some((run, ..)) = self.stop() {
            run.discard();
        }
    }

    /// Waits until all is written.
    fn stop(self) -> Option<(NewRun, Option<Frames>, Arc<Shared>)> {
        if let Some(derivations) = self.derivations {
            derivations.finish();
        }
        if let Some(settings) = self.settings {
            // Without an answer, the recording does without.
            drop(settings.join());
        }
        self.shared.lock().ended = true;
        self.shared.work.notify_one();
        let (run, frames) = self.writer.join().ok()?;
        Some((run, frames, self.shared))
    }
}

impl Tap {
    /// Takes in whole lines of the log, which came at a time.
    pub(crate) fn lines(&self, block: &[u8], stamp: Stamp) {
        self.shared.add(|pending| pending.lines(block, stamp));
        if let Some(wanted) = &self.wanted {
            let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
            named.look(block, |derivation| {
                // The reader has ended with the recording.
                drop(wanted.send(Wanted::Path(derivation)));
            });
        }
    }

    /// Takes in a side line.
    pub(crate) fn side(&self, side: &SideLine<'_>) {
        self.shared.add(|pending| pending.side(side));
    }
}

/// Writes what is pending, until the recording ends. Returns the run, and the file as long as it can be
/// written.
fn write(shared: &Shared, run: NewRun, mut frames: Frames) -> (NewRun, Option<Frames>) {
    /// Without a writer, nobody is to wait for room: not even where it panicked.
    struct Gone<'a>(&'a Shared);
    impl Drop for Gone<'_> {
        fn drop(&mut self) {
            self.0.lock().ended = true;
            self.0.room.notify_all();
        }
    }
    let _gone = Gone(shared);
    let mut text = Vec::new();
    // The header at once, so that a run can be seen from its start.
    let mut delay = Duration::ZERO;
    while shared.next(delay, &mut text) {
        if let Err(error) = frames.frame(&text) {
            not_recorded(&error);
            return (run, None);
        }
        frames.sync();
        delay = DELAY;
        // One line of many megabytes needs no buffer for the rest of a long build.
        if text.capacity() > FULL {
            text = Vec::new();
        }
    }
    (run, Some(frames))
}

impl Shared {
    /// Waits until there is something to write, and moves it to `text`; `false` at the end.
    fn next(&self, delay: Duration, text: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        loop {
            let waited = state.oldest.map(|oldest| oldest.elapsed());
            let is_due = waited.is_some_and(|waited| waited >= delay);
            if state.ended || is_due || state.pending.len() >= FRAME {
                break;
            }
            let rest = waited.map(|waited| delay.saturating_sub(waited));
            state = match rest {
                Some(rest) => {
                    let woken = self.work.wait_timeout(state, rest);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let woken = self.work.wait(state);
                    woken.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
        state.pending.take(text);
        state.oldest = None;
        self.room.notify_all();
        !text.is_empty()
    }
}

/// Says that there will be no recording, and that this does not matter for anything else.
fn not_recorded(error: &io::Error) {
    output::warning(&format!(
        "the recording stops here: {error}; the build and the report go on (`NIXLOG_DIR` sets another folder, `--no-save` records nothing)"
    ));
}
