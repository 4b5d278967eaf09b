//! Records what comes in through a pipe, in the thread that reads it: what is read is recorded, however
//! slow the terminal is.

use std::ffi::OsStr;

use nixlog_core::recording::{Header, Thinning};
use nixlog_core::time::Stamp;
use nixlog_core::wire::{Carrier, LogReader, is_header};

use crate::archive::recorder::{self, Payloads, Recorder, Tap};
use crate::nix::program::nix_program;

/// A recording of what is read, once something is.
pub(crate) enum Capture {
    /// What has come does not tell what it is wrapped in.
    Waiting(Box<Waiting>),
    /// Nix's own lines, stamped when they came.
    Lines(Recorder, Tap),
    /// Lines that were stamped by somebody else: their stamps count, and what they are wrapped in is
    /// taken off.
    Payloads(Recorder, Payloads, Box<LogReader>),
    /// Nothing is recorded.
    Nothing,
}

/// A recording that has not begun.
pub(crate) struct Waiting {
    header: Header,
    thinning: Thinning,
    /// Finds it out as the reader of the report does, so that both say the same.
    ahead: LogReader,
    /// What has come, and when.
    held: Vec<(Vec<u8>, Stamp)>,
}

impl Capture {
    /// Prepares a recording. What the lines are wrapped in is found out, unless `carrier` says it.
    pub(crate) fn new(header: Header, thinning: Thinning, carrier: Option<Carrier>) -> Self {
        Self::Waiting(Box::new(Waiting {
            header,
            thinning,
            ahead: LogReader::new(carrier),
            held: Vec::new(),
        }))
    }

    /// Takes in whole lines, and when they came.
    pub(crate) fn block(&mut self, block: &[u8], arrival: Stamp) {
        match self {
            Self::Lines(_, tap) => tap.lines(block, arrival),
            Self::Payloads(_, payloads, reader) => {
                reader.payloads(block, Some(arrival), |stamp, line| {
                    payloads.line(stamp, line);
                });
                payloads.hand_on();
            }
            Self::Waiting(waiting) => {
                if waiting.held.is_empty() && is_recording(block) {
                    *self = Self::Nothing;
                    return;
                }
                waiting.ahead.payloads(block, None, |_, _| {});
                waiting.held.push((block.to_vec(), arrival));
                // Lines of people's mostly begin with nothing that could be a stamp: those are recorded
                // at once. Where the first ones do, a build may have printed them; more will tell.
                if waiting.ahead.is_settled() || waiting.ahead.carrier() == Carrier::None {
                    self.begin();
                }
            }
            Self::Nothing => {}
        }
    }

    /// Returns the recording that is to be finished, if there is one.
    pub(crate) fn end(mut self) -> Option<Recorder> {
        self.begin();
        match self {
            Self::Lines(recorder, _) => Some(recorder),
            Self::Payloads(recorder, mut payloads, mut reader) => {
                reader.last_payloads(|stamp, line| payloads.line(stamp, line));
                payloads.hand_on();
                Some(recorder)
            }
            Self::Waiting(_) | Self::Nothing => None,
        }
    }

    /// Begins the recording that the first lines ask for, if it has not begun.
    fn begin(&mut self) {
        let waiting = match std::mem::replace(self, Self::Nothing) {
            Self::Waiting(waiting) if !waiting.held.is_empty() => *waiting,
            other => {
                *self = other;
                return;
            }
        };
        let carrier = waiting.ahead.carrier();
        let (mut header, thinning) = (waiting.header, waiting.thinning);
        // Not before something has come: until then, whoever writes may still be a copy of the shell.
        if let Some((command, cwd)) = recorder::writer_of_stdin() {
            header.command = command;
            header.cwd = cwd;
        }
        *self = if carrier == Carrier::None {
            arriving(header, thinning)
        } else {
            "carrier".clone_into(&mut header.clock);
            header.carrier = Some(waiting.ahead.carriers());
            // When the recording starts, only its first stamp tells.
            let mut ahead = waiting.ahead.again();
            for (block, _) in &waiting.held {
                ahead.payloads(block, None, |_, _| {});
            }
            recorder::set_start(&mut header, ahead.started_at());
            stamped(header, thinning, waiting.ahead.again())
        };
        for (block, arrival) in waiting.held {
            self.block(&block, arrival);
        }
    }
}

/// Begins a recording of lines that are stamped as they arrive.
fn arriving(header: Header, thinning: Thinning) -> Capture {
    let program = nix_program(&header.command).map(OsStr::to_owned);
    let Some(mut recorder) = Recorder::start(header, thinning) else {
        return Capture::Nothing;
    };
    // The settings of this machine are those of a build that runs on it.
    if let Some(program) = program {
        recorder.ask_settings(&program);
    }
    let tap = recorder.tap();
    Capture::Lines(recorder, tap)
}

/// Begins a recording of lines that have stamps.
fn stamped(header: Header, thinning: Thinning, reader: LogReader) -> Capture {
    let Some(recorder) = Recorder::start(header, thinning) else {
        return Capture::Nothing;
    };
    let payloads = Payloads::new(recorder.tap());
    Capture::Payloads(recorder, payloads, Box::new(reader))
}

/// Tells whether a log is a recording already.
pub(crate) fn is_recording(block: &[u8]) -> bool {
    let digits = block
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let line = block[digits..].split(|&byte| byte == b'\n').next();
    let header = line.and_then(|line| line.strip_prefix(b" @nixlog "));
    let text = header.and_then(|header| std::str::from_utf8(header).ok());
    digits > 0 && text.is_some_and(is_header)
}
