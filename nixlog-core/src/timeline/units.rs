//! From activities to units: what each was, when it ended, and how.

use std::collections::BTreeMap;

use super::Map;
use super::activity::{Activity, Role, Row};
use super::builder::{PhaseMark, TimelineBuilder};
use super::calls::Calls;
use super::failures::Verdict;
use super::model::{BuilderPhase, End, Name, Outcome, Part, RemoteParts, Stretch, Unit, UnitKind};
use super::remote::RemoteTimes;
use crate::ids::ActivityId;
use crate::intervals::less;
use crate::time::{Interval, Nanos, Stamp};

/// Tells whether a file is what a binary cache answers questions with.
pub(super) fn is_query(uri: &str) -> bool {
    uri.ends_with(".narinfo") || uri.ends_with("/nix-cache-info")
}

impl Unit {
    pub(super) fn new(kind: UnitKind, subject: Name, start: Option<Stamp>) -> Self {
        Self {
            kind,
            subject,
            planned: None,
            machine: None,
            source: None,
            target: None,
            activity: None,
            by_hook: false,
            started: true,
            call: None,
            start,
            end: None,
            end_kind: End::Unknown,
            end_at_most: None,
            at_work: None,
            outcome: Outcome::Unknown,
            reason: None,
            wire_bytes: None,
            nar_bytes: None,
            log_lines: 0,
            log_bytes: 0,
            phases: Vec::new(),
            stretches: Vec::new(),
            remote: None,
        }
    }

    /// Counts a stretch of time as a part of a phase.
    fn count(&mut self, interval: Option<Interval>, part: Part) {
        self.stretches
            .extend(interval.map(|interval| Stretch { interval, part }));
    }
}

/// Makes units out of activities.
pub(super) struct UnitMaker<'a> {
    pub(super) builder: &'a TimelineBuilder,
    pub(super) last: Option<Stamp>,
    pub(super) remote: BTreeMap<Row, RemoteTimes>,
    pub(super) hooks: Map<Name, Vec<Interval>>,
    /// The program that ran as the hook of a derivation whose build is not known to have succeeded.
    pub(super) hook_programs: Map<Name, Name>,
    /// Sorted by build.
    pub(super) phases: Vec<PhaseMark>,
    pub(super) children: BTreeMap<Row, Vec<Row>>,
    pub(super) planned: Map<Name, Name>,
    /// The hook frames its copies, so that they need not be counted one by one.
    pub(super) has_frames: bool,
    /// The builds that failed, and how.
    pub(super) failed: &'a Map<Row, Verdict>,
    pub(super) calls: &'a Calls,
}

