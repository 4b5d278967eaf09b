//! Reads a whole log into a timeline, passing on what is read while it comes.
//!
//! One thread reads, decompresses and checks UTF-8; the other scans. On a live stream the reading
//! thread also takes the time, so that a slow terminal does not put it off.

use std::fs;
use std::io::{self, Write as _};
use std::panic::resume_unwind;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nixlog_core::log::{Log, Reading};
use nixlog_core::recording::End;
use nixlog_core::time::{Interval, Stamp};
use nixlog_core::timeline::{Clock, Issue, IssueCode, Source};
use nixlog_core::wire::block::Block;
use nixlog_core::wire::{Carrier, ClockKind, LogReader};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::emulate_default_handler;

use crate::archive::recorder::{self, Recorder};
use crate::archive::runs::Recorded;
use crate::base::arguments::ColorWhen;
use crate::base::clock::{now, unix_nanos};
use crate::base::error::CliError;
use crate::base::held::step_aside;
use crate::base::signals::ignored;
use crate::base::terminal;
use crate::display::{Display, DisplayKind};
use crate::intake::arguments::{InputArgs, WrappingArgs};
use crate::intake::capture::Capture;
use crate::intake::input::{self, FromRun, Input};
use crate::intake::pump::{Next, broken_off, pump};

/// A log that has been read, and what else was done with it.
pub(crate) struct Loaded {
    pub(crate) log: Log,
    /// The recording of what came in live.
    pub(crate) saved: Option<Recorded>,
    /// It came in live, and was no recording already: it can be recorded.
    pub(crate) is_news: bool,
    /// How long reading took: for a live log, as long as the build.
    pub(crate) duration_ns: u64,
}

/// Reads the log that the command line names; records it, where it is one that comes in live. `prepare` may
/// let somebody watch, and the display, where there is one, know more.
pub(crate) fn load(
    args: &InputArgs,
    color: ColorWhen,
    prepare: impl FnOnce(&mut Reading, Option<&mut Display>),
) -> Result<Loaded, CliError> {
    // The recording begins now: opening a live input waits for its first byte, and what Nix does
    // before that is evaluation.
    let (start, started_at) = (Instant::now(), unix_nanos());
    let reader = reader(&args.wrapping)?;
    let opened = input::open(args.input.as_deref())?;
    if opened.live {
        outlive_interrupt();
    }
    let run = opened.run.clone();
    let input = opened.begin()?;
    let live = input.live;
    let (name, compression) = (input.name.clone(), input.compression);
    let mut tee = args.tee.then(|| io::stdout().lock());
    let mut display = (live && !args.quiet && !args.tee).then(|| {
        let color = terminal::color(color, &io::stderr());
        let display = Display::new(DisplayKind::of_stderr(), color);
        match args.print_build_logs {
            true => display.build_logs(true),
            false => display,
        }
    });
    let mut reading = Reading::new(reader);
    prepare(&mut reading, display.as_mut());
    let (mut failure, mut arrivals) = (None, None);
    let capture = match live && !args.save.is_off() {
        true => Capture::new(
            recorder::header("pipe", Vec::new(), started_at),
            args.save.thinning(),
            input::carrier(args.wrapping.carrier.as_deref())?,
        ),
        false => Capture::Nothing,
    };
    let ReadAhead {
        blocks,
        buffers,
        thread,
    } = read_ahead(input, start, capture);
    while let Some(read) = next_block(&blocks, display.as_mut(), start) {
        let (block, arrival) = match read {
            Ok(read) => read,
            Err(error) => {
                failure = Some(error);
                break;
            }
        };
        arrivals = arrival.and_then(|last| {
            let first = arrivals.map_or(last, Interval::start);
            Interval::new(first, last)
        });
        // Whoever reads behind us may leave early; the report does not depend on that.
        tee = tee.and_then(|mut out| {
            out.write_all(block.as_bytes())
                .and_then(|()| out.flush())
                .ok()
                .map(|()| out)
        });
        reading.block(&block, arrival, |line| {
            if let Some(display) = &mut display {
                display.line(line, arrival.unwrap_or_default());
            }
        });
        if let Some(display) = &mut display {
            display.tick(now(start));
        }
        // Once the reading thread has ended, nobody wants the buffer back.
        drop(buffers.send(block.into_buffer()));
    }
    reading.end(|line| {
        if let Some(display) = &mut display {
            display.line(line, now(start));
        }
    });
    let duration_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    if let Some(display) = display {
        display.finish();
    }
    let recorder = recorder_of(thread);
    if live && reading.reader().carrier() == Carrier::None {
        reading.ends_at(Stamp::from_nanos(duration_ns));
    }
    let odd = reading.reader().not_utf8().map_or(0, |lines| lines.count);
    let is_carried = reading.reader().clock_kind() == ClockKind::Carrier;
    let mut log = reading.finish(&name, started_at);
    log.source.compression = compression;
    // Where the lines brought their own times, how long it took to read them is nothing to the build.
    let carried = log.timeline.wall().filter(|_| is_carried);
    let duration_ns = carried.map_or(duration_ns, |wall| wall.end().as_nanos());
    let end = End {
        duration_ns,
        ..End::default()
    };
    let saved = recorder.and_then(|recorder| save(recorder, end, &mut log));
    if saved.is_some() {
        // What was piped in is the last run now: that is how to come back to it.
        log.source.name = "last".to_owned();
    }
    if let Some(error) = failure {
        trouble(&mut log.source, error)?;
    }
    if log.source.bytes == 0 && name == "-" {
        return Err(input::nothing_piped());
    }
    is_text(&log, odd)?;
    replayed(&mut log, arrivals);
    if let Some(run) = run {
        from_run(&mut log.source, run);
    }
    Ok(Loaded {
        is_news: live && log.source.recording.header.is_none(),
        log,
        saved,
        duration_ns,
    })
}

