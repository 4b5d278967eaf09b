//! The fold from lines to a [`Timeline`]. It cannot fail, and its memory grows with the number of
//! activities, never with the length of the log.

use std::borrow::Cow;

use super::activity::{Activities, Role, Row};
use super::caches::{self, Caches};
use super::counters::Counters;
use super::evaluation::{self, EvaluationTracker, Said};
use super::facts::{Facts, PlanReader};
use super::failures::Failures;
use super::fetches::Fetches;
use super::human::HumanLog;
use super::links::Links;
use super::model::{Filler, Name, Names, Part, Place, Stretch};
use super::strands::{self, Strands};
use super::told::ToldUnit;
use super::watch::{BuildLine, EvaluatorSign, LineText, PhaseBegins, WatchBuilds, WatchEvaluation};
use super::{Map, Timeline, finish};
use crate::ids::ActivityId;
use crate::json_str::JsonStr;
use crate::recording::SideLine;
use crate::time::{Interval, Stamp};
use crate::wire::detail::ResultDetail;
use crate::wire::event::{ActivityResult, Event, Level, Message, Progress, ResultKind};
use crate::wire::message::{self, Note};
use crate::wire::{Body, Line, ansi};

/// The mark of a builder phase that begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct PhaseMark {
    pub(super) build: Row,
    pub(super) name: Name,
    pub(super) at: Option<Stamp>,
}

/// Folds the lines of a log into a [`Timeline`].
///
/// ```
/// use nixlog_core::timeline::TimelineBuilder;
/// use nixlog_core::wire::LogReader;
///
/// let log = br#"1000000 @nix {"action":"start","fields":["/nix/store/7ajh8plhm64ypnph30js1a3lq6zsyxqr-hello.drv","",1,1],"id":4294967296,"level":3,"parent":0,"text":"building 'hello'","type":105}
/// 4000000 @nix {"action":"stop","id":4294967296}"#;
/// let mut builder = TimelineBuilder::default();
/// for line in LogReader::new(None).block(log, None) {
///     builder.push(&line);
/// }
/// let timeline = builder.finish();
/// let build = timeline.units().iter().find(|unit| timeline.name(unit.subject).ends_with("hello.drv"));
/// assert_eq!(build.and_then(|unit| unit.duration()).map(|took| took.get()), Some(3_000_000));
/// ```
#[derive(Debug, Default)]
pub struct TimelineBuilder {
    pub(super) names: Names,
    pub(super) activities: Activities,
    pub(super) counters: Counters,
    pub(super) fetches: Fetches,
    pub(super) evaluation: EvaluationTracker,
    pub(super) failures: Failures,
    pub(super) caches: Caches,
    pub(super) human: HumanLog,
    pub(super) strands: Strands,
    pub(super) plan: PlanReader,
    pub(super) facts: Facts,
    pub(super) phases: Vec<PhaseMark>,
    /// The same from stdenv's own lines, for builds of which Nix does not tell: on `ssh://` machines,
    /// and in logs for people.
    pub(super) phase_lines: Vec<PhaseMark>,
    /// Planned and resolved content-addressed derivations.
    pub(super) resolved: Vec<(Name, Name)>,
    pub(super) links: Links,
    /// The counters of builds of the calls under way that are not inside a remote builder.
    pub(super) calls: Calls,
    /// The counters of substitutions of the same.
    pub(super) fetch_calls: Calls,
    /// The latest stamp.
    pub(super) now: Option<Stamp>,
    pub(super) activation: Vec<Interval>,
    /// When the command ended: later than its last line.
    pub(super) told_end: Option<Stamp>,
    /// What explains instants in which nothing else runs.
    pub(super) fillers: Vec<Filler>,
    /// The wait that the last line tells of, without saying when it ends: since when, and for what.
    told_wait: Option<(Option<Stamp>, Option<Name>)>,
    /// The log was put together afterwards: nobody knows when a builder's phases began.
    pub(super) reconstructed: bool,
    /// The command's exit status says that it failed.
    pub(super) has_failed: bool,
    /// The last error that is nobody's, and how many events there were by then.
    pub(super) last_error: Option<(String, u64)>,
    /// What side lines say of single units.
    pub(super) told_units: Map<Row, ToldUnit>,
    /// Who watches the logs of builds.
    watcher: Option<Box<dyn WatchBuilds>>,
    /// Who watches the evaluator.
    evaluation_watcher: Option<Box<dyn WatchEvaluation>>,
}

