//! The end of a log: joins what belongs together, and makes the timeline.

use std::collections::BTreeMap;

use super::activity::{Activities, Activity, Role, Row};
use super::builder::{PhaseMark, TimelineBuilder};
use super::calls::Calls;
use super::failures::Blame;
use super::issue::IssueCode;
use super::model::{End, Filler, Name, Outcome, Part, Reason, Stretch, Unit, UnitKind};
use super::remote;
use super::strands::Ended;
use super::units::UnitMaker;
use super::{Map, Set, Timeline, results, told};
use crate::intervals::less;
use crate::time::{Interval, Stamp};
use crate::wire::dialect::Evidence;

/// Makes the timeline of a log that has been read.
pub(super) fn timeline(mut builder: TimelineBuilder, ended: Ended) -> Timeline {
    let planned: Map<Name, Name> = builder
        .resolved
        .iter()
        .map(|&(planned, resolved)| (resolved, planned))
        .collect();
    let mut blame = builder
        .failures
        .blame(builder.activities.rows(), &builder.names, &planned);
    supersede(&mut builder.activities, &blame);
    let build_results = results::determinate(&builder);
    results::verdicts(&build_results, &blame, &mut builder);
    builder.counters.finish(&mut builder.activities);
    builder
        .fetches
        .finish(&builder.failures, &mut builder.activities);
    let untold = results::unnamed(&build_results, &mut blame, &builder);
    let Ended {
        last,
        evaluation,
        proved_after,
        failure: evaluation_failure,
        saw_text,
        issue,
    } = ended;
    let is_explained =
        evaluation_failure.is_some() || builder.failures.any() || builder.failures.interrupted;
    let calls = Calls::new(&builder.activities, last);
    let maker = UnitMaker {
        remote: remote::times(&builder.activities, last),
        hooks: hooks(&builder.activities, last),
        hook_programs: hook_programs(&builder.activities),
        phases: phases(
            std::mem::take(&mut builder.phases),
            std::mem::take(&mut builder.phase_lines),
        ),
        children: children(&builder.activities),
        planned,
        has_frames: builder
            .activities
            .rows()
            .iter()
            .any(|row| matches!(row.role, Role::Upload | Role::Download)),
        failed: &blame.builds,
        builder: &builder,
        last,
        calls: &calls,
    };
    let mut units = maker.units();
    let mut waits = evaluator_waits(&units);
    // So far these are only the waits that messages tell of: whoever waits does not evaluate.
    waits.extend(builder.fillers.iter().map(|filler| filler.stretch.interval));
    let working = less(&evaluation, &waits);
    units.extend(evaluation_unit(
        &mut builder,
        &evaluation,
        &working,
        evaluation_failure,
    ));
    units.extend(activation_units(&mut builder));
    units.extend(results::never_started(&blame, &builder, &units));
    units.sort_by_key(|unit| (unit.start.is_none(), unit.start));
    let is_explained = is_explained || units.iter().any(|unit| unit.outcome.is_failure());
    let gave_up = last_words(&mut builder).filter(|_| !is_explained);
    let imports = calls.imports(&units, proved_after);
    fillers(&mut builder, last);
    let end = last.map(|last| builder.told_end.map_or(last, |end| end.max(last)));
    let wall = end.and_then(|end| Interval::new(Stamp::ZERO, end));
    let has_events = builder.facts.events > builder.facts.by_builders;
    let is_text = !has_events && saw_text;
    let is_nix = is_text || has_events;
    let mut issues = builder.facts.issues();
    issues.extend(issue);
    issues.extend(results::unit_issues(
        &units,
        builder.facts.lines,
        wall.is_some(),
        is_text,
    ));
    issues.extend(results::untold_issues(&untold, gave_up.as_deref()));
    if builder.reconstructed {
        let of_builders = [
            IssueCode::EndInferred,
            IssueCode::EndOpen,
            IssueCode::EndUnknown,
            IssueCode::ClockCoarse,
        ];
        issues.retain(|issue| !of_builders.contains(&issue.code));
        issues.extend(told::issues(builder.told_units.values()));
        // The form of the lines is ours.
        builder.facts.evidence = Evidence::default();
    }
    Timeline {
        wall,
        units,
        fillers: builder.fillers,
        calls: calls.intervals(),
        imports,
        plan: builder.plan.plan(),
        planned_builds: builder.plan.builds(),
        planned_fetches: builder.plan.fetches(),
        cache_remarks: builder
            .caches
            .remarks(&builder.activities, &builder.names, last),
        resolved: builder.resolved,
        issues,
        untold_failures: untold,
        gave_up,
        unreachable: builder.failures.take_unreachable(),
        interrupted: builder.failures.interrupted,
        is_nix,
        is_text,
        is_reconstructed: builder.reconstructed,
        open_calls: builder
            .activities
            .open()
            .any(|row| builder.activities.get(row).role == Role::Call),
        facts: builder.facts,
        names: builder.names,
    }
}