/// Says of a run what its recording cannot.
fn from_run(source: &mut Source, run: FromRun) {
    source.run_name = run.name;
    if run.is_running {
        // It has no end yet, and its last frame may be half there.
        let cut = [IssueCode::RecordingCut, IssueCode::InputCut];
        source.issues.retain(|issue| !cut.contains(&issue.code));
        let message = "this run still goes on: what is here is what it has so far";
        source
            .issues
            .push(Issue::warning(IssueCode::RunUnfinished, message.to_owned()));
    }
}

/// Ends a recording. A log that is none of Nix's is not worth one.
/// From the derivations that were read for it the timeline learns which builds were downloads.
pub(crate) fn save(recorder: Recorder, end: End, log: &mut Log) -> Option<Recorded> {
    if !log.timeline.is_nix() {
        recorder.discard();
        return None;
    }
    let (recorded, graph) = recorder.finish(end);
    log.tell_fixed_outputs(graph);
    recorded
}

/// Makes the reader that the command line asks for.
pub(crate) fn reader(wrapping: &WrappingArgs) -> Result<LogReader, CliError> {
    if let Some(path) = &wrapping.timing {
        let timing = fs::read(path).map_err(|error| {
            CliError::new(format!("cannot read the timing file `{}`", path.display()))
                .because(error)
                .hint("`script --log-timing FILE --log-out TYPESCRIPT` writes it beside the log")
        })?;
        return Ok(LogReader::with_script_timing(&timing));
    }
    Ok(LogReader::new(input::carrier(wrapping.carrier.as_deref())?))
}

/// How often the display is told that time passes.
const TICK: Duration = Duration::from_millis(50);

/// Waits for what is read next, while the display moves.
fn next_block(
    blocks: &Receiver<Read>,
    display: Option<&mut Display>,
    start: Instant,
) -> Option<Read> {
    let Some(display) = display else {
        return blocks.recv().ok();
    };
    loop {
        match blocks.recv_timeout(TICK) {
            Err(RecvTimeoutError::Timeout) => display.tick(now(start)),
            read => return read.ok(),
        }
    }
}

/// A block and when it arrived, or why reading stopped.
type Read = Result<(Block, Option<Stamp>), io::Error>;

/// How many blocks may lie between the two threads.
const AHEAD: usize = 4;

/// A thread that reads.
struct ReadAhead {
    blocks: Receiver<Read>,
    /// Where it wants its buffers back.
    buffers: mpsc::Sender<Vec<u8>>,
    /// Returns the recording of what it read, to be finished.
    thread: JoinHandle<Option<Recorder>>,
}

