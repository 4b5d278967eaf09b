//! When the evaluator was working.
//!
//! Nix logs no start and no end of evaluation (but for flakes, an activity around each attribute).
//! What it does log is when the evaluator *hands over*: it asks which paths are missing, prints the
//! plan, or makes a build call. Up to there it was evaluating. With import-from-derivation it takes
//! over again when that call ends, which the next sign of evaluation or the next call proves.
//!
//! ```text
//! evaluating ── call (IFD) ── evaluating ── query missing · plan · call (the build) ── end
//! ██████████                  ██████████
//! ```

use super::failures::bounded;
use super::model::{FailureKind, Outcome, Place, Reason};
use crate::time::{Interval, Stamp};
use crate::wire::message::{ActivityNote, Note};

/// Tells whether only an evaluator prints such a message.
pub(super) const fn is_sign(note: &Note<'_>) -> bool {
    matches!(
        note,
        Note::EvaluatingFile { .. }
            | Note::Instantiated { .. }
            | Note::EvaluatedTo { .. }
            | Note::UsingRevision { .. }
            | Note::CopiedSource { .. }
            | Note::CopiedLargePath { .. }
            | Note::EvaluationWarning
            | Note::Trace
            | Note::UsingEvalCache { .. }
            | Note::EvaluatingAttribute { .. }
            | Note::CachedFailure { .. }
            | Note::FunctionTrace { .. }
            | Note::DirtyTree
            | Note::LockFile { .. }
            | Note::ImportFromDerivation { .. }
            | Note::ImportFromDerivationForbidden { .. }
    )
}

/// Tells whether only an evaluator starts such an activity.
pub(super) const fn is_activity_sign(note: &ActivityNote<'_>) -> bool {
    matches!(
        note,
        ActivityNote::EvaluatingAttr { .. }
            | ActivityNote::EvaluatingFlake
            | ActivityNote::CheckingFlake { .. }
            | ActivityNote::RunningFlakeChecks { .. }
            | ActivityNote::CountingRevisions { .. }
    )
}

/// An error that was reported.
#[derive(Debug)]
pub(super) struct Said<'a> {
    /// What it says: without its trace, where the log tells the two apart.
    pub(super) text: &'a str,
    /// All of it.
    pub(super) words: &'a str,
    /// It points to a file: the log says so in a field of its own.
    pub(super) has_file: bool,
    /// Where it points, where the log says so in fields of their own.
    pub(super) place: Option<Place>,
}

impl Said<'_> {
    /// Tells whether it points into an expression.
    pub(super) fn is_at_a_place(&self) -> bool {
        self.has_file || is_at_a_place(self.words)
    }
}

/// Follows who is at work: the evaluator or the store.
#[derive(Debug, Default)]
pub(super) struct EvaluationTracker {
    state: State,
    /// Calls under way that are not inside a remote builder.
    calls: u32,
    /// Calls that ended.
    ended: usize,
    /// After so many calls it was seen that it went on.
    proved_after: usize,
    stretches: Vec<Interval>,
    /// Something proved that there is an evaluator at all: `nix copy` or `nix store gc` have none.
    proved: bool,
    /// The store has been asked for something: errors from here on need not be the evaluator's.
    asked: bool,
    /// What the evaluator gave up with.
    error: Option<Reason>,
    /// The evaluator gave up since a build failed.
    stopped_by_build: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The evaluator has been working since.
    Evaluating { since: Option<Stamp> },
    /// The store is at work. After a call, the evaluator may have gone on since.
    Store {
        since: Option<Stamp>,
        after_call: bool,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Evaluating {
            since: Some(Stamp::ZERO),
        }
    }
}

impl EvaluationTracker {
    /// Follows an evaluator that may be at work from an instant on.
    pub(super) fn since(since: Option<Stamp>) -> Self {
        let state = State::Evaluating { since };
        Self {
            state,
            ..Self::default()
        }
    }

