//! The fold from lines to a [`Timeline`]. It cannot fail, and its memory grows with the number of
//! activities, never with the length of the log.

use std::borrow::Cow;

use super::activity::{Activities, Activity, Role, Row};
use super::counters::Counters;
use super::evaluation::{self, EvaluationTracker};
use super::facts::{Facts, PlanReader};
use super::failures::Failures;
use super::fetches::Fetches;
use super::human::HumanLog;
use super::links::Links;
use super::model::{Name, Names, Stretch};
use super::{Map, Timeline, finish, units};
use crate::ids::ActivityId;
use crate::json_str::JsonStr;
use crate::time::{Interval, Stamp};
use crate::wire::detail::{Detail, ResultDetail};
use crate::wire::event::{ActivityResult, Event, Level, Message, Progress, ResultKind, Start};
use crate::wire::message::{self, ActivityNote, Note};
use crate::wire::{Body, Line, ansi};

/// The mark of a builder phase that begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct PhaseMark {
    pub(super) build: Row,
    pub(super) name: Name,
    pub(super) at: Option<Stamp>,
}

/// The marks of each build, in order.
pub(super) type Phases = Map<Row, Vec<PhaseMark>>;

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
    pub(super) human: HumanLog,
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
    calls: Calls,
    /// The counters of substitutions of the same.
    fetch_calls: Calls,
    /// The latest stamp.
    pub(super) now: Option<Stamp>,
    pub(super) activation: Vec<Interval>,
    /// What explains instants in which nothing else runs.
    pub(super) fillers: Vec<Stretch>,
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
struct Calls(Vec<Call>);

/// A call under way: which process made it, and its counters as a row and as an index.
#[derive(Debug, Clone, Copy)]
struct Call {
    pid: u64,
    row: Row,
    counter: u32,
}

impl Calls {
    /// Finds the counters that count what a process does now.
    fn counter_of(&self, pid: u64) -> Option<u32> {
        let own = self.0.iter().rev().find(|call| call.pid == pid);
        own.or_else(|| self.0.last()).map(|call| call.counter)
    }

    fn remove(&mut self, row: Row) {
        self.0.retain(|call| call.row != row);
    }
}

impl TimelineBuilder {
    /// Takes in one line.
    #[inline]
    pub fn push(&mut self, line: &Line<'_>) {
        if line.stamp.is_some() {
            self.now = line.stamp;
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
        }
    }

    /// Ends the log. What is still open counts up to the last stamp.
    #[must_use]
    pub fn finish(mut self) -> Timeline {
        HumanLog::finish(&mut self);
        finish::timeline(self)
    }