/// Reads in a thread of its own, and records what it reads.
fn read_ahead(input: Input, start: Instant, mut capture: Capture) -> ReadAhead {
    let (send, blocks) = mpsc::sync_channel(AHEAD);
    let (buffers, recycled) = mpsc::channel();
    let clock = input.live.then_some(start);
    let thread = thread::spawn(move || {
        let read = pump(input.bytes, |block| {
            let arrival = clock.map(now);
            if let Some(arrival) = arrival {
                capture.block(block.as_bytes(), arrival);
            }
            match send.send(Ok((block, arrival))) {
                Ok(()) => Next::Continue(recycled.try_recv().unwrap_or_default()),
                Err(_) => Next::Break(()),
            }
        });
        if let Err(error) = read {
            // Where the other thread has ended, nobody is to be told.
            drop(send.send(Err(error)));
        }
        // So that nobody waits for more while the recording ends.
        drop(send);
        capture.end()
    });
    ReadAhead {
        blocks,
        buffers,
        thread,
    }
}

/// Waits for the thread that reads. If it panics, so does this one: what it has not read is missing.
fn recorder_of(thread: JoinHandle<Option<Recorder>>) -> Option<Recorder> {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// The first Ctrl-C ends the build, which says so in its log: the report is wanted all the more. The
/// second one ends nixlog, and so does any other signal; the terminal is left as it was.
fn outlive_interrupt() {
    let ignored = ignored();
    let caught = [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter();
    let caught = caught.filter(|signal| !ignored.contains(signal));
    // Where signals cannot be caught, Ctrl-C does what it always did. With their origins they are queued:
    // two that come before the thread below runs are still two.
    let Ok(mut signals) = SignalsInfo::<WithOrigin>::new(caught) else {
        return;
    };
    thread::spawn(move || {
        let mut is_first = true;
        for origin in signals.forever() {
            let signal = origin.signal;
            let is_borne = is_first && matches!(signal, SIGINT | SIGTERM);
            is_first = false;
            if !is_borne {
                step_aside();
                // It has a default, which ends us.
                drop(emulate_default_handler(signal));
            }
        }
    });
}

/// What was read before an error still counts; an input of which nothing could be read does not.
fn trouble(source: &mut Source, error: io::Error) -> Result<(), CliError> {
    if source.bytes == 0 {
        let hint = match source.compression {
            Some(format) => format!("the first bytes say {format}: is the file complete?"),
            None => "is it a log of a Nix build?".to_owned(),
        };
        return Err(input::unreadable(&source.name, error).hint(hint));
    }
    source.is_cut = true;
    let broken_off = broken_off("the input", source.bytes, &error);
    let message = format!("{broken_off}; what came before was read");
    source
        .issues
        .push(Issue::warning(IssueCode::InputCut, message));
    Ok(())
}

/// A file that is no text at all is more likely named by mistake than worth a report.
fn is_text(log: &Log, odd: u64) -> Result<(), CliError> {
    let (source, timeline) = (&log.source, &log.timeline);
    let lines = timeline.facts().lines;
    if timeline.facts().events > 0 || !timeline.units().is_empty() || odd * 2 <= lines {
        return Ok(());
    }
    let name = input::quoted(&source.name);
    let why = format!("{name} is not a log: {odd} of its {lines} lines are not text");
    Err(CliError::new(why)
        .hint("nixlog unpacks gzip, zstd, xz and bzip2; unpack anything else first"))
}

/// More lines in a second than any build prints.
const REPLAY_RATE: u128 = 50_000;

/// Fewer lines may well come in one burst.
const REPLAY_LINES: u64 = 100;

/// A stored log that somebody pipes in arrives all at once, and its times of arrival mean nothing.
fn replayed(log: &mut Log, arrivals: Option<Interval>) {
    let (source, timeline) = (&mut log.source, &log.timeline);
    let Some(arrivals) = arrivals.filter(|_| source.clock == Clock::Arrival) else {
        return;
    };
    let lines = timeline.facts().lines;
    let at_most = REPLAY_RATE * u128::from(arrivals.length().get()) / 1_000_000_000;
    if lines > REPLAY_LINES && u128::from(lines) > at_most {
        let message = "all lines arrived at once: if this is a stored log, its times of arrival \
                       mean nothing; name a file with timestamps, or pipe the build in while it runs";
        source
            .issues
            .push(Issue::warning(IssueCode::Replayed, message.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    struct Panics;

    impl io::Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("a decompressor has a bug");
        }
    }

    #[test]
    fn a_panic_is_no_end_of_the_input() {
        let input = Input {
            name: String::new(),
            bytes: Box::new(Panics),
            compression: None,
            live: false,
        };
        let ahead = read_ahead(input, Instant::now(), Capture::Nothing);
        assert!(ahead.blocks.recv().is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(recorder_of(ahead.thread)))).is_err());
    }
}
