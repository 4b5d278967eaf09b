//! `failures`: what failed, why, and what could not be built for it.

mod layout;

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::excerpts::LogSource;
use crate::analysis::failures::{Failed, Failures};
use crate::build_log::causes::LogLine;
use crate::report::document::Document;
use crate::report::envelope::{Answer, Input, Report};
use crate::report::table::{Names, limit};
use crate::report::unit::{UnitBrief, UnitView, brief, unit_view};
use crate::timeline::{CacheFault, FailureKind, Timeline, Unit};

/// The result of `failures`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FailuresResult {
    /// How many units failed by themselves, listed or not.
    pub total_units: usize,
    /// What failed by itself: what kept most from being built first, then in the order of time; what
    /// succeeded in a later try comes last.
    pub units: Vec<FailureView>,
    /// The derivations that were not built since something that they need failed.
    pub not_built: Vec<String>,
    /// Units that were cut off: by the user, or since something else failed.
    pub interrupted: Vec<UnitBrief>,
    /// Failures of which the log does not say whose they are, in Nix's words.
    pub untold: Vec<String>,
    /// Remote machines that Nix could not use, so that it tried others.
    pub unreachable: Vec<UnreachableView>,
    /// What the command gave up with, where nothing of which the log tells has failed.
    pub gave_up: Option<String>,
    /// All derivations, for formats that list what succeeded, too; programs have them from `builds`.
    #[serde(skip)]
    pub derivations: Vec<UnitBrief>,
}

/// A remote machine that Nix could not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UnreachableView {
    /// Its address.
    pub machine: String,
    /// Why not, in Nix's words.
    pub message: String,
    /// How often Nix tried.
    pub count: u64,
}

/// A unit that failed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FailureView {
    /// The unit.
    #[serde(flatten)]
    pub unit: UnitView,
    /// What kind of failure it was.
    pub failure: FailureKind,
    /// What was wrong with the cache that a path was to come from; `null` where the log does not tell.
    pub cache_fault: Option<CacheFault>,
    /// The builder phase that it failed in; `null` where there are none.
    pub builder_phase: Option<String>,
    /// A later try succeeded, so that nothing was missing in the end.
    pub recovered: bool,
    /// All that Nix said.
    pub message: Option<String>,
    /// Of a hash mismatch: the hash that the expression has.
    pub specified_hash: Option<String>,
    /// Of a hash mismatch: the hash of what came.
    pub got_hash: Option<String>,
    /// Where in an expression it happened.
    pub place: Option<PlaceView>,
    /// The errors in its log that explain the most, in its order.
    pub causes: Vec<CauseView>,
    /// How many errors of the like its log has, listed or not.
    pub total_causes: u64,
    /// The last lines of its log.
    pub log_tail: Vec<LogLineView>,
    /// Where the lines come from; `null` where there are none.
    pub log_source: Option<LogSource>,
    /// The derivations that were not built for it; `null` where it is not known what depends on what.
    pub blocked: Option<Vec<String>>,
    /// What shows the whole log; `null` where no builder ran.
    pub log_command: Option<String>,
}

/// A place in a file of expressions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PlaceView {
    /// The file, as Nix names it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: Option<u64>,
}

/// An error in a build's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CauseView {
    /// Whose words these are: `gcc`, `ld`, `cargo`; `error` where nothing more is known.
    pub tool: &'static str,
    /// What says best what went wrong: one line of it, or two in one.
    pub headline: String,
    /// Its lines; of a long one not all.
    pub lines: Vec<LogLineView>,
}

/// A line of a build's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LogLineView {
    /// Its place in its build's log, from 1; `null` where only Nix's message quotes it.
    pub line: Option<u64>,
    /// The line, without color; its end is missing where it is very long.
    pub text: String,
}

impl Answer for FailuresResult {
    const SCHEMA: &'static str = "nixlog.failures/1";
    type From = Input;
    type Options = Options;

    fn document(report: &Report<Self>, options: &Options) -> Document {
        layout::document(report, *options)
    }
}