    #[inline]
    fn progress(&mut self, progress: Progress) {
        let Some(row) = self.activities.find_counting(progress.id) else {
            self.facts.orphan_result();
            return;
        };
        let activity = self.activities.get_mut(row);
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

    fn start(&mut self, start: &Start<'_>) {
        let detail = start.detail();
        let parent = start.parent.filter(|&parent| parent != ActivityId::NONE);
        let parent = parent.and_then(|parent| self.activities.find(parent));
        let mut activity = Activity::new(start.id, parent, self.now, self.facts.events);
        self.describe(&mut activity, start, detail);
        let role = activity.role;
        let (row, replaced) = self.activities.start(activity);
        if replaced.is_some() {
            self.facts.duplicate_start();
        }
        self.links.add(
            row,
            self.activities.get(row),
            start.parent.is_none(),
            &self.names,
        );
        self.started(row, role);
    }

    /// Fills in what the fields and the text say.
    fn describe(&mut self, activity: &mut Activity, start: &Start<'_>, detail: Detail<'_>) {
        match detail {
            Detail::Build { drv, machine } => {
                activity.subject = Some(self.intern(drv));
                activity.source = machine.map(|machine| self.intern(machine));
                activity.outer = if machine.is_none() {
                    self.links.outer(activity, &self.activities)
                } else {
                    None
                };
                activity.role = if activity.outer.is_some() {
                    Role::NestedBuild
                } else {
                    Role::Build
                };
            }
            Detail::Substitute { path, uri } => self.two(activity, Role::Substitute, path, uri),
            Detail::QueryPathInfo { path, uri } => self.two(activity, Role::Query, path, uri),
            Detail::CopyPath { path, from, to } => {
                self.two(activity, Role::CopyPath, path, from);
                activity.target = Some(self.intern(to));
                let substitution = activity
                    .subject
                    .and_then(|path| self.links.substitution(path, &self.activities));
                activity.parent = activity.parent.or(substitution);
            }
            Detail::FileTransfer { uri } => {
                let upload = start.text.raw().starts_with("uploading");
                self.one(
                    activity,
                    if upload {
                        Role::SendFile
                    } else {
                        Role::Transfer
                    },
                    uri,
                );
            }
            Detail::PostBuildHook { drv } => {
                self.one(activity, Role::Hook, drv);
                let text = start.text.decode();
                if let ActivityNote::PostBuildHook { program } =
                    message::activity(&ansi::strip(&text))
                {
                    activity.source = Some(self.names.intern(program));
                }
            }
            Detail::Realise => {
                activity.role = if activity.parent.is_some() {
                    Role::NestedCall
                } else {
                    Role::Call
                };
            }
            Detail::Builds => activity.role = Role::Builds,
            Detail::CopyPaths if start.text.is_empty() => activity.role = Role::Fetches,
            Detail::CopyPaths => activity.role = Role::CopyFrame,
            Detail::OptimiseStore | Detail::VerifyPaths => {
                let optimise = detail == Detail::OptimiseStore;
                activity.role = if optimise {
                    Role::Optimise
                } else {
                    Role::Verify
                };
                activity.subject = Some(self.names.intern("store"));
            }
            Detail::FetchTree => self.one(activity, Role::InputFetch, start.text),
            Detail::FetchToStore { source, .. } => self.one(activity, Role::SourceImport, source),
            Detail::Resolved { drv, resolved } => {
                let pair = (self.intern(drv), self.intern(resolved));
                self.resolved.push(pair);
            }
            Detail::Text | Detail::BuildWaiting => self.describe_text(activity, start.text),
            _ => {}
        }
    }

    fn one(&mut self, activity: &mut Activity, role: Role, subject: JsonStr<'_>) {
        activity.role = role;
        activity.subject = Some(self.intern(subject));
    }

    fn two(
        &mut self,
        activity: &mut Activity,
        role: Role,
        subject: JsonStr<'_>,
        source: JsonStr<'_>,
    ) {
        self.one(activity, role, subject);
        activity.source = Some(self.intern(source));
    }

    /// Fills in an activity that only its text describes.
    fn describe_text(&mut self, activity: &mut Activity, text: JsonStr<'_>) {
        let decoded = text.decode();
        let plain = ansi::strip(&decoded);
        let (role, subject) = match message::activity(&plain) {
            ActivityNote::EvaluatingDerivation { attr } => (Role::Evaluating, Some(attr)),
            ActivityNote::QueryingMissing => (Role::Handover, None),
            ActivityNote::CopyingToStore { path } | ActivityNote::HashingPath { path } => {
                (Role::SourceImport, Some(path))
            }
            ActivityNote::FetchingGit { uri }
            | ActivityNote::FetchingMercurial { uri }
            | ActivityNote::FetchingInput { uri }
            | ActivityNote::UnpackingIntoGitCache { uri } => (Role::InputFetch, Some(uri)),
            ActivityNote::Submodules => (Role::InputFetch, Some(&*plain)),
            ActivityNote::ConnectingTo { machine } => (Role::Connecting, Some(machine)),
            ActivityNote::WaitingForUploadLock { machine } => (Role::UploadLock, Some(machine)),
            ActivityNote::CopyingDependencies { machine } => (Role::Upload, Some(machine)),
            ActivityNote::CopyingOutputs { machine } => (Role::Download, Some(machine)),
            ActivityNote::WaitingForLock { paths } => (Role::WaitLock, Some(paths)),
            ActivityNote::WaitingForMachine { drv } => (Role::WaitMachine, Some(drv)),
            ActivityNote::WaitingForBuildUser { drv } => (Role::WaitUser, Some(drv)),
            note if evaluation::is_activity_sign(&note) => (Role::EvaluationSign, None),
            _ => (Role::Other, None),
        };
        activity.role = role;
        activity.subject = subject.map(|subject| self.names.intern(subject));
    }

    /// Does what the start of an activity entails.
    fn started(&mut self, row: Row, role: Role) {
        let pid = self.activities.get(row).id.pid();
        match role {
            Role::Call => self.evaluation.call_started(self.now),
            Role::Builds => {
                if let Some(counter) = self.counters.add() {
                    self.counts(row, counter, |builder| &mut builder.calls);
                }
            }
            Role::Fetches => {
                if let Some(counter) = self.fetches.add() {
                    self.counts(row, counter, |builder| &mut builder.fetch_calls);
                }
            }
            Role::Build => {
                self.evaluation.store_at_work(self.now);
                let counter = self.calls.counter_of(pid);
                self.activities.get_mut(row).counter = counter;
                if let Some(counter) = counter {
                    self.counters.started(counter, &mut self.activities);
                }
            }
            Role::Substitute => {
                self.evaluation.store_at_work(self.now);
                self.activities.get_mut(row).counter = self.fetch_calls.counter_of(pid);
            }
            Role::Handover => self.evaluation.handover(self.now),
            Role::Query | Role::CopyPath | Role::CopyFrame => {
                self.evaluation.store_at_work(self.now);
            }
            Role::Optimise | Role::Verify => self.evaluation.store_at_work(self.now),
            Role::Transfer => self.transfer_started(row),
            Role::Evaluating | Role::EvaluationSign | Role::SourceImport | Role::InputFetch => {
                self.evaluation.sign();
            }
            _ => {}
        }
    }

    /// Notes that an activity is the counters of a call; those inside a remote builder count apart.
    fn counts(&mut self, row: Row, counter: u32, calls: impl Fn(&mut Self) -> &mut Calls) {
        let activity = self.activities.get_mut(row);
        activity.counter = Some(counter);
        if activity.parent.is_none() {
            let pid = activity.id.pid();
            calls(self).0.push(Call { pid, row, counter });
        }
    }

    /// Links a file transfer with what it is for. One that is for nothing else is the evaluator's.
    fn transfer_started(&mut self, row: Row) {
        let transfer = self.activities.get(row);
        let parent = transfer.parent.or_else(|| {
            let uri = self.names.text(transfer.subject?);
            self.links.transfer(transfer.id, uri, &self.activities)
        });
        self.activities.get_mut(row).parent = parent;
        match parent {
            Some(parent) if self.activities.get(parent).role == Role::Build => {
                self.activities.get_mut(parent).fetched = true;
            }
            Some(_) => {}
            None if self.is_cache_file(row) => self.evaluation.store_at_work(self.now),
            None => self.evaluation.sign(),
        }
    }

    /// Tells whether a transfer is of a binary cache's own files, and so no input of the evaluator.
    fn is_cache_file(&self, row: Row) -> bool {
        let uri = self
            .activities
            .get(row)
            .subject
            .map_or("", |uri| self.names.text(uri));
        units::is_query(uri) || uri.contains("/nar/")
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
                self.phases.push(PhaseMark {
                    build,
                    name,
                    at: self.now,
                });
            }
            ResultDetail::PostBuildLogLine(line) => self.log_line(row, line.raw()),
            ResultDetail::FileLinked { bytes, .. } => self.activities.get_mut(row).done += bytes,
            ResultDetail::HashMismatch(payload) => self.facts.hash_mismatch(row, payload),
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
        let build = self.count_line(row, quoted.len().saturating_sub(2));
        // `showPhaseHeader` in nixpkgs' `setup.sh`.
        if quoted.as_bytes().starts_with(b"\"Running phase: ") {
            let text = quoted.get(1..quoted.len().saturating_sub(1));
            self.phase_line(build, text.unwrap_or_default());
        }
    }

