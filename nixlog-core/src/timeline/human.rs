//! Logs for people: they say what starts, but never what ends.
//!
//! What such a log can tell is told, and marked as inferred. A build whose lines carry its name
//! (`nix build -L`) lasts at least until its last line; what the evaluator waits for lasts until Nix goes
//! on. Of everything else the end is not known, only by when it had ended: at the end of the log, or
//! when a step of a CI job ends, or what was built is activated.

use super::activity::{Activity, Role, Row};
use super::builder::TimelineBuilder;
use super::evaluation::Said;
use super::failures::bounded;
use super::model::{End, Name, Outcome, Stretch, Unit};
use super::starts::by_title;
use super::status_line::{Ended, StatusLine};
use super::{Map, Set};
use crate::ids::ActivityId;
use crate::store_path::{StorePath, name_of, pname_of};
use crate::time::{Interval, Nanos, Stamp};
use crate::wire::human::{BarStatus, HumanEvent, HumanReader};
use crate::wire::message::{self, ActivityNote, Note};

/// What a log for people has told so far.
#[derive(Debug, Default)]
pub(super) struct HumanLog {
    reader: HumanReader,
    /// What the evaluator waits for.
    latest: Option<Row>,
    /// What started, and what will not be said to have ended.
    open_ended: Map<Row, OpenEnded>,
    /// Builds by what their lines are marked with: the name without version.
    by_pname: Map<Box<str>, Row>,
    /// Builds by name: a status line has no more.
    by_name: Map<Box<str>, Row>,
    /// Builds that were announced, by derivation, since it was last planned.
    announced: Map<Name, Row>,
    /// Derivations that were planned or failed, by name; `None` where several have it.
    paths: Map<Box<str>, Option<Name>>,
    /// Derivations that failed since they were announced.
    failed: Set<Name>,
    status: StatusLine,
    /// Substitutions that a status line names.
    fetches: Map<Box<str>, Row>,
    /// What ended a state of the status line, which may be cut off there, and how wide that was.
    last_words: Vec<(Row, usize)>,
    /// Characters of the longest state.
    widest: usize,
    /// All of the error whose message comes next.
    error: Option<Box<str>>,
    /// The stamp of the line before this one.
    previous: Option<Stamp>,
    activation: Option<(Option<Stamp>, Option<Stamp>)>,
    /// Lines that only Nix prints.
    signs: u64,
    /// The end of the last step of a CI job that had Nix in it.
    step: Option<StepEnd>,
}

/// Where a step of a CI job ended, and how much had come of Nix by then.
#[derive(Debug, Clone, Copy)]
struct StepEnd {
    at: Option<Stamp>,
    come: (u64, u64),
}

/// What is known of the end of something of which only the start is told.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct OpenEnded {
    /// When its last own line came.
    last_line: Option<Stamp>,
    /// When it had certainly ended.
    ended_by: Option<Stamp>,
    /// Which of several logs in one it is of.
    strand: u32,
}

impl OpenEnded {
    /// Gives a unit what is known of its end.
    pub(super) fn apply(&self, unit: &mut Unit, last: Option<Stamp>) {
        let told = unit.end;
        unit.end = told.or(self.last_line.filter(|&end| Some(end) > unit.start));
        unit.end_kind = match unit.end {
            Some(_) => End::Inferred,
            None => End::Unknown,
        };
        if told.is_none() {
            unit.end_at_most = self.ended_by.or(last).max(unit.end);
        }
        if unit.outcome == Outcome::Interrupted {
            // Nothing says that it was still running.
            unit.outcome = Outcome::Unknown;
        }
        let part = unit.part();
        let known = unit.interval().map(|interval| Stretch { interval, part });
        unit.stretches = known.into_iter().collect();
        unit.settle(last.unwrap_or_default().since(Stamp::ZERO));
    }
}

impl HumanLog {
    /// Takes in a line that is no record.
    pub(super) fn line(builder: &mut TimelineBuilder, text: &str) {
        let mut reader = std::mem::take(&mut builder.human.reader);
        reader.line(text, &mut |event| Self::event(builder, event));
        builder.human.reader = reader;
        builder.human.previous = builder.now;
    }

    /// Takes in what the reader still holds back.
    pub(super) fn finish(builder: &mut TimelineBuilder) {
        let mut reader = std::mem::take(&mut builder.human.reader);
        reader.finish(&mut |event| Self::event(builder, event));
        Self::end_activation(builder, builder.now);
        let gone = builder.human.status.gone();
        Self::have_ended(builder, &gone);
        Self::complete_names(builder);
    }

