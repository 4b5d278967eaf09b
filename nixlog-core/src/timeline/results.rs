//! Which verdict belongs to which build.

use serde_json::Value;

use super::Map;
use super::activity::{Role, Row};
use super::blame::Blamed;
use super::builder::TimelineBuilder;
use super::failures::{Blame, Unnamed, Verdict, bounded};
use super::issue::{Issue, IssueCode, Severity};
use super::model::{End, FailureKind, Name, Outcome, Reason, Unit, UnitKind};
use crate::store_path::{StorePath, base_name};
use crate::time::Stamp;
use crate::wire::ansi;
use crate::wire::message::{self, Failure, Note};

/// Tells the counters which builds have failed by name, so that ticks go to the right ones.
pub(super) fn verdicts(told: &Told, blame: &Blame, builder: &mut TimelineBuilder) {
    for (row, activity) in (0..).zip(builder.activities.rows_mut()) {
        let (Role::Build, Some(subject)) = (activity.role, activity.subject) else {
            continue;
        };
        if blame.builds.contains_key(&row) {
            activity.verdict = Some(false);
        } else if activity.verdict.is_none()
            && let Some(told) = told.of(builder.names.text(subject))
            && told.outcome != Outcome::Interrupted
        {
            activity.verdict = Some(told.outcome == Outcome::Succeeded);
        }
    }
}

/// How derivations ended, as Determinate Nix tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    by_base_name: Map<String, Verdict>,
}

impl Told {
    fn of(&self, drv: &str) -> Option<&Verdict> {
        if self.by_base_name.is_empty() {
            return None;
        }
        let base_name = StorePath::parse(drv)?.base_name();
        self.by_base_name.get(base_name)
    }
}

/// Reads Determinate Nix's build results.
pub(super) fn determinate(builder: &TimelineBuilder) -> Told {
    let mut told = Told::default();
    for payload in &builder.facts.build_results {
        let Ok(result) = serde_json::from_str::<Value>(payload) else {
            continue;
        };
        let path = &result["path"];
        let drv = path["drvPath"].as_str().or_else(|| path.as_str());
        if let (Some(drv), Some(status)) = (drv, result["status"].as_str()) {
            let words = result["errorMsg"].as_str().unwrap_or_default();
            let base_name = base_name(drv).to_owned();
            told.by_base_name
                .insert(base_name, by_status(status, words));
        }
    }
    told
}

/// Reads a status of Determinate Nix, and the error that comes with it (`build-result.cc`).
fn by_status(status: &str, words: &str) -> Verdict {
    let (outcome, text) = match status {
        "Built" | "Substituted" | "AlreadyValid" | "ResolvesToAlreadyValid" => {
            (Outcome::Succeeded, "")
        }
        "Cancelled" => (Outcome::Interrupted, ""),
        "TimedOut" => (Outcome::TimedOut, "timed out"),
        "HashMismatch" => (Outcome::HashMismatch, "hash mismatch"),
        "DependencyFailed" => (Outcome::DependencyFailed, "a dependency failed"),
        "InputRejected" => (Outcome::Failed, "its input was rejected"),
        "OutputRejected" => (Outcome::Failed, "its output was rejected"),
        "CachedFailure" => (Outcome::Failed, "failed earlier"),
        "LogLimitExceeded" => (Outcome::Failed, "log too long"),
        "NotDeterministic" => (Outcome::Failed, "not deterministic"),
        "NoSubstituters" => (Outcome::Failed, "no substituter has it"),
        // Permanent, transient, or whatever comes next: the error says more.
        _ => (Outcome::Failed, ""),
    };
    let words = ansi::strip(words);
    let mut verdict = match message::read_error(&words) {
        Note::BuildFailed { failure, .. } => Verdict::new(failure),
        _ => Verdict::new(Failure::Other(text)),
    };
    verdict.reason.words = Some(bounded(&words)).filter(|words| !words.is_empty());
    verdict.reason.kind = match status {
        "TimedOut" if verdict.reason.kind == FailureKind::Unknown => FailureKind::TimedOut,
        "HashMismatch" => FailureKind::HashMismatch,
        "DependencyFailed" => FailureKind::Dependency,
        "InputRejected" => FailureKind::NotStarted,
        "OutputRejected" => FailureKind::OutputRefused,
        "LogLimitExceeded" => FailureKind::LogTooLong,
        "NotDeterministic" => FailureKind::NotDeterministic,
        "NoSubstituters" => FailureKind::Substitution,
        _ => verdict.reason.kind,
    };
    if verdict.reason.text.is_empty() {
        verdict.reason.text = words.lines().next().unwrap_or_default().to_owned();
    }
    verdict.outcome = outcome;
    verdict
}