    /// The evaluator showed that it works.
    pub(super) fn sign(&mut self) {
        self.proved = true;
        if self.calls == 0 {
            self.proved_after = self.ended;
            if let State::Store { since, .. } = self.state {
                self.state = State::Evaluating { since };
            }
        }
    }

    /// An error was reported that is not about a build or a download. Once the store has been asked
    /// for something, it is the evaluator's only where it says so: `at_a_place` in an expression.
    /// Returns whether it is.
    pub(super) fn error(&mut self, error: &Said<'_>) -> bool {
        let gist = gist(error.text);
        let is_own = !self.asked || error.is_at_a_place() || is_evaluators(gist);
        if is_own && self.error.is_none() {
            self.proved = true;
            let place = error.place.clone().or_else(|| place_in(error.words));
            self.error = Some(Reason {
                words: Some(bounded(error.words)),
                place: place.map(Box::new),
                ..Reason::new(FailureKind::Evaluation, gist)
            });
        }
        is_own
    }

    /// The evaluator gave up, since a build failed that it waited for.
    pub(super) fn stopped_by_build(&mut self) {
        self.proved = true;
        self.stopped_by_build = true;
    }

    /// Returns how evaluation failed, if it did.
    pub(super) fn failure(&mut self) -> Option<(Outcome, Reason)> {
        match self.error.take() {
            Some(error) => Some((Outcome::Failed, error)),
            None => self.stopped_by_build.then(|| {
                let text = "a build failed that it waited for";
                let reason = Reason::new(FailureKind::Dependency, text);
                (Outcome::DependencyFailed, reason)
            }),
        }
    }

    /// The evaluator's work was handed to the store.
    pub(super) fn handover(&mut self, at: Option<Stamp>) {
        self.proved = true;
        self.asked = true;
        if self.calls == 0 {
            self.proved_after = self.ended;
        }
        self.close(at);
    }

    /// The store does something, which need not mean that there was an evaluator.
    pub(super) fn store_at_work(&mut self, at: Option<Stamp>) {
        self.asked = true;
        if matches!(self.state, State::Evaluating { .. }) && self.calls == 0 {
            self.close(at);
        }
    }

    /// A call that makes paths valid begins.
    pub(super) fn call_started(&mut self, at: Option<Stamp>) {
        self.proved = true;
        self.asked = true;
        self.close(at);
        self.calls += 1;
    }

    /// A call ends.
    pub(super) fn call_ended(&mut self, at: Option<Stamp>) {
        self.ended += 1;
        self.calls = self.calls.saturating_sub(1);
        if self.calls == 0 {
            self.state = State::Store {
                since: at,
                after_call: true,
            };
        }
    }

    /// The activity around a flake's attribute ended, and with it the evaluation of that attribute.
    pub(super) fn attribute_ended(&mut self, at: Option<Stamp>) {
        if self.calls == 0 {
            self.close(at);
        }
    }

    /// A step of a CI job ends: whatever evaluated does not any more, and another evaluator may begin.
    pub(super) fn step_ends(&mut self, at: Option<Stamp>) {
        if self.proved && matches!(self.state, State::Evaluating { .. }) {
            self.close(at);
        }
        self.state = if self.proved {
            let (since, after_call) = (at, true);
            State::Store { since, after_call }
        } else {
            State::Evaluating { since: at }
        };
        (self.calls, self.asked) = (0, false);
    }

    fn close(&mut self, at: Option<Stamp>) {
        let since = match self.state {
            State::Evaluating { since } => since,
            State::Store {
                since,
                after_call: true,
            } if self.calls == 0 => since,
            State::Store { .. } => None,
        };
        let stretch = since
            .zip(at)
            .and_then(|(since, at)| Interval::new(since, at));
        self.stretches.extend(stretch);
        self.state = State::Store {
            since: at,
            after_call: false,
        };
    }

