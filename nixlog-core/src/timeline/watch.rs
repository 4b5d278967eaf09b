//! Watching while a log is read: the timeline keeps how many lines builds had, and when evaluation was at
//! work, and not one of the lines that say so.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::json_str::JsonStr;
use crate::time::Stamp;
use crate::wire::ansi;
use crate::wire::message::Note;

/// A line of a build's own log.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BuildLine<'a> {
    /// Which build it is of: as in [`Unit::activity`](super::Unit::activity).
    pub build: u32,
    /// The derivation, or as much of its name as is known by now.
    pub drv: &'a str,
    /// When it came; `None` without timestamps.
    pub at: Option<Stamp>,
    /// The place of the line in its build's log, from 1.
    pub number: u64,
    /// The line.
    pub text: LineText<'a>,
}

/// The text of a line.
#[derive(Debug, Clone, Copy)]
pub enum LineText<'a> {
    /// The inside of a JSON string.
    Quoted(JsonStr<'a>),
    /// As it is.
    Plain(&'a str),
}

impl<'a> LineText<'a> {
    /// Returns the line, as the builder wrote it.
    #[must_use]
    pub fn decode(self) -> Cow<'a, str> {
        match self {
            Self::Quoted(text) => text.decode(),
            Self::Plain(text) => Cow::Borrowed(text),
        }
    }

    /// Returns the line as a terminal shows it, without color: what stands before a carriage return is
    /// overwritten by what comes behind it.
    #[must_use]
    pub fn plain(self) -> Cow<'a, str> {
        let shown = |text: &str| {
            let text = text.trim_end_matches('\r');
            text.rfind('\r').map_or(0, |at| at + 1)..text.len()
        };
        match self.decode() {
            Cow::Borrowed(text) => ansi::strip(&text[shown(text)]),
            Cow::Owned(text) => Cow::Owned(ansi::strip(&text[shown(&text)]).into_owned()),
        }
    }

    /// Returns the line as the log has it, which may have escapes in it: cheap, to look at lines most of
    /// which do not matter.
    #[must_use]
    pub const fn raw(self) -> &'a str {
        match self {
            Self::Quoted(text) => text.raw(),
            Self::Plain(text) => text,
        }
    }
}

/// A builder phase that begins.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PhaseBegins<'a> {
    /// Which build it is of.
    pub build: u32,
    /// The phase's name.
    pub name: &'a str,
    /// When it began; `None` without timestamps.
    pub at: Option<Stamp>,
}

/// Whoever watches the logs of builds.
pub trait WatchBuilds: fmt::Debug + Send {
    /// Takes in a line.
    fn line(&mut self, line: &BuildLine<'_>);

    /// Is told that a builder phase begins. The same phase may be told twice: by Nix, and by a line of
    /// stdenv.
    fn phase(&mut self, _phase: &PhaseBegins<'_>) {}

    /// Is told that a build failed, and what the message calls it: the derivation, an output of it, or
    /// nothing at all.
    fn failed(&mut self, _subject: Option<&str>) {}
}

/// What the evaluator says of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvaluatorSign<'a> {
    /// It begins with a file (`-v`; in Lix `-vvv`).
    File(&'a str),
    /// It made a derivation (`-vv`).
    Instantiated {
        /// The derivation's name.
        name: &'a str,
        /// Its `.drv`.
        drv: &'a str,
    },
    /// It has copied a source into the store.
    Copied {
        /// What was copied.
        source: &'a str,
        /// The store path that it became.
        path: &'a str,
    },
    /// It has copied a large source into the store (`warn-large-path-threshold`).
    CopiedLarge {
        /// What was copied.
        source: &'a str,
        /// How large it is.
        bytes: u64,
    },
    /// It needs the output of a derivation before it goes on (`trace-import-from-derivation`).
    Import {
        /// The derivation.
        drv: &'a str,
    },
    /// It warns: all that it says.
    Warning(&'a str),
    /// An attribute came from the evaluation cache, or did not (`-vvv`).
    Attribute {
        /// It did.
        is_cached: bool,
    },
    /// What it evaluates has changes that no revision has, so that nothing of it is cached.
    DirtyTree,
    /// A function was entered or left (`trace-function-calls`).
    Call {
        /// Entered, else left.
        entered: bool,
        /// Where the call stands.
        position: &'a str,
        /// When, in nanoseconds since the Unix epoch.
        epoch_ns: u64,
    },
}

impl<'a> EvaluatorSign<'a> {
    /// Reads a message; `text` is all of it.
    pub(super) fn of(note: &Note<'a>, text: &'a str) -> Option<Self> {
        Some(match *note {
            Note::EvaluatingFile { path } => Self::File(path),
            Note::Instantiated { name, drv } => Self::Instantiated { name, drv },
            Note::CopiedSource { source, path } => Self::Copied { source, path },
            Note::CopiedLargePath { source, bytes } => Self::CopiedLarge { source, bytes },
            Note::ImportFromDerivation { drv } => Self::Import { drv },
            Note::EvaluationWarning => Self::Warning(text),
            Note::UsingEvalCache { .. } => Self::Attribute { is_cached: true },
            Note::EvaluatingAttribute { .. } => Self::Attribute { is_cached: false },
            Note::DirtyTree => Self::DirtyTree,
            Note::FunctionTrace {
                entered,
                position,
                epoch_ns,
            } => Self::Call {
                entered,
                position,
                epoch_ns,
            },
            _ => return None,
        })
    }
}

/// Whoever watches the evaluator.
pub trait WatchEvaluation: fmt::Debug + Send {
    /// Takes in what it says of its work, and when that came; `None` without timestamps.
    fn sign(&mut self, sign: &EvaluatorSign<'_>, at: Option<Stamp>);

    /// Takes in a line of the log that is no event: statistics are printed past the logger.
    fn text(&mut self, _line: &str) {}
}

/// Somebody who watches, to be had back when the log has been read.
#[derive(Debug, Default)]
pub struct Watched<T>(Arc<Mutex<T>>);

impl<T> Watched<T> {
    /// Lets somebody watch.
    pub fn new(watcher: T) -> Self {
        Self(Arc::new(Mutex::new(watcher)))
    }

    /// Returns who watches, to be looked at in between.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        // What a watcher knows is known, whoever panicked with it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Watched<T> {
    /// Returns who watched. What comes later is not seen any more.
    #[must_use]
    pub fn take(self) -> T {
        std::mem::take(&mut *self.lock())
    }
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: WatchBuilds> WatchBuilds for Watched<T> {
    fn line(&mut self, line: &BuildLine<'_>) {
        self.lock().line(line);
    }

    fn phase(&mut self, phase: &PhaseBegins<'_>) {
        self.lock().phase(phase);
    }

    fn failed(&mut self, subject: Option<&str>) {
        self.lock().failed(subject);
    }
}

impl<T: WatchEvaluation> WatchEvaluation for Watched<T> {
    fn sign(&mut self, sign: &EvaluatorSign<'_>, at: Option<Stamp>) {
        self.lock().sign(sign, at);
    }

    fn text(&mut self, line: &str) {
        self.lock().text(line);
    }
}
