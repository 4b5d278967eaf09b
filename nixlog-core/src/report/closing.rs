//! What is said in a few lines when a build has ended.

use super::envelope::Report;
use super::format::{bytes, duration, harmless, plural};
use super::unit::UnitView;
use super::verbs::phases::{PhasesResult, where_time_went};
use super::verbs::slowest::SlowestResult;
use super::words::next;
use crate::timeline::{Outcome, UnitKind};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Ending {
    /// How long it took.
    pub duration_ns: u64,
    /// Its exit status.
    pub exit_status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Ending {
    /// Makes one. Of a pipe, neither status nor signal are known.
    #[must_use]
    pub const fn new(duration_ns: u64, exit_status: Option<i32>, signal: Option<i32>) -> Self {
        Self {
            duration_ns,
            exit_status,
            signal,
        }
    }

    fn words(self) -> String {
        let took = duration(self.duration_ns);
        match (self.exit_status, self.signal) {
            (_, Some(signal)) => format!("ended by signal {signal} after {took}"),
            (Some(0) | None, None) => took,
            (Some(status), None) => format!("exit status {status} after {took}"),
        }
    }
}

/// So many failed builds are named.
const NAMED: usize = 3;

/// Says what was done, where the time went, and what to look at next. `units` are all units.
#[must_use]
pub fn closing(
    report: &Report<PhasesResult>,
    units: &SlowestResult,
    ending: Ending,
) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", ending.words(), done(&units.units))];
    lines.extend(time(report, &units.units));
    let is_worth_it = report.result.wall_ns.is_some() && !units.units.is_empty();
    let verb = if units.units.iter().any(|unit| unit.outcome.is_failure()) {
        "failures"
    } else if is_worth_it {
        "critical-path"
    } else {
        "doctor"
    };
    lines.extend(next(&report.input, verb).map(|command| format!("next: {command}")));
    lines
}

/// Counts what was built, fetched and copied, and names what failed.
fn done(units: &[UnitView]) -> String {
    let succeeded = |kinds: &'static [UnitKind]| {
        units
            .iter()
            .filter(move |unit| kinds.contains(&unit.kind) && unit.outcome == Outcome::Succeeded)
    };
    let mut parts = Vec::new();
    let n_built = succeeded(&[UnitKind::Build, UnitKind::SourceFetch]).count();
    if n_built > 0 {
        parts.push(format!("{n_built} built"));
    }
    let n_fetched = succeeded(&[UnitKind::Substitution]).count();
    if n_fetched > 0 {
        let sizes = succeeded(&[UnitKind::Substitution]).filter_map(|unit| unit.bytes);
        let size: u64 = sizes.sum();
        let size = if size > 0 {
            format!(" ({})", bytes(size))
        } else {
            String::new()
        };
        parts.push(format!("{n_fetched} fetched{size}"));
    }
    let n_copied = succeeded(&[UnitKind::Copy]).count();
    if n_copied > 0 {
        parts.push(format!("{n_copied} copied"));
    }
    let unknown = units
        .iter()
        .filter(|unit| unit.kind == UnitKind::Build && unit.outcome == Outcome::Unknown);
    let n_unknown = unknown.count();
    if n_unknown > 0 {
        parts.push(format!(
            "{} of unknown outcome",
            plural(n_unknown as u64, "build")
        ));
    }
    let n_interrupted = units
        .iter()
        .filter(|unit| unit.outcome == Outcome::Interrupted)
        .count();
    parts.extend(failures(units));
    if n_interrupted > 0 {
        parts.push(format!("{n_interrupted} interrupted"));
    }
    if parts.is_empty() {
        return "nothing was built or fetched".to_owned();
    }
    parts.join(", ")
}

fn failures(units: &[UnitView]) -> Option<String> {
    let bad = units.iter().filter(|unit| unit.outcome.is_failure());
    let bad: Vec<&UnitView> = bad.collect();
    let names: Vec<_> = bad
        .iter()
        .take(NAMED)
        .map(|unit| harmless(&unit.name))
        .collect();
    let more = match bad.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let n = bad.len();
    (n > 0).then(|| format!("{n} failed: {}{more}", names.join(", ")))
}

/// Says where the time went: phases, and what took longest, on a line each, so that they fit on a narrow
/// terminal.
fn time(report: &Report<PhasesResult>, units: &[UnitView]) -> Vec<String> {
    let Some(phases) = where_time_went(report) else {
        return Vec::new();
    };
    let is_work =
        |unit: &&UnitView| unit.kind != UnitKind::Evaluation && unit.duration_ns.is_some();
    // The longest comes first.
    let longest = units.iter().find(is_work).and_then(|longest| {
        let took = duration(longest.duration_ns?);
        let name = harmless(&longest.name);
        Some(format!("longest: {} {name} {took}", longest.kind.name()))
    });
    [phases].into_iter().chain(longest).collect()
}