    /// Returns since when the evaluator has been at work; `None` while it is not, or where nothing
    /// says that there is one.
    pub(super) fn working_since(&self) -> Option<Option<Stamp>> {
        match self.state {
            State::Evaluating { since } if self.proved => Some(since),
            _ => None,
        }
    }

    /// Returns after how many calls the evaluator showed that it went on.
    pub(super) fn proved_after(&self) -> usize {
        self.proved_after
    }

    /// Forgets when it was at work before, for whoever only asks for now.
    pub(super) fn forget(&mut self) {
        self.stretches.clear();
    }

    /// Ends the log; returns the stretches in which the evaluator was not waiting for a build.
    pub(super) fn finish(mut self, last: Option<Stamp>) -> Vec<Interval> {
        if let State::Evaluating { .. } = self.state {
            self.close(last);
        }
        if !self.proved {
            self.stretches.clear();
        }
        self.stretches.retain(|stretch| stretch.length().get() > 0);
        self.stretches
    }
}

/// Tells whether an error points into an expression: by a trace (`… while …`), or by a position of its
/// own, `at F:L:C:` (≥ 2.4), `, at F:L:C` (before).
pub(super) fn is_at_a_place(text: &str) -> bool {
    let points = |line: &str| {
        let line = line.trim();
        let at = line.rfind("at ").map(|at| &line[at + "at ".len()..]);
        let place = at.filter(|_| line.starts_with("at ") || line.contains(", at "));
        line.starts_with("… ")
            || line.starts_with("error: while evaluating ")
            || place.is_some_and(is_place)
    };
    text.lines().any(points)
}

/// Tells whether a text is a place in a file: `F:L:C`, and perhaps a colon.
fn is_place(text: &str) -> bool {
    place(text).is_some()
}

/// Reads a place in a file: `F:L:C`, and perhaps a colon.
fn place(text: &str) -> Option<Place> {
    let text = text.trim_end_matches(':');
    let mut parts = text.rsplitn(3, ':');
    let mut number = || {
        let part = parts.next()?;
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        // A number too large for any file is no place that can be shown.
        is_number.then(|| part.parse().unwrap_or(u64::MAX))
    };
    let column = number()?;
    let line = number()?;
    Some(Place {
        file: parts.next()?.trim_matches(['\'', '"']).to_owned(),
        line,
        column: Some(column),
    })
}

/// Finds the place that an error points at: the last that it names, since newer versions print the trace
/// before the error, with the outermost call first; older ones name the place of the error first.
fn place_in(words: &str) -> Option<Place> {
    let of = |line: &str| {
        let line = line.trim();
        let at = line.rfind("at ").map(|at| &line[at + "at ".len()..])?;
        (line.starts_with("at ") || line.contains(", at ")).then(|| place(at))?
    };
    let is_last = words.trim_start_matches("error:").trim_start_matches(' ');
    match is_last.starts_with('\n') {
        true => words.lines().rev().find_map(of),
        false => words.lines().find_map(of),
    }
}

/// Tells whether only an evaluator says so: what it says without a place.
fn is_evaluators(error: &str) -> bool {
    const BEGINNINGS: [&str; 14] = [
        "flake '",
        "cannot find flake",
        "attribute '",
        "undefined variable",
        "infinite recursion",
        "syntax error",
        "stack overflow",
        "assertion '",
        "evaluation aborted",
        "cannot coerce",
        "access to ",
        "unable to find a flake",
        "the expression selected by",
        "expression does not evaluate to",
    ];
    BEGINNINGS.iter().any(|begins| error.starts_with(begins))
        || error.ends_with("was not found in the Nix search path (add it using $NIX_PATH or -I)")
}

/// Returns the line of an error that says what is wrong: newer versions print the trace before it.
pub(super) fn gist(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut marked = lines
        .clone()
        .filter_map(|line| line.strip_prefix("error:"))
        .map(str::trim);
    marked
        .rfind(|line| !line.is_empty())
        .or_else(|| lines.next())
        .unwrap_or_default()
}
