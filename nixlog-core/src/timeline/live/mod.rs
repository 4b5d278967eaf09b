//! What is going on right now, for whoever watches a build.
//!
//! [`Live`] takes in the lines of a log as they come, and can be asked at any instant what runs, how
//! far everything is, and what has failed. It decides with less than
//! [`TimelineBuilder`](super::TimelineBuilder) does, which sees the whole log, but by the same rules;
//! and its memory grows with what is *open*, never with the length of the log.

mod build;
mod ends;
mod model;
mod open;
mod plan;
mod rate;
mod starts;
mod tail;
mod text;
mod ticks;
mod view;

pub use model::{Bytes, Count, Evaluating, FailedBuild, RunningBuild, Task, TaskKind, Totals};
pub use text::Latest;

use self::build::Build;
use self::ends::Undecided;
use self::open::{Kind, Open, Slot, Transfer};
use self::plan::Announced;
use self::rate::Flow;
use self::tail::Tail;
use self::text::TextLog;
use self::ticks::Moment;
use super::Map;
use super::evaluation::{self, EvaluationTracker};
use crate::time::Stamp;
use crate::wire::ansi;
use crate::wire::detail::ResultDetail;
use crate::wire::event::{ActivityResult, Event, Level, Message, Progress, ResultKind};
use crate::wire::message::{self, Note};
use crate::wire::{Body, Line};

/// Follows a log while it comes.
///
/// ```
/// use nixlog_core::time::Stamp;
/// use nixlog_core::timeline::live::Live;
/// use nixlog_core::wire::LogReader;
///
/// let log = br#"1000000 @nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello.drv","",1,1],"id":4294967296,"level":3,"parent":0,"text":"building 'hello'","type":105}
/// 4000000 @nix {"action":"result","fields":["buildPhase"],"id":4294967296,"type":104}"#;
/// let mut live = Live::default();
/// for line in LogReader::new(None).block(log, None) {
///     live.push(&line);
/// }
/// let builds = live.builds();
/// assert_eq!(builds[0].phase, Some("buildPhase"));
/// assert_eq!(builds[0].since, Some(Stamp::from_nanos(1_000_000)));
/// ```
#[derive(Debug, Default)]
pub struct Live {
    open: Open,
    /// The latest stamp.
    now: Option<Stamp>,
    /// Events so far.
    events: u64,
    evaluation: EvaluationTracker,
    /// What the evaluator is at.
    evaluating: String,
    evaluated_files: u64,
    evaluated_derivations: u64,
    announced: Announced,
    builds: Settled,
    fetches: Settled,
    /// Expected by calls that have ended.
    download_bytes: u64,
    unpacked_bytes: u64,
    /// Archives that came over the wire.
    downloaded: u64,
    /// Everything that comes over the wire.
    wire: Flow,
    unpacked: Flow,
    /// The open counters of builds that are not inside a remote builder: process and number.
    calls: Vec<(u64, u64)>,
    /// Open builds on machines by their derivation.
    remote: Map<Box<str>, (Slot, u64)>,
    /// Builds of the last call that have stopped, and one of which has failed.
    undecided: Vec<Undecided>,
    failed: Vec<FailedBuild>,
    /// Room for the last lines of builds to come.
    spare: Vec<Tail>,
    text: TextLog,
}

/// What the calls that have ended counted.
#[derive(Debug, Default)]
struct Settled {
    started: u64,
    done: u64,
    failed: u64,
    expected: u64,
}

impl Settled {
    /// Adds what a call counted at its end.
    fn add(&mut self, done: u64, failed: u64, planned: Option<u64>) {
        let tried = done.saturating_add(failed);
        self.done = self.done.saturating_add(done);
        self.failed = self.failed.saturating_add(failed);
        let expected = planned.unwrap_or(0).max(tried);
        self.expected = self.expected.saturating_add(expected);
    }
}

impl Live {
    /// Takes in one line.
    #[inline]
    pub fn push(&mut self, line: &Line<'_>) {
        if line.stamp.is_some() {
            self.now = line.stamp;
        }
        match &line.body {
            Body::Event(Event::Progress(progress)) => {
                self.events += 1;
                self.progress(*progress);
            }
            Body::Event(Event::Result(result)) if result.payload.is_none() => {
                self.events += 1;
                match result.kind {
                    ResultKind::BUILD_LOG_LINE => self.build_line(result),
                    ResultKind::SET_EXPECTED => self.estimate(result),
                    _ => self.result(result),
                }
            }
            Body::Event(event) => {
                self.events += 1;
                self.event(event);
            }
            Body::Text(text) => self.plain(text),
            Body::Malformed(..) | Body::Side(_) => {}
        }
    }

    /// Returns the latest stamp that the log has had.
    #[must_use]
    pub const fn now(&self) -> Option<Stamp> {
        self.now
    }

    /// Returns this instant.
    #[inline]
    fn moment(&self) -> Moment {
        Moment {
            at: self.now,
            event: self.events,
        }
    }

