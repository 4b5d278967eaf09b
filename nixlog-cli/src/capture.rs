//! Records what comes in through a pipe, in the thread that reads it: what is read is recorded, however
//! slow the terminal is.

use std::ffi::OsStr;

use nixlog_core::recording::Header;
use nixlog_core::time::Stamp;
use nixlog_core::wire::carrier::detect::detect;
use nixlog_core::wire::{Carrier, LogReader};

use crate::recorder::{self, Options, Recorder, Tap};
use crate::run::plan::nix_program;

/// A recording of what is read, once something is.
pub(crate) enum Capture {
    /// Nothing has come yet.
    Waiting {
        header: Box<Header>,
        options: Options,
        carrier: Option<Carrier>,
    },
    /// Nix's own lines, stamped when they came.
    Lines(Recorder, Tap),
    /// Lines that were stamped by somebody else: their stamps count, and what they are wrapped in is
    /// taken off.
    Payloads(Recorder, Tap, Box<LogReader>),
    /// Nothing is recorded.
    Nothing,
}

impl Capture {
    /// Prepares a recording. What the lines are wrapped in is found out, unless `carrier` says it.
    pub(crate) fn new(header: Header, options: Options, carrier: Option<Carrier>) -> Self {
        Self::Waiting {
            header: Box::new(header),
            options,
            carrier,
        }
    }

    /// Takes in whole lines, and when they came.
    pub(crate) fn block(&mut self, block: &[u8], arrival: Stamp) {
        if matches!(self, Self::Waiting { .. }) {
            self.begin(block);
        }
        match self {
            Self::Lines(_, tap) => tap.lines(block, arrival),
            Self::Payloads(_, tap, reader) => {
                reader.payloads(block, Some(arrival), |stamp, line| {
                    payload(tap, stamp, line);
                });
            }
            Self::Waiting { .. } | Self::Nothing => {}
        }
    }

    /// Returns the recording that is to be finished, if there is one.
    pub(crate) fn end(self) -> Option<Recorder> {
        match self {
            Self::Lines(recorder, _) => Some(recorder),
            Self::Payloads(recorder, tap, mut reader) => {
                reader.last_payloads(|stamp, line| payload(&tap, stamp, line));
                Some(recorder)
            }
            Self::Waiting { .. } | Self::Nothing => None,
        }
    }

    /// Looks at the first lines, and begins the recording that they ask for.
    fn begin(&mut self, block: &[u8]) {
        let Self::Waiting {
            header,
            options,
            carrier,
        } = std::mem::replace(self, Self::Nothing)
        else {
            return;
        };
        if is_recording(block) {
            return;
        }
        let carrier = carrier.unwrap_or_else(|| {
            let found = detect(block);
            // Numbers at the start of lines are a build's own, until a line of Nix's says otherwise.
            if found.sure {
                found.carrier
            } else {
                Carrier::None
            }
        });
        let mut header = *header;
        if carrier == Carrier::None {
            let program = nix_program(&header.command).map(OsStr::to_owned);
            *self = match Recorder::start(header, options) {
                Some(mut recorder) => {
                    // The settings of this machine are those of a build that runs on it.
                    if let Some(program) = program {
                        recorder.ask_settings(&program);
                    }
                    let tap = recorder.tap();
                    Self::Lines(recorder, tap)
                }
                None => Self::Nothing,
            };
            return;
        }
        "carrier".clone_into(&mut header.clock);
        header.carrier = Some(carrier.name().to_owned());
        // When the recording starts, only its first stamp tells: a reader of its own looks ahead.
        let mut ahead = LogReader::new(Some(carrier));
        ahead.payloads(block, None, |_, _| {});
        recorder::set_start(&mut header, ahead.started_at());
        *self = match Recorder::start(header, options) {
            Some(recorder) => {
                let tap = recorder.tap();
                Self::Payloads(recorder, tap, Box::new(LogReader::new(Some(carrier))))
            }
            None => Self::Nothing,
        };
    }
}

/// Takes in one line as it was in its wrapping. One without a time has that of the line before.
pub(crate) fn payload(tap: &Tap, stamp: Option<Stamp>, line: &[u8]) {
    let line = [line, b"\n"].concat();
    tap.lines(&line, stamp.unwrap_or(Stamp::ZERO));
}

/// Tells whether a log is a recording already.
pub(crate) fn is_recording(block: &[u8]) -> bool {
    let digits = block
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    digits > 0 && block[digits..].starts_with(b" @nixlog {\"type\":\"header\",")
}