/// Tells whether a result is a line of a build's log, as Nix writes it.
#[inline]
fn is_log_line(result: &ActivityResult<'_>) -> bool {
    result.kind == ResultKind::BUILD_LOG_LINE && result.payload.is_none()
}

/// Tells whether a result says how much is expected, as Nix writes it.
#[inline]
fn is_estimate(result: &ActivityResult<'_>) -> bool {
    result.kind == ResultKind::SET_EXPECTED && result.payload.is_none()
}

/// The counters of the calls under way.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

/// A call under way: which process made it, and its counters as a row and as an index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) pid: u64,
    pub(super) row: Row,
    pub(super) counter: u32,
}

impl Calls {
    /// Finds the counters that count what a process does now.
    pub(super) fn counter_of(&self, pid: u64) -> Option<u32> {
        let own = self.0.iter().rev().find(|call| call.pid == pid);
        own.or_else(|| self.0.last()).map(|call| call.counter)
    }

    pub(super) fn add(&mut self, call: Call) {
        self.0.push(call);
    }

    fn remove(&mut self, row: Row) {
        self.0.retain(|call| call.row != row);
    }
}

impl TimelineBuilder {
    /// Lets somebody watch the logs of builds, from now on.
    pub fn watch(&mut self, watcher: impl WatchBuilds + 'static) {
        self.watcher = Some(Box::new(watcher));
    }

    /// Lets somebody watch the evaluator, from now on.
    pub fn watch_evaluation(&mut self, watcher: impl WatchEvaluation + 'static) {
        self.evaluation_watcher = Some(Box::new(watcher));
    }

    /// Takes in one line.
    #[inline]
    pub fn push(&mut self, line: &Line<'_>) {
        // No part of the log, so its stamp is none of the log's.
        if let Body::Side(json) = line.body {
            self.side(line, json);
            return;
        }
        if line.stamp.is_some() {
            self.now = line.stamp;
        }
        if line.strand != self.strands.now() {
            strands::switch(self, line.strand);
        }
        if line.strand > 1
            && let Body::Event(event) = line.body
        {
            self.other(&Line {
                body: Body::Event(event.in_strand(line.strand)),
                ..*line
            });
            return;
        }
        // Nearly all lines of nearly all logs are of these kinds: to deal with them here, apart from
        // all others, saves a third of the time spent behind the scanner.
        match &line.body {
            Body::Event(Event::Progress(progress)) => {
                self.facts.record(line);
                self.progress(*progress);
            }
            Body::Event(Event::Result(result)) if is_log_line(result) => {
                self.facts.record(line);
                HumanLog::event_follows(self);
                match self.activities.find(result.id) {
                    Some(row) => self.build_log_line(row, result),
                    None => self.facts.orphan_result(),
                }
            }
            // An estimate that no report shows.
            Body::Event(Event::Result(result)) if is_estimate(result) => {
                self.facts.record(line);
                HumanLog::event_follows(self);
                if self.activities.find_counting(result.id).is_none() {
                    self.orphan_result(result);
                }
            }
            _ => self.other(line),
        }
    }

    #[inline(never)]
    fn other(&mut self, line: &Line<'_>) {
        self.end_told_wait();
        match &line.body {
            Body::Event(event) => {
                self.facts.event(line);
                self.event(event);
            }
            Body::Text(text) => {
                self.facts.text(line);
                self.text(text);
            }
            Body::Malformed(_, error) => self.facts.malformed(line, *error),
            Body::Side(_) => {}
        }
    }

