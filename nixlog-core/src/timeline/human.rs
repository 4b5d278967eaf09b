//! Logs for people: they say what starts, but never what ends.
//!
//! What such a log can tell is told, and marked as inferred. A build whose lines carry its name
//! (`nix build -L`) lasts at least until its last line. For the phases, each thing that starts counts
//! until the next thing starts, which is right for one job and an estimate for several.

use super::Map;
use super::activity::{Activity, Role, Row};
use super::builder::TimelineBuilder;
use super::evaluation;
use super::model::{End, Outcome, Part, Stretch, Unit, UnitKind};
use super::starts::by_title;
use crate::ids::ActivityId;
use crate::store_path::{name_of, pname_of};
use crate::time::{Interval, Nanos, Stamp};
use crate::wire::human::{HumanEvent, HumanReader};
use crate::wire::message::{self, ActivityNote, Note};

/// What a log for people has told so far.
#[derive(Debug, Default)]
pub(super) struct HumanLog {
    reader: HumanReader,
    /// What started last.
    latest: Option<Row>,
    builds: Map<Row, HumanBuild>,
    /// Builds by what their lines are marked with: the name without version.
    by_pname: Map<Box<str>, Row>,
    /// Builds that only a status line names.
    by_name: Map<Box<str>, Row>,
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

/// A build of which only the start is told.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct HumanBuild {
    /// When the next thing started.
    next_start: Option<Stamp>,
    /// When its last own line came.
    last_line: Option<Stamp>,
}

impl HumanBuild {
    /// Gives a unit the end that can be inferred.
    pub(super) fn apply(&self, unit: &mut Unit, last: Option<Stamp>) {
        // Everything that a status line redraws comes in one line, and so at one time.
        unit.end = self.last_line.filter(|&end| Some(end) > unit.start);
        unit.end_kind = if unit.end.is_some() {
            End::Inferred
        } else {
            End::Unknown
        };
        if unit.outcome == Outcome::Interrupted {
            // Nothing says that it was still running.
            unit.outcome = Outcome::Unknown;
        }
        let until = self.next_start.or(last).max(self.last_line);
        let interval = unit
            .start
            .zip(until)
            .and_then(|(start, until)| Interval::new(start, until))
            .filter(|interval| interval.length() > Nanos::ZERO);
        let part = match (unit.kind, unit.machine) {
            (UnitKind::SourceFetch, _) => Part::Sources,
            (_, Some(_)) => Part::RemoteBuilds,
            (_, None) => Part::LocalBuilds,
        };
        unit.stretches
            .extend(interval.map(|interval| Stretch { interval, part }));
    }
}

impl HumanLog {
    /// Takes in a line that is no record.
    pub(super) fn line(builder: &mut TimelineBuilder, text: &str) {
        let mut reader = std::mem::take(&mut builder.human.reader);
        reader.line(text, &mut |event| Self::event(builder, event));
        builder.human.reader = reader;
    }

    /// Takes in what the reader still holds back.
    pub(super) fn finish(builder: &mut TimelineBuilder) {
        let mut reader = std::mem::take(&mut builder.human.reader);
        reader.finish(&mut |event| Self::event(builder, event));
        Self::end_activation(builder, builder.now);
    }

    /// Returns what is known of a build, if it is one of a log for people.
    pub(super) fn build(&self, row: Row) -> Option<&HumanBuild> {
        self.builds.get(&row)
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
        self.builds = std::mem::take(&mut before.builds);
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
            builder.activities.step_ends(now, strand);
            builder.human.step = Some(StepEnd { at: now, come });
        }
    }

    fn event(builder: &mut TimelineBuilder, event: HumanEvent<'_>) {
        match event {
            HumanEvent::Note(note) => {
                builder.human.signs += u64::from(!matches!(note, Note::Other));
                builder.note(&note, None);
            }
            HumanEvent::Activity(title) => Self::activity(builder, title),
            HumanEvent::BuildLog {
                pname,
                text,
                post_hook: false,
            } => Self::log_line(builder, pname, text),
            HumanEvent::BarStatus(status) => {
                builder.human.signs += 1;
                let build = status.build();
                if let Some(build) = build {
                    Self::seen_in_bar(builder, build.name, build.machine);
                }
            }
            HumanEvent::SystemConfiguration => {
                builder.human.signs += 1;
                builder.evaluation.sign();
            }
            HumanEvent::Error { text } => {
                let at_a_place = evaluation::is_at_a_place(text);
                builder.error(&message::read_error(text), text, at_a_place);
            }
            HumanEvent::Step => Self::step(builder),
            HumanEvent::Cancelled => {
                builder.failures.interrupted = true;
                Self::step(builder);
            }
            HumanEvent::Activation { .. } => {
                let now = builder.now;
                Self::end_latest(builder, now);
                let since = builder.human.activation.map_or(now, |(since, _)| since);
                builder.human.activation = Some((since, now));
            }
            _ => {}
        }
    }

    fn activity(builder: &mut TimelineBuilder, title: ActivityNote<'_>) {
        match title {
            ActivityNote::Building { drv, machine }
            | ActivityNote::Checking { drv, machine }
            | ActivityNote::Repairing { drv, machine } => Self::building(builder, drv, machine),
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

    fn building(builder: &mut TimelineBuilder, drv: &str, machine: Option<&str>) {
        builder.evaluation.handover(builder.now);
        Self::add_build(builder, drv, machine);
    }

    fn add_build(builder: &mut TimelineBuilder, drv: &str, machine: Option<&str>) {
        let row = Self::started(builder, Role::Build, drv, machine, None);
        let name = name_of(drv);
        builder.human.builds.insert(row, HumanBuild::default());
        builder.human.by_pname.insert(pname_of(name).into(), row);
        builder.human.by_name.insert(name.into(), row);
    }

    /// A status line on a terminal shows one of the running builds, and only by name.
    fn seen_in_bar(builder: &mut TimelineBuilder, name: &str, machine: Option<&str>) {
        if let Some(&row) = builder.human.by_name.get(name) {
            let now = builder.now;
            if let Some(build) = builder.human.builds.get_mut(&row) {
                build.last_line = now;
            }
            return;
        }
        Self::add_build(builder, name, machine);
    }

    fn log_line(builder: &mut TimelineBuilder, pname: &str, text: &str) {
        let Some(&row) = builder.human.by_pname.get(pname) else {
            return;
        };
        builder.log_line(row, text);
        builder.human.signs += 1;
        let now = builder.now;
        if let Some(build) = builder.human.builds.get_mut(&row) {
            build.last_line = now;
        }
    }

    /// Adds something that starts, and with which whatever started before is taken to have ended.
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
        builder.human.latest = Some(row);
        row
    }

    fn end_latest(builder: &mut TimelineBuilder, now: Option<Stamp>) {
        let Some(row) = builder.human.latest.take() else {
            return;
        };
        match builder.human.builds.get_mut(&row) {
            Some(build) => build.next_start = now,
            None => builder.activities.get_mut(row).counted_end = now,
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