/// Deals out the verdicts that no message gives by name: Determinate Nix's results, and time-outs
/// (which from Nix 2.34 on name no derivation) to the builds that failed without a word, in the order
/// in which they stopped. A log for people has no word of other builds: there it is the only one, or
/// nobody knows. Returns why the others failed, whoever they are.
pub(super) fn unnamed(told: &Told, blame: &mut Blame, builder: &TimelineBuilder) -> Vec<String> {
    let mut silent: Vec<Row> = Vec::new();
    for (row, activity) in (0..).zip(builder.activities.rows()) {
        let (Role::Build, Some(drv)) = (activity.role, activity.subject) else {
            continue;
        };
        if blame.builds.contains_key(&row) || activity.superseded {
            continue;
        }
        let told = told.of(builder.names.text(drv));
        match (told, activity.verdict) {
            (Some(told), Some(false) | None) if told.outcome != Outcome::Succeeded => {
                blame.builds.insert(row, told.clone());
            }
            (None, Some(false)) => silent.push(row),
            _ => {}
        }
    }
    for &build in &builder.facts.hash_mismatches {
        let failure = Failure::HashMismatch {
            specified: "",
            got: "",
        };
        blame.builds.insert(build, Verdict::new(failure));
        silent.retain(|&row| row != build);
    }
    silent.sort_by_key(|&row| builder.activities.get(row).stopped);
    let mut left: Vec<String> = Vec::new();
    for unnamed in std::mem::take(&mut blame.unnamed) {
        let text = unnamed.verdict.reason.text.clone();
        let fits = |row: Row| {
            let drv = builder.activities.get(row).subject;
            let named = unnamed.subject.map(|subject| builder.names.text(subject));
            named.is_none_or(|named| {
                drv.is_some_and(|drv| Blamed::of(named).fits(builder.names.text(drv)).is_some())
            })
        };
        let found = match silent.iter().position(|&row| fits(row)) {
            Some(at) => Some(silent.remove(at)),
            None => only_one_in_text(&unnamed, blame, builder).filter(|&row| fits(row)),
        };
        match found.filter(|_| unnamed.verdict.tried) {
            Some(row) => {
                blame.builds.insert(row, unnamed.verdict);
            }
            // A daemon and its client both report an error.
            None if left.contains(&text) => {}
            None if blame.builds.values().any(|known| known.reason.text == text) => {}
            None => left.push(text),
        }
    }
    left
}

/// Finds the build of a log for people that failed, if there is but one that can have.
fn only_one_in_text(unnamed: &Unnamed, blame: &Blame, builder: &TimelineBuilder) -> Option<Row> {
    let rows = (0..unnamed.before).filter(|row| !blame.builds.contains_key(row));
    let is_build = |row: Row| builder.activities.get(row).role == Role::Build;
    let mut builds = rows.filter(|&row| is_build(row) && builder.human.open_ended(row).is_some());
    let only = builds.next();
    only.filter(|_| builds.next().is_none())
}

/// Makes units of what a message calls failed although it never started.
pub(super) fn never_started(blame: &Blame, builder: &TimelineBuilder, units: &[Unit]) -> Vec<Unit> {
    let mut blocked: Map<Name, &Verdict> = blame
        .never_started
        .iter()
        .map(|(&drv, verdict)| (drv, verdict))
        .collect();
    for unit in units {
        for drv in [Some(unit.subject), unit.planned].into_iter().flatten() {
            // It was tried again. One that failed by itself did, whatever came later.
            if blocked
                .get(&drv)
                .is_some_and(|verdict| verdict.outcome == Outcome::DependencyFailed)
            {
                blocked.remove(&drv);
            }
        }
    }
    let mut blocked: Vec<(Name, &Verdict)> = blocked.into_iter().collect();
    blocked.sort_by_key(|&(drv, _)| drv);
    let unit = |kind, subject, outcome, reason: &Reason| {
        let mut unit = Unit::new(kind, subject, None);
        unit.started = false;
        unit.outcome = outcome;
        unit.reason = Some(Box::new(reason.clone()));
        unit
    };
    let is_path = |unit: &Unit| matches!(unit.kind, UnitKind::Substitution | UnitKind::Copy);
    let mut failed = units.iter().filter(|unit| unit.outcome.is_failure());
    let told = failed.any(is_path) || !builder.failures.nowhere().is_empty();
    let blocked = blocked.into_iter().map(|(drv, verdict)| {
        // Where the path is told, that is what failed.
        let outcome = match verdict.for_paths && told {
            true => Outcome::DependencyFailed,
            false => verdict.outcome,
        };
        unit(UnitKind::Build, drv, outcome, &verdict.reason)
    });
    let reason = Reason::new(FailureKind::Substitution, "no substituter has it");
    let nowhere = builder.failures.nowhere().iter();
    let nowhere = nowhere.filter(|&&path| !units.iter().any(|unit| unit.subject == path));
    let nowhere = nowhere.map(|&path| unit(UnitKind::Substitution, path, Outcome::Failed, &reason));
    blocked.chain(nowhere).collect()
}