    /// Counts a line of a build's log.
    pub(super) fn log_line(&mut self, row: Row, text: &str) {
        let build = self.count_line(row, text.len());
        self.phase_line(build, text);
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
            self.phase_lines.push(PhaseMark {
                build,
                name,
                at: self.now,
            });
        }
    }

    fn message(&mut self, message: &Message<'_>) {
        self.facts.message(message);
        // A warning says only in its full text which kind of warning it is.
        let bare = if message.level == Level::ERROR {
            message.raw
        } else {
            None
        };
        let text = bare.unwrap_or(message.text).decode();
        let plain = ansi::strip(&text);
        let note = message::read(&plain);
        self.note(&note, Some(message));
        // Only what was made from an error has a bare text; a trace has none.
        let is_error = message.level == Level::ERROR && message.raw.is_some();
        let is_own = matches!(
            note,
            Note::Other | Note::ImportFromDerivationForbidden { .. }
        );
        if is_error && is_own {
            self.evaluation.error(&plain);
        }
    }

    /// Takes in what a message says, of whichever form the log is.
    pub(super) fn note(&mut self, note: &Note<'_>, message: Option<&Message<'_>>) {
        self.facts.note(note, message);
        match note {
            Note::PlanBuild { .. } | Note::PlanFetch { .. } | Note::PlanUnknown => {
                self.evaluation.handover(self.now);
                self.plan.header(note);
            }
            Note::PlanItem { .. } => self.plan.item(),
            note if evaluation::is_sign(note) => self.evaluation.sign(),
            note => self.failures.note(note, &mut self.names),
        }
    }

    fn text(&mut self, text: &str) {
        HumanLog::line(self, text);
    }

    pub(super) fn intern(&mut self, text: JsonStr<'_>) -> Name {
        match text.decode() {
            Cow::Borrowed(text) => self.names.intern(text),
            Cow::Owned(text) => self.names.intern(&text),
        }
    }
}