    /// Takes from a recording's own words what the timeline needs of them.
    #[cold]
    fn side(&mut self, line: &Line<'_>, json: &str) {
        self.facts.side(line);
        // Most side lines are derivations, and long.
        if json.starts_with("{\"type\":\"derivation\"") {
            return;
        }
        match SideLine::parse(json) {
            Some(SideLine::Header(header)) => {
                self.reconstructed |= header.clock == "reconstructed";
            }
            Some(SideLine::Unit(record)) => {
                if let Some(row) = self.activities.find(ActivityId(record.activity)) {
                    self.told_units.insert(row, ToldUnit::new(&record));
                }
            }
            Some(SideLine::End(end)) => {
                self.has_failed = end.exit_status.is_some_and(|status| status != 0);
                self.ends_at(Stamp::from_nanos(end.duration_ns));
            }
            _ => {}
        }
    }

    /// Says when the command ended, or its log: the wall time goes that far.
    pub fn ends_at(&mut self, end: Stamp) {
        self.told_end = Some(end);
    }

    /// Ends the log. What is still open counts up to the last stamp.
    #[must_use]
    pub fn finish(mut self) -> Timeline {
        self.end_told_wait();
        let ended = strands::end(&mut self);
        finish::timeline(self, ended)
    }

    /// Notes that a lock is waited for from now on, up to the next line that tells of something.
    pub(super) fn waits_for_lock(&mut self, subject: Option<Name>) {
        self.told_wait = Some((self.now, subject));
    }

    fn end_told_wait(&mut self) {
        let Some((since, subject)) = self.told_wait.take() else {
            return;
        };
        let interval = since
            .zip(self.now)
            .and_then(|(since, now)| Interval::new(since, now));
        self.fillers.extend(interval.map(|interval| Filler {
            stretch: Stretch {
                interval,
                part: Part::Lock,
            },
            subject,
        }));
    }