impl UnitMaker<'_> {
    pub(super) fn units(&self) -> Vec<Unit> {
        let rows = self.builder.activities.rows();
        let mut units = Vec::with_capacity(rows.len());
        units.extend(
            (0..)
                .zip(rows)
                .filter_map(|(row, activity)| self.unit(row, activity)),
        );
        units
    }

    fn unit(&self, row: Row, activity: &Activity) -> Option<Unit> {
        let mut unit = self.unit_of_lines(row, activity)?;
        unit.activity = Some(row);
        if let Some(open) = self.builder.human.open_ended(row) {
            open.apply(&mut unit, self.last);
        }
        if let Some(told) = self.builder.told_units.get(&row) {
            told.apply(&mut unit);
        }
        Some(unit)
    }

    fn unit_of_lines(&self, row: Row, activity: &Activity) -> Option<Unit> {
        match activity.role {
            Role::Build if !activity.superseded => self.build(row, activity),
            Role::Substitute => self.substitution(row, activity),
            Role::CopyPath if self.parent_role(activity) != Some(Role::Substitute) => {
                self.copy(row, activity)
            }
            Role::Query => self.query(row, activity),
            Role::Transfer => self.transfer(activity),
            Role::Hook => self.hook(activity),
            Role::Optimise => self.plain(activity, UnitKind::Optimise, Part::Optimising),
            Role::Verify => self.plain(activity, UnitKind::Verify, Part::Verifying),
            Role::InputFetch => self.plain(activity, UnitKind::InputFetch, Part::Inputs),
            Role::SourceImport => self.plain(activity, UnitKind::SourceImport, Part::SourceImports),
            _ => None,
        }
    }

    fn parent_role(&self, activity: &Activity) -> Option<Role> {
        Some(self.builder.activities.get(activity.parent?).role)
    }

    fn phases_of(&self, row: Row) -> &[PhaseMark] {
        let start = self.phases.partition_point(|mark| mark.build < row);
        let own = &self.phases[start..];
        &own[..own.partition_point(|mark| mark.build == row)]
    }

    fn child(&self, row: Row, role: Role) -> Option<(Row, &Activity)> {
        let children = self.children.get(&row)?.iter().rev();
        children
            .map(|&child| (child, self.builder.activities.get(child)))
            .find(|(_, child)| child.role == role)
    }

    /// Returns how much was sent of a copy: the archive, and what describes it.
    fn sent(&self, copy: Row) -> Option<u64> {
        let children = self.children.get(&copy)?.iter();
        let files = children.map(|&child| self.builder.activities.get(child));
        let sizes = files.filter(|file| file.role == Role::SendFile);
        sizes.map(|file| file.done).reduce(u64::saturating_add)
    }

    /// Makes a unit with what all kinds have in common.
    fn base(&self, activity: &Activity, kind: UnitKind) -> Option<Unit> {
        let subject = activity.subject.or_else(|| self.builder.names.find(""))?;
        let mut unit = Unit::new(kind, subject, activity.start);
        unit.call = self.calls.at(activity.started);
        unit.source = activity.source;
        unit.target = activity.target;
        unit.by_hook = self.parent_role(activity) == Some(Role::Call);
        unit.log_lines = activity.log_lines;
        unit.log_bytes = activity.log_bytes;
        (unit.end, unit.end_kind) = match activity.counted_end {
            Some(end) => (Some(end), End::Inferred),
            // A line for people says that something starts, and no line will say that it ends.
            None if activity.id == ActivityId::NONE => (None, End::Unknown),
            None if activity.is_open() => (activity.end(self.last), End::Open),
            None => (activity.stop, End::Measured),
        };
        unit.outcome = if activity.is_open() {
            Outcome::Unknown
        } else {
            Outcome::Succeeded
        };
        Some(unit)
    }

    fn plain(&self, activity: &Activity, kind: UnitKind, part: Part) -> Option<Unit> {
        let mut unit = self.base(activity, kind)?;
        unit.count(unit.interval(), part);
        Some(unit)
    }

    fn hook(&self, activity: &Activity) -> Option<Unit> {
        let mut unit = self.plain(activity, UnitKind::PostBuildHook, Part::Hook)?;
        if let Some(verdict) = self.failed_hook(unit.subject) {
            unit.outcome = Outcome::Failed;
            unit.reason = Some(Box::new(verdict.reason.clone()));
        }
        Some(unit)
    }

    /// Returns how the hook of a derivation failed. Its message names the program, not the derivation;
    /// it ends the whole call, and so the build that it belongs to is one that never got its tick.
    fn failed_hook(&self, drv: Name) -> Option<&Verdict> {
        let program = *self.hook_programs.get(&drv)?;
        self.builder.failures.of_program(program)
    }

    fn build(&self, row: Row, activity: &Activity) -> Option<Unit> {
        let mut unit = self.base(activity, UnitKind::Build)?;
        unit.machine = unit.source.take();
        unit.planned = self.planned.get(&unit.subject).copied();
        self.judge(row, activity, &mut unit);
        if activity.fetched || unit.outcome == Outcome::HashMismatch {
            unit.kind = UnitKind::SourceFetch;
        }
        unit.wire_bytes = self
            .child(row, Role::Transfer)
            .map(|(_, transfer)| transfer.done);
        if let Some(open) = self.builder.human.open_ended(row) {
            open.apply(&mut unit, self.last);
        } else if let Some(times) = self.remote.get(&row).copied() {
            count_remote(&mut unit, times);
        } else {
            let whole: Vec<_> = unit.interval().into_iter().collect();
            let hooks = self.hooks.get(&unit.subject).map_or(&[][..], |hooks| hooks);
            let part = if unit.kind == UnitKind::SourceFetch {
                Part::Sources
            } else {
                Part::LocalBuilds
            };
            unit.stretches = less(&whole, hooks)
                .into_iter()
                .map(|interval| Stretch { interval, part })
                .collect();
        }
        let at_work_until = unit
            .stretches
            .last()
            .map(|stretch| stretch.interval.end())
            .or(unit.end);
        unit.phases = builder_phases(self.phases_of(row), at_work_until);
        Some(unit)
    }

    /// Decides how a build ended: by its message, by the counters, or by who was cut off.
    fn judge(&self, row: Row, activity: &Activity, unit: &mut Unit) {
        let failures = &self.builder.failures;
        let told = self.failed.get(&row);
        let cut_off = failures.interrupted || failures.any();
        match (told, activity.verdict) {
            (Some(told), _) => {
                unit.outcome = told.outcome;
                unit.reason = Some(Box::new(told.reason.clone()));
            }
            (None, Some(true)) => unit.outcome = Outcome::Succeeded,
            (None, Some(false)) => {
                unit.outcome = Outcome::Failed;
                unit.reason = Some(Box::default());
            }
            (None, None) if self.failed_hook(unit.subject).is_some() => {
                let reason = self
                    .failed_hook(unit.subject)
                    .map(|verdict| &verdict.reason);
                let mut reason = reason.cloned().unwrap_or_default();
                reason.text = format!("post-build hook: {}", reason.text);
                unit.outcome = Outcome::Failed;
                unit.reason = Some(Box::new(reason));
            }
            (None, None) if cut_off && (!activity.is_open() || failures.interrupted) => {
                unit.outcome = Outcome::Interrupted;
            }
            (None, None) => unit.outcome = Outcome::Unknown,
        }
    }

    fn substitution(&self, row: Row, activity: &Activity) -> Option<Unit> {
        let mut unit = self.base(activity, UnitKind::Substitution)?;
        let copy = self.child(row, Role::CopyPath);
        let transfer = copy.and_then(|(copy, _)| self.child(copy, Role::Transfer));
        if let Some((_, copy)) = copy {
            unit.nar_bytes = Some(copy.expected).filter(|&bytes| bytes > 0);
            unit.target = copy.target;
        }
        self.judge_copy(activity, copy.map(|(_, copy)| copy), &mut unit);
        let whole = unit.interval();
        match transfer {
            Some((_, transfer)) => {
                unit.wire_bytes = Some(transfer.done);
                let downloaded = transfer.interval(self.last).map(Interval::end);
                let split = whole
                    .zip(downloaded)
                    .map(|(whole, at)| (whole, at.min(whole.end()).max(whole.start())));
                unit.count(
                    split.and_then(|(whole, at)| Interval::new(whole.start(), at)),
                    Part::Downloads,
                );
                unit.count(
                    split.and_then(|(whole, at)| Interval::new(at, whole.end())),
                    Part::Unpacking,
                );
            }
            None => unit.count(whole, Part::Stores),
        }
        Some(unit)
    }

    /// A copy has succeeded when the counters say so, or when all bytes of the archive are there.
    fn judge_copy(&self, activity: &Activity, copy: Option<&Activity>, unit: &mut Unit) {
        let failures = &self.builder.failures;
        let complete = copy.is_some_and(|copy| copy.expected > 0 && copy.done >= copy.expected);
        let told = failures.of_path(unit.subject);
        let cut_off = failures.interrupted || failures.any();
        unit.outcome = match activity.verdict {
            Some(true) => Outcome::Succeeded,
            Some(false) => Outcome::Failed,
            None if told.is_some() && !complete => Outcome::Failed,
            None if complete => Outcome::Succeeded,
            None if activity.is_open() && !failures.interrupted => Outcome::Unknown,
            None if cut_off => Outcome::Interrupted,
            // Copies to other stores have no counters, and may report nothing at all.
            None => Outcome::Unknown,
        };
        if unit.outcome == Outcome::Failed {
            unit.reason = told.map(|reason| Box::new(reason.clone()));
        }
    }

    fn copy(&self, row: Row, activity: &Activity) -> Option<Unit> {
        let mut unit = self.base(activity, UnitKind::Copy)?;
        unit.nar_bytes = Some(activity.expected).filter(|&bytes| bytes > 0);
        self.judge_copy(activity, Some(activity), &mut unit);
        let whole = unit.interval();
        let download = self
            .child(row, Role::Transfer)
            .map(|(_, transfer)| transfer);
        unit.wire_bytes = download
            .map(|transfer| transfer.done)
            .or_else(|| self.sent(row));
        let inside_hook = unit.by_hook;
        if !(inside_hook && self.has_frames) {
            let download = download.and_then(|transfer| transfer.interval(self.last));
            let download = download.and_then(|download| download.clip(whole?));
            let rest = less(whole.as_slice(), download.as_slice());
            let part = if inside_hook {
                Part::Machines
            } else {
                Part::Stores
            };
            unit.count(download, Part::Downloads);
            unit.stretches
                .extend(rest.into_iter().map(|interval| Stretch { interval, part }));
        }
        Some(unit)
    }

    /// The stop of a query may come late, as may that of its transfer: the earlier one counts.
    fn query(&self, row: Row, activity: &Activity) -> Option<Unit> {
        let mut unit = self.base(activity, UnitKind::Query)?;
        if let Some((_, transfer)) = self.child(row, Role::Transfer) {
            unit.wire_bytes = Some(transfer.done);
            if !transfer.is_open() && (activity.is_open() || transfer.stop < unit.end) {
                unit.end = transfer.stop;
                unit.end_kind = End::Measured;
            }
        }
        unit.count(unit.interval(), Part::Queries);
        Some(unit)
    }

    /// Makes the unit of a transfer that belongs to nothing else.
    fn transfer(&self, activity: &Activity) -> Option<Unit> {
        if activity.parent.is_some() {
            return None;
        }
        let uri = activity
            .subject
            .map_or("", |uri| self.builder.names.text(uri));
        let (kind, part) = match uri {
            uri if is_query(uri) => (UnitKind::Query, Part::Queries),
            uri if uri.contains("/nar/") => (UnitKind::Substitution, Part::Downloads),
            _ => (UnitKind::InputFetch, Part::Inputs),
        };
        let mut unit = self.base(activity, kind)?;
        unit.count(unit.interval(), part);
        unit.wire_bytes = Some(activity.done);
        Some(unit)
    }
}

