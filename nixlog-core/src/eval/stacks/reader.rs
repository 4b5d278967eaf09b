//! From blocks of bytes to lines, and from lines to calls.

use super::function_calls::FunctionCalls;
use super::samples::Samples;
use super::texts::Texts;
use super::{Sink, Unit};

/// The longest line that is read. Nix stops at ten thousand calls within each other, of about a hundred bytes.
const LONGEST: usize = 16 << 20;

/// How a profile is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// One stack a line, `FRAME;FRAME;… COUNT`: Nix's sampling profiler, and whatever folds stacks.
    Samples,
    /// The lines of `--trace-function-calls`, bare, in messages of the internal JSON, or behind stamps.
    FunctionCalls,
}

impl Kind {
    /// Tells how a profile is written by its first block.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        let traced = [&b"function-trace entered "[..], b"function-trace exited "]
            .into_iter()
            .any(|word| memchr::memmem::find(start, word).is_some());
        if traced {
            Self::FunctionCalls
        } else {
            Self::Samples
        }
    }
}

/// What is known of a profile besides its costs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// What costs are counted in.
    pub unit: Unit,
    /// How many lines were read in all.
    pub lines: u64,
    /// How many of them are stacks, or calls that begin.
    pub stacks: u64,
    /// How many calls the deepest stack has.
    pub depth: usize,
    /// How many distinct frames there are.
    pub frames: usize,
    /// How many lines could not be read as part of the profile. In the log of an evaluation whose calls were
    /// traced other lines are no fault, and do not count.
    pub bad_lines: u64,
    /// The number of the first of them, from 1.
    pub first_bad_line: Option<u64>,
    /// How many traced calls an error ended, so that no line says when: they count up to the end of the call that
    /// made them.
    pub unwound: u64,
    /// How many traced calls had not ended when the log did: they count up to its last stamp.
    pub open: u64,
    /// How often the clock of the trace went backwards: no time passed then.
    pub clock_went_back: u64,
}

/// Reads a profile in blocks, which may be cut anywhere.
#[derive(Debug)]
pub struct Reader<S> {
    lines: Lines<S>,
    /// The begin of a line that the last block cut.
    cut: Vec<u8>,
    /// The rest of a line is passed over, since it is too long.
    is_passing_over: bool,
}

impl<S: Sink> Reader<S> {
    /// Begins to read.
    pub fn new(kind: Kind, sink: S) -> Self {
        let (unit, state) = match kind {
            Kind::Samples => (Unit::Samples, State::Samples(Samples::default())),
            Kind::FunctionCalls => (
                Unit::Nanoseconds,
                State::FunctionCalls(FunctionCalls::default()),
            ),
        };
        let calls = Calls {
            sink,
            frames: Texts::default(),
            spent: 0,
            depth: 0,
            facts: Facts {
                unit,
                lines: 0,
                stacks: 0,
                depth: 0,
                frames: 0,
                bad_lines: 0,
                first_bad_line: None,
                unwound: 0,
                open: 0,
                clock_went_back: 0,
            },
        };
        Self {
            lines: Lines { state, calls },
            cut: Vec::new(),
            is_passing_over: false,
        }
    }

    /// Reads the next block.
    pub fn feed(&mut self, block: &[u8]) {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', block) {
            self.end_of_line(&block[from..end]);
            from = end + 1;
        }
        let rest = &block[from..];
        if self.cut.len() + rest.len() > LONGEST {
            self.is_passing_over = true;
            self.cut = Vec::new();
        }
        if !self.is_passing_over {
            self.cut.extend_from_slice(rest);
        }
    }

    /// Returns what was made of it.
    pub fn finish(mut self) -> S::Result {
        if self.is_passing_over || !self.cut.is_empty() {
            self.end_of_line(b"");
        }
        self.lines.finish()
    }

    /// Reads the line that ends with these bytes.
    fn end_of_line(&mut self, rest: &[u8]) {
        if std::mem::take(&mut self.is_passing_over) || self.cut.len() + rest.len() > LONGEST {
            self.cut.clear();
            self.lines.too_long();
        } else if self.cut.is_empty() {
            self.lines.line(rest);
        } else {
            self.cut.extend_from_slice(rest);
            self.lines.line(&self.cut);
            self.cut.clear();
        }
    }
}

#[derive(Debug)]
struct Lines<S> {
    state: State,
    calls: Calls<S>,
}

#[derive(Debug)]
enum State {
    Samples(Samples),
    FunctionCalls(FunctionCalls),
}

impl<S: Sink> Lines<S> {
    fn line(&mut self, line: &[u8]) {
        self.calls.facts.lines += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let read = match &mut self.state {
            State::Samples(samples) => line.is_empty() || samples.line(line, &mut self.calls),
            State::FunctionCalls(traced) => traced.line(line, &mut self.calls),
        };
        if !read {
            self.calls.bad();
        }
    }

    fn too_long(&mut self) {
        self.calls.facts.lines += 1;
        self.calls.bad();
    }

    fn finish(self) -> S::Result {
        let mut calls = self.calls;
        if let State::FunctionCalls(_) = self.state {
            calls.facts.open = calls.depth as u64;
        }
        while calls.depth > 0 {
            calls.pop();
        }
        calls.facts.frames = calls.frames.len();
        calls.sink.finish(&calls.frames, calls.facts)
    }
}

/// The calls that go on, and where they are told to.
#[derive(Debug)]
pub(super) struct Calls<S> {
    sink: S,
    frames: Texts,
    spent: u64,
    depth: usize,
    pub(super) facts: Facts,
}

impl<S: Sink> Calls<S> {
    /// Returns the number of a frame.
    pub(super) fn frame(&mut self, text: &[u8]) -> u32 {
        self.frames.number(text)
    }

    /// A call begins.
    pub(super) fn push(&mut self, frame: u32) {
        self.depth += 1;
        self.facts.depth = self.facts.depth.max(self.depth);
        self.sink.push(frame, &self.frames);
    }

    /// The innermost call ends.
    pub(super) fn pop(&mut self) {
        self.depth -= 1;
        self.sink.pop();
    }

    /// Tells whether so much more can be counted.
    pub(super) const fn can_add(&self, cost: u64) -> bool {
        self.spent.checked_add(cost).is_some()
    }

    /// So much was spent in the innermost call. It must be possible to count it.
    pub(super) fn add(&mut self, cost: u64) {
        self.spent = self.spent.saturating_add(cost);
        self.sink.add(cost, &self.frames);
    }

    /// The line that is being read is none of a profile.
    fn bad(&mut self) {
        self.facts.bad_lines += 1;
        let line = self.facts.lines;
        self.facts.first_bad_line.get_or_insert(line);
    }
}