/// Says that something failed, and that nobody knows what.
pub(super) fn untold_issues(
    untold: &[String],
    gave_up: Option<&str>,
) -> impl Iterator<Item = Issue> {
    let builds = untold.first().map(|first| {
        let message =
            format!("failed builds of which the log does not say which they are: {first}");
        (untold.len(), message)
    });
    let command = gave_up.map(|words| (1, format!("the command failed: {words}")));
    let issue = |(count, message)| Issue {
        severity: Severity::Warning,
        code: IssueCode::FailureUntold,
        count: count as u64,
        first_line: None,
        message,
    };
    builds.into_iter().chain(command).map(issue)
}

/// Says what the units leave to be desired, since every number that depends on it should say so.
pub(super) fn unit_issues(units: &[Unit], n_lines: u64, timed: bool, is_text: bool) -> Vec<Issue> {
    let n = |end| {
        let builds = units
            .iter()
            .filter(|unit| unit.kind.is_derivation() && unit.started);
        builds.filter(|unit| unit.end_kind == end).count() as u64
    };
    let mut issues = Vec::new();
    let mut add = |severity, code, count, message: &str| {
        if count > 0 {
            let message = message.to_owned();
            issues.push(Issue {
                severity,
                code,
                count,
                first_line: None,
                message,
            });
        }
    };
    let n_builds = units
        .iter()
        .filter(|unit| unit.kind == UnitKind::Build && unit.started)
        .count() as u64;
    let message = "builds that may be source fetches: they count as building, since their `.drv` files were not \
                   found";
    add(
        Severity::Info,
        IssueCode::FixedOutputUnknown,
        n_builds,
        message,
    );
    if !timed {
        let message = "no timestamps, so no durations";
        add(
            Severity::Warning,
            IssueCode::NoTimestamps,
            n_lines.min(1),
            message,
        );
        return issues;
    }
    let message = "timestamps are whole seconds: anything shorter shows as 0s or 1s";
    add(
        Severity::Info,
        IssueCode::ClockCoarse,
        u64::from(is_coarse(units)),
        message,
    );
    let (severity, message) = if is_text {
        (
            Severity::Warning,
            "builds whose end is estimated: plain output does not tell it",
        )
    } else {
        (
            Severity::Info,
            "builds whose end is inferred from counters: Nix logged it late",
        )
    };
    add(severity, IssueCode::EndInferred, n(End::Inferred), message);
    let message = "builds without an end: the log stops early; they count up to its last line";
    add(Severity::Warning, IssueCode::EndOpen, n(End::Open), message);
    let untold = units.iter().filter_map(|unit| unit.remote.as_deref());
    let n_untold = untold.filter(|remote| remote.build.is_none()).count() as u64;
    let message = "remote builds whose upload, build and download are not separated: Nix read the output of \
                   its build hook late";
    add(
        Severity::Info,
        IssueCode::RemotePartsUnknown,
        n_untold,
        message,
    );
    let message = "builds whose end is unknown: plain output does not tell it";
    add(
        Severity::Warning,
        IssueCode::EndUnknown,
        n(End::Unknown),
        message,
    );
    issues
}

/// Tells whether a log's clock has nothing finer than seconds.
fn is_coarse(units: &[Unit]) -> bool {
    const SECOND: u64 = 1_000_000_000;
    let stamps = || {
        units
            .iter()
            .flat_map(|unit| [unit.start, unit.end])
            .flatten()
    };
    stamps().all(|stamp| stamp.as_nanos() % SECOND == 0) && stamps().any(|at| at != Stamp::ZERO)
}