    /// Returns what is known of the end of something of which only the start is told.
    pub(super) fn open_ended(&self, row: Row) -> Option<&OpenEnded> {
        self.open_ended.get(&row)
    }

    /// Tells whether any line was Nix's.
    pub(super) fn saw_nix(&self) -> bool {
        self.signs > 0
    }

    /// Returns where the step of a CI job ended, if no more has come of Nix since; `events` are those of
    /// its own strand.
    pub(super) fn ended(&self, events: u64) -> Option<Option<Stamp>> {
        let step = self.step.filter(|step| step.come == (events, self.signs));
        step.map(|step| step.at)
    }

    /// Takes over what belongs to all strands.
    pub(super) fn follow(&mut self, before: &mut Self) {
        self.open_ended = std::mem::take(&mut before.open_ended);
    }

    /// Whatever of a strand has started has ended by now.
    fn all_ended(&mut self, now: Option<Stamp>, strand: u32) {
        let all = self.open_ended.values_mut();
        for open in all.filter(|open| open.strand == strand) {
            open.ended_by = open.ended_by.or(now);
        }
    }

    /// A step of a CI job begins or ends.
    fn step(builder: &mut TimelineBuilder) {
        let now = builder.now;
        let (events, strand) = (
            builder.strands.events(&builder.facts),
            builder.strands.now(),
        );
        let come = (events, builder.human.signs);
        Self::end_latest(builder, now);
        Self::end_activation(builder, now);
        builder.evaluation.step_ends(now);
        // A step without Nix moves nothing.
        if come != (0, 0) && builder.human.step.is_none_or(|step| step.come != come) {
            builder.human.all_ended(now, strand);
            builder.activities.step_ends(now, strand);
            builder.human.step = Some(StepEnd { at: now, come });
        }
    }

    fn event(builder: &mut TimelineBuilder, event: HumanEvent<'_>) {
        match event {
            HumanEvent::Note(note) => {
                builder.human.signs += u64::from(!matches!(note, Note::Other));
                match note {
                    Note::PlanItem { path } => {
                        if let Some(drv) = Self::learn_path(builder, path) {
                            builder.human.announced.remove(&drv);
                        }
                    }
                    Note::BuildFailed { drv: Some(drv), .. } => {
                        let drv = Self::learn_path(builder, drv);
                        builder.human.failed.extend(drv);
                    }
                    _ => {}
                }
                builder.evaluator_says(&note, "");
                let words = builder.human.error.take();
                builder.tell(&note, None, words.as_deref());
            }
            HumanEvent::Activity(title) => Self::activity(builder, title),
            HumanEvent::BuildLog {
                pname,
                text,
                post_hook: false,
            } => Self::log_line(builder, pname, text),
            HumanEvent::BarStatus(status) => {
                builder.human.signs += 1;
                Self::status(builder, &status);
            }
            HumanEvent::Finished { name, took } => Self::finished(builder, name, took),
            HumanEvent::SystemConfiguration => {
                builder.human.signs += 1;
                builder.evaluation.sign();
            }
            HumanEvent::Error { text } => {
                let note = message::read_error(text);
                let error = Said {
                    text,
                    words: text,
                    has_file: false,
                    place: None,
                };
                builder.error(&note, &error);
                builder.human.error = Some(bounded(text));
            }
            HumanEvent::Step => Self::step(builder),
            HumanEvent::Cancelled => {
                builder.failures.interrupted = true;
                Self::step(builder);
            }
            HumanEvent::Activation { .. } => {
                let now = builder.now;
                Self::end_latest(builder, now);
                // A configuration is activated once it is there.
                let strand = builder.strands.now();
                builder.human.all_ended(now, strand);
                let since = builder.human.activation.map_or(now, |(since, _)| since);
                builder.human.activation = Some((since, now));
            }
            _ => {}
        }
    }