    #[inline]
    fn progress(&mut self, progress: Progress) {
        let Some(row) = self.activities.find_counting(progress.id) else {
            self.facts.orphan_result();
            return;
        };
        let activity = self.activities.get_mut(row);
        if activity.done != progress.done {
            if let Some(stall) = caches::stall(activity, self.now)
                && activity.role == Role::Transfer
            {
                self.caches.stalled(row, stall);
            }
            activity.moved = self.now;
        }
        activity.done = progress.done;
        activity.expected = progress.expected;
        match (activity.counter, activity.role) {
            (Some(counter), Role::Builds) => {
                let (now, event) = (self.now, self.facts.events);
                self.counters
                    .progress(counter, progress, now, event, &mut self.activities);
            }
            (Some(counter), Role::Fetches) => {
                self.fetches.progress(counter, progress);
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        HumanLog::event_follows(self);
        match event {
            Event::Start(start) => self.start(start),
            Event::Stop(id) => self.stop(*id),
            Event::Result(result) => self.result(result),
            Event::Message(message) => self.message(message),
            Event::Progress(progress) => self.progress(*progress),
            Event::SetPhase(_) | Event::Unknown { .. } => {}
        }
    }

    fn stop(&mut self, id: ActivityId) {
        let Some(row) = self.activities.stop(id) else {
            self.facts.orphan_stop();
            return;
        };
        let activity = self.activities.get_mut(row);
        activity.stop = self.now;
        activity.stopped = self.facts.events;
        self.links.remove(activity, &self.names);
        match activity.role {
            Role::Build => {
                if let Some(counter) = activity.counter {
                    self.counters.stopped(counter, row);
                }
            }
            Role::Substitute => {
                if let Some(counter) = activity.counter {
                    self.fetches.stopped(counter, row);
                }
            }
            Role::Builds => self.calls.remove(row),
            Role::Fetches => self.fetch_calls.remove(row),
            Role::Call => self.evaluation.call_ended(self.now),
            Role::Evaluating => self.evaluation.attribute_ended(self.now),
            _ => {}
        }
    }

    fn result(&mut self, result: &ActivityResult<'_>) {
        let Some(row) = self.activities.find(result.id) else {
            self.orphan_result(result);
            return;
        };
        if result.kind == ResultKind::BUILD_LOG_LINE {
            self.build_log_line(row, result);
            return;
        }
        match result.detail() {
            ResultDetail::SetPhase(phase) => {
                let name = self.intern(phase);
                let (now, event) = (self.now, self.facts.events);
                let (build, activity) = self.activities.alive(row, now, event);
                activity.told_phases = true;
                let at = self.phase_start();
                let mark = PhaseMark { build, name, at };
                self.phases.push(mark);
                self.phase_begins(mark);
            }
            ResultDetail::PostBuildLogLine(line) => self.log_line(row, line.raw()),
            ResultDetail::FileLinked { bytes, .. } => self.activities.get_mut(row).done += bytes,
            ResultDetail::HashMismatch(_) => self.facts.hash_mismatch(row),
            ResultDetail::BuildResult(payload) => self.facts.build_result(payload),
            ResultDetail::Other => self.facts.unknown_result(result.kind),
            _ => {}
        }
    }

    fn orphan_result(&mut self, result: &ActivityResult<'_>) {
        match result.detail() {
            // Determinate Nix reports some results on no activity at all.
            ResultDetail::BuildResult(payload) => self.facts.build_result(payload),
            ResultDetail::Other => self.facts.unknown_result(result.kind),
            _ => self.facts.orphan_result(),
        }
    }

    /// Counts a line of a build's log, as Nix reports it: a string in quotes.
    #[inline]
    fn build_log_line(&mut self, row: Row, result: &ActivityResult<'_>) {
        let quoted = result.fields.raw();
        let inside = || {
            quoted
                .get(1..quoted.len().saturating_sub(1))
                .unwrap_or_default()
        };
        let build = self.count_line(row, quoted.len().saturating_sub(2));
        // `showPhaseHeader` in nixpkgs' `setup.sh`.
        if quoted.as_bytes().starts_with(b"\"Running phase: ") {
            self.phase_line(build, inside());
        }
        if self.watcher.is_some() {
            self.watched(build, LineText::Quoted(JsonStr::new(inside())));
        }
    }

    /// Counts a line of a build's log.
    pub(super) fn log_line(&mut self, row: Row, text: &str) {
        let build = self.count_line(row, text.len());
        self.phase_line(build, text);
        if self.watcher.is_some() {
            self.watched(build, LineText::Plain(text));
        }
    }

    /// Shows a line of a build's log to who watches.
    #[cold]
    fn watched(&mut self, build: Row, text: LineText<'_>) {
        let activity = self.activities.get(build);
        let line = BuildLine {
            build,
            drv: activity.subject.map_or("", |drv| self.names.text(drv)),
            at: self.now,
            number: activity.log_lines,
            text,
        };
        if let Some(watcher) = &mut self.watcher {
            watcher.line(&line);
        }
    }

    /// Tells who watches that a builder phase begins.
    fn phase_begins(&mut self, mark: PhaseMark) {
        if let Some(watcher) = &mut self.watcher {
            watcher.phase(&PhaseBegins {
                build: mark.build,
                name: self.names.text(mark.name),
                at: mark.at,
            });
        }
    }

    /// Counts a line; returns the row of the build, or that of the build it is a part of.
    #[inline]
    fn count_line(&mut self, row: Row, bytes: usize) -> Row {
        let (now, event) = (self.now, self.facts.events);
        let (build, activity) = self.activities.alive(row, now, event);
        activity.log_lines += 1;
        activity.log_bytes += bytes as u64;
        build
    }

    /// Notes the phase that stdenv says begins, if it does and Nix does not tell of phases itself.
    fn phase_line(&mut self, build: Row, text: &str) {
        if let Some(phase) = text.strip_prefix("Running phase: ")
            && !self.activities.get(build).told_phases
        {
            let name = self.names.intern(phase);
            let at = self.phase_start();
            let mark = PhaseMark { build, name, at };
            self.phase_lines.push(mark);
            self.phase_begins(mark);
        }
    }

    /// Returns when a builder phase begins that a line tells of now.
    fn phase_start(&self) -> Option<Stamp> {
        self.now.filter(|_| !self.reconstructed)
    }

    fn message(&mut self, message: &Message<'_>) {
        // A warning says only in its full text which kind of warning it is.
        let bare = if message.level == Level::ERROR {
            message.raw
        } else {
            None
        };
        let text = bare.unwrap_or(message.text).decode();
        let plain = ansi::strip(&text);
        // Only what was made from an error has a bare text; what a daemon forwards has its mark.
        let is_error =
            message.level == Level::ERROR && (message.raw.is_some() || plain.starts_with("error:"));
        if !is_error {
            let note = message::read(&plain);
            self.evaluator_says(&note, &plain);
            return self.note(&note, Some(message));
        }
        // The trace stands in the whole text only.
        let whole = message.text.decode();
        let whole = ansi::strip(&whole);
        let note = match message::read_error(&plain) {
            Note::Other => message::read_error(&whole),
            note => note,
        };
        self.tell(&note, Some(message), Some(&whole));
        let place = message
            .file
            .zip(message.line)
            .map(|(file, line)| Place::new(&file.decode(), line, message.column));
        self.error(
            &note,
            &Said {
                text: &plain,
                words: &whole,
                has_file: message.file.is_some(),
                place,
            },
        );
    }

    /// Takes in an error, whatever its words say.
    pub(super) fn error(&mut self, note: &Note<'_>, error: &Said<'_>) {
        match note {
            Note::Other | Note::ImportFromDerivationForbidden { .. } => {
                if !self.evaluation.error(error) {
                    let gist = evaluation::gist(error.text).to_owned();
                    self.last_error = Some((gist, self.facts.events));
                }
            }
            Note::BuildFailed { .. } if error.is_at_a_place() => self.evaluation.stopped_by_build(),
            note => self.failures.error(note, &mut self.names),
        }
    }

    /// Takes in what a message says, of whichever form the log is.
    pub(super) fn note(&mut self, note: &Note<'_>, message: Option<&Message<'_>>) {
        self.tell(note, message, None);
    }

    /// The same of an error, of which `words` is all.
    pub(super) fn tell(
        &mut self,
        note: &Note<'_>,
        message: Option<&Message<'_>>,
        words: Option<&str>,
    ) {
        self.facts.note(note, message);
        match note {
            Note::PlanBuild { .. } | Note::PlanFetch { .. } | Note::PlanUnknown => {
                self.evaluation.handover(self.now);
                self.plan.header(note);
            }
            Note::PlanItem { path } => {
                let names = &mut self.names;
                self.plan.item(|| names.intern(path));
            }
            Note::WaitingForStore => self.waits_for_lock(None),
            Note::WaitingForInput => {
                self.evaluation.sign();
                self.waits_for_lock(None);
            }
            note if evaluation::is_sign(note) => self.evaluation.sign(),
            note => {
                let n_started = self.activities.n_rows();
                self.failures.note(note, words, &mut self.names, n_started);
                if let (Note::BuildFailed { drv, .. }, Some(watcher)) = (note, &mut self.watcher) {
                    watcher.failed(*drv);
                }
                self.caches.note(note, &mut self.names, n_started);
            }
        }
    }

    /// Passes on what the evaluator says of its work.
    #[inline]
    pub(super) fn evaluator_says(&mut self, note: &Note<'_>, text: &str) {
        if let Some(watcher) = &mut self.evaluation_watcher
            && let Some(sign) = EvaluatorSign::of(note, text)
        {
            watcher.sign(&sign, self.now);
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(watcher) = &mut self.evaluation_watcher {
            watcher.text(text);
        }
        HumanLog::line(self, text);
    }

    pub(super) fn intern(&mut self, text: JsonStr<'_>) -> Name {
        match text.decode() {
            Cow::Borrowed(text) => self.names.intern(text),
            Cow::Owned(text) => self.names.intern(&text),
        }
    }
}