/// Returns what the command gave up with, if it is known to have done so: by its exit status, or as the
/// error was the last of all. Builders print errors too, and not every error ends a command.
fn last_words(builder: &mut TimelineBuilder) -> Option<String> {
    let (error, events) = builder.last_error.take()?;
    let is_last = builder.facts.events > 0 && builder.facts.events == events;
    (is_last || builder.has_failed).then_some(error)
}

/// Determinate Nix announces a build before it has a slot, stops it, and announces it again: only
/// the last announcement of a derivation that did nothing in between counts.
fn supersede(activities: &mut Activities, blame: &Blame) {
    let did_nothing =
        |build: &Activity| build.role == Role::Build && !build.was_alive() && !build.is_open();
    if !activities.rows().iter().any(did_nothing) {
        return;
    }
    // In another call it is another build: the first one failed, and somebody tries again.
    let mut later: Set<(Name, Option<u32>)> = Set::default();
    let last = activities.rows().len();
    for (row, activity) in (0..last).zip(activities.rows_mut()).rev() {
        if let (Role::Build, Some(subject)) = (activity.role, activity.subject) {
            let again = !later.insert((subject, activity.counter));
            let failed = Row::try_from(row).is_ok_and(|row| blame.builds.contains_key(&row));
            activity.superseded |= again && !failed && did_nothing(activity);
        }
    }
}

/// Collects the intervals of post-build hooks by derivation.
fn hooks(activities: &Activities, last: Option<Stamp>) -> Map<Name, Vec<Interval>> {
    let mut hooks: Map<Name, Vec<Interval>> = Map::default();
    for activity in activities
        .rows()
        .iter()
        .filter(|activity| activity.role == Role::Hook)
    {
        if let (Some(subject), Some(interval)) = (activity.subject, activity.interval(last)) {
            hooks.entry(subject).or_default().push(interval);
        }
    }
    hooks
}

/// Tells whether the exit status says that the command failed, and nothing else does.
fn fails_silently(builder: &TimelineBuilder) -> bool {
    builder.has_failed && !builder.failures.any() && !builder.failures.interrupted
}

/// Collects the programs of hooks whose builds no tick calls a success.
fn hook_programs(activities: &Activities) -> Map<Name, Name> {
    let rows = activities.rows().iter();
    let hooks = rows.clone().filter(|row| row.role == Role::Hook);
    let mut programs: Map<Name, Name> = hooks
        .filter_map(|row| Some((row.subject?, row.source?)))
        .collect();
    for build in rows.filter(|row| row.role == Role::Build && row.verdict == Some(true)) {
        build.subject.map(|drv| programs.remove(&drv));
    }
    programs
}

