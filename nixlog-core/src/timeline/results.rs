//! Which verdict belongs to which build.

use serde_json::Value;

use super::Map;
use super::activity::{Role, Row};
use super::builder::TimelineBuilder;
use super::facts::{Issue, Severity};
use super::failures::Verdict;
use super::model::{End, Name, Outcome, Reason, Unit, UnitKind};
use crate::store_path::StorePath;
use crate::time::Stamp;

/// Tells the counters which builds have failed by name, so that ticks go to the right ones.
pub(super) fn verdicts(told: &Told, builder: &mut TimelineBuilder) {
    let planned: Map<Name, Name> = builder
        .resolved
        .iter()
        .map(|&(planned, resolved)| (resolved, planned))
        .collect();
    for activity in builder.activities.rows_mut() {
        let (Role::Build, Some(subject)) = (activity.role, activity.subject) else {
            continue;
        };
        let named = |drv: Name| builder.failures.of(drv);
        let verdict = named(subject).or_else(|| named(*planned.get(&subject)?));
        if verdict.is_some_and(|verdict| verdict.outcome != Outcome::DependencyFailed) {
            activity.verdict = Some(false);
        } else if activity.verdict.is_none() {
            activity.verdict = told
                .of(builder.names.text(subject))
                .map(|told| told == Outcome::Succeeded);
        }
    }
}

/// How derivations ended, as Determinate Nix tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    by_base_name: Map<String, Outcome>,
}

impl Told {
    fn of(&self, drv: &str) -> Option<Outcome> {
        if self.by_base_name.is_empty() {
            return None;
        }
        let base_name = StorePath::parse(drv)?.base_name();
        self.by_base_name.get(base_name).copied()
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
            let outcome = match status {
                "Built" | "Substituted" | "AlreadyValid" | "ResolvesToAlreadyValid" => {
                    Outcome::Succeeded
                }
                "TimedOut" => Outcome::TimedOut,
                "HashMismatch" => Outcome::HashMismatch,
                "DependencyFailed" => Outcome::DependencyFailed,
                _ => Outcome::Failed,
            };
            let base_name = drv.rsplit('/').next().unwrap_or(drv);
            told.by_base_name.insert(base_name.to_owned(), outcome);
        }
    }
    told
}

/// Deals out the verdicts that no message gives by name: Determinate Nix's results, and time-outs
/// (which from Nix 2.34 on name no derivation) to the builds that failed without a word, in the order
/// in which they stopped.
pub(super) fn unnamed(told: &Told, builder: &mut TimelineBuilder) -> Map<Row, Verdict> {
    let verdicts = builder.failures.take_unnamed();
    let mut dealt = Map::default();
    let mut silent: Vec<Row> = Vec::new();
    for (row, activity) in (0..).zip(builder.activities.rows()) {
        let (Role::Build, Some(drv), Some(false)) =
            (activity.role, activity.subject, activity.verdict)
        else {
            continue;
        };
        if builder.failures.of(drv).is_some() {
            continue;
        }
        match told.of(builder.names.text(drv)) {
            Some(outcome) => {
                let text = outcome.name().replace('-', " ");
                let reason = Reason {
                    text,
                    ..Reason::default()
                };
                dealt.insert(row, Verdict { outcome, reason });
            }
            None => silent.push(row),
        }
    }
    silent.sort_by_key(|&row| builder.activities.get(row).stopped);
    dealt.extend(silent.into_iter().zip(verdicts));
    for &build in &builder.facts.hash_mismatches {
        let reason = Reason {
            text: "hash mismatch".to_owned(),
            ..Reason::default()
        };
        dealt.insert(
            build,
            Verdict {
                outcome: Outcome::HashMismatch,
                reason,
            },
        );
    }
    dealt
}

/// Makes units of the derivations that a message calls failed although they never started.
pub(super) fn never_started(builder: &mut TimelineBuilder, units: &[Unit]) -> Vec<Unit> {
    let mut blocked: Map<Name, &Verdict> = builder.failures.named().collect();
    for unit in units {
        blocked.remove(&unit.subject);
        unit.planned.map(|planned| blocked.remove(&planned));
    }
    let mut blocked: Vec<(Name, &Verdict)> = blocked.into_iter().collect();
    blocked.sort_by_key(|&(drv, _)| drv);
    let unit = |(drv, verdict): (Name, &Verdict)| {
        let mut unit = Unit::new(UnitKind::Build, drv, None);
        unit.started = false;
        unit.outcome = verdict.outcome;
        unit.reason = Some(Box::new(verdict.reason.clone()));
        unit
    };
    blocked.into_iter().map(unit).collect()
}

/// The code of the remark that builds may fetch something.
pub const FIXED_OUTPUT_UNKNOWN: &str = "fixed-output-unknown";

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
    add(Severity::Info, FIXED_OUTPUT_UNKNOWN, n_builds, message);
    if !timed {
        let message = "no timestamps, so no durations";
        add(Severity::Warning, "no-timestamps", n_lines.min(1), message);
        return issues;
    }
    let message = "timestamps are whole seconds: anything shorter shows as 0s or 1s";
    add(
        Severity::Info,
        "clock-coarse",
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
    add(severity, "end-inferred", n(End::Inferred), message);
    let message = "builds without an end: the log stops early; they count up to its last line";
    add(Severity::Warning, "end-open", n(End::Open), message);
    let untold = units.iter().filter_map(|unit| unit.remote.as_deref());
    let n_untold = untold.filter(|remote| remote.build.is_none()).count() as u64;
    let message = "remote builds whose upload, build and download are not separated: Nix read the output of \
                   its build hook late";
    add(Severity::Info, "remote-parts-unknown", n_untold, message);
    let message = "builds whose end is unknown: plain output does not tell it";
    add(Severity::Warning, "end-unknown", n(End::Unknown), message);
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