/// Counts the parts of a build on a machine.
fn count_remote(unit: &mut Unit, times: RemoteTimes) {
    // Nix reads its build hooks late while it is busy, above all with connecting to machines: then
    // the start and the end of a part come in one piece, and how long it took is not told.
    let length = |part: Option<Interval>| {
        part.map(Interval::length)
            .filter(|&length| length > Nanos::ZERO)
    };
    let whole = unit.interval();
    let queued = times
        .upload
        .zip(times.build)
        .map(|(upload, build)| build.start().since(upload.end()));
    let waited = times
        .upload
        .zip(whole)
        .map(|(upload, whole)| upload.start().since(whole.start()));
    let waited = waited.filter(|_| length(times.upload).is_some());
    unit.remote = Some(Box::new(RemoteParts {
        waiting: waited.map(|waited| waited + queued.unwrap_or_default()),
        upload: length(times.upload),
        build: length(times.build),
        download: length(times.download),
    }));
    let clip = |interval: Option<Interval>| {
        interval
            .zip(whole)
            .and_then(|(part, whole)| part.clip(whole))
    };
    let part = if unit.kind == UnitKind::SourceFetch {
        Part::Sources
    } else {
        Part::RemoteBuilds
    };
    unit.count(clip(times.upload), Part::Machines);
    unit.count(clip(times.download), Part::Machines);
    unit.count(clip(times.build), part);
}

/// Gives each builder phase its end: the next one's start, or the end of the build.
fn builder_phases(marks: &[PhaseMark], end: Option<Stamp>) -> Vec<BuilderPhase> {
    let later = marks.iter().skip(1).map(|mark| mark.at);
    let phase = |(mark, end): (&PhaseMark, Option<Stamp>)| {
        let interval = mark
            .at
            .zip(end)
            .and_then(|(start, end)| Interval::new(start, end.max(start)));
        BuilderPhase {
            name: mark.name,
            interval,
        }
    };
    marks.iter().zip(later.chain([end])).map(phase).collect()
}