    fn activity(builder: &mut TimelineBuilder, title: ActivityNote<'_>) {
        match title {
            ActivityNote::Building { drv, machine } => {
                let row = Self::building(builder, drv, machine);
                Self::announced(builder, row);
            }
            ActivityNote::Checking { drv, machine } | ActivityNote::Repairing { drv, machine } => {
                Self::building(builder, drv, machine);
            }
            ActivityNote::CopyingPath { path, from, to } => {
                let role = if to.is_none() {
                    Role::Substitute
                } else {
                    Role::CopyPath
                };
                Self::started(builder, role, path, from, to);
            }
            ActivityNote::Downloading { uri } => {
                Self::started(builder, Role::Transfer, uri, None, None);
            }
            title => match by_title(title) {
                (role @ (Role::SourceImport | Role::InputFetch), Some(subject)) => {
                    builder.evaluation.sign();
                    Self::started(builder, role, subject, None, None);
                }
                (Role::Handover, _) => builder.evaluation.handover(builder.now),
                (Role::Evaluating | Role::EvaluationSign, _) => builder.evaluation.sign(),
                (Role::WaitLock, subject) => {
                    let subject = subject.map(|paths| builder.names.intern(paths));
                    builder.waits_for_lock(subject);
                }
                _ => {}
            },
        }
    }

    fn building(builder: &mut TimelineBuilder, drv: &str, machine: Option<&str>) -> Row {
        builder.evaluation.handover(builder.now);
        Self::add_build(builder, drv, machine)
    }

    fn add_build(builder: &mut TimelineBuilder, drv: &str, machine: Option<&str>) -> Row {
        let row = Self::started(builder, Role::Build, drv, machine, None);
        let name = name_of(drv);
        builder.human.by_pname.insert(pname_of(name).into(), row);
        builder.human.by_name.insert(name.into(), row);
        row
    }

    /// Determinate Nix announces a build when it is chosen, and again when it gets its slot. The last
    /// announcement is the start, unless something came of the one before.
    fn announced(builder: &mut TimelineBuilder, row: Row) {
        let Some(drv) = builder.activities.get(row).subject else {
            return;
        };
        let failed = builder.human.failed.remove(&drv);
        if let Some(earlier) = builder.human.announced.insert(drv, row) {
            let open = builder.human.open_ended.get(&earlier);
            let is_silent = open.is_none_or(|open| open.last_line.is_none());
            builder.activities.get_mut(earlier).superseded = is_silent && !failed;
        }
    }

    /// Remembers the path of a derivation, for what only has its name.
    fn learn_path(builder: &mut TimelineBuilder, path: &str) -> Option<Name> {
        let name = StorePath::parse(path.strip_suffix(".drv")?)?.name();
        let drv = builder.names.intern(path);
        let known = builder.human.paths.entry(name.into()).or_insert(Some(drv));
        if *known != Some(drv) {
            *known = None;
        }
        if let Some(&row) = builder.human.by_name.get(name) {
            let build = builder.activities.get_mut(row);
            if build
                .subject
                .is_some_and(|subject| builder.names.text(subject) == name)
            {
                build.subject = Some(drv);
            }
        }
        Some(drv)
    }

    /// Takes in a state of a terminal's status line.
    fn status(builder: &mut TimelineBuilder, status: &BarStatus<'_>) {
        let log = &mut builder.human;
        log.widest = log.widest.max(status.width);
        let now = builder.now;
        if status.overdrawn && log.previous != now {
            // It was there before its line ended, at a time that nobody wrote down.
            builder.now = None;
        }
        if let Some(built) = status.built {
            let gone = builder.human.status.counts(built, builder.now);
            Self::have_ended(builder, &gone);
        }
        if let Some(build) = status.build() {
            builder.evaluation.store_at_work(builder.now);
            let row = Self::seen_in_bar(builder, build.name, build.machine);
            if status.activity.ends_with(build.name) {
                builder.human.last_words.push((row, status.width));
            }
            let on_own_line = status.built.is_none();
            let log = &mut builder.human;
            if log
                .status
                .shows(row, status.activity, build.line, on_own_line)
            {
                builder.activities.get_mut(row).counted_end = None;
                if let Some(open) = log.open_ended.get_mut(&row) {
                    open.last_line = builder.now;
                }
            }
        } else if let Some(fetch) = status.fetch() {
            if !builder.human.fetches.contains_key(fetch.name) {
                builder.evaluation.store_at_work(builder.now);
                let source = Some(fetch.from);
                let row = Self::started(builder, Role::Substitute, fetch.name, source, None);
                builder.human.fetches.insert(fetch.name.into(), row);
                builder.human.last_words.push((row, status.width));
            }
        } else if status.activity.starts_with("evaluating ") && builder.human.by_name.is_empty() {
            builder.evaluation.sign();
        } else if status.activity.starts_with("And ") {
            builder.human.status.shows_no_more();
        }
        let ended = builder.human.status.ended();
        Self::have_ended(builder, &ended);
        builder.now = now;
    }