/// Sorts the marks of builder phases by build, each build's in order. stdenv's own lines count where Nix
/// says nothing of a build.
fn phases(mut marks: Vec<PhaseMark>, lines: Vec<PhaseMark>) -> Vec<PhaseMark> {
    marks.sort_by_key(|mark| mark.build);
    let told = marks.len();
    let is_untold = |line: &PhaseMark| {
        marks
            .binary_search_by_key(&line.build, |it| it.build)
            .is_err()
    };
    let untold: Vec<PhaseMark> = lines.into_iter().filter(is_untold).collect();
    marks.extend(untold);
    if marks.len() > told {
        marks.sort_by_key(|mark| mark.build);
    }
    marks
}

/// Lists the transfers and copies that belong to another activity.
fn children(activities: &Activities) -> BTreeMap<Row, Vec<Row>> {
    let mut children: BTreeMap<Row, Vec<Row>> = BTreeMap::new();
    for (row, activity) in (0..).zip(activities.rows()) {
        if let (Role::Transfer | Role::SendFile | Role::CopyPath, Some(parent)) =
            (activity.role, activity.parent)
        {
            children.entry(parent).or_default().push(row);
        }
    }
    children
}

/// Collects what the evaluator waits for, so that it is not counted as its own work.
fn evaluator_waits(units: &[Unit]) -> Vec<Interval> {
    let waits = units
        .iter()
        .filter(|unit| matches!(unit.kind, UnitKind::InputFetch | UnitKind::SourceImport));
    waits
        .filter_map(|unit| Interval::new(unit.start?, unit.end?))
        .collect()
}

/// Makes the unit of all evaluation.
fn evaluation_unit(
    builder: &mut TimelineBuilder,
    whole: &[Interval],
    working: &[Interval],
    failure: Option<(Outcome, Reason)>,
) -> Option<Unit> {
    let start = whole.iter().map(|stretch| stretch.start()).min();
    let end = whole.iter().map(|stretch| stretch.end()).max();
    if start.is_none() && failure.is_none() {
        return None;
    }
    let subject = builder.names.intern("evaluation");
    let mut unit = Unit::new(UnitKind::Evaluation, subject, start);
    if start.is_some() {
        unit.end = end;
        unit.end_kind = End::Inferred;
        unit.at_work = Some(working.iter().map(|stretch| stretch.length()).sum());
    }
    unit.outcome = if let Some((outcome, _)) = failure {
        outcome
    } else if builder.activities.rows().is_empty() || fails_silently(builder) {
        Outcome::Unknown
    } else {
        Outcome::Succeeded
    };
    unit.reason = failure.map(|(_, reason)| Box::new(reason));
    unit.stretches = working
        .iter()
        .map(|&interval| Stretch {
            interval,
            part: Part::Evaluating,
        })
        .collect();
    Some(unit)
}

fn activation_units(builder: &mut TimelineBuilder) -> Vec<Unit> {
    let subject = builder.names.intern("activation");
    let intervals = std::mem::take(&mut builder.activation);
    let unit = |interval: Interval| {
        let mut unit = Unit::new(UnitKind::Activation, subject, Some(interval.start()));
        unit.end = Some(interval.end());
        unit.end_kind = End::Inferred;
        unit.stretches = vec![Stretch {
            interval,
            part: Part::Activating,
        }];
        unit
    };
    intervals.into_iter().map(unit).collect()
}

/// Collects what explains instants in which nothing runs.
fn fillers(builder: &mut TimelineBuilder, last: Option<Stamp>) {
    for activity in builder.activities.rows() {
        let (part, subject) = match activity.role {
            Role::WaitLock => (Part::Lock, activity.subject),
            Role::UploadLock => (Part::Lock, None),
            Role::WaitMachine => (Part::Machine, activity.subject),
            Role::Connecting => (Part::Machine, None),
            Role::WaitUser => (Part::BuildUser, activity.subject),
            Role::Handover => (Part::Nix, None),
            Role::CopyFrame => (Part::Stores, None),
            _ => continue,
        };
        let interval = activity.interval(last);
        builder.fillers.extend(interval.map(|interval| Filler {
            stretch: Stretch { interval, part },
            subject,
        }));
    }
}