/// How it is laid out.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Options {
    /// How units are called.
    pub names: Names,
    /// Only what says why: what Nix has just printed itself is left out, and so is what else there is to know.
    pub is_brief: bool,
}

impl Options {
    /// Shows all there is to know.
    #[must_use]
    pub const fn new(names: Names) -> Self {
        Self {
            names,
            is_brief: false,
        }
    }

    /// Shows only what says why.
    #[must_use]
    pub const fn brief() -> Self {
        Self {
            names: Names::new(false),
            is_brief: true,
        }
    }
}

/// Makes the result of `failures`. `wanted` chooses among the units, `top` cuts the list (0: no cut).
#[must_use]
pub fn result(
    timeline: &Timeline,
    failures: &Failures,
    wanted: impl Fn(&UnitView) -> bool,
    top: usize,
) -> FailuresResult {
    let views = failures.failed.iter().map(|failed| {
        let unit = &timeline.units()[failed.unit];
        (failed, unit, unit_view(timeline, unit))
    });
    let views: Vec<_> = views.filter(|(.., view)| wanted(view)).collect();
    let total_units = views.len();
    let listed = views.into_iter().take(limit(top, total_units));
    let is_derivation = |unit: &&Unit| unit.kind.is_derivation();
    let derivations = (0..).zip(timeline.units());
    let derivations = derivations.filter(|(_, unit)| is_derivation(unit));
    FailuresResult {
        total_units,
        units: listed
            .map(|(failed, unit, view)| failure_view(failures, failed, unit, view))
            .collect(),
        not_built: failures.blocked.clone(),
        interrupted: failures
            .interrupted
            .iter()
            .map(|&index| brief(timeline, index))
            .collect(),
        untold: timeline.untold_failures().to_vec(),
        unreachable: timeline
            .unreachable()
            .iter()
            .map(|it| UnreachableView {
                machine: timeline.name(it.machine).to_owned(),
                message: it.message.to_string(),
                count: it.count,
            })
            .collect(),
        gave_up: timeline.gave_up().map(str::to_owned),
        derivations: derivations
            .map(|(index, _)| brief(timeline, index))
            .collect(),
    }
}

fn failure_view(failures: &Failures, failed: &Failed, unit: &Unit, view: UnitView) -> FailureView {
    let reason = unit.reason.as_deref();
    let hashes = reason.and_then(|reason| reason.hashes.as_deref());
    let place = reason.and_then(|reason| reason.place.as_deref());
    let line = |line: &LogLine| LogLineView {
        // Nobody knows which lines of a log a message quotes.
        line: (failed.log_source != Some(LogSource::Message)).then_some(line.number),
        text: line.text.to_string(),
    };
    let causes = failed.causes.iter().map(|cause| CauseView {
        tool: cause.rule.tool,
        headline: cause.headline(),
        lines: cause.lines.iter().map(line).collect(),
    });
    let last_phase = view.builder_phases.last();
    let is_logged = unit.kind.is_derivation() && unit.started && view.path.ends_with(".drv");
    FailureView {
        failure: failed.kind,
        cache_fault: failed.cache_fault,
        builder_phase: last_phase.map(|phase| phase.name.clone()),
        recovered: failed.recovered,
        message: reason
            .and_then(|reason| reason.words.as_deref())
            .map(str::to_owned),
        specified_hash: hashes.map(|(specified, _)| specified.clone()),
        got_hash: hashes.map(|(_, got)| got.clone()),
        place: place.map(|place| PlaceView {
            file: place.file.clone(),
            line: place.line,
            column: place.column,
        }),
        causes: causes.collect(),
        total_causes: failed.n_causes,
        log_tail: failed.tail.iter().map(line).collect(),
        log_source: failed.log_source,
        blocked: failed.blocked.as_ref().map(|blocked| {
            let paths = blocked.iter().map(|&place| failures.blocked[place].clone());
            paths.collect()
        }),
        log_command: is_logged.then(|| format!("nix log {}", view.path)),
        unit: view,
    }
}