    /// Finds a build by its name, or adds it.
    fn seen_in_bar(builder: &mut TimelineBuilder, name: &str, machine: Option<&str>) -> Row {
        if let Some(&row) = builder.human.by_name.get(name) {
            return row;
        }
        let path = builder.human.paths.get(name).copied().flatten();
        let path = path.map(|path| builder.names.text(path).to_owned());
        Self::add_build(builder, path.as_deref().unwrap_or(name), machine)
    }

    /// Notes which builds have ended, as a status line tells.
    fn have_ended(builder: &mut TimelineBuilder, ended: &Ended) {
        for &row in &ended.rows {
            let build = builder.activities.get_mut(row);
            build.counted_end = ended.at;
            build.verdict = ended.all_succeeded.then_some(true);
        }
    }

    /// A name at the end of a status line may be cut off there: where one goes on like that, it is meant.
    fn complete_names(builder: &mut TimelineBuilder) {
        let log = &mut builder.human;
        for (row, width) in std::mem::take(&mut log.last_words) {
            let activity = builder.activities.get_mut(row);
            if width < log.widest {
                continue;
            }
            if activity.role == Role::Substitute {
                activity.source = None;
                continue;
            }
            let cut = activity.subject.map_or("", |name| builder.names.text(name));
            let longer = |name: &str| name.len() > cut.len() && name.starts_with(cut);
            let mut built = log.by_name.iter().filter(|(name, _)| longer(name));
            let Some((_, &whole)) = built.next().filter(|_| built.next().is_none()) else {
                continue;
            };
            activity.superseded = true;
            let start = activity.start;
            let whole = builder.activities.get_mut(whole);
            whole.start = whole.start.min(start);
        }
    }

    /// nom says at the end how long builds took, in whole seconds.
    fn finished(builder: &mut TimelineBuilder, name: &str, took: Nanos) {
        let Some(&row) = builder.human.by_name.get(name) else {
            return;
        };
        let build = builder.activities.get_mut(row);
        build.verdict = Some(true);
        let end = build.start.map(|start| start + took);
        build.counted_end = end.min(builder.now);
    }

    fn log_line(builder: &mut TimelineBuilder, pname: &str, text: &str) {
        let log = &builder.human;
        // nom marks some lines with the whole name.
        let Some(&row) = log.by_pname.get(pname).or_else(|| log.by_name.get(pname)) else {
            return;
        };
        builder.log_line(row, text);
        builder.human.signs += 1;
        builder.human.status.says(row);
        let now = builder.now;
        if let Some(open) = builder.human.open_ended.get_mut(&row) {
            open.last_line = now;
        }
    }

    /// Adds something that starts: Nix goes on, and so whatever the evaluator waited for has ended.
    fn started(
        builder: &mut TimelineBuilder,
        role: Role,
        subject: &str,
        source: Option<&str>,
        target: Option<&str>,
    ) -> Row {
        builder.human.signs += 1;
        let now = builder.now;
        Self::end_activation(builder, now);
        Self::end_latest(builder, now);
        let mut activity = Activity::new(ActivityId::NONE, None, now, builder.facts.lines);
        activity.role = role;
        activity.subject = Some(builder.names.intern(subject));
        activity.source = source.map(|source| builder.names.intern(source));
        activity.target = target.map(|target| builder.names.intern(target));
        let row = builder.activities.add(activity);
        // The evaluator waits for these.
        if matches!(role, Role::InputFetch | Role::SourceImport) {
            builder.human.latest = Some(row);
        } else {
            let open = OpenEnded {
                strand: builder.strands.now(),
                ..OpenEnded::default()
            };
            builder.human.open_ended.insert(row, open);
        }
        row
    }

    fn end_latest(builder: &mut TimelineBuilder, now: Option<Stamp>) {
        if let Some(row) = builder.human.latest.take() {
            builder.activities.get_mut(row).counted_end = now;
        }
    }

    fn end_activation(builder: &mut TimelineBuilder, now: Option<Stamp>) {
        if let Some((Some(since), _)) = builder.human.activation.take() {
            builder
                .activation
                .extend(now.and_then(|now| Interval::new(since, now)));
        }
    }

    /// A record of Nix's event stream follows: another Nix process is at work.
    #[inline]
    pub(super) fn event_follows(builder: &mut TimelineBuilder) {
        if builder.human.activation.is_some() {
            let now = builder.now;
            Self::end_activation(builder, now);
        }
    }
}