    #[inline]
    fn progress(&mut self, progress: Progress) {
        let moment = self.moment();
        let Some(slot) = self.open.find_counting(progress.id.0) else {
            return;
        };
        let Some(activity) = self.open.get_mut(slot) else {
            return;
        };
        let before = activity.done;
        activity.done = progress.done;
        activity.expected = progress.expected;
        match &mut activity.kind {
            Kind::Builds(ticks) => ticks.progress(progress, moment),
            Kind::Fetches { failed, .. } => *failed = progress.failed,
            Kind::Transfer(Transfer::Archive) => {
                self.wire.moved(before, progress.done, moment.at);
                self.downloaded = self.downloaded.saturating_sub(before) + progress.done;
            }
            Kind::Task(doing) if doing.unpacks => {
                self.unpacked.moved(before, progress.done, moment.at);
            }
            Kind::Task(doing) if doing.kind == TaskKind::Download => {
                self.wire.moved(before, progress.done, moment.at);
            }
            _ => {}
        }
    }

    #[inline]
    fn build_line(&mut self, result: &ActivityResult<'_>) {
        let moment = self.moment();
        // As Nix writes it: a string in quotes, and nothing else.
        let quoted = result.fields.raw();
        let line = quoted.get(1..quoted.len().saturating_sub(1));
        if let Some(build) = self.build_of(result.id.0) {
            build.line(line.unwrap_or_default(), moment);
        }
    }

    /// Takes in how many bytes a call expects: two numbers, the kind of activity and the bytes.
    #[inline]
    fn estimate(&mut self, result: &ActivityResult<'_>) {
        let slot = self.open.find_counting(result.id.0);
        let activity = slot.and_then(|slot| self.open.get_mut(slot));
        let Some(Kind::Call { download, unpacked }) = activity.map(|activity| &mut activity.kind)
        else {
            return;
        };
        let numbers = result.fields.raw().split_once(',');
        let estimate = match numbers {
            Some(("101", _)) => download,
            Some(("100", _)) => unpacked,
            _ => return,
        };
        let bytes = numbers.and_then(|(_, bytes)| bytes.parse().ok());
        *estimate = bytes.unwrap_or(*estimate);
    }

    /// Finds the build that has a number, or of which a remote daemon's build is a part.
    #[inline]
    fn build_of(&mut self, id: u64) -> Option<&mut Build> {
        let slot = self.open.find(id)?;
        let (slot, id) = match self.open.kind(slot)? {
            Kind::NestedBuild { outer, outer_id } => (*outer, *outer_id),
            Kind::Build(_) => (slot, id),
            _ => return None,
        };
        self.open.build_mut(slot, id)
    }

    #[inline(never)]
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(start) => self.start(start),
            Event::Stop(id) => self.stop(id.0),
            Event::Message(message) => self.message(message),
            _ => {}
        }
    }

    #[inline(never)]
    fn result(&mut self, result: &ActivityResult<'_>) {
        let moment = self.moment();
        if let ResultDetail::SetPhase(phase) = result.detail()
            && let Some(build) = self.build_of(result.id.0)
        {
            build.phase(&phase.decode(), moment);
        }
    }

    fn message(&mut self, message: &Message<'_>) {
        let bare = message.raw.filter(|_| message.level == Level::ERROR);
        let text = bare.unwrap_or(message.text).decode();
        let plain = ansi::strip(&text);
        let is_error = bare.is_some() || plain.starts_with("error:");
        self.note(&if is_error {
            message::read_error(&plain)
        } else {
            message::read(&plain)
        });
    }

    /// Takes in what a message says, of whichever form the log is.
    fn note(&mut self, note: &Note<'_>) {
        match note {
            Note::PlanBuild { .. } | Note::PlanFetch { .. } | Note::PlanUnknown => {
                self.evaluation.handover(self.now);
                self.announced.note(note);
            }
            Note::PlanItem { .. } => self.announced.note(note),
            Note::BuildFailed {
                drv: Some(drv),
                failure,
            } => self.build_failed(drv, *failure),
            Note::BuildFailed { drv: None, failure } => self.some_build_failed(*failure),
            Note::RemoteBuildFailed { drv, detail, .. } => {
                if let Note::BuildFailed { failure, .. } = message::read_error(detail) {
                    self.build_failed(drv, failure);
                }
            }
            note if evaluation::is_sign(note) => self.evaluator(note),
            _ => {}
        }
        self.evaluation.forget();
    }

    /// Takes in a sign of the evaluator.
    fn evaluator(&mut self, note: &Note<'_>) {
        self.evaluation.sign();
        let what = match *note {
            Note::EvaluatingFile { path } => {
                self.evaluated_files += 1;
                path
            }
            Note::Instantiated { name, .. } => {
                self.evaluated_derivations += 1;
                name
            }
            Note::EvaluatingAttribute { attribute } => attribute,
            _ => return,
        };
        self.evaluates(what);
    }

    /// Notes what the evaluator is at.
    fn evaluates(&mut self, what: &str) {
        self.evaluating.clear();
        self.evaluating.push_str(what);
    }
}
